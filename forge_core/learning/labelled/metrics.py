"""The quality of chosen actions, in points for the mover, compared with random legal play.

The regret of a choice is the best legal q minus the q of the chosen action; q may be exact or an
estimate. A *decision* is a row whose legal actions differ in q. In other rows nothing can be lost, so
averages over all rows make the play look better than it is. Every figure is computed over the whole
set of rows; quantiles and maxima are never averaged over batches.

Letters: N rows, A actions. The *group* of a row is the kind of game it comes from (for Texas 42, the
declaration), and its *ply* is the number of moves made before it. They are the arguments `decl` and
`ply` and the keys `per_decl` and `per_ply`, because evaluations are stored under these names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.learning.choice import CHOICE_GRAIN, choose

EVALUATION_VERSION = "v1"
"""Increased when the same network would get different figures."""

GOAL = "decision_q_gap"
"""the figure by which the evaluations of a training run are compared; lower is better"""

TRAIN_FIGURE, TRAIN_VAL_GAP = f"train_{GOAL}", "train_val_gap"
"""GOAL on a fixed sample of the training rows, and GOAL on val minus that: points lost through memorizing"""

BLUNDER = 10.0
"""points; a choice that loses more is a blunder, for games whose results are some tens of points"""

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
    """Compare a network's answers with the labels. All values are points in the mover's frame.

    predicted [N, A] points, or logits if `in_points` is False; q [N, A], any value where illegal;
    legal bool [N, A]; weight [N] number of positions that a row represents (default: 1 each); decl,
    ply [N] group and ply of each row, whole numbers of at least 0, for figures per group and ply (their
    range depends on the game, so it is not checked); predicted_value [N] points;
    predicted_variance and variance [N, A] points squared, the variances of Q over worlds if q is E[Q].

    Returns figures over all rows and, under keys `decision_*`, over decisions, both weighted by `weight`
    (where there is no decision, only decision_rows, which is 0): rows, q_gap (mean regret), blunder_rate
    (regret > BLUNDER), zero_regret_rate, accuracy (any of the tied best actions is right, so it equals
    zero_regret_rate), regret_p99, regret_max, q_mae over legal actions, and value_mae. With variances it adds
    spread_mae and spread_bias: the mean absolute and the mean signed error of predicted standard deviations.
    With `ply` it adds `per_ply`, and q_gap averaged over plies as `*_mean_over_plies`; with `decl` it adds
    `per_decl`. Both are {group: {rows, q_gap, decision_q_gap, ...}}.

    Raises BadInput if there are no rows, if shapes do not match, if a value is NaN or infinite, if a group
    or ply is not a whole number of at least 0, or if a row has no legal action.
    """
    labels = _Labels.check(q, legal, weight, decl, ply)
    answers = np.asarray(predicted, dtype=np.float64)
    if answers.shape != labels.q.shape:
        raise BadInput(
            f"answers have shape {answers.shape} but q has {labels.q.shape}: pass one answer per action"
        )
    if not np.isfinite(answers[labels.legal]).all():
        raise BadInput("an answer for a legal action is NaN or infinite: check the network and its input")
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
    """Return the expected result of `evaluate_q` for random legal play, the baseline of every evaluation."""
    labels = _Labels.check(q, legal, weight, decl, ply)
    rows, actions = np.nonzero(labels.legal)
    regret = labels.best[rows] - labels.q[rows, actions]
    return _report(labels, rows, regret, labels.weight[rows] / labels.legal.sum(axis=1)[rows])


def regret_of(predicted: npt.NDArray, q: npt.NDArray, legal: npt.NDArray) -> Floats:
    """Return the regret [N] of each choice in points; the arguments are those of `evaluate_q`."""
    points = np.where(legal, q, -np.inf).astype(np.float64)
    return points.max(axis=1) - points[np.arange(len(points)), choose(np.asarray(predicted), legal)]


def is_decision(q: npt.NDArray, legal: npt.NDArray) -> npt.NDArray[np.bool_]:
    """Return bool [N]: True where the legal actions differ in q, so that points can be lost."""
    highest = np.where(legal, q, -np.inf).max(axis=1)
    lowest = np.where(legal, q, np.inf).min(axis=1)
    return highest - lowest > CHOICE_GRAIN


@dataclass(frozen=True, slots=True)
class _Labels:
    """The labels of N checked rows; q is NaN where illegal."""

    q: Floats
    legal: npt.NDArray[np.bool_]
    best: Floats
    decision: npt.NDArray[np.bool_]
    weight: Floats
    groups: dict[str, npt.NDArray]
    """the group numbers [N], keyed by the name of the report, `per_ply` or `per_decl`"""

    @classmethod
    def check(cls, q, legal, weight, decl, ply) -> _Labels:
        q, legal = np.asarray(q), np.asarray(legal, dtype=np.bool_)
        n = len(q)
        if n == 0:
            raise BadInput("there are no rows to evaluate: pass at least one")
        if q.shape != legal.shape or q.ndim != 2:
            raise BadInput(f"q has shape {q.shape} and legal {legal.shape}: both must be [N, A]")
        weight = np.ones(n) if weight is None else np.asarray(weight, dtype=np.float64)
        given = {"per_ply": ply, "per_decl": decl}
        groups = {key: np.asarray(group) for key, group in given.items() if group is not None}
        if any(column.shape != (n,) for column in (weight, *groups.values())):
            raise BadInput(f"weight, decl and ply must hold one number for each of the {n} rows")
        for key, column in groups.items():
            if not (np.issubdtype(column.dtype, np.integer) and column.min() >= 0):
                raise BadInput(f"{key.removeprefix('per_')} must hold whole numbers of at least 0")
        if not legal.any(axis=1).all():
            raise BadInput("a row has no legal action: leave out finished games")
        if not (
            np.isfinite(q[legal]).all() and np.isfinite(weight).all() and weight.min() >= 0 < weight.sum()
        ):
            raise BadInput(
                "q and weight must be finite, and weights non-negative and not all zero: check the data"
            )
        points = np.where(legal, q, np.nan).astype(np.float64)
        return cls(points, legal, np.nanmax(points, axis=1), is_decision(q, legal), weight, groups)


def _report(labels: _Labels, rows: npt.NDArray, regret: Floats, weight: Floats) -> dict[str, Any]:
    """Summarize M choices, given the row [M], the regret [M] and the weight [M] of each."""
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
    """Summarize M weighted choices; empty if the weights sum to 0."""
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
    """Add a weighted mean error over all rows and one over decisions.

    error [N] is the sum of count [N] terms in each row.
    """
    for prefix, weight in (("", labels.weight), ("decision_", labels.weight * labels.decision)):
        total = (weight * count).sum()
        if total > 0:
            measured[prefix + key] = float((weight * error).sum() / total)


def _prefixed(prefix: str, figures: dict[str, float]) -> dict[str, float]:
    return {prefix + key: value for key, value in figures.items()}
