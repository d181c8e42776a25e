"""A whole set of recorded games in figures, ply by ply."""

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
    """The decisions of one ply, or of all; each game counts the same, quantiles are over games."""

    ply: int | None
    """plays made before, 0..27; None: of all"""
    decisions: int
    forced: float
    """share with a single legal play"""
    u_mean: float
    """points: spread of Q over worlds, the mean over legal plays"""
    u_max: float
    """points: of the play with the largest"""
    ess_min: float
    """effective number of worlds, the least of any game"""
    ess_p10: float
    ess_median: float
    converged: float
    """share where E[Q] is as well known as was asked"""
    worlds: float
    """asked about, mean"""
    world_count_median: float
    """worlds that fit what the mover knew"""
    world_count_max: int
    q_gap: float | None
    """mean over the decisions that were not forced; None if all were"""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a set of games holds."""

    games: int
    settings: tuple[str, ...]
    """the different fingerprints: one, unless games were made in several ways"""
    bids_made: float
    """share of games in which the bidders took what they had bid"""
    bidders_points: float
    """mean of the 42"""
    all: PlyFigures
    plies: tuple[PlyFigures, ...]
    """28"""


def summarize(records: Iterable[GameRecord]) -> Summary:
    """Figures of a set of games, which may be read as they are counted. Raises BadInput for none."""
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
    told = {name: np.stack(column) for name, column in columns.items()}
    return Summary(
        games=len(points),
        settings=tuple(sorted(settings)),
        bids_made=float(np.mean(made)),
        bidders_points=float(np.mean(points)),
        all=_figures(None, {name: column.ravel() for name, column in told.items()}),
        plies=tuple(
            _figures(ply, {name: column[:, ply] for name, column in told.items()}) for ply in range(N_PLAYS)
        ),
    )


def _bidders_points(record: GameRecord) -> int:
    """Points of the bidder's team in the end, 0..42."""
    told: Decisions = record.decisions
    outcome = int(told.actual_outcome[0])
    return (42 + (outcome if told.player[0] % 2 == record.bidder % 2 else -outcome)) // 2


def _figures(ply: int | None, told: dict[str, np.ndarray]) -> PlyFigures:
    """told: one number a decision, by column."""
    ess, free = told["ess"].astype(np.float64), ~told["forced"]
    return PlyFigures(
        ply=ply,
        decisions=len(ess),
        forced=float(told["forced"].mean()),
        u_mean=float(told["u_mean"].mean(dtype=np.float64)),
        u_max=float(told["u_max"].mean(dtype=np.float64)),
        ess_min=float(ess.min()),
        ess_p10=float(np.quantile(ess, 0.1)),
        ess_median=float(np.median(ess)),
        converged=float(told["converged"].mean()),
        worlds=float(told["n_worlds"].mean()),
        world_count_median=float(np.median(told["world_count"])),
        world_count_max=int(told["world_count"].max()),
        q_gap=float(told["q_gap"][free].mean(dtype=np.float64)) if free.any() else None,
    )
