"""Skull King in Dagster: networks trained by recipes, their evaluation, a champion, and a benchmark."""
