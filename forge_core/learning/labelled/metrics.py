"""The quality of chosen actions, in points to the mover, next to that of random legal play.

The regret of a choice is the best legal q minus the q of the action chosen; q may be exact or
an estimate. A *decision* is a row in which the legal actions differ in q: elsewhere nothing can
be lost, so figures over all rows flatter. Every figure of a set is computed over the whole set:
a quantile or a maximum is never an average of batches.

Letters: N rows, A actions. A *group* is the kind of game that a row is of (for Texas 42, the
declaration) and a *ply* the number of moves made before. The arguments `decl` and `ply` and the
keys `per_decl` and `per_ply` are named after them, because evaluations are stored under these names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.learning.choice import CHOICE_GRAIN, choose

EVALUATION_VERSION = "v1"
"""Raised when the same network gets other figures."""

GOAL = "decision_q_gap"
"""the figure by which evaluations of a training run are compared: less is better"""

BLUNDER = 10.0
"""points: a choice that loses more is a blunder, in a game whose results are some tens of points"""

Floats = npt.NDArray[np.floating]


def evaluate_q(
    predicted: npt.ArrayLike,
    q: npt.ArrayLike,
    legal: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    decl: npt.ArrayLike | None = None,
    ply: npt.ArrayLike | None = None,
    *,
    predicted_value: npt.ArrayLike | None = None,
    in_points: bool = True,
    predicted_variance: npt.ArrayLike | None = None,
    variance: npt.ArrayLike | None = None,
) -> dict[str, Any]:
    """Compare a network's answers with the labels. All in points, mover's frame.

    predicted [N, A] points, or logits if `in_points` is False; q [N, A], anything where
    illegal; legal bool [N, A]; weight [N] number of positions that a row represents (default:
    rows count alike); decl, ply [N] group and ply of each row, to report by; predicted_value
    [N] points; predicted_variance and variance [N, A] points squared, of Q over worlds where q
    is E[Q].

    Plain keys are over all rows, `decision_*` over decisions, both weighted by `weight`: rows,
    q_gap (mean regret), blunder_rate (regret > BLUNDER), zero_regret_rate, accuracy (any of the
    tied best is right, so it equals zero_regret_rate), regret_p99, regret_max, q_mae over legal
    answers, value_mae; with variances spread_mae and spread_bias, of standard deviations: the
    mean error of the predicted one, and its mean excess. With `ply`: `per_ply`, and
    `*_mean_over_plies` of q_gap, in which every ply counts alike; with `decl`: `per_decl`. Both
    are {group: {rows, q_gap, decision_q_gap, ...}}.
    Raises BadInput for no rows, shapes that do not fit, NaN, or a row without a legal action.
    """
    labels = _Labels.check(q, legal, weight, decl, ply)
    answers = np.asarray(predicted, dtype=np.float64)
    if answers.shape != labels.q.shape:
        raise BadInput(f"answers have shape {answers.shape}, q {labels.q.shape}: give one answer per action")
    if not np.isfinite(answers[labels.legal]).all():
        raise BadInput(
            "an answer for a legal action is NaN or infinite: the network has diverged, or its input"
        )
    rows = np.arange(len(answers))
    regret = labels.best - labels.q[rows, choose(answers, labels.legal)]
    measured = _report(labels, rows, regret, labels.weight)
    if in_points:
        error = np.where(labels.legal, np.abs(answers - labels.q), 0.0)
        _add_mean(measured, "q_mae", labels, error.sum(axis=1), labels.legal.sum(axis=1))
    if predicted_value is not None:
        values = np.asarray(predicted_value, dtype=np.float64)
        _add_mean(measured, "value_mae", labels, np.abs(values - labels.best), np.ones(len(rows)))
    if predicted_variance is not None and variance is not None:
        excess = np.where(labels.legal, np.sqrt(predicted_variance) - np.sqrt(variance), 0.0)
        for key, error in (("spread_mae", np.abs(excess)), ("spread_bias", excess)):
            _add_mean(measured, key, labels, error.sum(axis=1), labels.legal.sum(axis=1))
    return measured


def evaluate_random(
    q: npt.ArrayLike,
    legal: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    decl: npt.ArrayLike | None = None,
    ply: npt.ArrayLike | None = None,
) -> dict[str, Any]:
    """Return the expectation of `evaluate_q` for random legal play: the baseline of every evaluation."""
    labels = _Labels.check(q, legal, weight, decl, ply)
    rows, actions = np.nonzero(labels.legal)
    regret = labels.best[rows] - labels.q[rows, actions]
    return _report(labels, rows, regret, labels.weight[rows] / labels.legal.sum(axis=1)[rows])


def regret_of(predicted: npt.NDArray, q: npt.NDArray, legal: npt.NDArray) -> Floats:
    """Return the points [N] that each choice loses; arguments as of `evaluate_q`."""
    points = np.where(legal, q, -np.inf).astype(np.float64)
    return points.max(axis=1) - points[np.arange(len(points)), choose(np.asarray(predicted), legal)]


def is_decision(q: npt.NDArray, legal: npt.NDArray) -> npt.NDArray[np.bool_]:
    """Return True, [N], where points can be lost: the legal actions differ in q."""
    highest = np.where(legal, q, -np.inf).max(axis=1)
    lowest = np.where(legal, q, np.inf).min(axis=1)
    return highest - lowest > CHOICE_GRAIN


@dataclass(frozen=True, slots=True)
class _Labels:
    """N checked rows; q is NaN where illegal."""

    q: Floats
    legal: npt.NDArray[np.bool_]
    best: Floats
    decision: npt.NDArray[np.bool_]
    weight: Floats
    groups: dict[str, npt.NDArray]
    """the numbers [N] to report by, under the key of each report"""

    @classmethod
    def check(cls, q, legal, weight, decl, ply) -> _Labels:
        q, legal = np.asarray(q), np.asarray(legal, dtype=np.bool_)
        n = len(q)
        if n == 0:
            raise BadInput("there are no rows to evaluate: give at least one")
        if q.shape != legal.shape or q.ndim != 2:
            raise BadInput(f"q {q.shape} and legal {legal.shape}: both must be [N, A]")
        weight = np.ones(n) if weight is None else np.asarray(weight, dtype=np.float64)
        given = {"per_ply": ply, "per_decl": decl}
        groups = {key: np.asarray(group) for key, group in given.items() if group is not None}
        if any(column.shape != (n,) for column in (weight, *groups.values())):
            raise BadInput(f"weight, decl and ply must hold one number for each of the {n} rows")
        if not legal.any(axis=1).all():
            raise BadInput("a row has no legal action: leave out finished games")
        if not (
            np.isfinite(q[legal]).all() and np.isfinite(weight).all() and weight.min() >= 0 < weight.sum()
        ):
            raise BadInput(
                "q and weight must be finite, no weight negative and some weight positive: check the data"
            )
        points = np.where(legal, q, np.nan).astype(np.float64)
        return cls(points, legal, np.nanmax(points, axis=1), is_decision(q, legal), weight, groups)


def _report(labels: _Labels, rows: npt.NDArray, regret: Floats, weight: Floats) -> dict[str, Any]:
    """Measure M choices: of row `rows` [M], losing `regret` [M], of weight `weight` [M]."""
    decision = labels.decision[rows]
    measured: dict[str, Any] = {"rows": len(labels.q), "decision_rows": int(labels.decision.sum())}
    measured |= _summary(regret, weight)
    measured |= _prefixed("decision_", _summary(regret[decision], weight[decision]))
    for name, group in labels.groups.items():
        of_choice = group[rows]
        measured[name] = {}
        for key in np.unique(group):
            members = of_choice == key
            decisions = members & decision
            measured[name][int(key)] = {
                "rows": int((group == key).sum()),
                **_summary(regret[members], weight[members]),
                **_prefixed("decision_", _summary(regret[decisions], weight[decisions])),
            }
    if "per_ply" in measured:
        for key in ("q_gap", "decision_q_gap"):
            gaps = [entry[key] for entry in measured["per_ply"].values() if key in entry]
            if gaps:
                measured[f"{key}_mean_over_plies"] = float(np.mean(gaps))
    return measured


def _summary(regret: Floats, weight: Floats) -> dict[str, float]:
    """Summarise M weighted choices; an empty record where the weights sum to 0."""
    total = weight.sum()
    if not total > 0:
        return {}
    order = np.argsort(regret, kind="stable")
    reached = np.cumsum(weight[order])
    p99 = regret[order][min(np.searchsorted(reached, 0.99 * reached[-1]), len(regret) - 1)]
    without_loss = float(weight[regret <= CHOICE_GRAIN].sum() / total)
    return {
        "q_gap": float((regret * weight).sum() / total),
        "blunder_rate": float(weight[regret > BLUNDER].sum() / total),
        "zero_regret_rate": without_loss,
        "accuracy": without_loss,
        "regret_p99": float(p99),
        "regret_max": float(regret[weight > 0].max()),
    }


def _add_mean(measured: dict[str, Any], key: str, labels: _Labels, error: Floats, count: npt.NDArray) -> None:
    """Add the weighted mean of `error` [N] sums over `count` [N] terms: over all rows and over decisions."""
    for prefix, weight in (("", labels.weight), ("decision_", labels.weight * labels.decision)):
        total = (weight * count).sum()
        if total > 0:
            measured[prefix + key] = float((weight * error).sum() / total)


def _prefixed(prefix: str, figures: dict[str, float]) -> dict[str, float]:
    return {prefix + key: value for key, value in figures.items()}
