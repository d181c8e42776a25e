"""Daemon, web server and code server, each killed with -9 during a real backfill and started again.

They run as separate processes, as under systemd or compose. Only the process itself is killed; its
children live on, as they do when the kernel's out-of-memory killer takes one process.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import dagster as dg
import pytest
from asset_runs import materializations
from dagster._core.execution.backfill import BulkActionStatus
from running import Dagster, Process, keys_of, recorded

from forge_assets.processes import is_process_alive
from forge_assets.texas42.blocks import BLOCK_SIZE, block_name
from forge_core.files import Store
from forge_core.texas42.declarations import NAMES
from forge_core.texas42.oracle.shards import ShardConfig, ShardKey, missing_shards

pytestmark = pytest.mark.slow

CONFIG = ShardConfig(rows=280)
BLOCKS, DECLARED = 12, NAMES[:2]
PARTITIONS = [f"{name}|{block_name(block)}" for name in DECLARED for block in range(BLOCKS)]
QUICK_DAEMON = """
import dagster._daemon.controller as controller
controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 5  # its pace for backfills, 30
controller.RELOAD_WORKSPACE_INTERVAL = 5  # when it sees that a code server is gone, 60
from dagster._daemon.cli import main
main()
"""
"""Dagster's daemon, at another pace"""
STATS = """{
  assetNodes(assetKeys: [{path: ["oracle_shards"]}]) { partitionStats { numMaterialized numFailed } }
}"""


class Services:
    """A web server and a daemon of one home, killed and started again."""

    def __init__(self, environment: dict[str, str], folder: Path, stack: ExitStack) -> None:
        self.home = environment["DAGSTER_HOME"]
        self._environment, self._folder, self._stack = environment, folder, stack

    def web_server(self) -> Dagster:
        server = Dagster(self._environment, self._folder / "web.log", alone=True)
        self._stack.callback(server.kill)
        server.wait_until_ready(240)
        return server

    def daemon(self) -> Process:
        command = [sys.executable, "-c", QUICK_DAEMON, "run", "-w", "workspace.yaml"]
        process = Process(command, self._environment, self._folder / "daemon.log")
        self._stack.callback(process.kill)
        return process

    def wait_for(self, condition: Callable[[dg.DagsterInstance], object], seconds: float = 240) -> None:
        """Wait until a condition holds of Dagster's records."""
        deadline = time.monotonic() + seconds
        with dg.DagsterInstance.from_config(self.home) as instance:
            while not condition(instance):
                assert time.monotonic() < deadline, (self._folder / "daemon.log").read_text()[-3000:]
                time.sleep(0.1)


@pytest.fixture
def services(environment, tmp_path) -> Iterator[Services]:
    patient = {"DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR": "1"}  # as the Makefile has it
    with ExitStack() as stack:
        yield Services(environment | patient, tmp_path, stack)


def kill(process: Process) -> None:
    """Kill one process and leave its children."""
    process.process.send_signal(signal.SIGKILL)
    assert process.process.wait() == -signal.SIGKILL


def n_recorded(instance: dg.DagsterInstance) -> int:
    return len(instance.get_materialized_partitions(dg.AssetKey("oracle_shards")))


def partition_of(key: ShardKey) -> str:
    return f"{NAMES[key.decl]}|{block_name(key.seed // BLOCK_SIZE)}"


def backfill_is_over(instance: dg.DagsterInstance) -> bool:
    (backfill,) = instance.get_backfills()
    return backfill.status is not BulkActionStatus.REQUESTED


def assert_nothing_lost(environment: dict[str, str]) -> None:
    """Assert that the backfill is complete: every partition made once, every run successful, every shard
    stored."""
    with dg.DagsterInstance.from_config(environment["DAGSTER_HOME"]) as instance:
        (backfill,) = instance.get_backfills()
        assert backfill.status.value == "COMPLETED_SUCCESS"
        made = materializations(instance, "oracle_shards")
        assert {record.dagster_run.status for record in instance.get_run_records()} == {
            dg.DagsterRunStatus.SUCCESS
        }
        assert len(instance.get_run_records()) == len(DECLARED)
    assert set(made) == set(PARTITIONS)
    assert all(len(events) == 1 for events in made.values())
    assert all(events[0].metadata["made"].value == 5 for events in made.values())
    store = Store(environment["FORGE_STORE"]).join("shards-standard")
    assert not missing_shards(store, keys_of(BLOCKS, DECLARED), CONFIG)


def test_a_web_server_and_a_daemon_killed_in_a_backfill_lose_nothing_and_nothing_is_made_twice(
    services, environment
):
    server = services.web_server()
    server.launch_backfill(PARTITIONS)
    first = services.daemon()
    services.wait_for(lambda instance: n_recorded(instance) >= 1)
    kill(server)
    before = len(recorded(services.home))
    services.wait_for(lambda instance: n_recorded(instance) > before)  # it goes on without
    kill(first)
    before = len(recorded(services.home))
    assert before < len(PARTITIONS), "it was over before it could be killed"
    services.daemon()
    services.wait_for(backfill_is_over)
    assert_nothing_lost(environment)
    (node,) = services.web_server().ask(STATS)["assetNodes"]
    assert node["partitionStats"] == {"numMaterialized": len(PARTITIONS), "numFailed": 0}


def test_a_code_server_killed_in_a_backfill_is_started_again_and_its_run_goes_on(services, environment):
    services.web_server().launch_backfill(PARTITIONS)
    process = services.daemon()
    services.wait_for(lambda instance: n_recorded(instance) >= 1)
    servers = code_servers(process.process.pid)
    assert servers
    for pid in servers:
        os.kill(pid, signal.SIGKILL)
    assert len(recorded(services.home)) < len(PARTITIONS), "it was over before it could be killed"
    services.wait_for(backfill_is_over)
    assert_nothing_lost(environment)


def code_servers(daemon: int) -> list[int]:
    """Return the processes that hold the definitions for a daemon: `code-server` and its child."""
    found, waiting = [], [daemon]
    while waiting:
        below = Path(f"/proc/{waiting.pop()}/task")
        for pid in [int(pid) for task in below.iterdir() for pid in (task / "children").read_text().split()]:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if b"code-server" in command or b"grpc" in command:
                found.append(pid)
                waiting.append(pid)
    return found


def test_a_daemon_killed_with_all_it_started_leaves_no_run_that_never_ends(services, environment):
    """When the unit, the container or the machine goes down, the run's process dies too."""
    config = Path(services.home) / "dagster.yaml"
    config.write_text(config.read_text().replace("poll_interval_seconds: 30", "poll_interval_seconds: 2"))
    services.web_server().launch_backfill(PARTITIONS)
    process = services.daemon()
    services.wait_for(lambda instance: n_recorded(instance) >= 1)
    process.kill()
    kept = recorded(services.home)
    assert kept < set(PARTITIONS), "it was over before it could be killed"
    services.daemon()
    services.wait_for(backfill_is_over)  # the run that died has failed, the other has its pool
    with dg.DagsterInstance.from_config(services.home) as instance:
        ends = [record.dagster_run.status for record in instance.get_run_records()]
        assert sorted(ends, key=str) == [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS]
        made = materializations(instance, "oracle_shards")
    assert kept <= set(made)
    done = [key for key in keys_of(BLOCKS, DECLARED) if partition_of(key) in made]
    assert not missing_shards(Store(environment["FORGE_STORE"]).join("shards-standard"), done, CONFIG)


def test_a_process_is_told_from_another_of_its_number():

    before = time.time()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert is_process_alive(child.pid, time.time())
    assert not is_process_alive(child.pid, before - 3600)  # who had the number then was another
    child.kill()
    time.sleep(0.2)
    assert not is_process_alive(child.pid, time.time())  # dead, not yet buried
    child.wait()
    assert not is_process_alive(child.pid, time.time())
