"""The numbers by which players and networks of Texas 42 are compared: their words, and the gate's limits."""

from __future__ import annotations

from forge_core.gate import LossRule
from forge_core.stats import Measure

SWING = Measure("points", "deal")
"""`Match.swing`, over duplicate deals"""
NETWORK_LOSSES = LossRule(SWING, per="decision", group="declaration", group_margin=0.15)
"""Points lost on the benchmark. With twenty deals per declaration, 0.15 is several standard deviations of
the chance differences of a network that was fine-tuned from the champion (0.03)."""
