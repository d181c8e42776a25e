"""Summary figures of a set of recorded games, by ply."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from forge_core.errors import BadInput
from forge_core.texas42.dominoes import N_PLAYS
from forge_core.texas42.eq.records import Decisions, GameRecord

_COLUMNS = ("u_mean", "u_max", "ess", "converged", "n_worlds", "world_count", "forced", "q_gap")


@dataclass(frozen=True, slots=True)
class PlyFigures:
    """Figures of the decisions of one ply, or of all. Games have equal weight; quantiles are over games."""

    ply: int | None
    """plays made before the decision, 0..27; None: all plies"""
    decisions: int
    forced: float
    """share of decisions with a single legal play"""
    u_mean: float
    """standard deviation of Q over worlds in points, averaged over legal plays and decisions"""
    u_max: float
    """the largest of these standard deviations at each decision, averaged over decisions, in points"""
    ess_min: float
    """smallest effective number of worlds in any game"""
    ess_p10: float
    ess_median: float
    converged: float
    """share of decisions in which E[Q] is as precise as requested"""
    worlds: float
    """mean number of worlds used"""
    world_count_median: float
    """median number of worlds consistent with the mover's knowledge"""
    world_count_max: int
    q_gap: float | None
    """mean over decisions that are not forced; None if all are forced"""


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures of a set of games."""

    games: int
    settings: tuple[str, ...]
    """distinct fingerprints of settings: more than one if the games' settings differ"""
    bids_made: float
    """share of games in which the bid was made"""
    bidders_points: float
    """mean points of the bidding team, out of 42"""
    all: PlyFigures
    plies: tuple[PlyFigures, ...]
    """the 28 plies"""


def summarize(records: Iterable[GameRecord]) -> Summary:
    """Summarise games, which may be a stream. Raises BadInput if there are none."""
    columns: dict[str, list] = {name: [] for name in _COLUMNS}
    settings, points, made = set(), [], []
    for record in records:
        for name in _COLUMNS:
            columns[name].append(getattr(record.decisions, name))
        settings.add(record.fingerprint)
        points.append(_bidders_points(record))
        made.append(points[-1] >= min(record.bid, 42))
    if not points:
        raise BadInput("no games to summarise: make some with forge eq")
    by_name = {name: np.stack(column) for name, column in columns.items()}
    return Summary(
        games=len(points),
        settings=tuple(sorted(settings)),
        bids_made=float(np.mean(made)),
        bidders_points=float(np.mean(points)),
        all=_figures(None, {name: column.ravel() for name, column in by_name.items()}),
        plies=tuple(
            _figures(ply, {name: column[:, ply] for name, column in by_name.items()})
            for ply in range(N_PLAYS)
        ),
    )


def _bidders_points(record: GameRecord) -> int:
    """Return the final points of the bidding team, 0..42."""
    decisions: Decisions = record.decisions
    outcome = int(decisions.actual_outcome[0])
    return (42 + (outcome if decisions.player[0] % 2 == record.bidder % 2 else -outcome)) // 2


def _figures(ply: int | None, columns: dict[str, np.ndarray]) -> PlyFigures:
    """Compute the figures from columns with one number per decision."""
    ess, free = columns["ess"].astype(np.float64), ~columns["forced"]
    return PlyFigures(
        ply=ply,
        decisions=len(ess),
        forced=float(columns["forced"].mean()),
        u_mean=float(columns["u_mean"].mean(dtype=np.float64)),
        u_max=float(columns["u_max"].mean(dtype=np.float64)),
        ess_min=float(ess.min()),
        ess_p10=float(np.quantile(ess, 0.1)),
        ess_median=float(np.median(ess)),
        converged=float(columns["converged"].mean()),
        worlds=float(columns["n_worlds"].mean()),
        world_count_median=float(np.median(columns["world_count"])),
        world_count_max=int(columns["world_count"].max()),
        q_gap=float(columns["q_gap"][free].mean(dtype=np.float64)) if free.any() else None,
    )
