"""A match of any game: the same seeds in every arrangement of the seats, one observation per seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic

import numpy as np
import numpy.typing as npt

from forge_core.arena.loop import play_seeds
from forge_core.arena.play import play_games, seed_keys
from forge_core.arena.players import Player, View
from forge_core.arena.seats import Seats, mean_by_player, rotations, win_shares
from forge_core.arena.settings import DEFAULT_BATCH
from forge_core.errors import BadInput
from forge_core.game import Array, Game, State, to_numpy
from forge_core.splits import BLOCK_SIZE
from forge_core.stats import Difference, Sprt, mean_interval, paired_difference

RETURNS, SCORE, WON, DRAWN = "returns", "score", "won", "drawn"
"""the columns that every match has: `Game.returns`; the share in the win (ties are split); 1 for a win that
is not shared; 1 for a shared one"""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SeatResults:
    """D games that are over, one per seed, in one arrangement of the seats."""

    seed: npt.NDArray[np.int64]
    """[D] ascending"""
    columns: Mapping[str, Floats]
    """[D, P] each, by seat: those that every match has, and what else the game counts"""

    def take(self, index) -> SeatResults:
        """Return the games at `index`: whole numbers or a mask."""
        return SeatResults(self.seed[index], {name: rows[index] for name, rows in self.columns.items()})

    @classmethod
    def join(cls, parts: Sequence[SeatResults]) -> SeatResults:
        """Return the games of several, by seed; their seeds differ."""
        seed = np.concatenate([part.seed for part in parts])
        columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns}
        return cls(seed, columns).take(seed.argsort())


@dataclass(frozen=True, slots=True, eq=False)
class Table(Generic[State]):
    """Players at the table of a game: a GameSource without a store.

    A game that keeps its games derives from it, and has `find` and `keep` of its own.
    """

    game: Game[State]
    players: tuple[Player, ...]
    lineup: tuple[int, ...]
    """the player of each seat, by number; it is rotated: see `seats`"""
    seed: int = 0
    """of all that players draw"""
    start: Callable[[Sequence[int]], State] | None = None
    """seeds -> the rows from which games begin, such as openings; default `game.init`"""
    view: Callable[[State], View] | None = None
    """what a seat may know; default `view_of(game)`"""
    count: Callable[[State], Mapping[str, Array]] | None = None
    """finished rows -> columns [N, P] by seat that the game counts besides its returns"""
    block: int = BLOCK_SIZE
    on_over: Callable[[int], None] | None = None
    """called after each step with the number of games that it ended"""

    def __post_init__(self) -> None:
        known = set(range(len(self.players)))
        if len(self.lineup) != self.game.facts.n_seats or set(self.lineup) != known:
            raise BadInput(
                f"lineup {self.lineup}: give each of the {self.game.facts.n_seats} seats of "
                f"{self.game.facts.name} one of the {len(known)} players, and each player a seat"
            )

    @property
    def seats(self) -> Seats:
        """[G, P] the player of each seat in each arrangement."""
        return rotations(self.lineup)

    @property
    def arrangements(self) -> int:
        """See GameSource."""
        return len(self.seats)

    def find(self, arrangement: int, seed: int) -> SeatResults | None:
        """See GameSource: nothing is stored."""
        return None

    def keep(self, arrangement: int, results: SeatResults) -> None:
        """See GameSource: nothing is stored."""

    def play(self, wanted: Sequence[tuple[int, Sequence[int]]]) -> list[SeatResults]:
        """See GameSource."""
        counts = [len(seeds) for _, seeds in wanted]
        seeds = np.array([seed for _, some in wanted for seed in some], dtype=np.int64)
        seats = self.seats[np.repeat([arrangement for arrangement, _ in wanted], counts)]
        begun = (self.start or self.game.init)(seeds.tolist())
        keys = seed_keys(seeds.tolist(), self.seed)
        over = play_games(self.game, begun, self.players, seats, keys, self.view, self.on_over)
        returns = to_numpy(self.game.returns(over))
        columns = {RETURNS: returns, **win_columns(returns), **(self.count(over) if self.count else {})}
        results = SeatResults(seeds, {name: to_numpy(rows).astype(float) for name, rows in columns.items()})
        ends = np.cumsum(counts)
        return [results.take(slice(end - n, end)) for n, end in zip(counts, ends, strict=True)]


def win_columns(returns: npt.ArrayLike) -> dict[str, Floats]:
    """Return SCORE, WON and DRAWN, [N, P] by seat, of games with returns [N, P]."""
    shares = win_shares(returns)
    return {SCORE: shares, WON: np.floor(shares), DRAWN: np.ceil(shares) - np.floor(shares)}


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """K players on the same D seeds. Player 0 is a, player 1 is b."""

    names: tuple[str, ...]
    """[K]"""
    seed: npt.NDArray[np.int64]
    """[D]"""
    columns: Mapping[str, Floats]
    """[D, K] each: the mean over the games and seats of a player, per seed"""
    sprt: Sprt | None = None
    """state of the sequential test; None if there was none"""
    by: str = RETURNS
    """the column that the test and the standings compare"""
    games_per_seed: int = 1
    """number of arrangements of the seats"""

    def __len__(self) -> int:
        return len(self.seed)

    @property
    def a(self) -> str:
        """Name of player 0."""
        return self.names[0]

    @property
    def b(self) -> str:
        """Name of player 1."""
        return self.names[1]

    @property
    def swing(self) -> Floats:
        """[D] by which a does better than b on the same seed, in the column `by`."""
        return self.columns[self.by][:, 0] - self.columns[self.by][:, 1]

    def mean(self, column: str = RETURNS, player: int = 0) -> Difference:
        """Return the mean of a column of one player, with its interval over seeds."""
        return mean_interval(self.columns[column][:, player])

    def difference(self, column: str = RETURNS) -> Difference:
        """Return by how much a exceeds b in a column, paired by seed."""
        return mean_interval(self.columns[column][:, 0] - self.columns[column][:, 1])

    def swapped(self) -> Match:
        """Return the same match with a and b exchanged."""
        order = [1, 0, *range(2, len(self.names))]
        return replace(
            self,
            names=tuple(self.names[player] for player in order),
            columns={name: rows[:, order] for name, rows in self.columns.items()},
            sprt=self.sprt and self.sprt.mirrored(),
        )


def play_match(
    table: Table,
    seeds: Sequence[int],
    sprt: Sprt | None = None,
    by: str = RETURNS,
    batch: int = DEFAULT_BATCH,
    on_found: Callable[[int], None] | None = None,
) -> Match:
    """Play the seeds at a table, or as many blocks of them as `sprt` needs to compare players 0 and 1.

    by: the column that `sprt` compares. batch, on_found: see `play_seeds`. Raises BadInput for no
    seed, seeds that repeat, fewer than two players, or a column that the game does not count.
    """
    if not len(seeds) or len(table.players) < 2:
        raise BadInput(f"{len(table.players)} players, {len(seeds)} seeds: a match takes 2 and 1")

    def by_player(results: Sequence[SeatResults]) -> dict[str, Floats]:
        if by not in results[0].columns:
            raise BadInput(f"column {by!r}: use one of {', '.join(results[0].columns)}")
        return {
            name: mean_by_player([result.columns[name] for result in results], table.seats)
            for name in results[0].columns
        }

    def outcomes(results: Sequence[SeatResults]) -> Floats:
        means = by_player(results)[by]
        return means[:, 0] - means[:, 1]

    blocks, sprt = play_seeds(table, seeds, outcomes, sprt, batch, on_found)
    results = [SeatResults.join(parts) for parts in zip(*blocks, strict=True)]
    names = tuple(player.name for player in table.players)
    return Match(names, results[0].seed, by_player(results), sprt, by, table.arrangements)


def compare(one: Match, other: Match, column: str = RETURNS) -> Difference:
    """Return by how much player 0 of one match exceeds player 0 of another, paired by seed.

    Both play the same seeds, such as two players who meet the same opponents. Raises BadInput where
    the seeds differ.
    """
    if not np.array_equal(one.seed, other.seed):
        raise BadInput("two matches of different seeds do not pair: play both on the same seeds")
    return paired_difference(one.columns[column][:, 0], other.columns[column][:, 0])
