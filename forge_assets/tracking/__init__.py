"""MLflow: training runs, and registered models with their aliases.

address (where the records are), errors (an outage, and everything else), mlflow_internals (undocumented parts
of MLflow), runs (one run), tracker (the resource that begins and reopens runs), links (from Dagster's runs to
MLflow's), registry (versions of models, and aliases), launchpad (the setting that names a model), training
(follows a training run): each uses only what stands before it.
"""
