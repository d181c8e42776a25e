"""The network that ships with the project: default model, baseline and starting point for training."""

from __future__ import annotations

from pathlib import Path

REFERENCE = "models/texas42-qvalue-230k"
"""path relative to the project root"""
REFERENCE_MODEL = str(Path(__file__).parents[2] / REFERENCE)
