"""The promises of shards as assets, on real processes: a run killed with -9, a backfill by the daemon."""

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
from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest

from forge_assets.partitions import block_name, shard_keys
from forge_assets.resources import COMPUTE_POOL
from forge_core.files import Store
from forge_core.texas42.declarations import NAMES
from forge_core.texas42.oracle.shards import ShardConfig, fill_shards, missing_shards, read_shard

PROJECT = Path(__file__).parent.parent
CONFIG = ShardConfig(rows=280)
ORACLE_SHARDS = dg.AssetKey("oracle_shards")

RUN_IN_A_PROCESS = """
import sys
import dagster as dg
from forge_assets.partitions import block_range
from forge_assets.slice import materialize_here
result = materialize_here(
    "oracle_shards", dg.DagsterInstance.get(), block_range(0, int(sys.argv[1]) - 1), {"rows": "280"}
)
print(sum(event.metadata["made"].value for event in result.asset_materializations_for_node("oracle_shards")))
sys.exit(not result.success)
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A Dagster home with the project's configuration, its tables made, and a store, both empty."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(PROJECT / "dagster_home/dagster.yaml", home)
    with dg.DagsterInstance.from_config(str(home)) as instance:  # as the Makefile does
        instance.event_log_storage.set_concurrency_slots(COMPUTE_POOL, 1)
    return os.environ | {
        "DAGSTER_HOME": str(home),
        "FORGE_STORE": str(tmp_path / "store"),
        "PYTHONUNBUFFERED": "1",
    }


def keys_of(blocks: int, names=NAMES):
    return [
        key for name in names for b in range(blocks) for key in shard_keys(f"{name}|{block_name(b)}", "one")
    ]


def recorded(home: str) -> set[str]:
    """The partitions of oracle_shards that Dagster knows to be done."""
    with dg.DagsterInstance.from_config(home) as instance:
        return set(instance.get_materialized_partitions(ORACLE_SHARDS))


def test_a_run_killed_in_its_process_leaves_nothing_half_written_and_its_repeat_makes_what_is_missing(
    environment,
):
    """One run of ten partitions by execute_in_process, in a process of its own that is killed with -9, then
    started again: neither a daemon nor a backfill has a part in it."""
    blocks, home = 1, environment["DAGSTER_HOME"]
    command = [sys.executable, "-c", RUN_IN_A_PROCESS, str(blocks)]
    run = subprocess.Popen(command, env=environment, cwd=PROJECT)
    with dg.DagsterInstance.from_config(home) as instance:
        while run.poll() is None and len(instance.get_materialized_partitions(ORACLE_SHARDS)) < 2:
            time.sleep(0.02)
    run.send_signal(signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL, "it was over before it could be killed"

    store = Store(environment["FORGE_STORE"]).join("shards-standard")
    for name in store.join("train").names():
        read_shard(store, name)  # raises for a half-written one
    keys, known = keys_of(blocks), recorded(home)
    missing = missing_shards(store, keys, CONFIG)
    assert 0 < len(missing) < len(keys) and 2 <= len(known) < 10 * blocks

    repeat = subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True)
    assert repeat.returncode == 0, repeat.stdout + repeat.stderr
    assert int(repeat.stdout.split()[-1]) == len(missing)
    assert not missing_shards(store, keys, CONFIG)
    assert len(recorded(home)) == 10 * blocks
    assert set(store.join("train").names()) == {key.filename for key in keys}


class Dagster:
    """`dagster dev` as `make ui` starts it: web server, daemon and code location."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = log
        command = [sys.executable, "-m", "dagster", "dev", "-w", "workspace.yaml"]
        command += ["-h", "127.0.0.1", "-p", str(self.port)]
        with log.open("w") as output:
            self.process = subprocess.Popen(
                command, env=environment, cwd=PROJECT, stdout=output, stderr=output, start_new_session=True
            )

    def ask(self, query: str, **variables) -> dict:
        """The data of a GraphQL answer."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"]

    def wait_until(self, condition, seconds: float):
        """What `condition()` returns, as soon as it returns something."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            try:
                if found := condition():
                    return found
            except OSError:
                pass  # not up yet
            time.sleep(0.5)
        raise AssertionError(f"not within {seconds} s:\n{self.log.read_text()[-3000:]}")

    def stop(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


LAUNCH = """
mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}"""
STATUS = """
query Status($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } }
}"""
LOCATIONS = "{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }"
FINAL = {"COMPLETED_SUCCESS", "COMPLETED", "COMPLETED_FAILED", "FAILED", "CANCELED"}


def backfill(
    environment: dict[str, str], log: Path, partitions: list[str]
) -> tuple[str, list[tuple[float, float]]]:
    """Launch a backfill as the UI does, wait for its end: its status, and when its runs began and ended."""
    dagster = Dagster(environment, log)
    try:
        dagster.wait_until(lambda: dagster.ask(LOCATIONS)["repositoriesOrError"]["nodes"], 60)
        params = {
            "assetSelection": [{"path": ["oracle_shards"]}],
            "partitionNames": partitions,
            "runConfigData": {"ops": {"oracle_shards": {"config": {"rows": "280"}}}},
        }
        launched = dagster.ask(LAUNCH, params=params)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched

        def ended():
            answer = dagster.ask(STATUS, id=launched["backfillId"])["partitionBackfillOrError"]
            return answer["status"] if answer["status"] in FINAL else None

        status = dagster.wait_until(ended, 600)
    finally:
        dagster.stop()
    with dg.DagsterInstance.from_config(environment["DAGSTER_HOME"]) as instance:
        runs = instance.get_run_records()
        return status, sorted((record.start_time, record.end_time) for record in runs)


def test_a_backfill_of_twenty_blocks_completes(environment, tmp_path):
    names = NAMES[:2]  # all ten: a run of the same kind a declaration
    partitions = [f"{name}|{block_name(block)}" for name in names for block in range(20)]
    status, runs = backfill(environment, tmp_path / "dagster.log", partitions)
    assert status == "COMPLETED_SUCCESS"
    assert len(runs) == len(names)
    assert all(first[1] <= second[0] for first, second in pairwise(runs)), "one run computes at a time"
    assert recorded(environment["DAGSTER_HOME"]) == set(partitions)
    keys = keys_of(20, names)
    assert not missing_shards(Store(environment["FORGE_STORE"]).join("shards-standard"), keys, CONFIG)

    started = time.perf_counter()
    reports = list(fill_shards(Store(str(tmp_path / "bare")), keys, CONFIG))
    bare = time.perf_counter() - started
    assert all(report.made for report in reports)
    inside = sum(end - start for start, end in runs)
    print(f"\n{len(keys)} deals: {inside:.1f} s in {len(runs)} runs, {bare:.1f} s without Dagster")
