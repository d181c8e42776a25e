"""One MLflow run: its tags, parameters, figures and files."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forge_assets.tracking.errors import mlflow_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient

_PARAMS_PER_BATCH, _METRICS_PER_BATCH = 100, 1000
"""MLflow's limits per request"""


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """One MLflow run. All methods raise TrackerUnusable if MLflow fails."""

    client: MlflowClient
    uri: str
    """address of MLflow, without a password"""
    run_id: str
    url: str
    """URL of the run for a browser"""
    artifacts: str
    """URI of its files"""

    def tag(self, tags: Mapping[str, str]) -> None:
        """Set tags."""
        from mlflow.entities import RunTag

        with mlflow_errors(self.uri):
            self.client.log_batch(self.run_id, tags=[RunTag(key, value) for key, value in tags.items()])

    def params(self, params: Mapping[str, Any]) -> None:
        """Record parameters, which cannot be changed later; nested names are joined by dots."""
        from mlflow.entities import Param

        flat = [Param(name, str(value)) for name, value in flatten(params)]
        with mlflow_errors(self.uri):
            for start in range(0, len(flat), _PARAMS_PER_BATCH):
                self.client.log_batch(self.run_id, params=flat[start : start + _PARAMS_PER_BATCH])

    def metrics(self, figures: Mapping[str, float], step: int = 0) -> None:
        """Record figures at a step."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(name, float(value), now, step) for name, value in figures.items()]
        with mlflow_errors(self.uri):
            for start in range(0, len(metrics), _METRICS_PER_BATCH):
                self.client.log_batch(self.run_id, metrics=metrics[start : start + _METRICS_PER_BATCH])

    def dataset(self, data: Mapping[str, Any]) -> None:
        """Name the rows that the run learns from. data: the record of a source, with `kind` and `version`."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        rows = {name: data[name] for name in ("rows", "settings") if name in data}
        known = Dataset(
            name=f"{data['kind']} rows",
            digest=str(data["version"])[:36],
            source_type="local",
            source=json.dumps({"uri": str(data.get("store") or data["kind"])}),
            profile=json.dumps(rows, default=str)[:16_000],
        )
        inputs = [DatasetInput(known, [InputTag("mlflow.data.context", "training")])]
        with mlflow_errors(self.uri):
            self.client.log_inputs(self.run_id, inputs)

    def steps(self, name: str) -> set[int]:
        """Return the steps at which a figure is recorded."""
        with mlflow_errors(self.uri):
            return {figure.step for figure in self.client.get_metric_history(self.run_id, name)}

    def file(self, name: str, data: bytes) -> None:
        """Store a file with the run, as `folder/name` or `name`."""
        folder, _, name = name.rpartition("/")
        with tempfile.TemporaryDirectory() as temporary, mlflow_errors(self.uri):
            path = Path(temporary) / name
            path.write_bytes(data)
            self.client.log_artifact(self.run_id, str(path), folder or None)

    def folder(self, path: str | Path, name: str) -> None:
        """Store all files of a local folder with the run, in a folder called `name`."""
        with mlflow_errors(self.uri):
            self.client.log_artifacts(self.run_id, str(path), name)

    def end(self, status: str) -> None:
        """Set the status FINISHED, FAILED or KILLED."""
        with mlflow_errors(self.uri):
            self.client.set_terminated(self.run_id, status)


def flatten(params: Mapping[str, Any], prefix: str = "") -> Sequence[tuple[str, Any]]:
    """Return the names and values of a nested mapping, with names joined by dots: `data.version`."""
    flat: list[tuple[str, Any]] = []
    for name, value in params.items():
        flat += flatten(value, f"{prefix}{name}.") if isinstance(value, Mapping) else [(prefix + name, value)]
    return flat
