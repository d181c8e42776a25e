"""Finding and removing items that are old and no longer needed.

Modules, in dependency order: settings, items (removable items, and the places to search), models (networks
that are needed, by MLflow's registry), dagster_runs and files (removable items of each kind), prune (finds
and removes all of them), schedule (does the same in Dagster).
"""
