"""Groups of Texas 42's assets in Dagster's graph, in the order in which data flows through them."""

from __future__ import annotations

ORACLE = "oracle"
"""solved deals"""
LEARNING = "learning"
"""training rows, and the networks that learn from them"""
EXPECTED_Q = "expected_q"
"""games of players who do not see the other hands, and the networks that learn from them"""
BIDDING = "bidding"
"""chances to make a bid"""
PLAY = "play"
"""matches between players, and the champions"""
FLYWHEEL = "flywheel"
"""progress of the flywheel"""
