"""Skull King, from its rules up; `pyproject.toml` lists its layers."""
