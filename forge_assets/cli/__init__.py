"""The verbs of `forge-pipeline`, one file each. They import Dagster and MLflow only when they run."""
