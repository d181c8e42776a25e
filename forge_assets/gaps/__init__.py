"""Find what is missing, damaged or stale, on disk and in Dagster's records, and mend exactly that.

report (the question and its answer), events (the last record of each partition), partitioned (how the
partitions of an asset are filled: each game says it), find (files and records compared with what they should
be), staleness (all other assets), backfill (the repair): each uses only what stands before it, but find,
which asks staleness.
"""
