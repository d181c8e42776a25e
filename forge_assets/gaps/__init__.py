"""Finding and repairing gaps: partitions that are missing, damaged or stale, on disk or in Dagster's records.

Modules, in dependency order: report (the query and its answer), partitioned (each game's description of how
the partitions of an asset are filled), staleness (assets whose files are not inspected), find (compares files
and records with their expected state), backfill (the repair).
"""
