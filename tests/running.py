"""Dagster in separate processes that tests start, query, kill and stop."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg

from forge_assets.resources import COMPUTE_POOL
from forge_assets.texas42.blocks import block_name
from forge_assets.texas42.partitions import shard_keys
from forge_assets.texas42.universe import grow_universe
from forge_core.texas42.declarations import NAMES

PROJECT = Path(__file__).parent.parent
ORACLE_SHARDS = dg.AssetKey("oracle_shards")
SMALL = {"rows": "280"}
"""settings of oracle_shards that make small files"""

Found = TypeVar("Found")


def new_home(folder: Path) -> dict[str, str]:
    """Return the environment of an empty store and a Dagster home with the project's configuration and
    tables,
    both in `folder`.
    """
    home = folder / "home"
    home.mkdir()
    shutil.copy(PROJECT / "dagster_home/dagster.yaml", home)
    with dg.DagsterInstance.from_config(str(home)) as instance:  # as the Makefile does
        instance.event_log_storage.set_concurrency_slots(COMPUTE_POOL, 1)
        grow_universe(instance)
    return os.environ | {
        "DAGSTER_HOME": str(home),
        "FORGE_STORE": str(folder / "store"),
        "PYTHONUNBUFFERED": "1",
    }


def free_port() -> int:
    """Return a free port of 127.0.0.1."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def keys_of(blocks: int, names: Sequence[str] = NAMES):
    """Return the shards of the first blocks under some declarations."""
    return [
        key for name in names for b in range(blocks) for key in shard_keys(f"{name}|{block_name(b)}", "one")
    ]


def recorded(home: str) -> set[str]:
    """Return the partitions of oracle_shards that Dagster has recorded."""
    with dg.DagsterInstance.from_config(home) as instance:
        return set(instance.get_materialized_partitions(ORACLE_SHARDS))


class Process:
    """A command in its own process group; `log` has its output."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], log: Path, user: str | None = None
    ) -> None:
        self.log = log
        with log.open("a") as output:
            self.process = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                user=user,
            )

    def said(self) -> str:
        """Return the end of the log."""
        return self.log.read_text()[-3000:]

    def wait_until(self, condition: Callable[[], Found], seconds: float) -> Found:
        """Return the first true result of `condition()`; raise if the process ends before."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.said()
            with suppress(OSError):  # not up yet
                if found := condition():
                    return found
            time.sleep(0.5)
        raise AssertionError(f"not within {seconds} s:\n{self.said()}")

    def stop(self) -> None:
        """Interrupt the group as Ctrl-C does, and assert that none of its processes is left."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        self.kill()

    def kill(self) -> None:
        """Kill the whole group with -9."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Dagster(Process):
    """A web server: `dagster dev` as `make ui` starts it, with a daemon and a code location, or alone."""

    def __init__(self, environment: Mapping[str, str], log: Path, alone: bool = False) -> None:
        self.port = free_port()
        modules = ["dagster_webserver"] if alone else ["dagster", "dev"]
        command = [sys.executable, "-m", *modules, "-w", "workspace.yaml"]
        super().__init__([*command, "-h", "127.0.0.1", "-p", str(self.port)], environment, log)

    def ask(self, query: str, **variables: Any) -> dict:
        """Return the data of a GraphQL answer."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"]

    def wait_until_ready(self, seconds: float = 60) -> None:
        """Wait until the server has loaded the definitions."""
        self.wait_until(lambda: self.ask(LOCATIONS)["repositoriesOrError"].get("nodes"), seconds)

    def launch_backfill(
        self,
        partitions: Sequence[str],
        asset: str = "oracle_shards",
        settings: Mapping[str, Any] | None = None,
    ) -> str:
        """Launch a backfill as the UI does; return its id. settings: of the asset; small shards by
        default."""
        config = SMALL if settings is None else dict(settings)
        params = {
            "assetSelection": [{"path": [asset]}],
            "partitionNames": list(partitions),
            "runConfigData": {"ops": {asset: {"config": config}}},
        }
        launched = self.ask(LAUNCH, params=params)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        return launched["backfillId"]

    def launch_run(self, tags: Mapping[str, str], asset: str = "oracle_shards") -> str:
        """Launch one run of small shards; return its id. tags: those of `block_range`."""
        params = {
            "selector": {
                "repositoryLocationName": "forge",
                "repositoryName": "__repository__",
                "pipelineName": "__ASSET_JOB",
                "assetSelection": [{"path": [asset]}],
            },
            "runConfigData": {"ops": {asset: {"config": SMALL}}},
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        }
        launched = self.ask(LAUNCH_RUN, params=params)["launchPipelineExecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return launched["run"]["runId"]

    def end_of_backfill(self, backfill: str, seconds: float = 600) -> str:
        """Wait for the end of a backfill; return its status."""

        def ended() -> str | None:
            answer = self.ask(STATUS, id=backfill)["partitionBackfillOrError"]
            return answer["status"] if answer["status"] in FINAL else None

        status = self.wait_until(ended, seconds)
        assert status
        return status


def daemon(environment: Mapping[str, str], log: Path) -> Process:
    """Start Dagster's daemon alone."""
    return Process([sys.executable, "-m", "dagster._daemon", "run", "-w", "workspace.yaml"], environment, log)


@contextmanager
def mlflow_server(folder: Path, port: int) -> Iterator[None]:
    """Start MLflow's server on SQLite, with all its files in `folder`, and wait until it answers."""
    settings = os.environ | {
        "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{folder}/mlflow.db",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    options = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command = [sys.executable, "-m", "mlflow", "server", *options]
    server = Process(
        [*command, "--artifacts-destination", str(folder / "artifacts")], settings, folder / "mlflow.log"
    )
    try:
        server.wait_until(lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/health").read(), 120)
        yield
    finally:
        server.kill()


LAUNCH = """
mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}"""
LAUNCH_RUN = """
mutation LaunchRun($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}"""
STATUS = """
query Status($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } }
}"""
LOCATIONS = "{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }"
FINAL = {"COMPLETED_SUCCESS", "COMPLETED", "COMPLETED_FAILED", "FAILED", "CANCELED"}
