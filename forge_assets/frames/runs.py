"""The tables of training runs, which all games share: one row per run, and their learning curves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forge_assets.folders import RESULT
from forge_assets.frames.tables import Column, Places, Table

if TYPE_CHECKING:
    import polars as pl

_COSTS = ("step", "rows", "seconds", "cpu_seconds")
"""figures of an evaluation that have columns of their own"""


def _read_runs(places: Places) -> pl.DataFrame:
    import polars as pl

    from forge_assets.frames.scan import schema_of

    return pl.DataFrame(list(_runs(places.runs)), schema=schema_of(RUNS.columns))


def _runs(folder: Path) -> Iterator[dict[str, Any]]:
    for run, config in _find_runs(folder):
        points = _read_curve(run)
        last = points[-1] if points else {}
        yield {
            "run": run.name,
            "game": _game_of(config),
            "kind": config["data"].get("kind"),
            "data_version": config["data"].get("version"),
            "init_from": config["init_from"],
            "device": config.get("device"),
            "precision": config["precision"],
            "finished": (run / RESULT).exists(),
            "evaluations": len(points),
            **{name: last.get(name) for name in _COSTS},
        }


def _read_curves(places: Places) -> pl.DataFrame:
    import polars as pl

    from forge_assets.frames.scan import schema_of

    rows = (
        {
            "run": run.name,
            "game": _game_of(config),
            **{name: point.get(name) for name in _COSTS},
            "figure": figure,
            "value": value,
        }
        for run, config in _find_runs(places.runs)
        for point in _read_curve(run)
        for figure, value in point.items()
        if figure not in _COSTS
    )
    return pl.DataFrame(list(rows), schema=schema_of(CURVES.columns))


def _game_of(config: dict[str, Any]) -> str:
    """Return the game of a run; the first one if its data names none, as lineage does."""
    from forge_assets.games import all_games

    return str(config["data"].get("game", all_games()[0].name))


def _find_runs(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the folders of runs, by name, with their config.json. Raises BadInput for a damaged one."""
    from forge_core.errors import BadInput
    from forge_core.learning.runs import CONFIG, read_run

    for config in sorted(folder.glob(f"*/{CONFIG}")):
        record = read_run(config.parent)
        if not isinstance(record["data"], dict):
            raise BadInput(f"{config} is damaged (its data is not a JSON object): start a new run")
        yield config.parent, record


def _read_curve(run: Path) -> list[dict[str, Any]]:
    """Return the evaluations of a run; none before the first. Raises BadInput for a damaged curve."""
    import csv

    from forge_core.errors import BadInput
    from forge_core.learning.runs import CURVE

    path = run / CURVE
    if not path.exists():
        return []
    try:
        with path.open(newline="") as file:
            points = [
                {name: float(text) for name, text in row.items() if text} for row in csv.DictReader(file)
            ]
    except (ValueError, TypeError, csv.Error, AttributeError) as error:
        raise BadInput(
            f"{path} is not a learning curve ({error}): resume the run to write it again"
        ) from error
    return [
        {**point, **{name: int(point[name]) for name in ("step", "rows") if name in point}}
        for point in points
    ]


_RUN = (
    Column("run", "string", "name of the run and of its folder"),
    Column("game", "string", "the game that it learns"),
)
_SPENT = (
    Column("step", "int64", "optimizer steps"),
    Column("rows", "int64", "rows that it has learnt from, repeated ones included"),
    Column("seconds", "float64", "time of all parts of the run", unit="seconds"),
    Column("cpu_seconds", "float64", "time of all cores", unit="CPU seconds"),
)
RUNS = Table(
    "runs",
    "a training run of any game; steps, rows and times are those at its last evaluation",
    (
        *_RUN,
        Column("kind", "string", "kind of the data that it learns from, such as live or stored"),
        Column("data_version", "string", "version of that data"),
        Column("init_from", "string", "network that it started from; null if from random weights"),
        Column("device", "string", "device of its last start"),
        Column("precision", "string", "precision of its arithmetic"),
        Column("finished", "bool", "the run reached its end and its result was recorded"),
        Column("evaluations", "int64", "points of its learning curve"),
        *_SPENT,
    ),
    _read_runs,
    assets={
        "oracle_model": {"game": ["texas42"], "kind": ["live", "stored"]},
        "eq_model": {"game": ["texas42"], "kind": ["games"]},
        "liuzhou_model": {"game": ["liuzhou"]},
        "skull_king_policy": {"game": ["skull_king"]},
    },
)
CURVES = Table(
    "curves",
    "a figure of an evaluation during a training run",
    (
        *_RUN,
        *_SPENT,
        Column("figure", "string", "name of the figure, such as loss or decision_q_gap"),
        Column("value", "float64", "its value; docs/glossary.md explains the figures"),
    ),
    _read_curves,
)

TABLES = (RUNS, CURVES)
