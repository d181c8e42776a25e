"""Orchestrates: assets over forge_core for Dagster."""

import warnings

from dagster import BetaWarning

# Backfill policies are called beta on every import; Dagster is pinned, and tests hold what they do.
warnings.filterwarnings("ignore", category=BetaWarning)
