"""The measures by which players and networks of Texas 42 are compared, and the gate's limits."""

from __future__ import annotations

from forge_core.gate import LossRule
from forge_core.stats import Measure

SWING = Measure("points", "deal")
"""the measure of `Match.swing`, over duplicate deals"""
NETWORK_LOSSES = LossRule(SWING, per="decision", group="declaration", group_margin=0.15)
"""Rule for points lost on the benchmark. With twenty deals per declaration, differences due to chance
between the champion and a network fine-tuned from it have a standard deviation of about 0.03, so 0.15 is
five times that."""
