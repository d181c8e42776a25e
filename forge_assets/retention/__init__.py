"""Find and remove what is old and what nothing needs any more.

items (what may be removed, and where to look), models (networks that are needed, by MLflow's registry),
dagster_runs and files (what may be removed of each kind), prune (find and remove all), schedule (the same by
Dagster): each uses only what stands before it.
"""
