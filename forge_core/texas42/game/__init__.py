"""Texas 42 as a `forge_core.game.Game`: one hand, with an auction or with a given declaration."""

from forge_core.texas42.game.actions import (
    DECLARE_FROM,
    N_ACTIONS,
    action_text,
    call_action,
    declaration_action,
)
from forge_core.texas42.game.hand import Texas42
from forge_core.texas42.game.observation import LAYOUT
from forge_core.texas42.game.state import TableState

__all__ = [
    "DECLARE_FROM",
    "LAYOUT",
    "N_ACTIONS",
    "TableState",
    "Texas42",
    "action_text",
    "call_action",
    "declaration_action",
]
