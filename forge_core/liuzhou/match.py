"""Matches of Liuzhou in pairs: two games from the same random opening, with colours exchanged.

The games of a pair are one observation: they share the opening, which may favour one colour.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import combinations
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from forge_core.arena import match as arena
from forge_core.arena.loop import require_different_names, who_is_better
from forge_core.arena.match import SCORE, Match, Table
from forge_core.arena.players import Player
from forge_core.arena.ratings import PairScores, Rating, fit_ratings
from forge_core.arena.scores import Tally
from forge_core.arena.standings import better_side
from forge_core.liuzhou.game import LIUZHOU
from forge_core.liuzhou.settings.matches import ANCHOR, MatchSettings, PairSettings
from forge_core.liuzhou.state import START, legal_actions, step_rows
from forge_core.liuzhou.state.layout import COUNT_MASK, COUNT_SHIFT
from forge_core.stats import Difference, Sprt
from forge_core.streams import mix, stream, uniform

STONES, PLIES = "stones", "plies"
"""columns of a match: a player's lead in stones at the end, and the number of actions in a game"""

Rows = npt.NDArray[np.int64]
OnOver = Callable[[int], None]
"""called with the number of games that have ended since the last call"""


def random_openings(pairs: Sequence[int], seed: int, opening: int) -> Rows:
    """Return [N, 4]: each pair's row after `opening` random actions, which depend only on its number."""
    keys = mix(stream(seed, "liuzhou opening").integers(2**64, dtype=np.uint64), np.asarray(pairs))
    rows = np.tile(START, (len(keys), 1))
    for ply in range(opening):
        actions, counts = legal_actions(rows)
        slots = (uniform(mix(keys, ply)) * counts).astype(np.int64)
        rows = step_rows(rows, actions[np.arange(len(rows)), slots].astype(np.int64))
    return rows


def count_columns(rows: Rows) -> dict[str, npt.NDArray[np.int64]]:
    """Return STONES and PLIES of finished rows, [N, 2] by seat: black, white."""
    lead = np.bitwise_count(rows[:, 0]).astype(np.int64) - np.bitwise_count(rows[:, 1])
    plies = rows[:, 3] >> COUNT_SHIFT & COUNT_MASK
    return {STONES: np.stack([lead, -lead], 1), PLIES: np.stack([plies, plies], 1)}


def play_match(
    a: Player,
    b: Player,
    settings: PairSettings | None = None,
    sprt: Sprt | None = None,
    on_over: OnOver | None = None,
) -> Match:
    """Play `settings.pairs` pairs of games, or as many as a sequential test of the scores needs.

    Columns are those that every match has, STONES and PLIES. sprt: by default, the test that the settings ask
    for, if any. Raises BadInput for a player that takes an illegal action.
    """
    settings = settings or MatchSettings()
    if sprt is None and isinstance(settings, MatchSettings) and settings.sprt:
        sprt = who_is_better(settings.margin)
    start = partial(random_openings, seed=settings.seed, opening=settings.opening)
    table = Table(LIUZHOU, (a, b), (0, 1), settings.seed, start, count=count_columns, on_over=on_over)
    return arena.play_match(table, range(settings.pairs), sprt, SCORE, settings.batch)


def play_ladder(
    player: Player,
    opponents: Sequence[Player],
    settings: PairSettings | None = None,
    cross: bool = False,
    on_over: OnOver | None = None,
) -> list[Match]:
    """Play a player against each opponent; with `cross`, then the opponents against each other.

    Raises BadInput if two of them have the same name.
    """
    require_different_names([player, *opponents])
    matches = [play_match(player, opponent, settings, on_over=on_over) for opponent in opponents]
    if cross:
        matches += [play_match(b, a, settings, on_over=on_over) for a, b in combinations(opponents, 2)]
    return matches


def rate(matches: Sequence[Match], anchor: str = ANCHOR) -> list[Rating]:
    """Return Elo ratings of all players of some matches, best first; see `fit_ratings`."""
    return fit_ratings([PairScores.of(match) for match in matches], anchor)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The figures of a match, from the side of player a."""

    tally: Tally
    stones: Difference
    """a's lead over b in stones at the end of a game"""
    plies: float
    """actions per game, including marks and captures"""
    better: Literal["a", "b"] | None
    """verdict of the sequential test; None if it is undecided or there was no test"""
    was_tested: bool

    @classmethod
    def of(cls, match: Match) -> Comparison:
        """Return the figures of a match of at least two pairs."""
        plies = float(match.columns[PLIES].mean())
        better, was_tested = better_side(match.sprt), match.sprt is not None
        return cls(Tally.of(match), match.mean(STONES), plies, better, was_tested)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON types."""
        return {
            **self.tally.to_dict(),
            STONES: asdict(self.stones),
            PLIES: self.plies,
            "better": self.better,
        }
