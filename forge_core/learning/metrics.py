"""The public import path of `evaluate_q`, which measures the points that a network's choices lose."""

from forge_core.learning.labelled.metrics import evaluate_q

__all__ = ["evaluate_q"]
