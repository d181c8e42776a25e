"""Duplicate matches: two players on the same deals, each bidding once, until all are played or all is said.

What counts is how many points a player takes with the bidders' hands, less what the other takes
with the same hands. That leaves no luck of the deal to correct for: its double-dummy value says
nothing of the difference (measured: see docs/log.md), where it says most of the points of one game.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, groupby

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.stats import Sprt, Verdict
from forge_core.texas42.arena.boards import BLOCK, Boards, Seating, read_block, write_block
from forge_core.texas42.arena.duplicate import Conditions, play_out
from forge_core.texas42.dominoes import HAND_POINTS, N_PLAYS
from forge_core.texas42.eq.generate import game_keys
from forge_core.texas42.players import AnyPlayer

DEFAULT_BATCH = 100
"""deals in lockstep: two games of each"""
MARGINS = {"points": 0.5, "contracts": 0.03}
"""what a sequential test may go by, and what it then tells apart, a deal"""

Progress = Callable[[int], None]
"""told how many plays were made, or found"""


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """Player a against player b on the same D deals."""

    a: str
    b: str
    conditions: Conditions
    by_a: Boards
    """[D] with a bidding"""
    by_b: Boards
    """[D] with b bidding"""
    sprt: Sprt | None = None
    """where the sequential test stands; None if there was none"""

    def __len__(self) -> int:
        return len(self.by_a)

    @property
    def swing(self) -> npt.NDArray[np.float64]:
        """[D] points by which a is better: taken with the bidders' hands, less what b takes with them."""
        return self.by_a.points.astype(np.float64) - self.by_b.points

    @property
    def made(self) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """[D], [D] the contract is made with a bidding, with b bidding."""
        return self.by_a.made, self.by_b.made

    def outcomes(self, by: str) -> npt.NDArray[np.float64]:
        """[D] by which a is better, in one of MARGINS: `points`, or `contracts`, which is 1, 0 or -1."""
        made_by_a, made_by_b = self.made
        return self.swing if by == "points" else made_by_a.astype(np.float64) - made_by_b

    def swapped(self) -> Match:
        """The same match, told of b against a."""
        test = self.sprt and replace(
            self.sprt,
            h0=-self.sprt.h1,
            h1=-self.sprt.h0,
            alpha=self.sprt.beta,
            beta=self.sprt.alpha,
            total=-self.sprt.total,
        )
        return Match(self.b, self.a, self.conditions, self.by_b, self.by_a, test)


def who_is_better(margin: float) -> Sprt:
    """A test of outcomes that ends when it is clear whether a or b is better by `margin` a deal.

    It errs in 5 % of matches that are so close. Raises BadInput unless the margin is above 0.
    """
    if not 0 < margin < HAND_POINTS:
        raise BadInput(f"a margin of {margin} a deal: use more than 0")
    return Sprt(-margin, margin)


def play_match(
    a: AnyPlayer,
    b: AnyPlayer,
    seeds: Sequence[int],
    conditions: Conditions,
    store: Store | None = None,
    sprt: Sprt | None = None,
    by: str = "points",
    batch: int = DEFAULT_BATCH,
    on_plays: Progress | None = None,
) -> Match:
    """Play the deals of `seeds`, or of them as many blocks of 50 seeds as `sprt` takes to end.

    store: boards found there are not played again, new ones are put there, a block at a time.
    by: what `sprt` is told of each deal, one of MARGINS. batch: deals in lockstep; it changes
    nothing in the result. Raises BadInput for seeds that repeat or are sealed, FileCorrupt,
    StoreUnusable.
    """
    if by not in MARGINS:
        raise BadInput(f"a test by {by!r}: use {' or '.join(MARGINS)}")
    seeds = sorted(seeds)
    if len(set(seeds)) != len(seeds):
        raise BadInput("a match plays each deal once: give each seed once")
    seatings = [Seating(a, b, conditions), Seating(b, a, conditions)]
    if seatings[0].settings == seatings[1].settings:  # one against itself: both sides are the same games
        del seatings[1]
    by_a, by_b = [Boards.none()], [Boards.none()]
    for blocks in _chunks(seeds, batch):
        played = _play_blocks(seatings, blocks, store, on_plays)
        for first, second in zip(played[0], played[-1], strict=True):
            by_a.append(first)
            by_b.append(second)
            block = Match(a.name, b.name, conditions, first, second)
            sprt = sprt and sprt.add(block.outcomes(by))
            if sprt and sprt.verdict is not Verdict.CONTINUE:
                return Match(a.name, b.name, conditions, Boards.join(by_a), Boards.join(by_b), sprt)
    return Match(a.name, b.name, conditions, Boards.join(by_a), Boards.join(by_b), sprt)


def play_all(
    players: Sequence[AnyPlayer],
    seeds: Sequence[int],
    conditions: Conditions,
    store: Store | None = None,
    sprt: Sprt | None = None,
    by: str = "points",
    batch: int = DEFAULT_BATCH,
    on_plays: Progress | None = None,
) -> list[Match]:
    """Every player against every other, as `play_match`. Raises BadInput for less than two, or one twice."""
    names = [player.name for player in players]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated and len(names) > 2:
        raise BadInput(f"{repeated} would play itself: name each player once")
    if len(players) < 2:
        raise BadInput(f"a match of {len(players)} players: name at least two")
    return [
        play_match(a, b, seeds, conditions, store, sprt, by, batch, on_plays)
        for a, b in combinations(players, 2)
    ]


def _chunks(seeds: Sequence[int], batch: int) -> Iterator[list[list[int]]]:
    """Seeds in blocks, blocks in chunks of `batch` seeds or somewhat more."""
    chunk: list[list[int]] = []
    for _, block in groupby(seeds, lambda seed: seed // BLOCK):
        chunk.append(list(block))
        if sum(map(len, chunk)) >= batch:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _play_blocks(
    seatings: Sequence[Seating], blocks: Sequence[list[int]], store: Store | None, on_plays: Progress | None
) -> list[list[Boards]]:
    """The boards of a seating and, if there is one, of the swapped one, block by block.

    What is missing is played, all in one lockstep.
    """
    units = [(seating, block) for seating in seatings for block in blocks]
    found = [read_block(store, seating, block[0]) if store else Boards.none() for seating, block in units]
    missing = [
        [seed for seed in block if seed not in there.seed]
        for (_, block), there in zip(units, found, strict=True)
    ]
    counts = [len(new) for new in missing]
    seeds = [seed for new in missing for seed in new]
    if on_plays:
        on_plays(N_PLAYS * (len(seatings) * sum(map(len, blocks)) - len(seeds)))

    first = seatings[0]
    games = first.conditions.deal(seeds)
    sides = np.repeat([(0, 1) if seating is first else (1, 0) for seating, _ in units], counts, axis=0)
    keys = game_keys(games, first.conditions.seed)
    tell = (lambda _: on_plays(len(seeds))) if on_plays else None
    over = play_out(games, (first.bidders, first.defenders), sides, keys, tell)

    boards = []
    for (seating, block), there, new, end in zip(units, found, missing, np.cumsum(counts), strict=True):
        if new:
            there = Boards.join([there, Boards.of(new, over.take(slice(end - len(new), end)))])
            if store:
                write_block(store, seating, there)
        boards.append(there.of_seeds(block))
    return [boards[start : start + len(blocks)] for start in range(0, len(boards), len(blocks))]
