"""How sure one can be: intervals of proportions, paired comparisons, a test that stops when it knows.

Knows no game. All intervals are two-sided; Z is the normal quantile of 95 %.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf, isfinite, log, sqrt

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput

Z = 1.959963984540054
"""Standard deviations that hold 95 % of a normal distribution"""

Floats = npt.NDArray[np.float64]


def wilson_interval(k: npt.ArrayLike, n: npt.ArrayLike, z: float = Z) -> tuple[Floats, Floats]:
    """Wilson's interval of a proportion of which k of n were seen: (low, high), numbers or arrays alike.

    k and n broadcast. Nothing seen, n = 0, says nothing: (0, 1). The ends are exact where they
    must be: low is 0 for k = 0, high is 1 for k = n. Raises BadInput unless 0 <= k <= n.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927.
    """
    hits, trials = np.asarray(k, dtype=np.float64), np.asarray(n, dtype=np.float64)
    if not ((hits >= 0) & (hits <= trials) & np.isfinite(trials)).all():
        raise BadInput(f"{k} of {n} is no proportion: give counts with 0 <= k <= n")
    some = np.maximum(trials, 1)
    p, widening = hits / some, z * z / some
    centre = (p + widening / 2) / (1 + widening)
    half = z * np.sqrt(p * (1 - p) / some + widening / (4 * some)) / (1 + widening)
    low = np.where(hits == 0, 0.0, np.maximum(centre - half, 0.0))
    high = np.where(hits == trials, 1.0, np.minimum(centre + half, 1.0))
    return low[()], high[()]


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean of n paired differences, first less second."""

    mean: float
    standard_error: float
    low: float
    high: float
    n: int

    @property
    def decided(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


def paired_difference(first: npt.ArrayLike, second: npt.ArrayLike, z: float = Z) -> Difference:
    """Compare two numbers a case, [N] each: mean of first - second, its standard error, a normal interval.

    The cases must be independent of each other; of the two numbers of a case nothing is asked.
    With fewer than about thirty the interval is too narrow. Raises BadInput for fewer than two
    cases, lengths that differ, and what is no number.
    """
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.ndim != 1 or one.shape != other.shape:
        raise BadInput(f"{one.shape} and {other.shape} do not pair: give one number a case, twice")
    if len(one) < 2:
        raise BadInput(f"{len(one)} paired cases say nothing of their spread: give at least 2")
    differences = one - other
    if not np.isfinite(differences).all():
        raise BadInput("a paired case is no number: leave it out, and say so")
    mean = float(differences.mean())
    error = float(differences.std(ddof=1)) / sqrt(len(differences))
    return Difference(mean, error, mean - z * error, mean + z * error, len(differences))


def mcnemar(first_only: int, second_only: int) -> float:
    """Exact two-sided p-value that two players succeed equally often, from cases where just one did.

    first_only, second_only: how many cases the one succeeded in and the other not. Under the
    null these are fair coins, so the p-value is twice the smaller tail of a binomial, at most 1.
    Raises BadInput for a negative count.
    """
    if min(first_only, second_only) < 0:
        raise BadInput(f"{first_only} and {second_only} cases: counts are not negative")
    n, fewer = first_only + second_only, min(first_only, second_only)
    tail = ways = 1
    for i in range(fewer):
        ways = ways * (n - i) // (i + 1)
        tail += ways
    return min(1.0, 2 * tail / 2**n)


class Verdict(StrEnum):
    """What a sequential test says so far."""

    CONTINUE = "continue"
    ACCEPT_H0 = "accept h0"
    ACCEPT_H1 = "accept h1"


@dataclass(frozen=True, slots=True)
class Sprt:
    """A sequential probability ratio test on paired outcomes: is their mean `h0`, or is it `h1`?

    An outcome is one independent number a pair, such as +1, 0, -1 for a duplicate deal won,
    drawn, lost, or a difference of marks; positive is good for whoever is on trial. The log
    likelihood ratio is that of normal outcomes of unknown, here estimated, variance s2,

        LLR = n (h1 - h0) (2 mean - h0 - h1) / (2 s2),

    and the test ends when it leaves (log(beta / (1 - alpha)), log((1 - beta) / alpha)).
    This is Wald's test (1945) in the generalised form in which engine testing uses it (M. Van
    den Bergh, A practical introduction to the GSPRT), there with outcomes of game pairs. The
    estimate of s2 needs some outcomes, so there is no verdict before `at_least`. Outcomes that
    never vary decide at once then.

    A record: `add` gives a new one, and the fields are all that is needed to go on later.
    Raises BadInput for bounds or rates that contradict each other.
    """

    h0: float = 0.0
    """mean outcome if there is nothing in it"""
    h1: float = 0.1
    """mean outcome that would be worth having, above h0"""
    alpha: float = 0.05
    """how often h1 may be accepted when h0 is true"""
    beta: float = 0.05
    """how often h0 may be accepted when h1 is true"""
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
            raise BadInput(f"a verdict after {self.at_least} outcomes: a spread takes at least 2")

    def add(self, outcomes: npt.ArrayLike) -> Sprt:
        """The test after more outcomes: a number, or several. Raises BadInput for what is no number."""
        more = np.atleast_1d(np.asarray(outcomes, dtype=np.float64))
        if not np.isfinite(more).all():
            raise BadInput("an outcome is no number: leave it out, and say so")
        return replace(
            self,
            n=self.n + more.size,
            total=self.total + float(more.sum()),
            squares=self.squares + float(np.square(more).sum()),
        )

    @property
    def mean(self) -> float:
        """Of the outcomes so far; 0 before the first."""
        return self.total / self.n if self.n else 0.0

    @property
    def llr(self) -> float:
        """Logarithm of the likelihood ratio, h1 over h0; infinite where outcomes have no spread."""
        if not self.n:
            return 0.0
        gain = (self.h1 - self.h0) * (2 * self.mean - self.h0 - self.h1)
        variance = self.squares / self.n - self.mean**2
        if variance <= 1e-12 * self.squares / self.n:  # all alike, up to rounding
            return inf if gain > 0 else -inf if gain < 0 else 0.0
        return self.n * gain / (2 * variance)

    @property
    def bounds(self) -> tuple[float, float]:
        """The LLR at which h0, and at which h1, is accepted."""
        return log(self.beta / (1 - self.alpha)), log((1 - self.beta) / self.alpha)

    @property
    def verdict(self) -> Verdict:
        """What the outcomes so far allow to be said."""
        lower, upper = self.bounds
        if self.n < self.at_least or lower < self.llr < upper:
            return Verdict.CONTINUE
        return Verdict.ACCEPT_H1 if self.llr >= upper else Verdict.ACCEPT_H0
