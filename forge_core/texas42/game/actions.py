"""Action ids: dominoes to play, then calls, then declarations. An id means the same for every seat."""

from __future__ import annotations

from forge_core.errors import BadInput
from forge_core.texas42.auction import LOWEST_BID, MARK, PASS, call_text, check_bid
from forge_core.texas42.declarations import N_DECLARATIONS, NAMES, check_declaration
from forge_core.texas42.dominoes import N_DOMINOES, N_SEATS
from forge_core.texas42.notation import domino_text

MOST_MARKS = N_SEATS + 1
"""The highest possible bid, in marks: one seat bids two, and each of the other three raises by one."""
CALLS: tuple[int, ...] = (
    PASS,
    *range(LOWEST_BID, MARK),
    *range(MARK, MOST_MARKS * MARK + 1, MARK),
)
"""All 18 calls in ascending order, encoded as in auction.py: 0 is a pass, 42 a bid of one mark"""

CALL_FROM = N_DOMINOES
"""Ids 0..27 play the domino with that id; ids 28..45 make the call CALLS[id - 28]."""
DECLARE_FROM = CALL_FROM + len(CALLS)
"""Ids 46..55 make the declaration id - 46."""
N_ACTIONS = DECLARE_FROM + N_DECLARATIONS


def call_action(call: int) -> int:
    """Return the action id of a call: PASS or a bid. Raises BadInput for an impossible bid."""
    if call == PASS or check_bid(call) <= CALLS[-1]:
        return CALL_FROM + CALLS.index(call)
    raise BadInput(f"bid {call} is impossible in an auction: bid at most {call_text(CALLS[-1])}")


def declaration_action(decl: int) -> int:
    """Return the action id of a declaration 0..9. Raises BadInput for other numbers."""
    return DECLARE_FROM + check_declaration(decl)


def action_text(action: int) -> str:
    """Return `6-4`, `call 31`, `call pass` or `declare sixes`. Raises BadInput for an unknown id."""
    if not 0 <= action < N_ACTIONS:
        raise BadInput(f"action {action} does not exist: use 0..{N_ACTIONS - 1}")
    if action < CALL_FROM:
        return domino_text(action)
    if action < DECLARE_FROM:
        return f"call {call_text(CALLS[action - CALL_FROM])}"
    return f"declare {NAMES[action - DECLARE_FROM]}"
