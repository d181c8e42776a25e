"""What a match is held to once it is played: complete, of equal contracts, and as the store has it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forge_core.files import Store
from forge_core.stats import Verdict
from forge_core.texas42.arena.boards import BLOCK, Boards, Seating, read_block
from forge_core.texas42.arena.match import Match
from forge_core.texas42.players import AnyPlayer


def missing_boards(match: Match, seeds: Sequence[int]) -> str | None:
    """What is wrong with the number of boards, if anything.

    Each deal of `seeds` is played twice; where a test has ended the match, those of the first blocks.
    """
    ended = match.sprt is not None and match.sprt.verdict is not Verdict.CONTINUE
    last = match.by_a.seed[-1] // BLOCK if len(match) else -1
    wanted = [seed for seed in sorted(seeds) if not ended or seed // BLOCK <= last]
    for who, boards in ((match.a, match.by_a), (match.b, match.by_b)):
        if boards.seed.tolist() != wanted:
            return f"with {who} bidding {len(boards):,} deals were played, not each of {len(wanted):,} once"
    return None


def unequal_contracts(match: Match) -> str | None:
    """The first deal whose two games were not of one declaration and bid, if there is one."""
    a, b = match.by_a, match.by_b
    differ = np.flatnonzero((a.decl != b.decl) | (a.bid != b.bid))
    return f"seed {a.seed[differ[0]]} was not played twice under one contract" if len(differ) else None


def unlike_the_store(match: Match, a: AnyPlayer, b: AnyPlayer, store: Store) -> str | None:
    """What the store says otherwise than the match of players a and b, if anything.

    What is read is verified: see `read_block`. Raises FileCorrupt, StoreUnusable.
    """
    for bidders, defenders, told in ((a, b, match.by_a), (b, a, match.by_b)):
        seating = Seating(bidders, defenders, match.conditions)
        blocks = sorted({seed // BLOCK for seed in told.seed.tolist()})
        kept = Boards.join([Boards.none(), *(read_block(store, seating, BLOCK * block) for block in blocks)])
        kept = kept.of_seeds(told.seed.tolist())
        if not (np.array_equal(kept.seed, told.seed) and np.array_equal(kept.plays, told.plays)):
            return f"with {bidders.name} bidding other games are stored than were told of"
    return None
