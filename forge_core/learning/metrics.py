"""The door to `evaluate_q`, which others build on: points that a network loses."""

from forge_core.learning.labelled.metrics import evaluate_q

__all__ = ["evaluate_q"]
