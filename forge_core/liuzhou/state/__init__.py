"""Positions of Liuzhou as rows of four int64, and the rules on batches of them."""

from forge_core.liuzhou.rules import N_ACTIONS
from forge_core.liuzhou.state.doors import legal_actions, legal_mask, outcomes, planes, step_rows
from forge_core.liuzhou.state.layout import (
    BLACK_WON,
    DRAWN,
    EMPTY_SLOT,
    GOING,
    SLOTS,
    START,
    WHITE_WON,
    pack,
    unpack,
)
from forge_core.liuzhou.state.symmetries import (
    N_SYMMETRIES,
    SYMMETRIES,
    turn_actions,
    turn_planes,
    turn_policies,
    turn_rows,
)

__all__ = [
    "BLACK_WON",
    "DRAWN",
    "EMPTY_SLOT",
    "GOING",
    "N_ACTIONS",
    "N_SYMMETRIES",
    "SLOTS",
    "START",
    "SYMMETRIES",
    "WHITE_WON",
    "legal_actions",
    "legal_mask",
    "outcomes",
    "pack",
    "planes",
    "step_rows",
    "turn_actions",
    "turn_planes",
    "turn_policies",
    "turn_rows",
    "unpack",
]
