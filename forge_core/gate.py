"""Whether a challenger takes the champion's place: a rule that is written down, and its reasons.

Knows no game. What is compared is a number a case, such as the points a network loses a decision
in one deal: rows of a deal are not independent of each other, deals are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.stats import Sprt, Verdict, paired_difference

GATE_VERSION = "p1"
"""Raised when the same figures are ruled on otherwise."""

ALPHA = 0.05
"""how often a challenger that is no better passes"""
GROUP_MARGIN = 0.15
"""points by which it may lose more in a group of cases, such as a declaration: with twenty deals to a
group, several standard deviations of what chance does to a network fine-tuned from the champion (0.03)"""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the gate says, and why."""

    promoted: bool
    reasons: tuple[str, ...]
    """sentences; the first says what decided"""
    figures: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON types only."""
        return asdict(self) | {"reasons": list(self.reasons)}


def judge_losses(
    challenger: npt.ArrayLike, champion: npt.ArrayLike, groups: Sequence[str], against: str = "the champion"
) -> Ruling:
    """Rule on points lost, [D] each, of the same cases; groups [D]: the name of the group of each.

    Promoted if it loses less by a one-sided test, paired by case, at level ALPHA, and in no group
    more by over GROUP_MARGIN. Raises BadInput for figures that do not pair.
    """
    mine, theirs = np.asarray(challenger, dtype=np.float64), np.asarray(champion, dtype=np.float64)
    if len(groups) != len(mine):
        raise BadInput(f"{len(groups)} groups of {len(mine)} cases: name one a case")
    z = NormalDist().inv_cdf(1 - ALPHA)
    saved = paired_difference(theirs, mine, z)
    names = np.asarray(groups)
    worse = {str(name): float((mine - theirs)[names == name].mean()) for name in np.unique(names)}
    name, most = max(worse.items(), key=lambda entry: entry[1])
    better, harmless = saved.low > 0, most <= GROUP_MARGIN
    said = (
        f"in a deal it loses on average {mine.mean():.3f} points a decision, {against} {theirs.mean():.3f}: "
        f"{saved.mean:+.4f} points saved, standard error {saved.standard_error:.4f} over {saved.n} deals"
    )
    proof = f"{'more' if better else 'not more'} than chance gives one time in {1 / ALPHA:.0f}"
    groupwise = (
        f"of all groups {name} comes off worst: {most:+.3f} points lost more, {GROUP_MARGIN} are allowed"
    )
    reasons = (f"{said}, {proof}", groupwise)
    return Ruling(
        better and harmless,
        reasons[::-1] if better and not harmless else reasons,
        {
            "saved_points": saved.mean,
            "saved_standard_error": saved.standard_error,
            "saved_at_least_points": saved.low,
            "worst_group_points": most,
            "deals": saved.n,
        },
    )


def judge_match(test: Sprt, against: str = "the champion") -> Ruling:
    """Rule on a sequential test of duplicate deals, positive where the challenger does better.

    Promoted only if the test ended for it: what is open after all deals keeps the champion.
    """
    verdict = test.verdict
    said = f"{test.mean:+.2f} points a deal against {against} over {test.n} duplicate deals"
    how = {
        Verdict.ACCEPT_H1: f"better by {test.h1:g} rather than by {test.h0:g}",
        Verdict.ACCEPT_H0: f"better by {test.h0:g} rather than by {test.h1:g}",
        Verdict.CONTINUE: f"too close to tell {test.h1:g} from {test.h0:g}",
    }[verdict]
    return Ruling(
        verdict is Verdict.ACCEPT_H1,
        (f"{said}: {how}, by a sequential test that errs in {test.alpha:.0%}",),
        {"points_a_deal": test.mean, "deals": test.n},
    )
