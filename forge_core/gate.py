"""The gate: the test that decides whether a challenger becomes champion, and gives reasons in words.

The gate works for any game: the game declares what it measures, and how much worse a group of cases
may become. The test compares one number per case, such as the points that a network loses per
decision in one deal, because the rows of a deal depend on each other and deals do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.stats import Measure, Sprt, Verdict, paired_difference

GATE_VERSION = "p1"
"""Increased when the same figures would lead to a different decision."""

ALPHA = 0.05
"""the rate at which a challenger that is no better passes; 0.05 is the usual level of a test"""
CHAMPION = "the champion"


@dataclass(frozen=True, slots=True)
class LossRule:
    """A rule for comparing losses, declared by a game together with the words for the reasons."""

    measure: Measure
    """the unit of a loss, and the case within which it is averaged"""
    per: str
    """the unit over which losses are averaged within a case: `decision`"""
    group: str
    """the word for a group of cases: `declaration`"""
    group_margin: float
    """the largest allowed excess of the challenger's loss over the champion's in a group, in units"""
    alpha: float = ALPHA


@dataclass(frozen=True, slots=True)
class Ruling:
    """The decision of the gate and its reasons."""

    promoted: bool
    reasons: tuple[str, ...]
    """sentences, the decisive one first"""
    figures: dict[str, float] = field(default_factory=dict)
    """keyed by names that end in their unit"""

    def to_dict(self) -> dict[str, Any]:
        """Return the ruling as JSON types only."""
        return asdict(self) | {"reasons": list(self.reasons)}


def judge_losses(
    challenger: npt.ArrayLike,
    champion: npt.ArrayLike,
    groups: Sequence[str],
    rule: LossRule,
    against: str = CHAMPION,
) -> Ruling:
    """Decide on the losses of challenger and champion, [D] each, over the same cases.

    groups: [D], the group name of each case. The challenger is promoted if it loses less by a
    one-sided test at level `rule.alpha`, paired by case, and if in no group it loses over
    `rule.group_margin` more than the champion. Raises BadInput if the lengths differ.
    """
    losses, theirs = np.asarray(challenger, dtype=np.float64), np.asarray(champion, dtype=np.float64)
    if len(groups) != len(losses):
        raise BadInput(f"{len(groups)} groups for {len(losses)} cases: give one group name per case")
    z = NormalDist().inv_cdf(1 - rule.alpha)
    saved = paired_difference(theirs, losses, z)
    names, unit = np.asarray(groups), rule.measure.unit
    worse = {str(name): float((losses - theirs)[names == name].mean()) for name in np.unique(names)}
    name, most = max(worse.items(), key=lambda entry: entry[1])
    better, harmless = saved.low > 0, most <= rule.group_margin
    overall = (
        f"it loses {losses.mean():.3f} {unit} per {rule.per}, {against} {theirs.mean():.3f}: "
        f"{saved.mean:+.4f} {unit} saved, with standard error {saved.standard_error:.4f} over {saved.n} "
        f"{rule.measure.cases}, {'more' if better else 'not more'} than chance would give once in "
        f"{1 / rule.alpha:.0f} comparisons"
    )
    groupwise = (
        f"the worst {rule.group} is {name}: {most:+.3f} {unit} lost compared with {against}; "
        f"{rule.group_margin:+g} is allowed"
    )
    reasons = (overall, groupwise)
    return Ruling(
        better and harmless,
        reasons[::-1] if better and not harmless else reasons,
        {
            f"saved_{unit}": saved.mean,
            "saved_standard_error": saved.standard_error,
            f"saved_at_least_{unit}": saved.low,
            f"worst_group_{unit}": most,
            rule.measure.cases: saved.n,
        },
    )


@dataclass(frozen=True, slots=True)
class ScoreRule:
    """A rule for comparing scores in several groups of opponents, with the words for the reasons."""

    measure: Measure
    """the unit of a score, and the case on which both are scored"""
    group: str
    """the word for a group: `table`"""
    group_margin: float
    """the largest allowed shortfall of the challenger's mean score in a group, in units"""
    alpha: float = ALPHA


def judge_scores(
    challenger: Mapping[str, npt.ArrayLike],
    champion: Mapping[str, npt.ArrayLike],
    rule: ScoreRule,
    against: str = CHAMPION,
) -> Ruling:
    """Decide on the scores of challenger and champion, [D] per group, over the same D cases in every group.

    The challenger is promoted if its mean over groups is higher by a one-sided test at level `rule.alpha`,
    paired by case, and if in no group its mean is lower by more than `rule.group_margin`. Raises BadInput if
    the lengths or the groups differ.
    """
    names = list(challenger)
    if set(names) != set(champion) or not names:
        raise BadInput(
            f"{sorted(challenger)} and {sorted(champion)} are not the same groups: score both in each "
            f"{rule.group}"
        )
    z = NormalDist().inv_cdf(1 - rule.alpha)
    gains = {name: paired_difference(challenger[name], champion[name], z) for name in names}
    if len({each.n for each in gains.values()}) > 1:
        raise BadInput(f"another number of cases at each {rule.group}: score the same cases in all")
    scores, theirs = (
        np.mean([np.asarray(of[name], np.float64) for name in names], axis=0) for of in (challenger, champion)
    )
    gain, own = paired_difference(scores, theirs, z), float(scores.mean())
    unit, better = rule.measure.unit, gain.low > 0
    worst, least = min(((name, each.mean) for name, each in gains.items()), key=lambda pair: pair[1])
    harmless = least >= -rule.group_margin
    overall = (
        f"it scores {own:+.1f} {unit}, {against} {own - gain.mean:+.1f}: {gain.mean:+.2f} {unit}, with "
        f"standard error {gain.standard_error:.2f} over {gain.n:,} {rule.measure.cases}, "
        f"{'more' if better else 'not more'} than chance would give once in {1 / rule.alpha:.0f} comparisons"
    )
    groupwise = (
        f"the worst {rule.group} is {worst}: {least:+.2f} {unit} compared with {against}; "
        f"{-rule.group_margin:+g} is allowed"
    )
    reasons = (overall, groupwise)
    return Ruling(
        better and harmless,
        reasons[::-1] if better and not harmless else reasons,
        {
            f"score_{unit}": own,
            f"gain_{unit}": gain.mean,
            "gain_standard_error": gain.standard_error,
            f"gain_at_least_{unit}": gain.low,
            **{f"gain_{name}_{unit}": each.mean for name, each in gains.items()},
            rule.measure.cases: gain.n,
        },
    )


def judge_match(test: Sprt, measure: Measure, against: str = CHAMPION) -> Ruling:
    """Decide on the sequential test of a match; positive outcomes favour the challenger.

    The challenger is promoted only if the test ended in its favour; if the test is still undecided
    after all cases, the champion stays.
    """
    verdict = test.verdict
    finding = {
        Verdict.ACCEPT_H1: f"the advantage is {test.h1:g} rather than {test.h0:g}",
        Verdict.ACCEPT_H0: f"the advantage is {test.h0:g} rather than {test.h1:g}",
        Verdict.CONTINUE: f"too close to tell an advantage of {test.h1:g} from {test.h0:g}",
    }[verdict]
    reason = (
        f"{test.mean:+.2f} {measure.per_case} against {against} over {test.n} {measure.cases}: {finding}, "
        f"by a sequential test with an error rate of {test.alpha:.0%}"
    )
    mean_name = f"{measure.unit}_a_{measure.case}"  # the name used in records that are already stored
    figures = {mean_name: test.mean, measure.cases: test.n}
    return Ruling(verdict is Verdict.ACCEPT_H1, (reason,), figures)
