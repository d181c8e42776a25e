"""Elo ratings of players, fitted to all their games by maximum likelihood, with intervals over seeds.

In the model, player i scores 1 / (1 + 10 ** ((r_j - r_i) / 400)) per game against player j. For each
pair that met, half a win and half a loss are added, so that even a player that won every game has a
finite rating; with hundreds of games they move a rating by a point or two. One player is the anchor,
whose rating is 0.

Intervals come from the sandwich estimator inverse(H) S inverse(H), where H is the information matrix of
the model and S is the sum over seeds of the outer product of each seed's score vector. All games of a
seed count as one observation, even those of different matches, because they have the same start. The
estimator needs no random draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
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
REDRAWS = 1_000
"""samples of a bootstrap; the ends of an interval then vary by a few percent of its width"""
_STEPS, _CLOSE = 100, 1e-10
"""maximum number of Newton steps (about ten are needed), and the change in log odds below which they stop"""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rating:
    """The strength of a player in Elo points relative to the anchor, with its interval."""

    name: str
    elo: float
    low: float
    """lower end of the interval; the anchor's interval is (0, 0)"""
    high: float
    games: int

    def to_dict(self) -> dict[str, Any]:
        """Return the rating as JSON types."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class PairScores:
    """The scores of two players against each other on D seeds."""

    a: str
    b: str
    seed: npt.NDArray[np.int64]
    """[D]"""
    score: Floats
    """[D] a's score, 0..1, averaged over the games of each seed"""
    games_per_seed: int

    @classmethod
    def of(cls, match: Match) -> PairScores:
        """Return the scores of players 0 and 1 of a match."""
        return cls(match.a, match.b, match.seed, match.columns[SCORE][:, 0], match.games_per_seed)


def fit_ratings(results: Sequence[PairScores], anchor: str, z: float = Z) -> list[Rating]:
    """Return the ratings of all players in `results`, best first.

    anchor: the player whose rating is 0. z: half-width of the intervals in standard errors. Raises
    BadInput if the anchor has played no game, if no chain of games connects some player to it, or if a
    player played itself.
    """
    names = list(dict.fromkeys(name for result in results for name in (result.a, result.b)))
    if anchor not in names:
        raise BadInput(f"anchor {anchor} has played no game: use one of {', '.join(names)}")
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


def bootstrap_ratings(
    results: Sequence[PairScores], anchor: str, draws: np.random.Generator, redraws: int = REDRAWS
) -> list[Rating]:
    """Return the ratings of `fit_ratings` with percentile intervals (95 %) from redrawn seeds.

    In each of `redraws` samples, as many seeds as were played are drawn with replacement; all games of a
    drawn seed come with it. Raises BadInput as `fit_ratings` does.
    """
    ratings = fit_ratings(results, anchor)
    seeds = np.unique(np.concatenate([result.seed for result in results]))
    places = [np.searchsorted(seeds, result.seed) for result in results]
    samples: dict[str, list[float]] = {rating.name: [] for rating in ratings}
    for _ in range(redraws):
        counts = np.bincount(draws.integers(len(seeds), size=len(seeds)), minlength=len(seeds))
        redrawn = [
            replace(result, seed=np.arange(counts[at].sum()), score=np.repeat(result.score, counts[at]))
            for result, at in zip(results, places, strict=True)
        ]
        for rating in fit_ratings(redrawn, anchor):
            samples[rating.name].append(rating.elo)
    ends = {name: np.quantile(elos, (0.025, 0.975)).tolist() for name, elos in samples.items()}
    return [replace(rating, low=ends[rating.name][0], high=ends[rating.name][1]) for rating in ratings]


@dataclass(frozen=True, slots=True)
class _Link:
    """All games between players number i and j, including the added half win and half loss."""

    i: int
    j: int
    games: float
    points: float
    """the points scored by i"""


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
    """Raise BadInput if no chain of games connects some player to the anchor."""
    reached = {names.index(anchor)}
    while more := {end for link in links for end in (link.i, link.j) if {link.i, link.j} & reached} - reached:
        reached |= more
    if missing := [name for place, name in enumerate(names) if place not in reached]:
        raise BadInput(
            f"no chain of games connects {missing[0]} to {anchor}: let it play one of the other players"
        )


def _expected(difference: Any) -> Any:
    """Return the expected score for a difference in log odds."""
    return 1 / (1 + np.exp(-difference))


def _fit(links: Sequence[_Link], n: int, free: Sequence[int]) -> tuple[Floats, Floats]:
    """Return the log odds [n] relative to the anchor, and the information matrix of the `free` players.

    Uses Newton's method with shortened steps far from the maximum.
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
    """Return [K, K]: the sum over seeds of the outer product of the gradient of the log likelihood."""
    seeds = np.unique(np.concatenate([result.seed for result in results]))
    slope = np.zeros((len(seeds), len(names)))
    for result in results:
        i, j, rows = names.index(result.a), names.index(result.b), np.searchsorted(seeds, result.seed)
        surplus = result.games_per_seed * (result.score - _expected(x[i] - x[j]))
        slope[rows, i] += surplus  # seeds within a match are distinct, so no row occurs twice
        slope[rows, j] -= surplus
    variance = slope.T @ slope
    for link in links:  # the added half win and half loss
        p = _expected(x[link.i] - x[link.j])
        added = sqrt(((1 - p) ** 2 + p**2) / 2) * (np.eye(len(names))[link.i] - np.eye(len(names))[link.j])
        variance += np.outer(added, added)
    return variance
