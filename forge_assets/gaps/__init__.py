"""Find what is missing, damaged or stale, on disk and in Dagster's records, and mend exactly that."""
