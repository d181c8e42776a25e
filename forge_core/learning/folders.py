"""Names of folders that settings, verbs and runs refer to."""

RUNS = "runs"
"""default folder of all runs"""
