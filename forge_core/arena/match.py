"""Matches in any game: each seed is played in every seat arrangement and counts as one observation."""

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
"""the columns that every match has: `Game.returns`; the share of the win (ties are split); 1 for a sole win;
1 for a shared win"""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SeatResults:
    """The results of D finished games, one per seed, in one seat arrangement."""

    seed: npt.NDArray[np.int64]
    """[D] ascending"""
    columns: Mapping[str, Floats]
    """[D, P] each, by seat: the columns that every match has, and those that the game adds"""

    def take(self, index) -> SeatResults:
        """Return the games at `index`: whole numbers, a slice or a mask."""
        return SeatResults(self.seed[index], {name: rows[index] for name, rows in self.columns.items()})

    @classmethod
    def join(cls, parts: Sequence[SeatResults]) -> SeatResults:
        """Merge several results, which have no seeds in common, in order of seed."""
        seed = np.concatenate([part.seed for part in parts])
        columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns}
        return cls(seed, columns).take(seed.argsort())


@dataclass(frozen=True, slots=True, eq=False)
class Table(Generic[State]):
    """Players at a table: a GameSource without a store.

    A game that stores its games subclasses it and overrides `find` and `keep`.
    """

    game: Game[State]
    players: tuple[Player, ...]
    lineup: tuple[int, ...]
    """the number of the player in each seat; it is rotated (see `seats`)"""
    seed: int = 0
    """the seed of the players' random draws"""
    start: Callable[[Sequence[int]], State] | None = None
    """converts seeds to starting rows, such as openings; by default `game.init`"""
    view: Callable[[State], View] | None = None
    """returns what the seats to move may know; by default `view_of(game)`"""
    count: Callable[[State], Mapping[str, Array]] | None = None
    """returns the columns [N, P], by seat, that the game adds for finished rows"""
    block: int = BLOCK_SIZE
    on_over: Callable[[int], None] | None = None
    """called after each step with the number of games that ended in it"""

    def __post_init__(self) -> None:
        known = set(range(len(self.players)))
        if len(self.lineup) != self.game.facts.n_seats or set(self.lineup) != known:
            raise BadInput(
                f"lineup {self.lineup}: assign one of the {len(known)} players to each of the "
                f"{self.game.facts.n_seats} seats of {self.game.facts.name}, and a seat to each player"
            )

    @property
    def seats(self) -> Seats:
        """[G, P] The player in each seat in each arrangement."""
        return rotations(self.lineup)

    @property
    def arrangements(self) -> int:
        """The number of seat arrangements."""
        return len(self.seats)

    def find(self, arrangement: int, seed: int) -> SeatResults | None:
        """Return None: a Table stores no games."""
        return None

    def keep(self, arrangement: int, results: SeatResults) -> None:
        """Do nothing: a Table stores no games."""

    def play(self, wanted: Sequence[tuple[int, Sequence[int]]]) -> list[SeatResults]:
        """Play the games of each (arrangement, seeds) in one lockstep; return the results of each."""
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
    """Return the columns SCORE, WON and DRAWN, each [N, P] by seat, for returns [N, P]."""
    shares = win_shares(returns)
    return {SCORE: shares, WON: np.floor(shares), DRAWN: np.ceil(shares) - np.floor(shares)}


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """The results of K players on the same D seeds. Player 0 is a, player 1 is b."""

    names: tuple[str, ...]
    """[K]"""
    seed: npt.NDArray[np.int64]
    """[D]"""
    columns: Mapping[str, Floats]
    """[D, K] each: the mean over a player's games and seats, per seed"""
    sprt: Sprt | None = None
    """the state of the sequential test; None if there was none"""
    by: str = RETURNS
    """the column that the test and the standings compare"""
    games_per_seed: int = 1
    """the number of seat arrangements"""

    def __len__(self) -> int:
        return len(self.seed)

    @property
    def a(self) -> str:
        """The name of player 0."""
        return self.names[0]

    @property
    def b(self) -> str:
        """The name of player 1."""
        return self.names[1]

    @property
    def swing(self) -> Floats:
        """[D] The difference between a and b in the column `by`, on each seed."""
        return self.columns[self.by][:, 0] - self.columns[self.by][:, 1]

    def mean(self, column: str = RETURNS, player: int = 0) -> Difference:
        """Return the mean of one player's column, with its interval over seeds."""
        return mean_interval(self.columns[column][:, player])

    def difference(self, column: str = RETURNS) -> Difference:
        """Return the mean difference between a and b in a column, paired by seed."""
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
    """Play the seeds at a table, or only as many blocks as `sprt` needs to compare players 0 and 1.

    by: the column that `sprt` compares. batch, on_found: see `play_seeds`. Raises BadInput if there are
    no seeds, a seed repeats, there are fewer than two players, or the column does not exist.
    """
    if not len(seeds) or len(table.players) < 2:
        raise BadInput(
            f"{len(table.players)} players and {len(seeds)} seeds: use at least 2 players and 1 seed"
        )

    def by_player(results: Sequence[SeatResults]) -> dict[str, Floats]:
        if by not in results[0].columns:
            raise BadInput(f"unknown column {by!r}: use one of {', '.join(results[0].columns)}")
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
    """Return the mean difference between player 0 of one match and player 0 of another, paired by seed.

    Use it to compare two players against the same opponents. Raises BadInput if the seeds differ.
    """
    if not np.array_equal(one.seed, other.seed):
        raise BadInput("the two matches have different seeds: play both on the same seeds")
    return paired_difference(one.columns[column][:, 0], other.columns[column][:, 0])
