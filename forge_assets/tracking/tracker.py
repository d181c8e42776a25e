"""The tracker: a resource with which assets begin MLflow runs and find the runs of training folders.

`tracking.json` in a training folder names its run: resumed training continues that run, and evaluation and
export add to it. Nothing here uses MLflow's global state.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from forge_assets.tracking import mlflow_internals
from forge_assets.tracking.address import (
    VARIABLE,
    default_address,
    is_server,
    local_file,
    normal_address,
    run_url,
)
from forge_assets.tracking.errors import TrackerAway, TrackerUnusable, deleted, mlflow_errors
from forge_assets.tracking.runs import TrackedRun
from forge_assets.uis import Page
from forge_core.errors import BadInput
from forge_core.files import Store, redact

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run, RunInfo

TRACKING = "tracking.json"
_PATIENCE_S = 5.0
"""seconds that `outage` waits for an answer; a sensor's tick must not hang"""


class Tracker(dg.ConfigurableResource):
    """The resource that connects to MLflow."""

    uri: str = Field(
        default="",
        description="sqlite:///FILE or a server's URL; empty: MLFLOW_TRACKING_URI, or mlruns/ in the project",
    )

    def address(self) -> str:
        """Return the address of MLflow's records, in normal form.

        Raise BadInput if MLflow keeps no records at such an address, or if the setting contains a password.
        """
        if (shown := redact(self.uri)) != self.uri:
            raise BadInput(
                f"{shown} contains a password, but the UI shows the settings of a run to everyone: leave uri "
                "empty, and set MLFLOW_TRACKING_URI in the environment"
            )
        return normal_address(self.uri, "uri of tracker") if self.uri.strip() else default_address()

    def client(self) -> MlflowClient:
        """Return a new client. Raise TrackerUnusable if MLflow fails."""
        mlflow_internals.configure_client()
        from mlflow import MlflowClient

        address = self.address()
        with mlflow_errors(address):
            if file := local_file(address):
                file.parent.mkdir(parents=True, exist_ok=True)
            return MlflowClient(address)

    def outage(self) -> str:
        """Return the reason why MLflow's server does not answer; empty if it does, or if it is a file."""
        address = self.address()
        if not is_server(address):
            return ""
        try:
            with mlflow_errors(address):
                mlflow_internals.ask_database(address, _PATIENCE_S)
        except TrackerAway as error:
            return str(error)
        except TrackerUnusable:
            pass  # it answers; the next request will report the error
        return ""

    def begin(self, experiment: str, name: str, tags: Mapping[str, str]) -> TrackedRun:
        """Begin a run in an experiment, created if necessary. Raise TrackerUnusable if MLflow fails."""
        client = self.client()
        with mlflow_errors(self.address()):
            run = client.create_run(self._experiment_id(client, experiment), run_name=name, tags=dict(tags))
            return self.tracked(client, run)

    def reopen(self, folder: str | Path) -> TrackedRun | None:
        """Return the run of a training folder; None if it was not tracked, or MLflow no longer has its run.

        The run is looked up by its id, because the address of a server has more than one spelling. Raise
        TrackerUnusable if MLflow fails or `tracking.json` is damaged.
        """
        run_id, file = self.noted(folder), local_file(self.address())
        if run_id is None or (file and not file.exists()):
            return None
        client = self.client()
        run = self.active_run(client, run_id)
        return self.tracked(client, run) if run else None

    def noted(self, folder: str | Path) -> str | None:
        """Return the id of the run in `tracking.json` of a training folder; None if it was not tracked.

        Raise TrackerUnusable if the file is damaged.
        """
        store = Store(str(folder))
        if not store.exists(TRACKING):
            return None
        try:
            return str(store.read_json(TRACKING)["run_id"])
        except (ValueError, KeyError, TypeError) as error:
            raise TrackerUnusable(
                f"{store.path(TRACKING)} is damaged ({error!r}): delete it; the run is then no longer tracked"
            ) from error

    def active_run(self, client: MlflowClient, run_id: str) -> Run | None:
        """Return a run; None if MLflow does not have it, or if it was deleted. Raise TrackerUnusable."""
        from mlflow.exceptions import MlflowException

        with mlflow_errors(self.address()):
            try:
                run = client.get_run(run_id)
            except MlflowException as error:
                if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                    return None
                raise
        return run if run.info.lifecycle_stage == "active" else None

    def remember(self, run: TrackedRun, folder: str | Path) -> None:
        """Write `tracking.json`, with which `reopen` finds the run of a training folder."""
        record = {"uri": run.uri, "run_id": run.run_id, "url": run.url}
        Store(str(folder)).write(TRACKING, json.dumps(record, indent=2).encode())

    def curve(self, experiment: str, name: str, figures: Mapping[int, Mapping[str, float]]) -> None:
        """Add figures, by step, to the run called `name`, created if necessary; recorded steps do not change.

        Raise TrackerUnusable if MLflow fails.
        """
        client = self.client()
        with mlflow_errors(self.address()):
            place = self._experiment_id(client, experiment)
            found = client.search_runs([place], f"attributes.run_name = '{name}'", max_results=1)
            run = self.tracked(client, found[0] if found else client.create_run(place, run_name=name))
        for key in sorted({key for values in figures.values() for key in values}):
            known = run.steps(key)
            for step, values in figures.items():
                if step not in known and key in values:
                    run.metrics({key: values[key]}, step)

    def tracked(self, client: MlflowClient, run: Any) -> TrackedRun:
        """Return an MLflow run as a TrackedRun."""
        info, address = run.info, redact(self.address())  # this is written into training folders
        return TrackedRun(client, address, info.run_id, self.url_of(info), info.artifact_uri)

    def url_of(self, info: RunInfo) -> str:
        """Return the URL of a run for a browser."""
        return run_url(self.address(), info.experiment_id, info.run_id)

    def _experiment_id(self, client: MlflowClient, name: str) -> str:
        """Return the id of an experiment, created if necessary.

        Raise TrackerUnusable if it was deleted, or if its files are out of reach.
        """
        found, address = client.get_experiment_by_name(name), self.address()
        file = local_file(address)
        if not found:
            place = str(file.parent / "artifacts") if file else None
            return client.create_experiment(name, place, mlflow_internals.CURVES_FIRST)
        if found.lifecycle_stage != "active":
            raise deleted(address, f"the experiment {name}", "experiment", found.experiment_id)
        if file and found.artifact_location.startswith("mlflow-artifacts:"):
            raise TrackerUnusable(
                f"MLflow's server keeps the files of the experiment {name}, out of reach from {address}: "
                f"start it with make ui, and set {VARIABLE} to its URL, such as {Page.MLFLOW.url}"
            )
        return found.experiment_id
