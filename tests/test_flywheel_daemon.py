"""The flywheel in a real daemon: switched on, driven by the sensor, with a fault in one iteration."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import dagster as dg
from running import PROJECT, Process, new_home

from forge_assets.flywheel.storage import read_state
from forge_assets.texas42.flywheel import FLYWHEEL
from forge_assets.tracking.registry import CHAMPION, registered_name
from forge_assets.tracking.tracker import Tracker
from forge_core.files import Store
from forge_core.learning.checkpoints import load_model
from forge_core.texas42.oracle.shards import ShardKey

SMALL = (
    *("--model", "73k", "--shard-rows", "280", "--rows", "140", "--golden-rows", "56"),
    *("--batch-size", "128", "--lr", "2e-3", "--threads", "1"),
)
QUICK_DAEMON = """
import dagster._daemon.sensor as sensor
sensor.MIN_INTERVAL_LOOP_TIME = 1  # how often it looks at sensors, 5
from dagster._daemon.cli import main
main()
"""
"""Dagster's daemon, at another pace: of 22 runs each waits for the one before"""


def pipeline(environment: dict[str, str], *arguments: str) -> str:
    """Return the output of a forge-pipeline command that succeeds."""
    command = [sys.executable, "-c", "import sys; from forge_assets.cli.main import main; sys.exit(main())"]
    done = subprocess.run(
        [*command, *arguments], env=environment, cwd=PROJECT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_three_iterations_by_the_sensor_one_of_which_fails_and_recovers(tmp_path: Path):
    """In the second iteration a folder blocks a shard's file; it is removed after the failure is reported."""
    tracked = f"sqlite:///{tmp_path}/mlflow.db"
    environment = new_home(tmp_path) | {
        "FORGE_RUNS": str(tmp_path / "runs"),
        "FORGE_FLYWHEEL_SECONDS": "1",
        "MLFLOW_TRACKING_URI": tracked,
        "OMP_NUM_THREADS": "1",
    }
    root = Store(environment["FORGE_STORE"])
    in_the_way = Path(root.join("shards-standard", "train").path(ShardKey(57, 7).filename))
    in_the_way.mkdir(parents=True)
    pipeline(environment, "flywheel", "init", *SMALL)
    command = [sys.executable, "-c", QUICK_DAEMON, "run", "-w", "workspace.yaml"]
    daemon = Process(command, environment, tmp_path / "dagster.log")
    try:
        assert "on" in pipeline(environment, "flywheel", "start")

        def state():
            found = read_state(FLYWHEEL, root)
            assert found
            return found

        daemon.wait_until(lambda: state().error or state().iteration > 2, 600)
        failed = state()
        assert "seed_00000057_decl_7" in failed.error and failed.failures == 1
        assert (failed.iteration, failed.units(), len(failed.history)) == (2, [1], 1)
        champion = (
            Tracker(uri=tracked).client().get_model_version_by_alias(registered_name("qvalue"), CHAMPION)
        )
        first = failed.history[0]
        assert load_model(champion.source).n_parameters == 70_978
        in_the_way.rmdir()

        daemon.wait_until(lambda: state().iteration > 3, 600)
        pipeline(environment, "flywheel", "stop")
    finally:
        daemon.stop()
    end = state()
    assert [past.units for past in end.history] == [(0,), (1,), (2,)]
    assert [past.examples for past in end.history] == [50, 100, 150]
    assert [past.attempts for past in end.history] == [1, 2, 1]
    assert all(later.champion_figure <= earlier.champion_figure for earlier, later in pairwise(end.history))
    assert first == end.history[0] and first.promoted and end.error == ""
    told = json.loads(pipeline(environment, "flywheel", "status", "--json"))
    assert told["sensor"] == "off" and told["next_seeds"] == "150-199"
    with dg.DagsterInstance.from_config(environment["DAGSTER_HOME"]) as instance:
        events = instance.fetch_materializations(dg.AssetKey("flywheel"), limit=10).records
        assert len(events) == 3
        runs = instance.get_run_records(dg.RunsFilter(tags={"forge/iteration": "2"}))
        assert {record.dagster_run.tags["forge/attempt"] for record in runs} == {"1", "2"}
        spans = sorted((record.start_time, record.end_time) for record in runs)
        assert all(one[1] <= other[0] for one, other in pairwise(spans)), "a step begins when one has ended"
    for past in end.history:
        print(f"\niteration {past.number}: {past.challenger_figure:.3f} against {past.champion_figure:.3f}")
