"""Lookup of models in MLflow: by alias, version, run or weights."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forge_assets.folders import runs_folder
from forge_assets.games import Game, find_model
from forge_assets.lineage.cards import folder_of, weights_in
from forge_assets.tracking.address import local_file
from forge_assets.tracking.errors import TrackerUnusable, mlflow_errors
from forge_assets.tracking.registry import CHALLENGER, CHAMPION
from forge_assets.tracking.tracker import Tracker
from forge_assets.versions import PROJECT
from forge_core.errors import BadInput

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

_UNKNOWN = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""error codes of MLflow for a name that it does not know"""


@dataclass(frozen=True, slots=True)
class Found:
    """A model that was found."""

    folder: str
    name: str | None = None
    """registered name, `texas42-oracle-qvalue/3`; None if not looked up yet"""
    run_id: str | None = None
    """id of its MLflow run; None if not looked up yet"""


@dataclass(frozen=True, slots=True)
class TrackedNetwork:
    """The MLflow run that trained a network."""

    run_id: str
    url: str
    tags: Mapping[str, str]
    began: str | None
    """start of training, ISO 8601; None if the network was registered later and its start is unknown"""


@dataclass(slots=True)
class ModelFinder:
    """Lookup of models for one query; the client is created once."""

    tracker: Tracker
    games: Sequence[Game]
    _client: MlflowClient | None = None

    def client(self) -> MlflowClient | None:
        """Return a client; None if nothing was ever tracked. Raise TrackerUnusable if MLflow fails."""
        file = local_file(self.tracker.address())
        if self._client is None and not (file and not file.exists()):
            self._client = self.tracker.client()
        return self._client

    def find(self, model: str, objective: str) -> Found:
        """Return the model that `model` names: see `trace`.

        Raise BadInput if there is no such model, TrackerUnusable if MLflow fails.
        """
        if model in (CHAMPION, CHALLENGER):
            name = find_model(objective, self.games)[1].name
            version = self._alias(name, model)
            if version is None:
                raise BadInput(f"{name} has no {model} yet: name a version, an MLflow run or a folder")
            return self._of_version(version)
        if folder := folder_of(model):
            return Found(folder)
        named = re.fullmatch(r"([\w-]+)/(\d+)", model)
        if named and named[1].startswith(tuple(game.model_prefix for game in self.games)):
            return self._of_version(self._version(named[1], named[2]))
        if re.fullmatch(r"[0-9a-f]{32}", model):
            return self._of_run(model)
        example = next((model.name for game in self.games for model in game.models), "NAME")
        raise BadInput(
            f"{model!r} is not a model: use champion, challenger, a version such as {example}/1, an MLflow "
            "run, or a folder with model.json"
        )

    def by_weights(self, weights: str) -> str | None:
        """Return the folder of a tracked network with these weights; None if not found or MLflow fails."""
        try:
            for run in self._runs(f"tags.`forge.weights` = '{weights}'"):
                for place in _places_of(run):
                    folder = folder_of(place)
                    if folder and weights_in(folder) == weights:
                        return folder
        except TrackerUnusable:
            pass
        return None

    def known_folders(self) -> Iterator[str]:
        """Yield the folders of all models in the project, then of all models that MLflow knows."""
        for pattern in ("models/*", "runs/*/model", "runs/registered/*/model"):
            for folder in sorted(PROJECT.glob(pattern)):
                if (folder / "model.json").exists():
                    yield str(folder)
        try:
            for run in self._runs(""):
                if folder := next(filter(None, map(folder_of, _places_of(run))), None):
                    yield folder
        except TrackerUnusable:
            return

    def tracked(self, folder: str | None, weights: str, run_id: str | None) -> TrackedNetwork | None:
        """Return the run that trained a network; None if it was never tracked.

        run_id: id of the run if it is known; otherwise the run is found through the tracking.json of its
        training folder, or by the weights. Raise TrackerUnusable if MLflow fails.
        """
        client = self.client()
        if client is None:
            return None
        if run_id is None and folder and "://" not in folder:
            noted = self.tracker.reopen(Path(folder).parent)
            run_id = noted.run_id if noted else None
        if run_id is None:
            found = self._runs(f"tags.`forge.weights` = '{weights}'")
            run_id = found[-1].info.run_id if found else None  # the first run that produced them
        if run_id is None:
            return None
        with mlflow_errors(self.tracker.address()):
            run = client.get_run(run_id)
        tags = run.data.tags
        began = None if "forge.adopted" in tags else _iso_time(run.info.start_time)
        return TrackedNetwork(run_id, self.tracker.url_of(run.info), tags, began)

    def name_of(self, run_id: str) -> str | None:
        """Return the registered name of a run's model, `texas42-oracle-qvalue/3`; None if it has none."""
        client = self.client()
        with mlflow_errors(self.tracker.address()):
            found = client.search_model_versions(f"run_id = '{run_id}'") if client else []
        return f"{found[0].name}/{found[0].version}" if found else None

    def _alias(self, name: str, alias: str) -> ModelVersion | None:
        return self._ask(_UNKNOWN, lambda client: client.get_model_version_by_alias(name, alias))

    def _version(self, name: str, number: str) -> ModelVersion:
        found = self._ask(_UNKNOWN, lambda client: client.get_model_version(name, number))
        if found is None:
            raise BadInput(
                f"MLflow at {self.tracker.address()} has no {name}/{number}: see its list of models"
            )
        return found

    def _of_version(self, version: ModelVersion) -> Found:
        folder = self._fetch(str(version.source), f"{version.name}-v{version.version}")
        return Found(folder, f"{version.name}/{version.version}", version.run_id)

    def _of_run(self, run_id: str) -> Found:
        run = self._ask(_UNKNOWN[:1], lambda client: client.get_run(run_id))
        if run is None:
            raise BadInput(f"MLflow at {self.tracker.address()} has no run {run_id}: see its list of runs")
        folder = folder_of(run.data.tags.get("forge.model", ""))
        return Found(folder or self._fetch(f"{run.info.artifact_uri}/model", f"run-{run_id}"), None, run_id)

    def _ask(self, unknown: Sequence[str], question: Any) -> Any:
        """Return MLflow's answer; None if it fails with one of the codes `unknown`, or nothing is tracked."""
        from mlflow.exceptions import MlflowException

        client = self.client()
        if client is None:
            return None
        with mlflow_errors(self.tracker.address()):
            try:
                return question(client)
            except MlflowException as error:
                if error.error_code in unknown:
                    return None
                raise

    def _fetch(self, source: str, name: str) -> str:
        """Return a local folder with the files at `source`, after downloading them if necessary."""
        if folder := folder_of(source):
            return folder
        from mlflow.artifacts import download_artifacts

        place = runs_folder() / "registered" / name
        place.mkdir(parents=True, exist_ok=True)
        with mlflow_errors(self.tracker.address()):
            return download_artifacts(
                artifact_uri=source, dst_path=str(place), tracking_uri=self.tracker.address()
            )

    def _runs(self, condition: str) -> list[Run]:
        """Return the runs, except deleted ones, that meet a condition, in the experiments of all games."""
        client = self.client()
        if client is None:
            return []
        with mlflow_errors(self.tracker.address()):
            names = dict.fromkeys(game.experiment for game in self.games)
            known = filter(None, (client.get_experiment_by_name(name) for name in names))
            ids = [experiment.experiment_id for experiment in known]
            return list(client.search_runs(ids, condition)) if ids else []


def _places_of(run: Run) -> tuple[str, str]:
    """Return the two places where the model of a run may be stored."""
    return run.data.tags.get("forge.model", ""), f"{run.info.artifact_uri}/model"


def _iso_time(milliseconds: int | None) -> str | None:
    if not milliseconds:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")
