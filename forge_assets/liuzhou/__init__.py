"""Liuzhou in Dagster: self-play, networks trained on it, their ranking, and a flywheel."""
