"""How good the chosen actions are, in points to the mover, beside random legal play.

The regret of a choice is the best legal q less the q of what was chosen, be q exact or an
estimate. A *decision* is a row with more than one legal action, not all of them best:
elsewhere nothing can be lost, so figures over all rows flatter. Whatever is said of a set is
taken over the whole of it: a quantile or a maximum is never an average of batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.learning.labelled.rows import Rows

if TYPE_CHECKING:
    from forge_core.learning.networks.transformer import TokenTransformer

EVALUATION_VERSION = "v1"
"""Raised when the same network is given other figures."""

CHOICE_GRAIN = 0.01
"""Answers are rounded to it before they are compared; the lowest slot wins among equals. To
lose less is to lose nothing."""

BLUNDER = 10.0
"""points: a choice that loses more is a blunder"""

Floats = npt.NDArray[np.floating]


def choose(predicted, legal, grain: float = CHOICE_GRAIN):
    """The action taken: the lowest of those equal to the best legal answer after rounding to `grain`.

    predicted [N, A], legal bool [N, A] -> int64 [N]; arrays, or tensors on one device, to the same result.
    """
    if isinstance(predicted, np.ndarray):
        grains = np.where(legal, np.round(predicted / grain), -np.inf)
        return (grains == grains.max(axis=1, keepdims=True)).argmax(axis=1)
    grains = (predicted / grain).round().masked_fill(~legal, -float("inf"))
    return (grains == grains.amax(dim=1, keepdim=True)).int().argmax(dim=1)


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
    """Hold answers to the truth. All in points, mover's frame.

    predicted [N, A] points, or with `in_points` False logits; q [N, A], anything where
    illegal; legal bool [N, A]; weight [N] what a row stands for (default: every row the
    same); decl, ply [N] groups to report by; predicted_value [N] points; predicted_variance
    and variance [N, A] points squared, of Q over worlds where q is E[Q].

    Plain keys are over all rows, `decision_*` over decisions, both weighted by `weight`:
    rows, q_gap (mean regret), blunder_rate (regret > 10), zero_regret_rate, accuracy (any
    of the tied best is right), regret_p99, regret_max, q_mae over legal answers, value_mae;
    with variances spread_mae and spread_bias, of standard deviations: how far the predicted
    one is off, and how much too large it is on average.
    Accuracy is the share of rows of no regret, under its other name. With `ply`:
    `*_mean_over_plies` of q_gap, in which every ply counts the same, and `per_ply`; with
    `decl`: `per_decl`: {group: {rows, q_gap, decision_q_gap, ...}}.
    Raises BadInput for no rows, shapes that do not fit, NaN, or a row without a legal action.
    """
    truth = _Truth.check(q, legal, weight, decl, ply)
    answers = np.asarray(predicted, dtype=np.float64)
    if answers.shape != truth.q.shape:
        raise BadInput(f"answers {answers.shape} to {truth.q.shape} questions: give one to each action")
    if not np.isfinite(answers[truth.legal]).all():
        raise BadInput(
            "an answer for a legal action is NaN or infinite: the network has diverged, or its input"
        )
    rows = np.arange(len(answers))
    regret = truth.best - truth.q[rows, choose(answers, truth.legal)]
    measured = _report(truth, rows, regret, truth.weight)
    if in_points:
        error = np.where(truth.legal, np.abs(answers - truth.q), 0.0)
        _add_mean(measured, "q_mae", truth, error.sum(axis=1), truth.legal.sum(axis=1))
    if predicted_value is not None:
        values = np.asarray(predicted_value, dtype=np.float64)
        _add_mean(measured, "value_mae", truth, np.abs(values - truth.best), np.ones(len(rows)))
    if predicted_variance is not None and variance is not None:
        excess = np.where(truth.legal, np.sqrt(predicted_variance) - np.sqrt(variance), 0.0)
        for key, error in (("spread_mae", np.abs(excess)), ("spread_bias", excess)):
            _add_mean(measured, key, truth, error.sum(axis=1), truth.legal.sum(axis=1))
    return measured


def evaluate_random(
    q: npt.ArrayLike,
    legal: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    decl: npt.ArrayLike | None = None,
    ply: npt.ArrayLike | None = None,
) -> dict[str, Any]:
    """The row beside every evaluation: what `evaluate_q` says of legal play at random, in expectation."""
    truth = _Truth.check(q, legal, weight, decl, ply)
    rows, actions = np.nonzero(truth.legal)
    regret = truth.best[rows] - truth.q[rows, actions]
    return _report(truth, rows, regret, truth.weight[rows] / truth.legal.sum(axis=1)[rows])


_OF_ROWS = ("q", "legal", "weight", "decl", "ply", "deal", "variance")


@dataclass(frozen=True, slots=True)
class Answers:
    """What a network said of N rows, beside the truth; without their tokens, which are large."""

    said: Floats
    """[N, A] points or logits"""
    value: Floats
    """[N] points"""
    q: npt.NDArray
    legal: npt.NDArray[np.bool_]
    weight: Floats
    decl: npt.NDArray
    ply: npt.NDArray
    deal: npt.NDArray
    in_points: bool
    said_variance: Floats | None = None
    """[N, A] points squared; None from a network that says none"""
    variance: Floats | None = None
    """[N, A] points squared; None where q is exact"""

    @classmethod
    def of(cls, model: TokenTransformer, rows: Rows) -> Answers:
        """What `model` says of some rows (tensors where it is), all at once."""
        said, value, *more = model.answers(rows.tokens, rows.mask)
        columns: dict[str, Any] = {name: getattr(rows, name) for name in _OF_ROWS}
        columns |= {"said": said, "value": value, "said_variance": more[0] if more else None}
        arrays = {name: None if c is None else c.cpu().numpy() for name, c in columns.items()}
        return cls(**arrays, in_points=model.config.in_points)  # pyright: ignore[reportArgumentType]

    @classmethod
    def join(cls, parts: Sequence[Answers]) -> Answers:
        """Several sets of answers of one network as one. Raises BadInput for none."""
        if not parts:
            raise BadInput("there is no row to evaluate: give at least one")
        names = [field.name for field in fields(cls) if isinstance(getattr(parts[0], field.name), np.ndarray)]
        columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        return cls(**columns, in_points=parts[0].in_points)

    def measure(self, uniform: bool = False) -> dict[str, Any]:
        """`evaluate_q`: every row the same, or `uniform` over positions, by what each stands for."""
        return evaluate_q(
            self.said,
            self.q,
            self.legal,
            self.weight if uniform else None,
            self.decl,
            self.ply,
            predicted_value=self.value,
            in_points=self.in_points,
            predicted_variance=self.said_variance,
            variance=self.variance,
        )

    def measure_random(self, uniform: bool = False) -> dict[str, Any]:
        """`evaluate_random` of the same rows, weighed alike."""
        return evaluate_random(self.q, self.legal, self.weight if uniform else None, self.decl, self.ply)

    def gap_by_deal(self) -> tuple[npt.NDArray, Floats]:
        """Deals [D] with a decision, and the mean regret of the decisions of each: what tests pair by.

        Rows of one deal are not independent; deals are.
        """
        decision = is_decision(self.q, self.legal)
        deals, place = np.unique(self.deal[decision], return_inverse=True)
        regret = regret_of(self.said, self.q, self.legal)[decision]
        return deals, np.bincount(place, regret) / np.bincount(place)


def ask(model: TokenTransformer, parts: Iterable[Rows], batch_size: int = 4096) -> Answers:
    """What `model` says of all rows (arrays, in parts of any size), asked where the model is.

    Raises BadInput for no rows.
    """
    import torch

    device = str(next(model.parameters()).device)
    with torch.inference_mode():
        return Answers.join(
            [
                Answers.of(model, rows.take(slice(start, start + batch_size)).to_tensors(device))
                for rows in parts
                for start in range(0, len(rows), batch_size)
            ]
        )


def regret_of(predicted: npt.NDArray, q: npt.NDArray, legal: npt.NDArray) -> Floats:
    """[N] points that each choice loses; arguments as of `evaluate_q`."""
    points = np.where(legal, q, -np.inf).astype(np.float64)
    return points.max(axis=1) - points[np.arange(len(points)), choose(np.asarray(predicted), legal)]


def is_decision(q: npt.NDArray, legal: npt.NDArray) -> npt.NDArray[np.bool_]:
    """[N] whether something can be lost: the legal actions are not all worth the same."""
    highest = np.where(legal, q, -np.inf).max(axis=1)
    lowest = np.where(legal, q, np.inf).min(axis=1)
    return highest - lowest > CHOICE_GRAIN


@dataclass(frozen=True, slots=True)
class _Truth:
    """N checked rows; q is NaN where illegal."""

    q: Floats
    legal: npt.NDArray[np.bool_]
    best: Floats
    decision: npt.NDArray[np.bool_]
    weight: Floats
    decl: npt.NDArray | None
    ply: npt.NDArray | None

    @classmethod
    def check(cls, q, legal, weight, decl, ply) -> _Truth:
        q, legal = np.asarray(q), np.asarray(legal, dtype=np.bool_)
        n = len(q)
        if n == 0:
            raise BadInput("there is no row to evaluate: give at least one")
        if q.shape != legal.shape or q.ndim != 2:
            raise BadInput(f"q {q.shape} and legal {legal.shape}: both are [N, A]")
        weight = np.ones(n) if weight is None else np.asarray(weight, dtype=np.float64)
        groups = [None if group is None else np.asarray(group) for group in (decl, ply)]
        if any(column is not None and column.shape != (n,) for column in (weight, *groups)):
            raise BadInput(f"weight, decl and ply have one number for each of the {n} rows")
        if not legal.any(axis=1).all():
            raise BadInput("a row has no legal action: leave finished games out")
        if not (
            np.isfinite(q[legal]).all() and np.isfinite(weight).all() and weight.min() >= 0 < weight.sum()
        ):
            raise BadInput(
                "q and weight are finite, no weight is negative, some weight is positive: look at the data"
            )
        points = np.where(legal, q, np.nan).astype(np.float64)
        return cls(points, legal, np.nanmax(points, axis=1), is_decision(q, legal), weight, *groups)


def _report(truth: _Truth, rows: npt.NDArray, regret: Floats, weight: Floats) -> dict[str, Any]:
    """All about M choices: of row `rows` [M], losing `regret` [M], counting `weight` [M]."""
    decision = truth.decision[rows]
    measured: dict[str, Any] = {"rows": len(truth.q), "decision_rows": int(truth.decision.sum())}
    measured |= _summary(regret, weight)
    measured |= _prefixed("decision_", _summary(regret[decision], weight[decision]))
    for name, group in (("per_ply", truth.ply), ("per_decl", truth.decl)):
        if group is None:
            continue
        of = group[rows]
        measured[name] = {}
        for key in np.unique(group):
            here = of == key
            choices = here & decision
            measured[name][int(key)] = {
                "rows": int((group == key).sum()),
                **_summary(regret[here], weight[here]),
                **_prefixed("decision_", _summary(regret[choices], weight[choices])),
            }
    if "per_ply" in measured:
        for key in ("q_gap", "decision_q_gap"):
            gaps = [entry[key] for entry in measured["per_ply"].values() if key in entry]
            if gaps:
                measured[f"{key}_mean_over_plies"] = float(np.mean(gaps))
    return measured


def _summary(regret: Floats, weight: Floats) -> dict[str, float]:
    """Figures of M weighted choices; none of them where nothing is weighed."""
    total = weight.sum()
    if not total > 0:
        return {}
    order = np.argsort(regret, kind="stable")
    reached = np.cumsum(weight[order])
    p99 = regret[order][min(np.searchsorted(reached, 0.99 * reached[-1]), len(regret) - 1)]
    none = float(weight[regret <= CHOICE_GRAIN].sum() / total)
    return {
        "q_gap": float((regret * weight).sum() / total),
        "blunder_rate": float(weight[regret > BLUNDER].sum() / total),
        "zero_regret_rate": none,
        "accuracy": none,
        "regret_p99": float(p99),
        "regret_max": float(regret[weight > 0].max()),
    }


def _add_mean(measured: dict[str, Any], key: str, truth: _Truth, error: Floats, count: npt.NDArray) -> None:
    """Add the weighted mean of `error` [N] sums over `count` [N] terms: over all rows and over decisions."""
    for prefix, weight in (("", truth.weight), ("decision_", truth.weight * truth.decision)):
        total = (weight * count).sum()
        if total > 0:
            measured[prefix + key] = float((weight * error).sum() / total)


def _prefixed(prefix: str, figures: dict[str, float]) -> dict[str, float]:
    return {prefix + key: value for key, value in figures.items()}
