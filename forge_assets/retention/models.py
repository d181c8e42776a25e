"""Networks that MLflow knows, and which of them are still needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from forge_assets.games import Game, all_models
from forge_assets.materializations import latest_record
from forge_assets.retention.items import MLFLOW_RUN, Item, Places, size_of
from forge_assets.run_config import asset_key
from forge_assets.tracking import mlflow_internals
from forge_assets.tracking.address import is_server, local_file
from forge_assets.tracking.errors import mlflow_errors
from forge_assets.tracking.tracker import Tracker

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion


@dataclass(frozen=True, slots=True)
class Models:
    """The networks that MLflow knows, and which of them are needed."""

    runs: Mapping[str, Run]
    """all runs of the games' experiments, by id, including deleted ones"""
    kept: set[str]
    """ids of the runs that are needed"""
    paths: set[str]
    """folders of the models that are needed"""
    named: set[str]
    """registered versions that are needed: `texas42-oracle-qvalue-v3`"""
    served: bool = False
    """True if a server keeps the runs: then only `mlflow gc` on it removes deleted runs from the database"""

    @property
    def dagster_runs(self) -> set[str]:
        """Ids of the Dagster runs that trained or evaluated a needed network."""
        names = ("dagster.run_id", "dagster.evaluation_run_id")
        tags = [self.runs[run_id].data.tags for run_id in self.kept if run_id in self.runs]
        return {of_run[name] for of_run in tags for name in names if name in of_run}

    def items(self, before: float) -> Iterator[Item]:
        """Yield the MLflow runs that ended before a given time (seconds since 1970) and are not needed."""
        for run_id, run in self.runs.items():
            if self.served and run.info.lifecycle_stage == "deleted":
                continue  # this process can remove nothing more of it
            ended = (run.info.end_time or run.info.start_time or 0) / 1000
            is_over = run.info.status in ("FINISHED", "FAILED", "KILLED")
            if is_over and ended < before and run_id not in self.kept:
                folder = Path(_without_scheme(run.info.artifact_uri))
                nbytes = size_of(folder) if folder.is_absolute() else 0
                yield Item(MLFLOW_RUN, run_id, run.info.run_name or "", nbytes, ended)


def read_models(places: Places) -> Models:
    """Read the networks from MLflow, and those that assets trained last from Dagster.

    A network is needed if it has an alias or the highest version number of its name, if an asset trained it
    last, or if it is a parent of a needed network. Raise TrackerUnusable if MLflow fails.
    """
    paths = set(_latest_models(places.instance, places.games))
    address = places.tracker.address()
    file = local_file(address)
    if file and not file.exists():  # nothing was ever tracked
        return Models({}, set(), paths, set())
    client = places.tracker.client()
    with mlflow_errors(address):
        runs = {run.info.run_id: run for run in _all_runs(client, places.games)}
        kept, sources, named = set[str](), dict[str, "ModelVersion"](), set[str]()
        for model in client.search_registered_models(max_results=1000):
            versions = client.search_model_versions(f"name = '{model.name}'", max_results=10_000)
            aliased = {str(version) for version in model.aliases.values()}
            newest = max((int(version.version) for version in versions), default=0)
            for version in versions:
                sources[f"{model.name}-v{version.version}"] = version
                if str(version.version) in aliased or int(version.version) == newest:
                    kept.add(str(version.run_id))
                    paths.add(str(version.source))
                    named.add(f"{model.name}-v{version.version}")
    kept |= {run_id for run_id, run in runs.items() if _taught_in(run) in paths}
    added = set(kept)
    while added:
        parents = {runs[run_id].data.tags.get("forge.parent_model") for run_id in added if run_id in runs}
        parents = {path for path in parents if path}
        paths |= parents
        above = {run_id for run_id, run in runs.items() if {_taught_in(run), _kept_in(run)} & parents}
        above |= {
            str(version.run_id) for name, version in sources.items() if any(name in path for path in parents)
        }
        added = above - kept
        kept |= added
    paths |= {_taught_in(runs[run_id]) for run_id in kept if run_id in runs}
    return Models(runs, kept, paths, named, is_server(address))


def remove_mlflow_run(tracker: Tracker, run_id: str) -> None:
    """Remove a run with its artefacts and its registered versions, as MLflow's own `gc` does.

    On a server the run is only marked as deleted in the database: run `mlflow gc` there to remove it.
    """
    client = tracker.client()
    from mlflow.exceptions import MlflowException

    with mlflow_errors(tracker.address()):
        try:
            run = client.get_run(run_id)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return
            raise
        for version in client.search_model_versions(f"run_id = '{run_id}'"):
            client.delete_model_version(version.name, version.version)
        artifacts = run.info.artifact_uri or ""
        if not artifacts.startswith("/") or Path(artifacts).is_dir():
            mlflow_internals.delete_artifacts(artifacts, tracker.address())
        if run.info.lifecycle_stage == "active":  # last, because a deleted run may not be found again
            client.delete_run(run_id)
        if local_file(tracker.address()):
            mlflow_internals.delete_run_rows(tracker.address(), run_id)


def _latest_models(instance: dg.DagsterInstance, games: Sequence[Game]) -> Iterator[str]:
    """Yield the folders of the networks that the assets trained last; `latest` names one of each kind."""
    for _, model in all_models(games):
        trained_by = [(model.asset, model.partition), *((asset, None) for asset in model.other_assets)]
        for asset, partition in trained_by:
            record = latest_record(instance, asset_key(asset), partition)
            if record and (folder := record.said("model")):
                yield str(folder)


def _all_runs(client: MlflowClient, games: Sequence[Game]) -> Iterator[Run]:
    from mlflow.entities import ViewType

    for name in dict.fromkeys(game.experiment for game in games):
        experiment = client.get_experiment_by_name(name)
        token = None
        while experiment:
            page = client.search_runs([experiment.experiment_id], "", ViewType.ALL, 1000, page_token=token)
            yield from page
            if not (token := page.token):
                break


def _taught_in(run: Run) -> str:
    """Return the folder in which a network was trained, as named by its run."""
    return run.data.tags.get("forge.model") or f"{run.data.tags.get('forge.folder', '')}/model"


def _kept_in(run: Run) -> str:
    """Return the folder of the network among the run's artefacts."""
    return f"{_without_scheme(run.info.artifact_uri)}/model"


def _without_scheme(uri: str | None) -> str:
    return (uri or "").removeprefix("file://")
