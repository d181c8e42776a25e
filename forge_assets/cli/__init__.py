"""`forge-pipeline`: the pipeline from a terminal. One file a verb; Dagster and MLflow are imported inside."""
