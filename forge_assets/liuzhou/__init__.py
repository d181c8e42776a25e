"""Liuzhou in Dagster: self-play, networks that learn from it, the ladder they climb, and a flywheel."""
