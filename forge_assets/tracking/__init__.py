"""MLflow: training runs, and registered models with their aliases.

Modules, in dependency order: address (location of MLflow's records), errors (outages and other errors),
mlflow_internals (undocumented parts of MLflow), runs (one run), tracker (the resource that begins and reopens
runs), links (from Dagster runs to MLflow runs), registry (versions of models, and aliases), launchpad (the
setting that names a model), training (follows a training run).
"""
