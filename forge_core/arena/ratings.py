"""Elo ratings of players, fitted by maximum likelihood to all their games, with intervals by seeds.

The model: player i scores 1 / (1 + 10 ** ((r_j - r_i) / 400)) per game against player j. Half a game won
and half a game lost are added for each two players that met, so that a player that won every game
has a finite rating too; with hundreds of games they move a rating by a point or two. One player is the
anchor, whose rating is 0.

Intervals come from the sandwich estimate inverse(H) S inverse(H): H is the information matrix of the model,
S the sum over seeds of the outer product of the score vector of each seed. All games of a seed count as one
observation, even those of different matches, since they begin alike. It needs no draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from math import log, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.arena.match import SCORE, Match
from forge_core.errors import BadInput
from forge_core.stats import Z

POINTS = 400 / log(10)
"""Elo points per unit of the natural logarithm of the odds"""
_STEPS, _CLOSE = 100, 1e-10
"""Newton steps at most, and the change in log odds after which no more are taken; about ten are needed"""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rating:
    """The strength of a player in Elo points above the anchor."""

    name: str
    elo: float
    low: float
    """of the interval; the anchor's is (0, 0)"""
    high: float
    games: int

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types only."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class PairScores:
    """The games of two players on D seeds."""

    a: str
    b: str
    seed: npt.NDArray[np.int64]
    """[D]"""
    score: Floats
    """[D] of a, 0..1, the mean over the games of a seed"""
    games_per_seed: int

    @classmethod
    def of(cls, match: Match) -> PairScores:
        """Return the scores of players 0 and 1 of a match."""
        return cls(match.a, match.b, match.seed, match.columns[SCORE][:, 0], match.games_per_seed)


def fit_ratings(results: Sequence[PairScores], anchor: str, z: float = Z) -> list[Rating]:
    """Return the ratings of all players of `results`, best first.

    anchor: the player whose rating is 0. z: half-width of the intervals in standard errors. Raises
    BadInput where the anchor has played no game, where the games do not link all players to it, and
    for a player that played itself.
    """
    names = list(dict.fromkeys(name for result in results for name in (result.a, result.b)))
    if anchor not in names:
        raise BadInput(f"{anchor} has rating 0 but played no game: use one of {', '.join(names)}")
    itself = next((result.a for result in results if result.a == result.b), None)
    if itself:
        raise BadInput(f"{itself} played itself, which says nothing about its rating: leave it out")
    links = _links(results, names)
    _require_links(links, names, anchor)
    others = [place for place, name in enumerate(names) if name != anchor]
    x, information = _fit(links, len(names), others)
    inverse = np.linalg.inv(information)
    spread = inverse @ _score_variance(results, links, names, x)[np.ix_(others, others)] @ inverse
    error = np.zeros(len(names))
    error[others] = np.sqrt(spread.diagonal())
    games = [
        sum(len(result.seed) * result.games_per_seed for result in results if name in (result.a, result.b))
        for name in names
    ]
    ratings = [
        Rating(name, POINTS * mean, POINTS * (mean - z * half), POINTS * (mean + z * half), n)
        for name, mean, half, n in zip(names, x.tolist(), error.tolist(), games, strict=True)
    ]
    return sorted(ratings, key=lambda rating: -rating.elo)


@dataclass(frozen=True, slots=True)
class _Link:
    """All games of two players, by number, with the half game won and the half game lost."""

    i: int
    j: int
    games: float
    points: float
    """of i"""


def _links(results: Sequence[PairScores], names: Sequence[str]) -> list[_Link]:
    found = []
    for i, j in combinations(range(len(names)), 2):
        games, points = 0.0, 0.0
        for result in results:
            if {result.a, result.b} == {names[i], names[j]}:
                n, total = len(result.seed), float(result.score.sum())
                games += result.games_per_seed * n
                points += result.games_per_seed * (total if result.a == names[i] else n - total)
        if games:
            found.append(_Link(i, j, games + 1, points + 0.5))
    return found


def _require_links(links: Sequence[_Link], names: Sequence[str], anchor: str) -> None:
    """Raise BadInput for a player whom no chain of games links to the anchor."""
    reached = {names.index(anchor)}
    while more := {end for link in links for end in (link.i, link.j) if {link.i, link.j} & reached} - reached:
        reached |= more
    if missing := [name for place, name in enumerate(names) if place not in reached]:
        raise BadInput(f"no game links {missing[0]} to {anchor}: play it against one of the others")


def _expected(difference: Any) -> Any:
    """Return the expected score for a difference in log odds."""
    return 1 / (1 + np.exp(-difference))


def _fit(links: Sequence[_Link], n: int, free: Sequence[int]) -> tuple[Floats, Floats]:
    """Return [n] log odds above the anchor and the information matrix of the `free` ones.

    By Newton's method, shortened while it is far from the maximum.
    """
    x = np.zeros(n)
    for _ in range(_STEPS):
        slope, information = np.zeros(n), np.zeros((n, n))
        for link in links:
            p = _expected(x[link.i] - x[link.j])
            surplus, weight = link.points - link.games * p, link.games * p * (1 - p)
            slope[[link.i, link.j]] += surplus, -surplus
            information[[link.i, link.j], [link.i, link.j]] += weight
            information[[link.i, link.j], [link.j, link.i]] -= weight
        information = information[np.ix_(free, free)]
        change = np.linalg.solve(information, slope[free])
        x[free] += change / max(1.0, float(np.abs(change).max()))
        if np.abs(change).max() < _CLOSE:
            return x, information
    raise RuntimeError("the ratings did not converge")  # the likelihood is concave with a finite maximum


def _score_variance(
    results: Sequence[PairScores], links: Sequence[_Link], names: Sequence[str], x: Floats
) -> Floats:
    """Return [K, K] the sum over seeds of the outer product of the slope of the log likelihood."""
    seeds = np.unique(np.concatenate([result.seed for result in results]))
    slope = np.zeros((len(seeds), len(names)))
    for result in results:
        i, j, rows = names.index(result.a), names.index(result.b), np.searchsorted(seeds, result.seed)
        surplus = result.games_per_seed * (result.score - _expected(x[i] - x[j]))
        slope[rows, i] += surplus  # the seeds of a match differ, so no row occurs twice
        slope[rows, j] -= surplus
    variance = slope.T @ slope
    for link in links:  # the half game won and the half game lost
        p = _expected(x[link.i] - x[link.j])
        added = sqrt(((1 - p) ** 2 + p**2) / 2) * (np.eye(len(names))[link.i] - np.eye(len(names))[link.j])
        variance += np.outer(added, added)
    return variance


def elo_text(rating: Rating) -> str:
    """Return a rating with its interval as `+412 (+355..+469)`."""
    return f"{rating.elo:+.0f} ({rating.low:+.0f}..{rating.high:+.0f})"
