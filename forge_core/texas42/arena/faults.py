"""Checks of a finished match: it is complete, its contracts are equal, and its games are in the store."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forge_core.files import Store
from forge_core.splits import BLOCK_SIZE
from forge_core.stats import Verdict
from forge_core.texas42.arena.boards import Boards, Seating, read_block
from forge_core.texas42.arena.match import Match
from forge_core.texas42.players import AnyPlayer


def missing_boards(match: Match, seeds: Sequence[int]) -> str | None:
    """Return a sentence if the match lacks boards or has too many, or None.

    Each deal of `seeds` must have been played twice, or those of the first blocks if a test ended the match.
    """
    ended = match.sprt is not None and match.sprt.verdict is not Verdict.CONTINUE
    last = match.by_a.seed[-1] // BLOCK_SIZE if len(match) else -1
    wanted = [seed for seed in sorted(seeds) if not ended or seed // BLOCK_SIZE <= last]
    for who, boards in ((match.a, match.by_a), (match.b, match.by_b)):
        if boards.seed.tolist() != wanted:
            return (
                f"with {who} bidding, {len(boards):,} deals were played instead of {len(wanted):,}, once each"
            )
    return None


def unequal_contracts(match: Match) -> str | None:
    """Return a sentence about the first deal whose two games differ in declaration or bid, or None."""
    a, b = match.by_a, match.by_b
    differ = np.flatnonzero((a.decl != b.decl) | (a.bid != b.bid))
    return f"seed {a.seed[differ[0]]} was played with two different contracts" if len(differ) else None


def unlike_the_store(match: Match, a: AnyPlayer, b: AnyPlayer, store: Store) -> str | None:
    """Return a sentence if the store differs from the match of players a and b, or None.

    Boards are verified when they are read; see `read_block`. Raises FileCorrupt, StoreUnusable.
    """
    for bidders, defenders, played in ((a, b, match.by_a), (b, a, match.by_b)):
        seating = Seating(bidders, defenders, match.conditions)
        blocks = sorted({seed // BLOCK_SIZE for seed in played.seed.tolist()})
        stored = [read_block(store, seating, BLOCK_SIZE * block) for block in blocks]
        kept = Boards.join([Boards.none(), *stored]).of_seeds(played.seed.tolist())
        if not (np.array_equal(kept.seed, played.seed) and np.array_equal(kept.plays, played.plays)):
            return f"with {bidders.name} bidding, the stored games differ from those of the match"
    return None
