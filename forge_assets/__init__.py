"""Orchestrates: assets over forge_core for Dagster."""

import warnings

# Backfill policies are called beta on every import; Dagster is pinned, and tests hold what they do.
# By message: to name the category, BetaWarning, would import Dagster wherever `--help` is asked for.
warnings.filterwarnings("ignore", message=".* is currently in beta, and may have breaking changes")
