"""Orchestration: the Dagster assets, sensors and verbs that run forge_core."""

import warnings

# Dagster warns on every import that backfill policies are beta. It is pinned, and tests cover the policies.
# The filter matches the message: matching the category, BetaWarning, would import Dagster even for `--help`.
warnings.filterwarnings("ignore", message=".* is currently in beta, and may have breaking changes")
