"""Deals: who holds which dominoes. A deal is int8 [4, 7]: one row per seat, ids ascending in each row."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.ranges import as_integer
from forge_core.splits import check_seed
from forge_core.streams import stream
from forge_core.texas42.dominoes import HAND_SIZE, N_DOMINOES, N_SEATS

Hands = list[list[int]]
Deal = npt.NDArray[np.int8]
"""[4, 7] int8: domino ids by seat, ascending; a domino's index in its row is its slot"""


def deal_from_seed(seed: int) -> Hands:
    """Deal from a seed: shuffle the 28 ids with `random.Random(seed)` and cut them into four sorted hands.

    Raises BadInput unless the seed is a whole number of at least 0.
    """
    dominoes = list(range(N_DOMINOES))
    random.Random(check_seed(seed)).shuffle(dominoes)
    return _cut(dominoes)


def deal_with_fixed_hand(hand: Sequence[int], seed: int) -> Hands:
    """Deal `hand` to seat 0 and the other 21 ids, shuffled by `random.Random(seed)`, to seats 1, 2, 3.

    Raises BadInput for an invalid hand or seed.
    """
    held = check_hand(hand)
    rest = [domino for domino in range(N_DOMINOES) if domino not in held]
    random.Random(check_seed(seed)).shuffle(rest)
    return _cut(held + rest)


def marginalized_deal(base_seed: int, opponent: int) -> Hands:
    """Deal seat 0 its hand from `deal_from_seed(base_seed)`, and the others their `opponent`-th set of hands.

    The shuffle is seeded with the first 63-bit integer drawn from
    `stream(base_seed, "marginalized", opponent)`. Different base seeds therefore use different
    permutations, and deal k does not depend on the number of opponent deals requested.
    """
    base, index = check_seed(base_seed), as_integer(opponent)
    if index is None or index < 0:
        raise BadInput(f"opponent index {opponent!r} is not a whole number of at least 0: use 0, 1, 2, ...")
    seed = int(stream(base, "marginalized", index).integers(2**63))
    return deal_with_fixed_hand(deal_from_seed(base)[0], seed)


def check_hand(hand: Sequence[int]) -> list[int]:
    """Return the hand with its ids ascending; raise BadInput unless it is seven distinct ids 0..27."""
    if not isinstance(hand, Iterable) or isinstance(hand, str):
        raise BadInput(f"hand {hand!r}: give a list of {HAND_SIZE} domino ids")
    held = list(hand)
    if len(held) != HAND_SIZE:
        raise BadInput(f"a hand of {len(held)} dominoes: give {HAND_SIZE}")
    ids = [domino for each in held if (domino := as_integer(each)) is not None and 0 <= domino < N_DOMINOES]
    if len(ids) != HAND_SIZE:
        raise BadInput(f"hand {held} has an id outside 0..{N_DOMINOES - 1}: use whole numbers in that range")
    if len(set(ids)) != HAND_SIZE:
        raise BadInput(f"hand {ids} repeats a domino: use each id once")
    return sorted(ids)


def check_deal(hands: Sequence[Sequence[int]] | npt.NDArray) -> Deal:
    """Return the hands as a Deal; raise BadInput unless four hands hold each domino exactly once."""
    if not isinstance(hands, Iterable) or isinstance(hands, str):
        raise BadInput(f"hands {hands!r}: give {N_SEATS} lists of {HAND_SIZE} domino ids")
    rows = list(hands)
    if len(rows) != N_SEATS:
        raise BadInput(f"a deal of {len(rows)} hands: give {N_SEATS}, one per seat")
    deal = np.array([check_hand(hand) for hand in rows], dtype=np.int8)
    seen, times = np.unique(deal, return_counts=True)
    if len(seen) != N_DOMINOES:
        raise BadInput(f"domino ids {seen[times > 1].tolist()} are in two hands: deal each domino once")
    return deal


def check_leader(leader: int) -> int:
    """Return the leader; raise BadInput unless it is a seat 0..3."""
    seat = as_integer(leader)
    if seat is None or not 0 <= seat < N_SEATS:
        raise BadInput(f"leader {leader!r} is not a seat: use 0..{N_SEATS - 1}")
    return seat


def _cut(dominoes: list[int]) -> Hands:
    return [sorted(dominoes[HAND_SIZE * seat : HAND_SIZE * (seat + 1)]) for seat in range(N_SEATS)]
