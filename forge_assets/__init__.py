"""Orchestrates: assets over forge_core for Dagster."""
