"""Shards as assets in real processes: a run killed with -9, and a backfill by the daemon."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest
from running import ORACLE_SHARDS, PROJECT, Dagster, keys_of, recorded

from forge_assets.texas42.blocks import block_name
from forge_core.files import Store
from forge_core.texas42.declarations import NAMES
from forge_core.texas42.oracle.shards import ShardConfig, missing_shards, read_shard

pytestmark = pytest.mark.slow

CONFIG = ShardConfig(rows=280)

RUN_IN_A_PROCESS = """
import sys
import time
import dagster as dg
from forge_assets.texas42.partitions import block_range
from forge_assets.in_process import materialize_here
result = materialize_here(
    "oracle_shards", dg.DagsterInstance.get(), block_range(0, int(sys.argv[1]) - 1), {"rows": "280"}
)
print(sum(event.metadata["made"].value for event in result.asset_materializations_for_node("oracle_shards")))
sys.exit(not result.success)
"""


def test_a_run_killed_in_its_process_leaves_nothing_half_written_and_its_repeat_makes_what_is_missing(
    environment,
):
    """A run of ten partitions in a separate process is killed with -9 and started again, without a daemon
    or a backfill.
    """
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


def test_two_runs_of_the_same_partitions_at_once_both_end_well(environment):
    """A person may start a run while the daemon runs another; without the queue, pools do not separate
    them."""
    command = [sys.executable, "-c", RUN_IN_A_PROCESS, "1"]
    both = [
        subprocess.Popen(command, env=environment, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    made = [int(run.communicate(timeout=300)[0].split()[-1]) for run in both]
    assert [run.returncode for run in both] == [0, 0]
    keys, store = keys_of(1), Store(environment["FORGE_STORE"]).join("shards-standard")
    assert sum(made) >= len(keys) and not missing_shards(store, keys, CONFIG, verify=True)
    assert set(store.join("train").names()) == {key.filename for key in keys}, "no temporaries"
    assert len(recorded(environment["DAGSTER_HOME"])) == 10


def backfill(
    environment: dict[str, str], log: Path, partitions: list[str]
) -> tuple[str, list[tuple[float, float]]]:
    """Launch a backfill as the UI does and wait; return its status, and the times of its runs."""
    dagster = Dagster(environment, log)
    try:
        dagster.wait_until_ready()
        status = dagster.end_of_backfill(dagster.launch_backfill(partitions))
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
