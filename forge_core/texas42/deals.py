"""Deals: who holds what. A deal is int8 [4, 7], seats by row, ids ascending in each hand."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.streams import check_seed, stream
from forge_core.texas42.dominoes import HAND_SIZE, N_DOMINOES, N_SEATS

Hands = list[list[int]]
Deal = npt.NDArray[np.int8]
"""[4, 7] int8: domino ids by seat, ascending; the position of an id in its row is its slot."""


def deal_from_seed(seed: int) -> Hands:
    """The deal of a seed: 28 ids shuffled by `random.Random(seed)`, cut in four sorted sevens."""
    check_seed(seed)
    dominoes = list(range(N_DOMINOES))
    random.Random(seed).shuffle(dominoes)
    return _cut(dominoes)


def deal_with_fixed_hand(hand: Sequence[int], seed: int) -> Hands:
    """Seat 0 holds `hand`; the other 21 ids, shuffled by `random.Random(seed)`, go to seats 1, 2, 3."""
    held = check_hand(hand)
    rest = [domino for domino in range(N_DOMINOES) if domino not in held]
    random.Random(seed).shuffle(rest)
    return _cut(held + rest)


def marginalized_deal(base_seed: int, opponent: int) -> Hands:
    """The hand of seat 0 in `deal_from_seed(base_seed)` against its `opponent`-th set of other hands.

    The shuffle is seeded with the first draw, a 63-bit integer, of
    `stream(base_seed, "marginalized", opponent)`, so that base seeds do not share
    permutations and deal k stays the same however many opponents are asked for.
    """
    check_seed(base_seed)
    if opponent < 0:
        raise BadInput(f"opponent index {opponent} is negative: use 0, 1, 2, ...")
    seed = int(stream(base_seed, "marginalized", opponent).integers(2**63))
    return deal_with_fixed_hand(deal_from_seed(base_seed)[0], seed)


def check_hand(hand: Sequence[int]) -> list[int]:
    """Seven different ids of the set, ascending; else BadInput."""
    ids = [int(domino) for domino in hand]
    if len(ids) != HAND_SIZE:
        raise BadInput(f"a hand of {len(ids)} dominoes: a hand holds {HAND_SIZE}")
    if not all(0 <= domino < N_DOMINOES for domino in ids):
        raise BadInput(f"hand {ids} has an id outside 0..{N_DOMINOES - 1}: use the ids of the set")
    if len(set(ids)) != HAND_SIZE:
        raise BadInput(f"hand {ids} repeats a domino: the set has each once")
    return sorted(ids)


def check_deal(hands: Sequence[Sequence[int]] | npt.NDArray) -> Deal:
    """Four hands that share out the set, as a Deal; else BadInput."""
    if len(hands) != N_SEATS:
        raise BadInput(f"a deal of {len(hands)} hands: it takes {N_SEATS}, one a seat")
    deal = np.array([check_hand(list(hand)) for hand in hands], dtype=np.int8)
    seen, times = np.unique(deal, return_counts=True)
    if len(seen) != N_DOMINOES:
        raise BadInput(f"domino ids {seen[times > 1].tolist()} are in two hands: each is dealt once")
    return deal


def check_leader(leader: int) -> int:
    """A seat 0..3; else BadInput."""
    if int(leader) != leader or not 0 <= leader < N_SEATS:
        raise BadInput(f"leader {leader!r} is no seat: use 0..{N_SEATS - 1}")
    return int(leader)


def _cut(dominoes: list[int]) -> Hands:
    return [sorted(dominoes[HAND_SIZE * seat : HAND_SIZE * (seat + 1)]) for seat in range(N_SEATS)]
