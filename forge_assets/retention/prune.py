"""What a pipeline that runs for months no longer needs: old runs, their events, artefacts and checkpoints.

Never removed, however old: a Dagster run that holds the latest materialization of a partition or the
latest result of a check, or that such a network came from which is kept; an MLflow run whose model
has an alias in the registry or is the latest of its name, and the parents of these; what is still
running. Age is counted from the last thing that happened, so a clock that jumps ahead removes nothing.
"""

import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from forge_assets.resources import RUNS, ShardStore, failing_plainly, runs_folder
from forge_assets.texas42.game import TEXAS42
from forge_assets.tracking import mlflow_internals
from forge_assets.tracking.address import local_file
from forge_assets.tracking.errors import mlflow_errors as blaming
from forge_assets.tracking.tracker import TRACKING, Tracker
from forge_core.errors import BadInput

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

    from forge_core.files import Store

DAYS = 90
"""what is younger stays; ticks of schedules and sensors stay as long (dagster.yaml)"""
DAY_S = 86_400.0

DAGSTER_RUN, MLFLOW_RUN = "dagster run", "mlflow run"
FOLDER, CHECKPOINT, FETCHED, TEMPORARY = "training folder", "checkpoint", "fetched model", "temporary"


@dataclass(frozen=True, slots=True)
class Item:
    """Something that may go."""

    kind: str
    """one of those above"""
    name: str
    """its id, or its path"""
    of: str
    """what made it"""
    nbytes: int
    """on disk here; 0 where a database or another machine holds it"""
    last: float
    """when it was last changed, seconds since 1970"""

    def to_dict(self) -> dict[str, Any]:
        """JSON types."""
        return {**asdict(self), "last": datetime.fromtimestamp(self.last, UTC).isoformat(timespec="seconds")}


@dataclass(frozen=True, slots=True)
class Places:
    """All that is looked through."""

    instance: dg.DagsterInstance
    tracker: Tracker
    store: "Store"
    """its root"""
    runs: Path = field(default_factory=runs_folder)
    """where training runs are kept"""


def find_items(places: Places, days: float = DAYS, now: float | None = None) -> list[Item]:
    """What may go: nothing that was changed in the last `days` before the last thing that happened.

    now: seconds since 1970; default: by the clock. Raises BadInput, and TrackerUnusable where
    MLflow does not say which networks are needed: nothing is found then.
    """
    if not days >= 1:
        raise BadInput(f"{days} days: keep at least 1")
    latest = places.instance.get_run_records(limit=1)
    now = min([time.time() if now is None else now, *(of.update_timestamp.timestamp() for of in latest)])
    before = now - days * DAY_S
    models = Models.read(places)
    return [
        *_dagster_runs(places.instance, before, models.dagster_runs),
        *_training_files(places, before, models),
        *models.items(before),  # behind the folders that are found by them
        *_temporaries(places, now),
    ]


def remove(places: Places, items: Iterable[Item]) -> Iterator[Item]:
    """Remove them one after the other; each as it is gone. What was gone before is gone too.

    Stopped halfway, the rest is found again.
    """
    for item in items:
        if item.kind == DAGSTER_RUN:
            _remove_dagster_run(places.instance, item.name)
        elif item.kind == MLFLOW_RUN:
            _remove_mlflow_run(places.tracker, item.name)
        elif item.kind in (FOLDER, FETCHED):
            shutil.rmtree(item.name, ignore_errors=True)
        else:
            with suppress(FileNotFoundError):
                Path(item.name).unlink()
        yield item


# --- Dagster ----------------------------------------------------------------------------------


def _dagster_runs(instance: dg.DagsterInstance, before: float, of_models: set[str]) -> Iterator[Item]:
    """Runs that are over, and whose events nothing needs."""
    kept = latest_runs(instance) | of_models
    kept |= runs_rested_on(instance, of_models)
    under_way = {backfill.backfill_id for backfill in _backfills_under_way(instance)}
    over = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED],
        updated_before=datetime.fromtimestamp(before, UTC),
    )
    cursor = None
    while records := instance.get_run_records(over, limit=500, cursor=cursor):
        cursor = records[-1].dagster_run.run_id
        for record in records:
            run = record.dagster_run
            if run.run_id not in kept and run.tags.get("dagster/backfill") not in under_way:
                files = (*_event_files(instance, run.run_id), *_log_files(instance, run.run_id))
                assets = sorted(key.to_user_string() for key in run.asset_selection or ())
                nbytes = sum(path.stat().st_size for path in files)
                made = ", ".join(assets) or run.job_name
                yield Item(DAGSTER_RUN, run.run_id, made, nbytes, record.update_timestamp.timestamp())


def latest_runs(instance: dg.DagsterInstance) -> set[str]:
    """Runs that hold the latest materialization or observation of any partition, or the latest of a check.

    To delete such a run would undo its partitions: their status is read from these events. Two
    queries, whatever the number of partitions: Dagster's own would load every event.
    """
    import sqlalchemy as db
    from dagster._core.events import DagsterEventType
    from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable

    events, checks = SqlEventLogStorageTable.c, AssetCheckExecutionsTable.c
    kinds = [DagsterEventType.ASSET_MATERIALIZATION.value, DagsterEventType.ASSET_OBSERVATION.value]
    of_partitions = (
        db.select(db.func.max(events.id))
        .where(events.dagster_event_type.in_(kinds), events.asset_key.is_not(None))
        .group_by(events.asset_key, events.partition, events.dagster_event_type)
    )
    of_checks = db.select(db.func.max(checks.id)).group_by(
        checks.asset_key, checks.check_name, checks.partition, checks.execution_status
    )
    with instance.event_log_storage.index_connection() as connection:
        found = [
            *connection.execute(db.select(events.run_id).where(events.id.in_(of_partitions)).distinct()),
            *connection.execute(db.select(checks.run_id).where(checks.id.in_(of_checks)).distinct()),
        ]
    return {run_id for (run_id,) in found}


_POINTER = "dagster/input_event_pointer/"


def runs_rested_on(instance: dg.DagsterInstance, runs: set[str]) -> set[str]:
    """Runs whose materializations those of `runs` were made from, and so on upwards."""
    import sqlalchemy as db
    from dagster._core.events import DagsterEventType
    from dagster._core.storage.event_log.schema import SqlEventLogStorageTable

    made = DagsterEventType.ASSET_MATERIALIZATION
    events, found, fresh = SqlEventLogStorageTable.c, set(), set(runs)
    while fresh:
        logs = (entry for run_id in fresh for entry in instance.all_logs(run_id, of_type=made))
        tags = (tag for entry in logs for tag in (entry.asset_materialization.tags or {}).items())
        ids = [int(value) for name, value in tags if name.startswith(_POINTER) and value.isdecimal()]
        with instance.event_log_storage.index_connection() as connection:
            above = connection.execute(db.select(events.run_id).where(events.id.in_(ids)).distinct())
            fresh = {run_id for (run_id,) in above} - found - runs
        found |= fresh
    return found


def _backfills_under_way(instance: dg.DagsterInstance) -> Sequence[Any]:
    from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus

    statuses = [BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING]
    return instance.get_backfills(filters=BulkActionsFilter(statuses=statuses))


def _event_files(instance: dg.DagsterInstance, run_id: str) -> list[Path]:
    """Where SQLite keeps the events of a run beside its index."""
    storage = instance.event_log_storage
    if not hasattr(storage, "path_for_shard"):
        return []
    path = storage.path_for_shard(run_id)
    return [file for file in (Path(f"{path}{end}") for end in ("", "-wal", "-shm")) if file.exists()]


def _log_files(instance: dg.DagsterInstance, run_id: str) -> list[Path]:
    """What the steps of a run printed."""
    manager = instance.compute_log_manager
    place = getattr(manager, "_base_dir", None)
    return [path for path in Path(place, run_id).rglob("*") if path.is_file()] if place else []


def _remove_dagster_run(instance: dg.DagsterInstance, run_id: str) -> None:
    import sqlalchemy as db
    from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable

    # As `instance.delete_run`, but the run itself last: stopped halfway, it is found again.
    if not instance.has_run(run_id):
        return
    instance.event_log_storage.delete_events(run_id)
    with instance.event_log_storage.index_connection() as connection:
        of_run = AssetCheckExecutionsTable.c.run_id == run_id
        connection.execute(db.delete(AssetCheckExecutionsTable).where(of_run))
    for path in _event_files(instance, run_id):  # emptied by now
        path.unlink()
    if _log_files(instance, run_id):
        instance.compute_log_manager.delete_logs(prefix=[run_id])
    instance.run_storage.delete_run(run_id)


# --- MLflow -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Models:
    """What MLflow knows of networks, and which of them are needed."""

    runs: "Mapping[str, Run]"
    """all of the experiment, by id; deleted ones too"""
    kept: set[str]
    """ids of those that are needed"""
    paths: set[str]
    """folders of models that are needed, wherever they lie"""
    named: set[str]
    """of the registry, those that are needed: `texas42-oracle-qvalue-v3`"""
    served: bool = False
    """whether a server keeps the runs: rows of deleted ones are for its own `mlflow gc`"""

    @property
    def dagster_runs(self) -> set[str]:
        """Dagster runs that made or judged a network that is needed."""
        names = ("dagster.run_id", "dagster.evaluation_run_id")
        tags = [self.runs[run_id].data.tags for run_id in self.kept if run_id in self.runs]
        return {of_run[name] for of_run in tags for name in names if name in of_run}

    @classmethod
    def read(cls, places: Places) -> "Models":
        """Ask MLflow, and Dagster for the networks it would hand out as `latest`. Raises TrackerUnusable."""
        paths = set(_latest_models(places.instance))
        address = places.tracker.address()
        file = local_file(address)
        if file and not file.exists():  # nothing was ever tracked
            return cls({}, set(), paths, set())
        client = places.tracker.client()
        with blaming(address):
            runs = {run.info.run_id: run for run in _runs_of(client)}
            kept, sources, needed = set(), {}, set()
            for model in client.search_registered_models(max_results=1000):
                found = client.search_model_versions(f"name = '{model.name}'", max_results=10_000)
                named = {str(version) for version in model.aliases.values()}
                newest = max((int(version.version) for version in found), default=0)
                for version in found:
                    sources[f"{model.name}-v{version.version}"] = version
                    if str(version.version) in named or int(version.version) == newest:
                        kept.add(version.run_id)
                        paths.add(str(version.source))
                        needed.add(f"{model.name}-v{version.version}")
        kept |= {run_id for run_id, run in runs.items() if _model_of(run) in paths}
        fresh = set(kept)
        while fresh:  # and their parents
            parents = {runs[run_id].data.tags.get("forge.parent_model") for run_id in fresh if run_id in runs}
            parents = {path for path in parents if path}
            paths |= parents
            above = {run_id for run_id, run in runs.items() if {_model_of(run), _kept_in(run)} & parents}
            above |= {
                version.run_id for name, version in sources.items() if any(name in path for path in parents)
            }
            fresh = above - kept
            kept |= fresh
        paths |= {_model_of(runs[run_id]) for run_id in kept if run_id in runs}
        return cls(runs, kept, paths, needed, address.startswith("http"))

    def items(self, before: float) -> Iterator[Item]:
        """MLflow runs that are over and not needed."""
        for run_id, run in self.runs.items():
            if self.served and run.info.lifecycle_stage == "deleted":
                continue  # nothing more can be removed from here
            ended = (run.info.end_time or run.info.start_time or 0) / 1000
            over = run.info.status in ("FINISHED", "FAILED", "KILLED")
            if over and ended < before and run_id not in self.kept:
                folder = Path(run.info.artifact_uri.removeprefix("file://"))
                nbytes = _size(folder) if folder.is_absolute() else 0
                yield Item(MLFLOW_RUN, run_id, run.info.run_name or "", nbytes, ended)


def _latest_models(instance: dg.DagsterInstance) -> Iterator[str]:
    """Folders of what `latest` means."""
    for asset, partitions in (("oracle_model", ["qvalue", "policy"]), ("eq_model", [None])):
        for partition in partitions:
            wanted = dg.AssetRecordsFilter(
                dg.AssetKey(asset), asset_partitions=[partition] if partition else None
            )
            for record in instance.fetch_materializations(wanted, limit=1).records:
                if model := record.asset_materialization.metadata.get("model"):
                    yield str(model.value)


def _runs_of(client: "MlflowClient") -> "Iterator[Run]":
    from mlflow.entities import ViewType

    experiment = client.get_experiment_by_name(TEXAS42.experiment)
    token = None
    while experiment:
        page = client.search_runs([experiment.experiment_id], "", ViewType.ALL, 1000, page_token=token)
        yield from page
        if not (token := page.token):
            return


def _model_of(run: "Run") -> str:
    """The folder in which a network was taught, as its run has it."""
    return run.data.tags.get("forge.model") or f"{run.data.tags.get('forge.folder', '')}/model"


def _kept_in(run: "Run") -> str:
    """The folder of the same network among the artefacts."""
    return f"{run.info.artifact_uri.removeprefix('file://')}/model"


def _remove_mlflow_run(tracker: Tracker, run_id: str) -> None:
    """A run with its artefacts, and the versions of the registry that point at it.

    What MLflow's own `gc` does. Behind a server the rows of the run are only marked as deleted:
    `mlflow gc` there removes them.
    """
    client = tracker.client()
    from mlflow.exceptions import MlflowException

    with blaming(tracker.address()):
        try:
            run = client.get_run(run_id)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return
            raise
        for version in client.search_model_versions(f"run_id = '{run_id}'"):
            client.delete_model_version(version.name, version.version)
        artifacts = run.info.artifact_uri
        if not artifacts.startswith("/") or Path(artifacts).is_dir():
            mlflow_internals.delete_artifacts(artifacts, tracker.address())
        if run.info.lifecycle_stage == "active":  # after all else: a deleted one may not be found again
            client.delete_run(run_id)
        if local_file(tracker.address()):
            mlflow_internals.delete_run_rows(tracker.address(), run_id)


# --- files ------------------------------------------------------------------------------------


def _training_files(places: Places, before: float, models: Models) -> Iterator[Item]:
    """Folders of runs that MLflow no longer needs; of other runs that came to their end, checkpoints."""
    gone = {item.name for item in models.items(before)}
    for folder in _folders(places.runs):
        last = max((path.stat().st_mtime for path in folder.rglob("*") if path.is_file()), default=0.0)
        if last >= before or _is_written(folder):
            continue
        if _tracked_as(folder) in gone and str(folder / "model") not in models.paths:
            yield Item(FOLDER, str(folder), folder.name, _size(folder), last)
        elif _is_over(folder) and (checkpoint := folder / "checkpoints" / "last.ckpt").exists():
            yield Item(CHECKPOINT, str(checkpoint), folder.name, checkpoint.stat().st_size, last)
    for folder in _folders(places.runs / "registered"):
        last = max((path.stat().st_mtime for path in folder.rglob("*") if path.is_file()), default=0.0)
        needed = folder.name in models.named or any(str(folder) in path for path in models.paths)
        if last < before and not needed:
            yield Item(FETCHED, str(folder), folder.name, _size(folder), last)


def _folders(place: Path) -> list[Path]:
    if not place.is_dir():
        return []
    named = (path for path in place.iterdir() if not path.name.startswith(".") and path.name != "registered")
    return sorted(path for path in named if path.is_dir() and not path.is_symlink())


def _is_written(folder: Path) -> bool:
    """Whether a process trains there."""
    from forge_core.errors import StoreUnusable
    from forge_core.files import Store

    try:
        with Store(str(folder)).held():
            return False
    except StoreUnusable:
        return True


def _tracked_as(folder: Path) -> str | None:
    from forge_core.files import Store

    store = Store(str(folder))
    if not store.exists(TRACKING):
        return None
    try:
        return str(store.read_json(TRACKING)["run_id"])
    except (ValueError, KeyError, TypeError):
        return None


def _is_over(folder: Path) -> bool:
    """Whether a run has come to its end, and so will not go on from its checkpoint."""
    import csv

    from forge_core.files import Store

    store = Store(str(folder))
    if store.exists("result.json"):
        return True
    if not (store.exists("config.json") and store.exists("metrics.csv")):
        return False
    try:
        steps = int(store.read_json("config.json")["train"]["recipe"]["steps"])
        lines = list(csv.DictReader(store.read("metrics.csv").decode().splitlines()))
        return bool(lines) and int(lines[-1]["step"]) >= steps
    except (ValueError, KeyError, TypeError):
        return False


def _temporaries(places: Places, now: float) -> Iterator[Item]:
    """What killed writers left, in the store and beside the runs."""
    from fsspec.implementations.local import LocalFileSystem

    from forge_core.files import Store

    filesystem, root = places.store._open()
    roots = [places.runs, *([Path(root)] if isinstance(filesystem, LocalFileSystem) else [])]
    for folder in (folder for place in roots for folder in _all_folders(place)):
        for name in Store(str(folder)).abandoned(DAY_S, now):
            status = (folder / name).stat()
            yield Item(TEMPORARY, str(folder / name), folder.name, status.st_size, status.st_mtime)


def _all_folders(place: Path) -> list[Path]:
    return [place, *(path for path in place.rglob("*") if path.is_dir())] if place.is_dir() else []


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


# --- by Dagster -------------------------------------------------------------------------------


class PruneSettings(dg.Config):
    """What `forge-pipeline prune` is told."""

    days: int = Field(DAYS, ge=1, description="what was changed in the last so many days stays")
    runs: str = Field(RUNS, description="where training runs are kept; begins at the project")


@dg.op
def prune_old(
    context: dg.OpExecutionContext, config: PruneSettings, store: ShardStore, tracker: Tracker
) -> None:
    """Remove what `forge-pipeline prune` lists, and say how much it was."""
    with failing_plainly():
        places = Places(context.instance, tracker, store.root(), runs_folder(config.runs))
        gone = list(remove(places, find_items(places, config.days)))
    context.add_output_metadata({"items": len(gone), "bytes": sum(item.nbytes for item in gone)})
    for kind, of_kind in by_kind(gone).items():
        context.log.info(f"{kind}: {len(of_kind)}, {sum(item.nbytes for item in of_kind):,} bytes")


def by_kind(items: Iterable[Item]) -> dict[str, list[Item]]:
    """Items of each kind."""
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(item.kind, []).append(item)
    return found


@dg.job(description="Removes old runs, events, artefacts and checkpoints that nothing needs.")
def prune() -> None:
    """See `find_items`."""
    prune_old()


prune_weekly = dg.ScheduleDefinition(
    name="prune_weekly",
    job=prune,
    cron_schedule="0 4 * * 0",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every Sunday at four: removes what forge-pipeline prune lists.",
)
