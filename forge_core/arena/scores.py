"""Games won, drawn and lost by one player against another, and its score with an interval over seeds.

The score of a game is 1 for a win, and an equal share for a shared win, such as 0.5 for a draw between
two. The games of a seed depend on each other (same opening or deal, different seats), so each seed is
one observation.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.arena.match import DRAWN, SCORE, WON, Match
from forge_core.stats import Difference, elo_difference, mean_interval, wilson_interval


@dataclass(frozen=True, slots=True)
class Tally:
    """The results of player a against player b, from a's side."""

    a: str
    b: str
    seeds: int
    games: int
    won: int
    drawn: int
    lost: int
    score: Difference
    """score per game, 0..1, with an interval over seeds"""

    @classmethod
    def of(cls, match: Match) -> Tally:
        """Return the tally of a match in which player 0 has one seat.

        Raises BadInput if there are fewer than two seeds.
        """
        games = len(match) * match.games_per_seed
        won, drawn = (round(match.games_per_seed * match.columns[name][:, 0].sum()) for name in (WON, DRAWN))
        score = score_interval(match.columns[SCORE][:, 0])
        return cls(match.a, match.b, len(match), games, won, drawn, games - won - drawn, score)

    @property
    def elo(self) -> float:
        """The Elo difference that corresponds to the score; infinite if all games were won or lost."""
        return elo_difference(min(1.0, max(0.0, self.score.mean)))

    def to_dict(self) -> dict[str, Any]:
        """Return the tally as JSON types."""
        return asdict(self)


def score_interval(scores: npt.ArrayLike) -> Difference:
    """Return the mean of D scores, each 0..1, with an interval clipped to 0..1.

    The interval is the normal one over seeds. If all scores are equal, their variance cannot be estimated,
    so Wilson's interval for D trials is used. Raises BadInput if there are fewer than two scores.
    """
    found = mean_interval(scores)
    if np.ptp(np.asarray(scores)) > 0:
        low, high = max(found.low, 0.0), min(found.high, 1.0)
    else:
        low, high = map(float, wilson_interval(min(1.0, max(0.0, found.mean)) * found.n, found.n))
    return Difference(found.mean, found.standard_error, low, high, found.n)


def score_text(score: Difference) -> str:
    """Return a score with its interval as `.904 (.867-.941)`."""
    mean, low, high = (f"{number:.3f}".removeprefix("0") for number in (score.mean, score.low, score.high))
    return f"{mean} ({low}-{high})"
