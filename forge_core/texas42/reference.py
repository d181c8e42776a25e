"""The network that comes with the project: asked by default, held against, and a place to start from."""

from __future__ import annotations

from pathlib import Path

REFERENCE = "models/texas42-qvalue-230k"
"""below the project"""
REFERENCE_MODEL = str(Path(__file__).parents[2] / REFERENCE)
