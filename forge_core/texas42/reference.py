"""The networks that ship with the project: default models, baselines and starting points for training."""

from __future__ import annotations

from pathlib import Path

REFERENCE = "models/texas42-qvalue-230k"
"""path of the network that sees all hands, relative to the project root"""
ONE_HAND_REFERENCE = "models/texas42-one-hand-6k"
"""the same for the network that plays from the features of one hand"""
PLAYS_REFERENCE = "models/texas42-plays-6k"
"""the same for the network of one hand that models how others play, for beliefs about hidden hands"""
BID_REFERENCE = "models/texas42-bids-7k"
"""the same for the network that values calls in the auction"""
REFERENCE_MODEL = str(Path(__file__).parents[2] / REFERENCE)
