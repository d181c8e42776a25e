"""The network that comes with the project: the default model, the baseline, and a start for training."""

from __future__ import annotations

from pathlib import Path

REFERENCE = "models/texas42-qvalue-230k"
"""path relative to the project's folder"""
REFERENCE_MODEL = str(Path(__file__).parents[2] / REFERENCE)
