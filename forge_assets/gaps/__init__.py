"""Find what is missing, damaged or stale, on disk and in Dagster's records, and mend exactly that.

report (the question and its answer), partitioned (how the partitions of an asset are filled: each game says
it), staleness (assets whose files are not inspected), find (files and records compared with what they should
be), backfill (the repair): each uses only what stands before it.
"""
