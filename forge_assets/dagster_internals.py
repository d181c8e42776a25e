"""All uses of Dagster's private API, one function each.

Dagster is pinned to one version and guarantees nothing that is used here. tests/test_dagster_internals.py has
a test for each function: run it first after raising the version.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult as CheckRunHealthResult  # used by the launchers
from dagster._core.launcher import DefaultRunLauncher as DefaultRunLauncher
from dagster._core.launcher import WorkerStatus as WorkerStatus

if TYPE_CHECKING:
    from dagster import DagsterEvent
    from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
    from dagster._core.execution.backfill import PartitionBackfill
    from dagster._core.execution.plan.objects import StepFailureData
    from dagster._core.launcher import RunLauncher
    from sqlalchemy.engine import Connection

    from forge_assets.renaming import Renaming

CODE_VERSION, DATA_VERSION = "dagster/code_version", "dagster/data_version"
"""tags of a materialization"""
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
"""tags of a run of several partitions: the first and the last one"""
INPUT_VERSION, INPUT_POINTER = "dagster/input_data_version/", "dagster/input_event_pointer/"
"""prefixes of tags of a materialization; followed by the key of an upstream asset, they name the data version
and the storage id of the upstream materialization that was used"""
_MADE = dg.DagsterEventType.ASSET_MATERIALIZATION


def asset_graph(definitions: dg.Definitions) -> AssetGraph:
    """Return the graph of all assets: their keys in dependency order, parents, partitions and versions."""
    return definitions.resolve_asset_graph()


# --- the event log ----------------------------------------------------------------------------------


def latest_event_ids(
    instance: dg.DagsterInstance, key: dg.AssetKey, after: int | None = None
) -> Mapping[str, int]:
    """Return the storage id of the last materialization of each partition of an asset.

    after: leave out partitions that have no event after this id.
    """
    return instance.event_log_storage.get_latest_storage_id_by_partition(key, _MADE, after_cursor=after)


def latest_tags(
    instance: dg.DagsterInstance,
    key: dg.AssetKey,
    tag: str,
    partitions: Sequence[str],
    before: int | None = None,
) -> dict[str, str | None]:
    """Return the value of one tag in the last materialization of each partition; None where it is missing.

    before: consider only events before this id.
    """
    storage = instance.event_log_storage
    found = storage.get_latest_tags_by_partition(key, _MADE, [tag], partitions, before_cursor=before)
    return {partition: found.get(partition, {}).get(tag) for partition in partitions}


def runs_with_latest_events(instance: dg.DagsterInstance) -> set[str]:
    """Return the ids of runs that hold the latest materialization or observation of a partition, or the
    latest result of a check.

    This takes two queries for any number of partitions. Dagster's own methods would load every event.
    """
    import sqlalchemy as db
    from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable

    events, checks = SqlEventLogStorageTable.c, AssetCheckExecutionsTable.c
    kinds = [_MADE.value, dg.DagsterEventType.ASSET_OBSERVATION.value]
    of_partitions = (
        db.select(db.func.max(events.id))
        .where(events.dagster_event_type.in_(kinds), events.asset_key.is_not(None))
        .group_by(events.asset_key, events.partition, events.dagster_event_type)
    )
    of_checks = db.select(db.func.max(checks.id)).group_by(
        checks.asset_key, checks.check_name, checks.partition, checks.execution_status
    )
    with _index(instance) as connection:
        found = [
            *connection.execute(db.select(events.run_id).where(events.id.in_(of_partitions)).distinct()),
            *connection.execute(db.select(checks.run_id).where(checks.id.in_(of_checks)).distinct()),
        ]
    return {run_id for (run_id,) in found}


def runs_of_events(instance: dg.DagsterInstance, ids: Iterable[int]) -> set[str]:
    """Return the ids of the runs that hold the events with these storage ids."""
    import sqlalchemy as db
    from dagster._core.storage.event_log.schema import SqlEventLogStorageTable

    events = SqlEventLogStorageTable.c
    with _index(instance) as connection:
        found = connection.execute(db.select(events.run_id).where(events.id.in_(list(ids))).distinct())
        return {run_id for (run_id,) in found}


@contextmanager
def _index(instance: dg.DagsterInstance) -> Iterator[Connection]:
    """Open a connection to the tables that hold the events of all runs."""
    with instance.event_log_storage.index_connection() as connection:  # pyright: ignore
        yield connection


# --- names of partitions ----------------------------------------------------------------------------


def has_old_partitions(instance: dg.DagsterInstance, renaming: Renaming) -> bool:
    """Return True if an event names a partition as an earlier version did. This reads one index."""
    import sqlalchemy as db
    from dagster._core.storage.event_log.schema import SqlEventLogStorageTable

    events = SqlEventLogStorageTable.c
    old = db.select(events.partition).where(
        events.asset_key.is_not(None), events.partition.contains(renaming.word, autoescape=True)
    )
    with _index(instance) as connection:
        return connection.execute(old.limit(1)).first() is not None


def rename_partitions(instance: dg.DagsterInstance, renaming: Renaming) -> int:
    """Rename partitions in events, checks, runs and backfills; return the number of changed events.

    If it is interrupted, a repetition completes it. Runs keep their ids and times. The pages of single runs
    still show old names, since SQLite keeps another copy of their events.
    """
    import sqlalchemy as db
    from dagster._core.storage.event_log.schema import (
        AssetCheckExecutionsTable,
        AssetKeyTable,
        SqlEventLogStorageTable,
    )
    from dagster._core.storage.runs.schema import BulkActionsTable, RunsTable, RunTagsTable

    def rename(connection: Connection, table: db.Table, *columns: str) -> int:
        first = table.c[columns[0]]
        old = db.select(table.c.id).where(first.contains(renaming.word, autoescape=True))
        ids = [row_id for (row_id,) in connection.execute(old)]
        changed = 0
        for row_id in ids:
            row = connection.execute(db.select(table).where(table.c.id == row_id)).one()._mapping
            texts = {name: row[name] for name in columns if isinstance(row[name], str)}
            new = {name: renaming.apply(text) for name, text in texts.items()}
            if new != texts:
                connection.execute(db.update(table).where(table.c.id == row_id).values(new))
                changed += 1
        return changed

    with instance.run_storage.connect() as connection:  # pyright: ignore
        rename(connection, RunTagsTable, "value")
        rename(connection, RunsTable, "run_body", "partition")
        rename(connection, BulkActionsTable, "body")
    with _index(instance) as connection:
        rename(connection, AssetCheckExecutionsTable, "evaluation_event", "partition")
        changed = rename(connection, SqlEventLogStorageTable, "partition", "event")
        connection.execute(db.update(AssetKeyTable).values(cached_status_data=None))  # Dagster recomputes it
    return changed


# --- staleness --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason why an asset is stale, in Dagster's words."""

    reason: str
    asset: str | None = None
    """the upstream asset that caused it, `name` or `prefix/name`"""
    partition: str | None = None
    """partition of the upstream asset"""


class StaleCauses:
    """Dagster's own judgement of staleness. Answers are cached: create a new instance after a change."""

    def __init__(self, instance: dg.DagsterInstance, graph: AssetGraph) -> None:
        from dagster._core.definitions.data_version import CachingStaleStatusResolver
        from dagster._core.loader import LoadingContextForTest

        self._resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))

    def find(self, key: dg.AssetKey, partition: str | None) -> list[Cause] | None:
        """Return the causes of an asset's or a partition's staleness: empty if fresh, None if never made."""
        from dagster._core.definitions.data_version import StaleStatus

        if self._resolver.get_status(key, partition) is StaleStatus.MISSING:
            return None
        found: list[Cause] = []
        for cause in self._resolver.get_stale_causes(key, partition):
            on = cause.dependency
            name = on.asset_key.to_user_string() if on else None
            found.append(Cause(cause.reason, name, on.partition_key if on else None))
        return found


# --- backfills and daemons --------------------------------------------------------------------------


def backfills_under_way(instance: dg.DagsterInstance) -> Sequence[PartitionBackfill]:
    """Return the backfills that have not ended."""
    from dagster._core.execution.backfill import (
        BULK_ACTION_TERMINAL_STATUSES,
        BulkActionsFilter,
        BulkActionStatus,
    )

    statuses = [status for status in BulkActionStatus if status not in BULK_ACTION_TERMINAL_STATUSES]
    return instance.get_backfills(filters=BulkActionsFilter(statuses=statuses))


def start_backfill(
    instance: dg.DagsterInstance,
    graph: AssetGraph,
    key: dg.AssetKey,
    partitions: Sequence[str],
    run_config: Mapping[str, Any],
    tags: Mapping[str, str],
    title: str,
    description: str,
) -> str:
    """Ask the daemon to materialize partitions of one asset; return the id of the backfill."""
    from dagster._core.definitions.assets.graph.asset_graph_subset import AssetGraphSubset
    from dagster._core.execution.backfill import PartitionBackfill
    from dagster._core.utils import make_new_backfill_id

    cut = graph.get(key).partitions_def
    if cut is None:
        raise ValueError(f"{key.to_user_string()} has no partitions")
    subset = cut.subset_with_partition_keys(partitions)
    backfill = PartitionBackfill.from_asset_graph_subset(
        backfill_id=make_new_backfill_id(),
        backfill_timestamp=time.time(),
        tags=tags,
        dynamic_partitions_store=instance,
        asset_graph_subset=AssetGraphSubset(partitions_subsets_by_asset_key={key: subset}),
        title=title,
        description=description,
        run_config=run_config,
    )
    instance.add_backfill(backfill)
    return backfill.backfill_id


def is_daemon_healthy(instance: dg.DagsterInstance, daemon: str, silent_s: float) -> bool:
    """Return True if a daemon, such as BACKFILL, has sent a heartbeat in the last `silent_s` seconds."""
    from dagster._daemon.controller import get_daemon_statuses

    found = get_daemon_statuses(instance, [daemon], ignore_errors=True, heartbeat_tolerance_seconds=silent_s)
    return bool(found[daemon].healthy)


# --- runs on disk -----------------------------------------------------------------------------------


def event_files(instance: dg.DagsterInstance, run_id: str) -> list[Path]:
    """Return the files in which SQLite keeps the events of one run; empty with another database."""
    storage = instance.event_log_storage
    if not hasattr(storage, "path_for_shard"):
        return []
    path = storage.path_for_shard(run_id)  # pyright: ignore
    return [file for file in (Path(f"{path}{end}") for end in ("", "-wal", "-shm")) if file.exists()]


def log_files(instance: dg.DagsterInstance, run_id: str) -> list[Path]:
    """Return the files that hold the output of a run's steps; empty if logs are kept elsewhere."""
    folder = getattr(instance.compute_log_manager, "_base_dir", None)
    return [path for path in Path(folder, run_id).rglob("*") if path.is_file()] if folder else []


def delete_run(instance: dg.DagsterInstance, run_id: str) -> None:
    """Delete a run with its events, check results and logs; do nothing if the run does not exist.

    Unlike `instance.delete_run`, this deletes the run itself last: if it is interrupted, the run is still
    listed and can be deleted again.
    """
    import sqlalchemy as db
    from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable

    if not instance.has_run(run_id):
        return
    instance.event_log_storage.delete_events(run_id)
    with _index(instance) as connection:
        of_run = AssetCheckExecutionsTable.c.run_id == run_id
        connection.execute(db.delete(AssetCheckExecutionsTable).where(of_run))
    for path in event_files(instance, run_id):  # they are empty by now
        path.unlink()
    if log_files(instance, run_id):
        instance.compute_log_manager.delete_logs(prefix=[run_id])
    instance.run_storage.delete_run(run_id)


@contextmanager
def runs_of_location(instance: dg.DagsterInstance, module: str, location: str) -> Iterator[None]:
    """Let runs that this process executes belong to a code location, as those that the UI launches do.

    Otherwise the UI leaves them out of its first page, the timeline. module: module of the definitions.
    location: name of the location in workspace.yaml.
    """
    from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
    from dagster._core.remote_origin import (
        ManagedGrpcPythonEnvCodeLocationOrigin,
        RemoteJobOrigin,
        RemoteRepositoryOrigin,
    )
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

    create = instance.create_run_for_job
    target = LoadableTargetOrigin(module_name=module)
    place = ManagedGrpcPythonEnvCodeLocationOrigin(target, location)
    repository = RemoteRepositoryOrigin(place, SINGLETON_REPOSITORY_NAME)

    def create_with_origin(job_def: Any, **given: Any) -> dg.DagsterRun:
        return create(job_def, **given, remote_job_origin=RemoteJobOrigin(repository, job_def.name))

    vars(instance)["create_run_for_job"] = create_with_origin  # core_execute_in_process passes no origin
    try:
        yield
    finally:
        del vars(instance)["create_run_for_job"]


# --- launchers ------------------------------------------------------------------------------------


def instance_of(launcher: RunLauncher) -> dg.DagsterInstance:
    """Return the instance that a launcher belongs to."""
    return launcher._instance


def last_process(instance: dg.DagsterInstance, run_id: str) -> tuple[int, float] | None:
    """Return the pid of the last process known to execute a run, and when it did so (s since 1970)."""
    entries = instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    for entry in reversed(entries):
        if pid := entry.get_dagster_event().engine_event_data.metadata.get("pid"):
            return int(str(pid.value)), entry.timestamp
    return None


# --- how a run ended ------------------------------------------------------------------------------


def will_retry(run: dg.DagsterRun) -> bool:
    """Return True if Dagster's run retries will repeat a failed run."""
    return run.tags.get("dagster/will_retry") == "true"


def step_failures(instance: dg.DagsterInstance, run_id: str) -> list[StepFailureData]:
    """Return the failures of a run's steps, oldest first."""
    return [event.step_failure_data for event in _events(instance, run_id, dg.DagsterEventType.STEP_FAILURE)]


def failure_reason(failure: StepFailureData) -> str:
    """Return the reason why a step failed, on one line; empty if Dagster does not know."""
    described = failure.user_failure_data and failure.user_failure_data.description
    reason = described or (failure.error and (failure.error.cause or failure.error).message) or ""
    return " ".join(reason.split())


def is_interruption(failure: StepFailureData) -> bool:
    """Return True if a step failed because its process was interrupted."""
    return failure.error is not None and failure.error.cls_name == "DagsterExecutionInterruptedError"


_SERVER = "[DagsterApiServer] "
_DEATH = f"{_SERVER}Run execution process "
"""beginning of a code server's message about the death of a run's process"""


def ending_message(instance: dg.DagsterInstance, run_id: str) -> str:
    """Return Dagster's message about the failure or cancellation of a run; empty if there is none.

    If the process of the run died, the message is that of its code server, which names the signal.
    """
    ends = (dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_CANCELED)
    messages = [event.message or "" for event in _events(instance, run_id, *ends)]
    if not messages:
        return ""
    servers = [event.message or "" for event in _events(instance, run_id, dg.DagsterEventType.ENGINE_EVENT)]
    deaths = [message for message in servers if message.startswith(_DEATH)]
    return deaths[-1].removeprefix(_SERVER) if deaths else messages[-1]


def materializations(instance: dg.DagsterInstance, run_id: str) -> list[dg.AssetMaterialization]:
    """Return the materializations of a run, oldest first."""
    events = _events(instance, run_id, dg.DagsterEventType.ASSET_MATERIALIZATION)
    return [event.step_materialization_data.materialization for event in events]


def _events(instance: dg.DagsterInstance, run_id: str, *types: dg.DagsterEventType) -> list[DagsterEvent]:
    entries = instance.all_logs(run_id, of_type=set(types))
    return [entry.get_dagster_event() for entry in entries]


# --- sensors --------------------------------------------------------------------------------------

_TICK_ENDS = 1.0
"""seconds in which a tick writes back the state of its sensor that it has read"""


def is_switched_on(instance: dg.DagsterInstance, name: str) -> bool:
    """Return True if the sensor or schedule called `name` is switched on."""
    states: list[Any] = list(instance.all_instigator_state())
    return any(state.instigator_name == name and state.is_running for state in states)


def keep_switched_off(instance: dg.DagsterInstance, name: str) -> None:
    """Switch a sensor off again as long as a tick that began before may switch it on.

    At both ends of a tick, Dagster's daemon reads the state of a sensor and writes it back, without a lock.
    """
    from dagster._core.scheduler.instigation import InstigatorStatus

    end = time.monotonic() + _TICK_ENDS
    while time.monotonic() < end:
        states: list[Any] = list(instance.all_instigator_state())
        for state in states:
            if state.instigator_name == name and state.is_running:
                instance.update_instigator_state(state.with_status(InstigatorStatus.STOPPED))
        time.sleep(0.1)
