"""Phases, and action ids 0..101. An id means the same for every seat.

0..73    play the card id + 1 (71: the Tigress as an Escape); Bendt's holder discards it
74       play the Tigress as a pirate
75..85   bid 0..10
86..93   Rosie: the seat that leads next, relative to the actor (86: the actor)
94..96   Rascal: bet 0, 10 or 20 points on the own bid
97..99   Harry: lower the own bid by one, keep it, raise it by one
100, 101 load grapeshot or a cannonball (scoring by Rascal)
"""

from __future__ import annotations

from forge_core.errors import BadInput
from forge_core.skull_king.cards import N_CARDS, TIGRESS, card_text

BID, LOAD, PLAY, LEAD, DISCARD, BET, MOVE, SCORED, OVER = range(9)
"""Phases: the kind of the next decision. LOAD: grapeshot or a cannonball. LEAD: Rosie names the next leader.
DISCARD: Bendt's holder discards a card. BET: Rascal bets. MOVE: Harry moves the bid. SCORED: the round is
over. OVER: the game is over."""
PHASE_NAMES = ("bid", "load", "play", "lead", "discard", "bet", "move", "scored", "over")

TIGRESS_AS_ESCAPE = TIGRESS - 1
TIGRESS_AS_PIRATE = N_CARDS
N_PLAYS = N_CARDS + 1
"""Actions that play a card"""
MOST_CARDS = 10
"""Most cards dealt to a seat"""
BID_0 = N_PLAYS
ROSIE_0 = BID_0 + MOST_CARDS + 1
MOST_SEATS = 8
BET_0 = ROSIE_0 + MOST_SEATS
BETS = (0, 10, 20)
HARRY_0 = BET_0 + len(BETS)
HARRY_MOVES = (-1, 0, 1)
GRAPESHOT, CANNONBALL = HARRY_0 + len(HARRY_MOVES), HARRY_0 + len(HARRY_MOVES) + 1
N_ACTIONS = CANNONBALL + 1


def card_of_play(action: int) -> int:
    """Return the card that an action 0..74 plays."""
    return TIGRESS if action == TIGRESS_AS_PIRATE else action + 1


def action_text(action: int) -> str:
    """Return `R14`, `E3`, `Tigress(P)`, `bid 2`, `leader +1`, `bet 10`, ... Raises BadInput."""
    if not 0 <= action < N_ACTIONS:
        raise BadInput(f"action {action} does not exist: use 0..{N_ACTIONS - 1}")
    if action < BID_0:
        return play_text(action)
    if action < ROSIE_0:
        return f"bid {action - BID_0}"
    if action < BET_0:
        return f"leader +{action - ROSIE_0}"
    if action < HARRY_0:
        return f"bet {BETS[action - BET_0]}"
    if action < GRAPESHOT:
        return f"bid {HARRY_MOVES[action - HARRY_0]:+d}"
    return "grapeshot" if action == GRAPESHOT else "cannonball"


def play_text(action: int, *, which: bool = True) -> str:
    """Return the card that an action plays; the Tigress is `Tigress(E)` or `Tigress(P)`.

    which: name the copy, as in `E3`.
    """
    if action in (TIGRESS_AS_ESCAPE, TIGRESS_AS_PIRATE):
        return f"{card_text(TIGRESS)}({'P' if action == TIGRESS_AS_PIRATE else 'E'})"
    return card_text(action + 1, which=which)


def parse_action(text: str) -> int:
    """Return the action with this text in any case; a card may lack its copy. Raises BadInput."""
    word = " ".join(text.lower().split())
    found = _ACTIONS.get(word)
    if found is None:
        raise BadInput(f"{text.strip()!r} is not an action: write a card such as R14, or bid 2")
    return found


_ACTIONS = {action_text(action).lower(): action for action in range(N_ACTIONS)}
_ACTIONS |= {"e": 66, "mermaid": 3, "loot": 72, "tigress": TIGRESS_AS_ESCAPE}
