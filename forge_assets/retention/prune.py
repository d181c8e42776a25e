"""Pruning of a pipeline that runs for months: old runs, their events, artefacts and checkpoints.

These are never removed, however old: Dagster runs that hold the latest materialization of a partition or the
latest result of a check, or that led to a network that is kept; MLflow runs whose model has an alias in the
registry or is the latest of its name, or which an asset trained last, and the parents of these; anything
still in progress. Age is counted back from the last run, so that a clock that jumps ahead removes nothing.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from forge_assets.dagster_internals import delete_run
from forge_assets.retention.dagster_runs import find_dagster_runs
from forge_assets.retention.files import find_temporaries, find_training_files
from forge_assets.retention.items import DAGSTER_RUN, DAY_S, FETCHED, FOLDER, MLFLOW_RUN, Item, Places
from forge_assets.retention.models import read_models, remove_mlflow_run
from forge_assets.retention.settings import DAYS
from forge_core.errors import BadInput


def find_items(places: Places, days: float = DAYS, now: float | None = None) -> list[Item]:
    """Return the items that may be removed: those not changed in the last `days` before the last run.

    now: seconds since 1970; the clock's time by default. Raise BadInput if `days` is below 1, TrackerUnusable
    if MLflow cannot say which networks are needed.
    """
    if not days >= 1:
        raise BadInput(f"days is {days}: keep at least 1 day")
    latest = places.instance.get_run_records(limit=1)
    now = min([time.time() if now is None else now, *(of.update_timestamp.timestamp() for of in latest)])
    before = now - days * DAY_S
    models = read_models(places)
    return [
        *find_dagster_runs(places.instance, before, models.dagster_runs),
        *find_training_files(places, before, models),
        *models.items(before),  # after the folders, which are identified by these runs
        *find_temporaries(places, now),
    ]


def remove(places: Places, items: Iterable[Item]) -> Iterator[Item]:
    """Remove items one by one and yield each; an item that no longer exists counts as removed.

    If this is interrupted, `find_items` finds the rest again.
    """
    for item in items:
        if item.kind == DAGSTER_RUN:
            delete_run(places.instance, item.name)
        elif item.kind == MLFLOW_RUN:
            remove_mlflow_run(places.tracker, item.name)
        elif item.kind in (FOLDER, FETCHED):
            shutil.rmtree(item.name, ignore_errors=True)
        else:
            with suppress(FileNotFoundError):
                Path(item.name).unlink()
        yield item
