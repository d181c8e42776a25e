"""MLflow's registry: versions of the models of each game, and the aliases challenger and champion.

A version points at a folder with safetensors and JSON, which `load_model` reads; MLflow's own model flavours
would be pickles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from forge_assets.folders import runs_folder
from forge_assets.games import find_model
from forge_assets.tracking.errors import mlflow_errors
from forge_assets.tracking.runs import TrackedRun
from forge_assets.tracking.tracker import Tracker
from forge_assets.versions import PROJECT
from forge_core.errors import BadInput
from forge_core.learning.folders import ALIASES

CHAMPION, CHALLENGER = ALIASES
_FIGURE, _MEASURE = "forge.figure", "forge.measure"
"""tags of a version: the figure that an evaluation found, and what it measures"""


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version of a registered model."""

    folder: str
    """a local copy of the model"""
    number: str


@dataclass(frozen=True, slots=True)
class ModelRegistry:
    """The registry of a tracker's MLflow. All methods raise TrackerUnusable if MLflow fails."""

    tracker: Tracker

    def register(
        self, run: TrackedRun, objective: str, tags: Mapping[str, str], description: str | None = None
    ) -> str:
        """Register the model of a run; return its version number. A run has one version.

        It becomes the challenger if there is none yet, or if no evaluation decides that: see `propose`.
        description: Markdown about a new version.
        """
        name = registered_name(objective)
        from mlflow.exceptions import MlflowException

        with mlflow_errors(self.tracker.address()):
            try:
                run.client.create_registered_model(name)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            found = run.client.search_model_versions(f"name = '{name}' and run_id = '{run.run_id}'")
            version = (
                found[0]
                if found
                else run.client.create_model_version(
                    name,
                    source=f"{run.artifacts}/model",
                    run_id=run.run_id,
                    tags=dict(tags),
                    description=description,
                    await_creation_for=0,  # the files already exist; MLflow would wait and log a line
                )
            )
            by_evaluation = find_model(objective)[1].has_evaluation
            if not (by_evaluation and CHALLENGER in run.client.get_registered_model(name).aliases):
                run.client.set_registered_model_alias(name, CHALLENGER, version.version)
            return str(version.version)

    def propose(self, run: TrackedRun, objective: str, figure: float, of: str, description: str) -> bool:
        """Make the network of a run the challenger if it is better than the present one; return True if so.

        figure: result of an evaluation, the lower the better. of: what it measures; figures of other measures
        are not compared, and the network evaluated last wins. description: Markdown about the version.
        """
        name = registered_name(objective)
        with mlflow_errors(self.tracker.address()):
            found = run.client.search_model_versions(f"name = '{name}' and run_id = '{run.run_id}'")
            if not found:
                return False
            number, version = str(found[0].version), found[0]
            for key, value in ((_FIGURE, f"{figure:.9g}"), (_MEASURE, of)):
                run.client.set_model_version_tag(name, number, key, value)
            aliases = run.client.get_registered_model(name).aliases
            if str(aliases.get(CHAMPION)) != number:  # a champion has its card
                run.client.update_model_version(name, number, description)
            holder = aliases.get(CHALLENGER)
            if holder is not None and str(holder) != number:
                tags = run.client.get_model_version(name, str(holder)).tags
                if tags.get(_MEASURE) == of and float(tags[_FIGURE]) <= figure:
                    return False
            run.client.set_registered_model_alias(name, CHALLENGER, version.version)
            return True

    def register_folder(self, folder: str, objective: str, weights: str) -> tuple[TrackedRun, str]:
        """Return the run and the version number of a model; create them if it was never tracked.

        weights: digest of its weights, by which the version of a copy is found.
        """
        if run := self.tracker.reopen(Path(folder).parent):
            return run, self.register(run, objective, {"forge.weights": weights})
        game, model = find_model(objective)
        client = self.tracker.client()
        with mlflow_errors(self.tracker.address()):
            same = f"name = '{model.name}' and tags.`forge.weights` = '{weights}'"
            for found in client.search_model_versions(same):
                if found.run_id and (known := self.tracker.active_run(client, found.run_id)):
                    return self.tracker.tracked(client, known), str(found.version)
        tags = {"forge.model": folder, "forge.weights": weights, "forge.adopted": "true"}
        run = self.tracker.begin(game.experiment, Path(folder).name, tags)
        run.folder(folder, "model")
        run.end("FINISHED")
        return run, self.register(run, objective, tags)

    def promote(self, objective: str, version: str, card: str, tags: Mapping[str, str]) -> None:
        """Make a version the champion. The alias is set last; until then nothing has changed."""
        client, name = self.tracker.client(), registered_name(objective)
        with mlflow_errors(self.tracker.address()):
            client.update_model_version(name, version, card)
            for key, value in tags.items():
                client.set_model_version_tag(name, version, key, value)
            client.set_registered_model_alias(name, CHAMPION, version)

    def fetch(self, objective: str, alias: str) -> ModelVersion | None:
        """Return the version that an alias points to, downloaded if necessary; None if there is none."""
        client, name = self.tracker.client(), registered_name(objective)
        from mlflow.artifacts import download_artifacts
        from mlflow.exceptions import MlflowException

        with mlflow_errors(self.tracker.address()):
            try:
                version = client.get_model_version_by_alias(name, alias)
            except MlflowException as error:
                if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                    return None
                raise
            if not version.source:
                raise BadInput(
                    f"{name}/{version.version} in MLflow has no files: move the alias {alias} to another "
                    "version"
                )
            if Path(version.source).is_dir():
                return ModelVersion(version.source, str(version.version))
            place = runs_folder() / "registered" / f"{name}-v{int(version.version)}"
            place.mkdir(parents=True, exist_ok=True)
            folder = download_artifacts(
                artifact_uri=version.source, dst_path=str(place), tracking_uri=self.tracker.address()
            )
            return ModelVersion(folder, str(version.version))


def registered_name(objective: str) -> str:
    """Return the registered name of an objective's networks: `qvalue` -> `texas42-oracle-qvalue`."""
    return find_model(objective)[1].name


def resolve_model(word: str, objective: str, tracker: Tracker) -> str:
    """Return the folder of a model, given an alias of the registry or a path relative to the project.

    Raise BadInput if no version has the alias, TrackerUnusable if MLflow fails.
    """
    if word not in ALIASES:
        return word if "://" in word else str(PROJECT / word)
    return resolve_version(word, objective, tracker).folder


def resolve_version(alias: str, objective: str, tracker: Tracker) -> ModelVersion:
    """Return the version that an alias points to. Raises as `resolve_model`."""
    found = ModelRegistry(tracker).fetch(objective, alias)
    if not found:
        raise BadInput(f"{registered_name(objective)} has no {alias} yet: use the folder of a model")
    return found
