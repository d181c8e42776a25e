"""Statistics: intervals of proportions and means, paired comparisons, and a sequential test.

Knows no game. All intervals are two-sided; Z is the normal quantile of 95 %.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf, isfinite, log, log10, sqrt

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput

Z = 1.959963984540054
"""Half-width, in standard deviations, of the interval that holds 95 % of a normal distribution."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measure:
    """Words for a number that is measured once per case; a game declares them, reports print them."""

    unit: str
    """in the plural: `points`"""
    case: str
    """in the singular, with a plural in s: `deal`, `pair`"""

    @property
    def cases(self) -> str:
        """The plural of the case: `deals`."""
        return f"{self.case}s"

    @property
    def per_case(self) -> str:
        """`points per deal`."""
        return f"{self.unit} per {self.case}"


def wilson_interval(k: npt.ArrayLike, n: npt.ArrayLike, z: float = Z) -> tuple[Floats, Floats]:
    """Return Wilson's interval of a proportion, given k hits in n trials: (low, high), numbers or arrays.

    k and n broadcast. Without a trial, n = 0, the interval is (0, 1). The ends are exact where they
    must be: low is 0 for k = 0, high is 1 for k = n. Raises BadInput unless 0 <= k <= n.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927.
    """
    hits, trials = np.asarray(k, dtype=np.float64), np.asarray(n, dtype=np.float64)
    if not ((hits >= 0) & (hits <= trials) & np.isfinite(trials)).all():
        raise BadInput(f"{k} of {n} is not a proportion: give counts with 0 <= k <= n")
    some = np.maximum(trials, 1)
    p, widening = hits / some, z * z / some
    centre = (p + widening / 2) / (1 + widening)
    half = z * np.sqrt(p * (1 - p) / some + widening / (4 * some)) / (1 + widening)
    low = np.where(hits == 0, 0.0, np.maximum(centre - half, 0.0))
    high = np.where(hits == trials, 1.0, np.minimum(centre + half, 1.0))
    return low[()], high[()]


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean of n numbers, such as paired differences (first less second), with its interval."""

    mean: float
    standard_error: float
    low: float
    high: float
    n: int

    @property
    def decided(self) -> bool:
        """True if the interval leaves out 0."""
        return self.low > 0 or self.high < 0


def paired_difference(first: npt.ArrayLike, second: npt.ArrayLike, z: float = Z) -> Difference:
    """Compare two numbers per case, [N] each: the mean of first - second with a normal interval.

    The cases must be independent of each other; the two numbers of a case need not be. With fewer
    than about thirty cases the interval is too narrow. Raises BadInput for fewer than two cases,
    lengths that differ, and numbers that are not finite.
    """
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.ndim != 1 or one.shape != other.shape:
        raise BadInput(f"{one.shape} and {other.shape} do not pair: give one number per case, twice")
    return mean_interval(one - other, z)


def mean_interval(numbers: npt.ArrayLike, z: float = Z) -> Difference:
    """Return the mean of [N] independent numbers with a normal interval.

    Raises BadInput for fewer than two numbers, and numbers that are not finite.
    """
    cases = np.asarray(numbers, dtype=np.float64)
    if cases.ndim != 1 or len(cases) < 2:
        raise BadInput(f"{cases.size} cases in shape {cases.shape} have no interval: give at least 2, [N]")
    if not np.isfinite(cases).all():
        raise BadInput("the number of a case is not finite: leave the case out, and say so")
    mean = float(cases.mean())
    error = float(cases.std(ddof=1)) / sqrt(len(cases))
    return Difference(mean, error, mean - z * error, mean + z * error, len(cases))


def elo_difference(score: float) -> float:
    """Return the Elo points that a score stands for: wins and half the draws per game, 0..1.

    +-inf at the ends. Raises BadInput for a score outside 0..1.
    """
    if not 0 <= score <= 1:
        raise BadInput(f"a score of {score}: use wins and half the draws per game, 0..1")
    if score in (0, 1):
        return inf if score else -inf
    return 400 * log10(score / (1 - score))


def mcnemar(first_only: int, second_only: int) -> float:
    """Return McNemar's exact two-sided p-value that two players succeed equally often.

    first_only, second_only: numbers of cases in which only the one, only the other succeeded. Under
    the null hypothesis these are tosses of a fair coin, so the p-value is twice the smaller tail of a
    binomial, at most 1. Raises BadInput for a negative count.
    """
    if min(first_only, second_only) < 0:
        raise BadInput(f"{first_only} and {second_only} cases: use counts of at least 0")
    n, fewer = first_only + second_only, min(first_only, second_only)
    tail = ways = 1
    for i in range(fewer):
        ways = ways * (n - i) // (i + 1)
        tail += ways
    return min(1.0, 2 * tail / 2**n)


class Verdict(StrEnum):
    """The answer of a sequential test so far."""

    CONTINUE = "continue"
    ACCEPT_H0 = "accept h0"
    ACCEPT_H1 = "accept h1"


@dataclass(frozen=True, slots=True)
class Sprt:
    """A sequential probability ratio test of a mean outcome: is it `h0`, or is it `h1`?

    An outcome is one independent number per case, such as +1, 0, -1 for a duplicate deal won,
    drawn, lost, or a difference of points; positive is good for the player on trial. The log
    likelihood ratio is that of normal outcomes whose variance s2 is estimated from them,

        LLR = n (h1 - h0) (2 mean - h0 - h1) / (2 s2),

    and the test ends when it leaves (log(beta / (1 - alpha)), log((1 - beta) / alpha)).
    This is Wald's test (1945) in the generalised form in which engine testing uses it (M. Van
    den Bergh, A practical introduction to the GSPRT), there with outcomes of game pairs. The
    estimate of s2 needs some outcomes, so there is no verdict before `at_least` of them; outcomes
    that are all equal decide the test as soon as there are so many.

    A record: `add` returns a new one, and its fields are all that a later call needs.
    Raises BadInput for bounds or rates that contradict each other.
    """

    h0: float = 0.0
    """mean outcome of a player that is no better"""
    h1: float = 0.1
    """mean outcome of a player that is better, above h0"""
    alpha: float = 0.05
    """rate at which h1 may be accepted although h0 is true"""
    beta: float = 0.05
    """rate at which h0 may be accepted although h1 is true"""
    at_least: int = 30
    """outcomes before a verdict"""
    n: int = 0
    """outcomes so far"""
    total: float = 0.0
    """their sum"""
    squares: float = 0.0
    """the sum of their squares"""

    def __post_init__(self) -> None:
        if not (isfinite(self.h0) and isfinite(self.h1) and self.h0 < self.h1):
            raise BadInput(f"h0 = {self.h0} and h1 = {self.h1}: h1 must be the larger")
        if not (self.alpha > 0 and self.beta > 0 and self.alpha + self.beta < 1):
            raise BadInput(f"alpha {self.alpha} and beta {self.beta}: use rates above 0 that sum to below 1")
        if self.at_least < 2:
            raise BadInput(f"a verdict after {self.at_least} outcomes: a variance takes at least 2")

    def add(self, outcomes: npt.ArrayLike) -> Sprt:
        """Return the test after more outcomes, one or several. Raises BadInput for one that is not finite."""
        more = np.atleast_1d(np.asarray(outcomes, dtype=np.float64))
        if not np.isfinite(more).all():
            raise BadInput("an outcome is not finite: leave it out, and say so")
        return replace(
            self,
            n=self.n + more.size,
            total=self.total + float(more.sum()),
            squares=self.squares + float(np.square(more).sum()),
        )

    def mirrored(self) -> Sprt:
        """Return the test of the same outcomes for the other player."""
        return replace(self, h0=-self.h1, h1=-self.h0, alpha=self.beta, beta=self.alpha, total=-self.total)

    @property
    def mean(self) -> float:
        """Mean of the outcomes so far; 0 before the first."""
        return self.total / self.n if self.n else 0.0

    @property
    def llr(self) -> float:
        """Logarithm of the likelihood ratio, h1 over h0; infinite where all outcomes are equal."""
        if not self.n:
            return 0.0
        gain = (self.h1 - self.h0) * (2 * self.mean - self.h0 - self.h1)
        variance = self.squares / self.n - self.mean**2
        if variance <= 1e-12 * self.squares / self.n:  # all equal, up to rounding
            return inf if gain > 0 else -inf if gain < 0 else 0.0
        return self.n * gain / (2 * variance)

    @property
    def bounds(self) -> tuple[float, float]:
        """(LLR at which h0 is accepted, LLR at which h1 is)."""
        return log(self.beta / (1 - self.alpha)), log((1 - self.beta) / self.alpha)

    @property
    def verdict(self) -> Verdict:
        """The answer that the outcomes so far allow."""
        lower, upper = self.bounds
        if self.n < self.at_least or lower < self.llr < upper:
            return Verdict.CONTINUE
        return Verdict.ACCEPT_H1 if self.llr >= upper else Verdict.ACCEPT_H0
