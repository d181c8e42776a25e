"""Dagster runs that have ended and whose events are no longer needed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from forge_assets.dagster_internals import (
    INPUT_POINTER,
    backfills_under_way,
    event_files,
    log_files,
    runs_of_events,
    runs_with_latest_events,
)
from forge_assets.retention.items import DAGSTER_RUN, Item

_OVER = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def find_dagster_runs(instance: dg.DagsterInstance, before: float, of_models: set[str]) -> Iterator[Item]:
    """Yield the runs that last changed before a given time and are not needed.

    before: seconds since 1970. of_models: ids of the runs that made networks that are needed. These runs are
    needed, and so are their upstream runs, runs of backfills under way, and runs with the latest event of a
    partition or check: Dagster reads the status of a partition from that event.
    """
    kept = runs_with_latest_events(instance) | of_models | runs_upstream(instance, of_models)
    under_way = {backfill.backfill_id for backfill in backfills_under_way(instance)}
    over = dg.RunsFilter(statuses=_OVER, updated_before=datetime.fromtimestamp(before, UTC))
    cursor = None
    while records := instance.get_run_records(over, limit=500, cursor=cursor):
        cursor = records[-1].dagster_run.run_id
        for record in records:
            run = record.dagster_run
            if run.run_id not in kept and run.tags.get("dagster/backfill") not in under_way:
                files = (*event_files(instance, run.run_id), *log_files(instance, run.run_id))
                assets = sorted(key.to_user_string() for key in run.asset_selection or ())
                nbytes = sum(path.stat().st_size for path in files)
                made_by = ", ".join(assets) or run.job_name
                yield Item(DAGSTER_RUN, run.run_id, made_by, nbytes, record.update_timestamp.timestamp())


def runs_upstream(instance: dg.DagsterInstance, runs: set[str]) -> set[str]:
    """Return the ids of the runs whose materializations the given runs used, directly or indirectly."""
    made = dg.DagsterEventType.ASSET_MATERIALIZATION
    found: set[str] = set()
    added = set(runs)
    while added:
        entries = (entry for run_id in added for entry in instance.all_logs(run_id, of_type=made))
        events = (entry.asset_materialization for entry in entries)
        tags = (tag for event in events if event for tag in (event.tags or {}).items())
        ids = [int(value) for name, value in tags if name.startswith(INPUT_POINTER) and value.isdecimal()]
        added = runs_of_events(instance, ids) - found - runs
        found |= added
    return found
