"""Statistics: intervals for proportions and means, paired comparisons, and a sequential test.

Nothing here depends on a game. All intervals are two-sided, at 95 % by default.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf, isfinite, log, log10, sqrt

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput

Z = 1.959963984540054
"""Half-width, in standard deviations, of the central interval with 95 % of a normal distribution."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measure:
    """Words for a number that is measured once per case; games declare them for use in reports."""

    unit: str
    """a plural: `points`"""
    case: str
    """a singular whose plural adds an s: `deal`, `pair`"""

    @property
    def cases(self) -> str:
        """The plural of `case`: `deals`."""
        return f"{self.case}s"

    @property
    def per_case(self) -> str:
        """The unit per case: `points per deal`."""
        return f"{self.unit} per {self.case}"


def wilson_interval(k: npt.ArrayLike, n: npt.ArrayLike, z: float = Z) -> tuple[Floats, Floats]:
    """Return Wilson's interval (low, high) for a proportion, given k hits in n trials.

    k and n are numbers or arrays, and broadcast. k may be a fraction, as where a draw counts half. For n = 0
    the interval is (0, 1). low is exactly 0 for k = 0, and high is exactly 1 for k = n. Raises BadInput
    unless 0 <= k <= n.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927.
    """
    hits, trials = np.asarray(k, dtype=np.float64), np.asarray(n, dtype=np.float64)
    if not ((hits >= 0) & (hits <= trials) & np.isfinite(trials)).all():
        raise BadInput(f"{k} of {n} is not a proportion: pass counts with 0 <= k <= n")
    some = np.maximum(trials, 1)
    p, widening = hits / some, z * z / some
    centre = (p + widening / 2) / (1 + widening)
    half = z * np.sqrt(p * (1 - p) / some + widening / (4 * some)) / (1 + widening)
    low = np.where(hits == 0, 0.0, np.maximum(centre - half, 0.0))
    high = np.where(hits == trials, 1.0, np.minimum(centre + half, 1.0))
    return low[()], high[()]


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean of n numbers, such as paired differences (first minus second), with its interval."""

    mean: float
    standard_error: float
    low: float
    high: float
    n: int

    @property
    def decided(self) -> bool:
        """True if the interval excludes 0."""
        return self.low > 0 or self.high < 0


def paired_difference(first: npt.ArrayLike, second: npt.ArrayLike, z: float = Z) -> Difference:
    """Return the mean of first - second, [N] each, one number per case, with a normal interval.

    The cases must be independent of each other; the two numbers of a case need not be. With fewer
    than about thirty cases the interval is too narrow. Raises BadInput if there are fewer than two
    cases, if the lengths differ, or if a number is not finite.
    """
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.ndim != 1 or one.shape != other.shape:
        raise BadInput(
            f"shapes {one.shape} and {other.shape} do not pair: pass two arrays with one number per case"
        )
    return mean_interval(one - other, z)


def mean_interval(numbers: npt.ArrayLike, z: float = Z) -> Difference:
    """Return the mean of [N] independent numbers with a normal interval.

    Raises BadInput if there are fewer than two numbers or if one is not finite.
    """
    cases = np.asarray(numbers, dtype=np.float64)
    if cases.ndim != 1 or len(cases) < 2:
        raise BadInput(f"no interval for an array of shape {cases.shape}: pass at least 2 numbers, [N]")
    if not np.isfinite(cases).all():
        raise BadInput(
            "the number of a case is not finite: leave that case out and report how many were left out"
        )
    mean = float(cases.mean())
    error = float(cases.std(ddof=1)) / sqrt(len(cases))
    return Difference(mean, error, mean - z * error, mean + z * error, len(cases))


def elo_difference(score: float) -> float:
    """Return the Elo difference that corresponds to a score: wins plus half the draws, per game, 0..1.

    Returns -inf for 0 and inf for 1. Raises BadInput for a score outside 0..1.
    """
    if not 0 <= score <= 1:
        raise BadInput(f"score {score} is not in 0..1: pass wins plus half the draws, per game")
    if score in (0, 1):
        return inf if score else -inf
    return 400 * log10(score / (1 - score))


def mcnemar(first_only: int, second_only: int) -> float:
    """Return McNemar's exact two-sided p-value that two players succeed equally often.

    first_only, second_only: the numbers of cases in which only the first, or only the second, player
    succeeded. Under the null hypothesis each such case is a fair coin toss, so the p-value is twice the
    smaller tail of a binomial, at most 1. Raises BadInput for a negative count.
    """
    if min(first_only, second_only) < 0:
        raise BadInput(f"counts {first_only} and {second_only}: both must be at least 0")
    n, fewer = first_only + second_only, min(first_only, second_only)
    tail = ways = 1
    for i in range(fewer):
        ways = ways * (n - i) // (i + 1)
        tail += ways
    return min(1.0, 2 * tail / 2**n)


class Verdict(StrEnum):
    """The result of a sequential test so far."""

    CONTINUE = "continue"
    ACCEPT_H0 = "accept h0"
    ACCEPT_H1 = "accept h1"


@dataclass(frozen=True, slots=True)
class Sprt:
    """A sequential probability ratio test of whether the mean outcome is `h0` or `h1`.

    An outcome is one independent number per case, such as +1, 0 or -1 for a duplicate deal won,
    drawn or lost, or a difference in points; positive is good for the player being tested. The log
    likelihood ratio assumes normal outcomes, with their variance s2 estimated from the data:

        LLR = n (h1 - h0) (2 mean - h0 - h1) / (2 s2).

    The test ends when the LLR leaves (log(beta / (1 - alpha)), log((1 - beta) / alpha)). This is
    Wald's test (1945) in the generalised form used for testing chess engines, where the outcomes are
    those of game pairs (M. Van den Bergh, A practical introduction to the GSPRT). Estimating s2 takes
    some outcomes, so there is no verdict before `at_least` of them; if all outcomes are equal, the
    test is decided at that point.

    The record is immutable: `add` returns a new one, and the fields hold all the test's state.
    Raises BadInput for bounds or rates that contradict each other.
    """

    h0: float = 0.0
    """the mean outcome of a player that is no better"""
    h1: float = 0.1
    """the mean outcome of a better player, above h0"""
    alpha: float = 0.05
    """the rate at which h1 may be accepted although h0 is true"""
    beta: float = 0.05
    """the rate at which h0 may be accepted although h1 is true"""
    at_least: int = 30
    """minimum number of outcomes for a verdict"""
    n: int = 0
    """the number of outcomes so far"""
    total: float = 0.0
    """the sum of the outcomes so far"""
    squares: float = 0.0
    """the sum of their squares"""

    def __post_init__(self) -> None:
        if not (isfinite(self.h0) and isfinite(self.h1) and self.h0 < self.h1):
            raise BadInput(f"h0 = {self.h0} and h1 = {self.h1}: both must be finite and h1 larger than h0")
        if not (self.alpha > 0 and self.beta > 0 and self.alpha + self.beta < 1):
            raise BadInput(f"alpha {self.alpha} and beta {self.beta}: use rates above 0 with a sum below 1")
        if self.at_least < 2:
            raise BadInput(f"at_least {self.at_least}: use at least 2 outcomes, to estimate their variance")

    def add(self, outcomes: npt.ArrayLike) -> Sprt:
        """Return the test after one or more further outcomes. Raises BadInput if one is not finite."""
        more = np.atleast_1d(np.asarray(outcomes, dtype=np.float64))
        if not np.isfinite(more).all():
            raise BadInput("an outcome is not finite: leave it out and report how many were left out")
        return replace(
            self,
            n=self.n + more.size,
            total=self.total + float(more.sum()),
            squares=self.squares + float(np.square(more).sum()),
        )

    def mirrored(self) -> Sprt:
        """Return the test of the same outcomes from the other player's side."""
        return replace(self, h0=-self.h1, h1=-self.h0, alpha=self.beta, beta=self.alpha, total=-self.total)

    @property
    def mean(self) -> float:
        """The mean of the outcomes so far; 0 before the first."""
        return self.total / self.n if self.n else 0.0

    @property
    def llr(self) -> float:
        """The log likelihood ratio of h1 to h0; infinite (or 0) if all outcomes are equal."""
        if not self.n:
            return 0.0
        gain = (self.h1 - self.h0) * (2 * self.mean - self.h0 - self.h1)
        variance = self.squares / self.n - self.mean**2
        if variance <= 1e-12 * self.squares / self.n:  # all equal, up to rounding
            return inf if gain > 0 else -inf if gain < 0 else 0.0
        return self.n * gain / (2 * variance)

    @property
    def bounds(self) -> tuple[float, float]:
        """The LLR at or below which h0 is accepted, and the LLR at or above which h1 is."""
        return log(self.beta / (1 - self.alpha)), log((1 - self.beta) / self.alpha)

    @property
    def verdict(self) -> Verdict:
        """The verdict based on the outcomes so far."""
        lower, upper = self.bounds
        if self.n < self.at_least or lower < self.llr < upper:
            return Verdict.CONTINUE
        return Verdict.ACCEPT_H1 if self.llr >= upper else Verdict.ACCEPT_H0
