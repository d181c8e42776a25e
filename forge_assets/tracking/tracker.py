"""MLflow: what each training run was asked, how it went, and the models that came of it.

A run is remembered beside its weights, in `tracking.json`: resumed, it goes on under the
same number, and whoever evaluates or exports the model adds to it. A registered model
points at a folder of safetensors and JSON, read by `load_model`; MLflow's own flavours of
models would be pickles. Nothing here uses MLflow's global state.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from forge_assets.resources import runs_folder
from forge_assets.texas42 import versions
from forge_assets.versions import PROJECT
from forge_core.errors import BadInput, ForgeError
from forge_core.files import Store, redact

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import RunInfo

    from forge_core.learning.labelled.train import Point, TrainConfig, TrainResult

EXPERIMENT = "texas42-oracle"
CHALLENGER, CHAMPION = "challenger", "champion"
LOCAL_UI = "http://127.0.0.1:5000"
"""where `make ui` shows what is tracked in SQLite"""
TRACKING = "tracking.json"

_COSTS = ("loss", "rows", "seconds", "cpu_seconds")
"""figures of a point that are no result of its evaluation"""


class TrackerUnusable(ForgeError):
    """MLflow cannot be reached, or does not do what it is asked."""


class TrackerAway(TrackerUnusable):
    """MLflow's server, or the database behind it, does not answer: it may be back soon."""


def registered_name(objective: str) -> str:
    """`qvalue` -> the name its networks are registered under: `texas42-oracle-qvalue`; and `texas42-eq`."""
    return "texas42-eq" if objective == "eq" else f"texas42-oracle-{objective}"


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """One run in MLflow. All methods raise TrackerUnusable."""

    client: MlflowClient
    uri: str
    run_id: str
    url: str
    artifacts: str
    """URI of its files"""

    def tag(self, tags: Mapping[str, str]) -> None:
        """Set tags."""
        from mlflow.entities import RunTag

        with blaming(self.uri):
            self.client.log_batch(self.run_id, tags=[RunTag(key, value) for key, value in tags.items()])

    def params(self, params: Mapping[str, Any]) -> None:
        """What was asked; nested names are joined by points. Once said, it stays."""
        from mlflow.entities import Param

        flat = [Param(name, str(value)) for name, value in flatten(params)]
        with blaming(self.uri):
            for start in range(0, len(flat), 100):
                self.client.log_batch(self.run_id, params=flat[start : start + 100])

    def metrics(self, figures: Mapping[str, float], step: int = 0) -> None:
        """Figures at a step."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        found = [Metric(name, float(value), now, step) for name, value in figures.items()]
        with blaming(self.uri):
            for start in range(0, len(found), 1000):
                self.client.log_batch(self.run_id, metrics=found[start : start + 1000])

    def steps(self, name: str) -> set[int]:
        """The steps at which a figure is known."""
        with blaming(self.uri):
            return {figure.step for figure in self.client.get_metric_history(self.run_id, name)}

    def file(self, name: str, data: bytes) -> None:
        """Keep a file, `folder/name` or `name`."""
        place, _, name = name.rpartition("/")
        with tempfile.TemporaryDirectory() as folder, blaming(self.uri):
            path = Path(folder) / name
            path.write_bytes(data)
            self.client.log_artifact(self.run_id, str(path), place or None)

    def folder(self, path: str | Path, name: str) -> None:
        """Keep all files of a local folder under a name."""
        with blaming(self.uri):
            self.client.log_artifacts(self.run_id, str(path), name)

    def end(self, status: str) -> None:
        """FINISHED, FAILED or KILLED; a run that is begun again runs again."""
        with blaming(self.uri):
            self.client.set_terminated(self.run_id, status)


class Tracker(dg.ConfigurableResource):
    """MLflow."""

    uri: str = Field(
        "",
        description="sqlite:///FILE or a server's URL; empty: MLFLOW_TRACKING_URI, or mlruns/ here",
    )

    def address(self) -> str:
        """Where MLflow keeps its records. Raises BadInput for a setting that holds a password."""
        if (shown := redact(self.uri)) != self.uri:
            raise BadInput(
                f"{shown} holds a password, and settings of a run are shown to all: leave the setting out, "
                "and give MLFLOW_TRACKING_URI in the environment"
            )
        default = f"sqlite:///{PROJECT / 'mlruns' / 'mlflow.db'}"
        return self.uri or os.environ.get("MLFLOW_TRACKING_URI") or default

    def client(self) -> MlflowClient:
        """A client of its own for each caller. Raises TrackerUnusable."""
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # seven by default, minutes in all
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # which belongs to --json
        from mlflow import MlflowClient

        for name in ("mlflow.store.db.utils", "alembic"):  # tell of tables made anew
            logging.getLogger(name).setLevel(logging.WARNING)
        address = self.address()
        with blaming(address):
            if file := local_file(address):
                file.parent.mkdir(parents=True, exist_ok=True)
            return MlflowClient(address)

    def away(self) -> str:
        """Why MLflow's server cannot be asked just now; empty: it answers. A file is never away."""
        address = self.address()
        if not address.startswith("http"):
            return ""
        from mlflow.utils.credentials import get_default_host_creds
        from mlflow.utils.rest_utils import http_request

        try:
            with blaming(address):
                http_request(
                    get_default_host_creds(address),
                    "/api/2.0/mlflow/experiments/get-by-name",
                    "GET",
                    max_retries=0,
                    timeout=_PATIENCE_S,
                    params={"experiment_name": EXPERIMENT},  # which its database must be asked
                )
        except TrackerAway as error:
            return str(error)
        except TrackerUnusable:
            pass  # it answers, and whoever asks more will hear what is wrong
        return ""

    def begin(self, name: str, tags: Mapping[str, str]) -> TrackedRun:
        """A new run of the experiment. Raises TrackerUnusable."""
        client = self.client()
        with blaming(self.address()):
            run = client.create_run(self._experiment(client), run_name=name, tags=dict(tags))
            return self._tracked(client, run)

    def reopen(self, folder: str | Path) -> TrackedRun | None:
        """The run that trained what lies in `folder`; None if it was tracked nowhere, or elsewhere."""
        store = Store(str(folder))
        if not store.exists(TRACKING):
            return None
        try:
            record = store.read_json(TRACKING)
            uri, run_id = str(record["uri"]), str(record["run_id"])
        except (ValueError, KeyError, TypeError) as error:
            raise TrackerUnusable(
                f"{store.path(TRACKING)} is damaged ({error!r}): delete it, and the run is tracked no more"
            ) from error
        if uri != redact(self.address()):
            return None
        client = self.client()
        from mlflow.exceptions import MlflowException

        with blaming(self.address()):
            try:
                return self._tracked(client, client.get_run(run_id))
            except MlflowException as error:
                if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                    return None
                raise

    def register(self, run: TrackedRun, objective: str, tags: Mapping[str, str]) -> str:
        """The version number of the model that a run kept, from now on the challenger; made once a run."""
        name = registered_name(objective)
        from mlflow.exceptions import MlflowException

        with blaming(self.address()):
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
                    await_creation_for=0,  # it is whole; nothing but a remark comes of waiting
                )
            )
            run.client.set_registered_model_alias(name, CHALLENGER, version.version)
            return str(version.version)

    def register_folder(self, folder: str, objective: str, weights: str) -> tuple[TrackedRun, str]:
        """A model as a run and a version of the registry: those it has, or new ones if it came by hand.

        weights: the digest of its weights, by which a version is known again.
        """
        if run := self.reopen(Path(folder).parent):
            return run, self.register(run, objective, {"forge.weights": weights})
        client, name = self.client(), registered_name(objective)
        with blaming(self.address()):
            found = client.search_model_versions(f"name = '{name}' and tags.`forge.weights` = '{weights}'")
            if found:
                return self._tracked(client, client.get_run(found[0].run_id)), str(found[0].version)
        tags = {"forge.model": folder, "forge.weights": weights, "forge.adopted": "true"}
        run = self.begin(Path(folder).name, tags)
        run.folder(folder, "model")
        run.end("FINISHED")
        return run, self.register(run, objective, tags)

    def promote(self, objective: str, version: str, card: str, tags: Mapping[str, str]) -> None:
        """Make a version the champion, with its card and tags; the alias last, so that half is nothing."""
        client, name = self.client(), registered_name(objective)
        with blaming(self.address()):
            client.update_model_version(name, version, card)
            for key, value in tags.items():
                client.set_model_version_tag(name, version, key, value)
            client.set_registered_model_alias(name, CHAMPION, version)

    def curve(self, name: str, figures: Mapping[int, Mapping[str, float]]) -> None:
        """Figures by step, of a run of its own that is known by its name; those it has stay as they are."""
        client = self.client()
        with blaming(self.address()):
            experiment = self._experiment(client)
            found = client.search_runs([experiment], f"attributes.run_name = '{name}'", max_results=1)
            run = self._tracked(client, found[0] if found else client.create_run(experiment, run_name=name))
        for key in sorted({key for values in figures.values() for key in values}):
            known = run.steps(key)
            for step, values in figures.items():
                if step not in known and key in values:
                    run.metrics({key: values[key]}, step)

    def fetch(self, objective: str, alias: str) -> tuple[str, str] | None:
        """A local folder with the model of an alias, and its version number; None if there is none."""
        client, name = self.client(), registered_name(objective)
        from mlflow.artifacts import download_artifacts
        from mlflow.exceptions import MlflowException

        with blaming(self.address()):
            try:
                version = client.get_model_version_by_alias(name, alias)
            except MlflowException as error:
                if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                    return None
                raise
            if Path(version.source).is_dir():
                return version.source, str(version.version)
            place = runs_folder() / "registered" / f"{name}-v{int(version.version)}"
            place.mkdir(parents=True, exist_ok=True)
            folder = download_artifacts(
                artifact_uri=version.source, dst_path=str(place), tracking_uri=self.address()
            )
            return folder, str(version.version)

    def _experiment(self, client: MlflowClient) -> str:
        found = client.get_experiment_by_name(EXPERIMENT)
        if found:
            return found.experiment_id
        file = local_file(self.address())
        place = str(file.parent / "artifacts") if file else None
        kind = {"mlflow.experimentKind": "custom_model_development"}  # curves first, not chats
        return client.create_experiment(EXPERIMENT, place, kind)

    def _tracked(self, client: MlflowClient, run: Any) -> TrackedRun:
        info = run.info
        address = redact(self.address())  # which is written into the folder of the run
        return TrackedRun(client, address, info.run_id, self.url_of(info), info.artifact_uri)

    def url_of(self, info: RunInfo) -> str:
        """Where the UI shows a run."""
        address = redact(self.address()).replace("***@", "")
        ui = address.rstrip("/") if address.startswith("http") else LOCAL_UI
        return f"{ui}/#/experiments/{info.experiment_id}/runs/{info.run_id}"


@dataclass(slots=True)
class TrainingTracker:
    """Follows training runs (see forge_core.texas42.cli.train.Tracking) into MLflow."""

    tracker: Tracker
    tags: Mapping[str, str] = field(default_factory=dict)
    """who started them, beside what is known of each run"""

    @contextmanager
    def follow(
        self, config: TrainConfig, folder: Path, data: Mapping[str, Any], init_from: str | None, resume: bool
    ) -> Iterator[FollowedTraining]:
        """A new run in MLflow, or that of a run which is resumed; it ends with what happens here.

        Raises BadInput for a new run in the folder of another: that one's records stay as they are.
        """
        from forge_core.learning.labelled.train import CHECKPOINT, ORIGIN

        store = Store(str(folder))
        if not resume and store.exists(CHECKPOINT):
            raise BadInput(f"{folder} holds a run already: resume it, or choose another name")
        tags = {
            "forge.data_version": str(data["version"]),
            "forge.code_version": versions.of_network(data["kind"]),
            "forge.folder": store.url,
            **({"forge.parent_model": init_from} if init_from else {}),
            **self.tags,
        }
        known = self.tracker.reopen(folder) if resume else None
        run = known or self.tracker.begin(Path(folder).name, tags)
        if not known:
            rows = {name: said for name, said in data.items() if name != ORIGIN}  # which the card says
            run.params({**config.to_dict(), "data": rows, "init_from": init_from})
            record = {"uri": run.uri, "run_id": run.run_id, "url": run.url}
            store.write(TRACKING, json.dumps(record, indent=2).encode())
        try:
            yield FollowedTraining(self.tracker, run, config.model.objective, tags)
        except KeyboardInterrupt:
            run.end("KILLED")
            raise
        except BaseException as error:
            if not (known and isinstance(error, BadInput)):  # it was asked to go on otherwise than begun
                run.end("FAILED")
            raise
        run.end("FINISHED")


@dataclass(slots=True)
class FollowedTraining:
    """One training run on its way into MLflow."""

    tracker: Tracker
    run: TrackedRun
    objective: str
    tags: Mapping[str, str]
    pending: list[Point] = field(default_factory=list)
    """points that MLflow doesn't know yet: it may be away for a while without stopping the training"""

    def point(self, point: Point) -> None:
        """A point of the curves, as soon as MLflow takes it."""
        self.pending.append(point)
        try:
            self._send()
        except TrackerUnusable as error:
            logging.getLogger(__name__).warning("%s; %d points wait", error, len(self.pending))

    def finish(self, result: TrainResult) -> None:
        """The best weights, their figures and the curve; the model is registered as the challenger."""
        from forge_core.learning.labelled.pictures import draw_curve

        known = self.run.steps("loss")  # what was pending when a run was interrupted may have been lost
        self.pending = [point for point in result.points if point["step"] not in known]
        self._send()
        self.run.tag(self.tags)
        self.run.metrics({f"best/{name}": value for name, value in figures_of(result.best).items()})
        self.run.folder(result.model, "model")
        self.run.file("plots/curve.png", draw_curve(result.points))
        for name in ("config.json", "metrics.csv"):
            self.run.file(name, Store(result.folder).read(name))
        weights = json.loads(Store(result.model).read("model.json"))["weights"]
        self.run.tag({"forge.model": result.model, "forge.weights": weights})
        about = {name: self.tags[name] for name in self.tags if name.startswith("forge.")}
        about["forge.weights"] = weights
        self.tracker.register(self.run, self.objective, about)

    def _send(self) -> None:
        while self.pending:
            point = self.pending[0]
            costs = {name: point[name] for name in _COSTS}
            results = {f"val/{name}": value for name, value in figures_of(point).items()}
            self.run.metrics(costs | results, int(point["step"]))
            del self.pending[0]


def figures_of(point: Mapping[str, float]) -> dict[str, float]:
    """What the evaluation of a point found."""
    return {name: value for name, value in point.items() if name not in (*_COSTS, "step")}


def flatten(params: Mapping[str, Any], prefix: str = "") -> Sequence[tuple[str, Any]]:
    """Names and values of a nested mapping: `data.version`."""
    flat: list[tuple[str, Any]] = []
    for name, value in params.items():
        flat += flatten(value, f"{prefix}{name}.") if isinstance(value, Mapping) else [(prefix + name, value)]
    return flat


def local_file(address: str) -> Path | None:
    """The file of an SQLite address."""
    return Path(address.removeprefix("sqlite:///")) if address.startswith("sqlite:///") else None


_PATIENCE_S = 5.0
"""for one answer to whether MLflow is there"""
_START = "start it with make ui, or set MLFLOW_TRACKING_URI"
_REMEDIES = {
    "disk is full": "free some space there, then repeat",
    "no space left": "free some space there, then repeat",
    "read-only": "give yourself permission there, or set MLFLOW_TRACKING_URI",
    "readonly": "give yourself permission there, or set MLFLOW_TRACKING_URI",
    "permission denied": "give yourself permission there, or set MLFLOW_TRACKING_URI",
    "unable to open database file": "give yourself permission there, or set MLFLOW_TRACKING_URI",
}
"""by what MLflow says"""


@contextmanager
def blaming(address: str) -> Iterator[None]:
    """Whatever MLflow raises is TrackerUnusable, or TrackerAway."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        # Dagster shows what an error came of, too: not where the address may hold a password.
        cause = None if "@" in address else error
        if is_away(error):
            reason = f"MLflow at {address} does not answer: {_chain(error)[-1]}; {_START}"
            raise TrackerAway(redact(reason)) from cause
        reason = " ".join(str(error).split())[:300]
        lower = reason.lower()
        remedy = next((remedy for word, remedy in _REMEDIES.items() if word in lower), _START)
        raise TrackerUnusable(redact(f"MLflow at {address}: {reason}; {remedy}")) from cause


def is_away(error: BaseException) -> bool:
    """Whether what was raised says that a server did not answer, or that it is busy with no database.

    What it answers by 500 it will answer again: an error of its own, or of what it was asked.
    """
    from requests import exceptions as http

    away = (http.ConnectionError, http.Timeout, http.RetryError, http.ChunkedEncodingError)
    chain = _chain(error)
    return any(isinstance(found, away) for found in chain) and "too many 500" not in str(chain[-1])


def _chain(error: BaseException) -> list[BaseException]:
    """An error, what it came of, and so on."""
    chain = [error]
    while cause := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(cause)
    return chain


def resolve_model(word: str, objective: str, tracker: Tracker) -> str:
    """A folder of a model: a path, which begins at the project, or what the registry holds under an alias.

    Raises BadInput for an alias that nothing has.
    """
    if word not in (CHAMPION, CHALLENGER):
        return word if "://" in word else str(PROJECT / word)
    found = tracker.fetch(objective, word)
    if not found:
        raise BadInput(f"{registered_name(objective)} has no {word} yet: name the folder of a model")
    return found[0]
