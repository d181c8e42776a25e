"""Duplicate matches of Texas 42: two players play the same deals, and each bids once.

The result of a deal is the points that one player takes with the bidders' hands minus the points that the
other takes with the same hands. This cancels the luck of the deal: its double-dummy value explains most
of the points of a single game, but nothing of the difference (see the measurement in docs/log.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forge_core.arena import loop
from forge_core.arena.seats import rotations
from forge_core.arena.settings import DEFAULT_BATCH
from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.splits import BLOCK_SIZE
from forge_core.stats import Sprt
from forge_core.texas42.arena.boards import Boards, Seating, read_block, write_block
from forge_core.texas42.arena.duplicate import Conditions, play_out
from forge_core.texas42.dominoes import HAND_POINTS, N_PLAYS
from forge_core.texas42.eq.generate import game_keys
from forge_core.texas42.players import AnyPlayer
from forge_core.texas42.settings.matches import MARGINS, MatchSettings

Progress = Callable[[int], None]
"""called with the number of plays that were made or found in the store"""

_SIDES = rotations((0, 1))
"""[2, 2] the index of each team's player, in either seating"""


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """A match of player a against player b on the same D deals."""

    a: str
    b: str
    conditions: Conditions
    by_a: Boards
    """D boards on which a bids"""
    by_b: Boards
    """D boards on which b bids"""
    sprt: Sprt | None = None
    """the state of the sequential test; None if there was none"""

    def __len__(self) -> int:
        return len(self.by_a)

    @property
    def seed(self) -> npt.NDArray[np.int64]:
        """[D] The seeds of the deals."""
        return self.by_a.seed

    @property
    def swing(self) -> npt.NDArray[np.float64]:
        """[D] Points that a takes with the bidders' hands, minus those that b takes with the same hands."""
        return self.by_a.points.astype(np.float64) - self.by_b.points

    @property
    def made(self) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Two masks [D], True where the contract is made: with a bidding, and with b bidding."""
        return self.by_a.made, self.by_b.made

    def outcomes(self, by: str) -> npt.NDArray[np.float64]:
        """Return [D]: a's advantage in `points` or in `contracts` (1, 0 or -1). by: one of MARGINS."""
        made_by_a, made_by_b = self.made
        return self.swing if by == "points" else made_by_a.astype(np.float64) - made_by_b

    def swapped(self) -> Match:
        """Return the same match with a and b exchanged."""
        return Match(
            self.b, self.a, self.conditions, self.by_b, self.by_a, self.sprt and self.sprt.mirrored()
        )


def choose_test(settings: MatchSettings) -> Sprt | None:
    """Return the sequential test for each pair; None if the settings ask for none.

    Raises BadInput if margin or by is set without sprt, or if by is unknown.
    """
    by, margin = settings.by, settings.margin
    if (margin is not None or by != "points") and not settings.sprt:
        raise BadInput("margin and by apply only to the sequential test: set sprt too")
    if by not in MARGINS:
        raise BadInput(f"by {by!r}: use {' or '.join(MARGINS)}")
    return who_is_better(MARGINS[by] if margin is None else margin) if settings.sprt else None


def who_is_better(margin: float) -> Sprt:
    """Return a test that ends when one of two players is shown to be better by `margin` per deal.

    It errs in 5 % of matches between players that differ by exactly `margin`. Raises BadInput unless
    0 < margin < 42.
    """
    return loop.who_is_better(margin, HAND_POINTS)


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
    """Play the deals of `seeds`, or only as many blocks of 50 seeds as `sprt` needs for a verdict.

    store: boards stored there are not played again, and new ones are added block by block. by: the
    outcome of a deal that `sprt` tests, one of MARGINS. batch: deals in lockstep; it does not change the
    result. Raises BadInput if a seed repeats or is sealed, FileCorrupt, and StoreUnusable.
    """
    if by not in MARGINS:
        raise BadInput(f"by {by!r}: use {' or '.join(MARGINS)}")
    boards = _BoardSource.of(a, b, conditions, store, on_plays)

    def match_of(block: Sequence[Boards], test: Sprt | None = None) -> Match:
        return Match(a.name, b.name, conditions, block[0], block[-1], test)

    blocks, test = loop.play_seeds(
        boards, seeds, lambda block: match_of(block).outcomes(by), sprt, batch, boards.report_found
    )
    joined = [Boards.join(parts) for parts in zip(*blocks, strict=True)]
    return match_of(joined or [Boards.none()], test)


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
    """Play every pair of players with `play_match`; raises its errors and those of `loop.play_all`."""
    return loop.play_all(
        players, lambda a, b: play_match(a, b, seeds, conditions, store, sprt, by, batch, on_plays)
    )


@dataclass(frozen=True, slots=True, eq=False)
class _BoardSource:
    """The GameSource of a match, which plays, loads and stores its boards."""

    seatings: tuple[Seating, ...]
    """two seatings, or one if a player plays against itself, since both would give the same games"""
    store: Store | None
    on_plays: Progress | None
    block: int = BLOCK_SIZE

    @classmethod
    def of(
        cls,
        a: AnyPlayer,
        b: AnyPlayer,
        conditions: Conditions,
        store: Store | None,
        on_plays: Progress | None,
    ) -> _BoardSource:
        """Return the source for a match of a against b."""
        one, other = Seating(a, b, conditions), Seating(b, a, conditions)
        return cls((one,) if one.settings == other.settings else (one, other), store, on_plays)

    @property
    def arrangements(self) -> int:
        """The number of seatings."""
        return len(self.seatings)

    def find(self, arrangement: int, seed: int) -> Boards | None:
        """Return the stored boards of the block that contains a seed; None without a store."""
        return read_block(self.store, self.seatings[arrangement], seed) if self.store else None

    def keep(self, arrangement: int, results: Boards) -> None:
        """Store the boards of a block, if there is a store."""
        if self.store:
            write_block(self.store, self.seatings[arrangement], results)

    def play(self, wanted: Sequence[tuple[int, Sequence[int]]]) -> list[Boards]:
        """Play the games of each (seating, seeds) in one lockstep; return the boards of each."""
        first, counts = self.seatings[0], [len(seeds) for _, seeds in wanted]
        seeds = [seed for _, some in wanted for seed in some]
        games = first.conditions.deal(seeds)
        sides = _SIDES[np.repeat([arrangement for arrangement, _ in wanted], counts)]
        keys = game_keys(games, first.conditions.seed)
        advance = self.on_plays
        on_step = (lambda _: advance(len(seeds))) if advance else None
        over = play_out(games, (first.bidders, first.defenders), sides, keys, on_step)
        parts = zip(wanted, counts, np.cumsum(counts), strict=True)
        return [Boards.of(some, over.take(slice(end - n, end))) for (_, some), n, end in parts]

    def report_found(self, games: int) -> None:
        """Report the plays of games that were found in the store."""
        if self.on_plays:
            self.on_plays(N_PLAYS * games)
