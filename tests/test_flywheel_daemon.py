"""The flywheels in a real daemon, driven by the sensor, with a fault in the second iteration."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest
from asset_runs import materializations
from running import PROJECT, Process, new_home

from forge_assets.dagster_internals import last_process
from forge_assets.flywheel.flywheel import Flywheel
from forge_assets.flywheel.state import Iteration, State
from forge_assets.flywheel.storage import read_state
from forge_assets.gate.networks import weights_of
from forge_assets.liuzhou.flywheel import FLYWHEEL as LIUZHOU
from forge_assets.processes import is_process_alive
from forge_assets.skull_king.flywheel import FLYWHEEL as SKULL_KING
from forge_assets.skull_king.names import objective_of
from forge_assets.texas42.flywheel import FLYWHEEL as TEXAS42
from forge_assets.tracking.registry import CHAMPION, ModelRegistry, registered_name
from forge_assets.tracking.tracker import Tracker
from forge_core.files import Store
from forge_core.learning.checkpoints import load_model
from forge_core.learning.runs import CHECKPOINT
from forge_core.liuzhou.files import FOLDER, keys_of
from forge_core.liuzhou.generations import read_generation
from forge_core.skull_king.network import BidAndPlayNet
from forge_core.skull_king.reference import REFERENCE
from forge_core.skull_king.settings.learning import DEFAULT_RECIPE
from forge_core.texas42.oracle.shards import ShardKey

pytestmark = pytest.mark.slow

SMALL_TEXAS42 = (
    *("--model", "73k", "--shard-rows", "280", "--rows", "140", "--golden-rows", "56"),
    *("--batch-size", "128", "--lr", "2e-3", "--threads", "1"),
)
GAMES = 160
"""games of a generation of Liuzhou: more than are played side by side, so that files end one after another"""
SMALL_LIUZHOU = (
    *("--games", str(GAMES), "--playouts", "16", "--sims", "2", "--fast-sims", "1", "--no-film"),
    *("--window", "4000", "--batch-size", "64", "--reuse", "0.7", "--lr", "3e-3"),
    *("--opponents", "random", "--pairs", "2", "--match-sims", "0", "--gate-pairs", "50"),
)
"""just enough for the first network to beat random play, so that it plays the second generation"""
SMALL_SKULL_KING = (
    *("--decisions", "25000", "--opponents", "hard,captain"),
    *("--deals", "2", "--gate-deals", "20"),
)
"""three batches, after each of which there is a checkpoint"""
QUICK_DAEMON = """
import dagster._daemon.sensor as sensor
sensor.MIN_INTERVAL_LOOP_TIME = 1  # how often it looks at sensors, 5
from dagster._daemon.cli import main
main()
"""
"""Dagster's daemon, at another pace: of many runs each waits for the one before"""


def pipeline(environment: dict[str, str], *arguments: str) -> str:
    """Return the output of a forge-pipeline command that succeeds."""
    command = [sys.executable, "-c", "import sys; from forge_assets.cli.main import main; sys.exit(main())"]
    done = subprocess.run(
        [*command, *arguments], env=environment, cwd=PROJECT, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass(frozen=True)
class Running:
    """A flywheel that the sensor of a daemon drives."""

    flywheel: Flywheel
    root: Store
    tracker: Tracker
    home: str
    verb: str
    environment: dict[str, str]
    daemon: Process

    def state(self) -> State:
        """Return the state in the store."""
        found = read_state(self.flywheel, self.root)
        assert found
        return found

    def wait_until(self, condition: Callable[[State], object]) -> State:
        """Return the first state that fulfils a condition."""
        return self.daemon.wait_until(lambda: (now := self.state()) and condition(now) and now, 600)

    def stop(self, iterations: int = 3) -> list[Iteration]:
        """Switch the sensor off after some iterations; check and return the history."""
        end = self.wait_until(lambda state: state.iteration > iterations)
        pipeline(self.environment, self.verb, "stop")
        assert (end.error, end.units()) == ("", [iterations])
        assert [past.units for past in end.history] == [(n,) for n in range(iterations)]
        attempts = [past.attempts for past in end.history]
        assert attempts == [1, 2, 1][:iterations], "the fault was in the second iteration"
        status = json.loads(pipeline(self.environment, self.verb, "status", "--json"))
        assert status["sensor"] == "off" and status[f"next_{self.flywheel.words.unit}"] == iterations
        with dg.DagsterInstance.from_config(self.home) as instance:
            reported = instance.fetch_materializations(dg.AssetKey(self.flywheel.name), limit=10).records
            assert len(reported) == iterations
            runs = instance.get_run_records(dg.RunsFilter(tags={"forge/iteration": "2"}))
            assert {record.dagster_run.tags["forge/attempt"] for record in runs} == {"1", "2"}
            spans = sorted((record.start_time, record.end_time) for record in runs)
            assert all(one[1] <= next[0] for one, next in pairwise(spans)), "a step begins when one has ended"
        for past in end.history:
            print(f"\niteration {past.number}: {past.challenger_figure:.3f}, champion {past.champion_figure}")
        return list(end.history)


@contextmanager
def run_flywheel(flywheel: Flywheel, folder: Path, settings: tuple[str, ...]) -> Iterator[Running]:
    """Create a flywheel in an empty store, and switch its sensor on in a daemon of its own."""
    tracked = f"sqlite:///{folder}/mlflow.db"
    environment = new_home(folder) | {
        "FORGE_RUNS": str(folder / "runs"),
        "FORGE_FLYWHEEL_SECONDS": "1",
        "MLFLOW_TRACKING_URI": tracked,
        "OMP_NUM_THREADS": "1",
    }
    verb = flywheel.command.split()[-1]
    pipeline(environment, verb, "init", *settings)
    command = [sys.executable, "-c", QUICK_DAEMON, "run", "-w", "workspace.yaml"]
    daemon = Process(command, environment, folder / "dagster.log")
    try:
        assert "on" in pipeline(environment, verb, "start")
        yield Running(
            flywheel=flywheel,
            root=Store(environment["FORGE_STORE"]),
            tracker=Tracker(uri=tracked),
            home=environment["DAGSTER_HOME"],
            verb=verb,
            environment=environment,
            daemon=daemon,
        )
    finally:
        daemon.stop()


def test_texas42_three_iterations_one_of_which_fails_and_recovers(tmp_path: Path):
    """In the second iteration a folder blocks a shard's file; it is removed after the failure is reported."""
    shards = Store(str(tmp_path / "store")).join("shards-standard", "train")
    in_the_way = Path(shards.path(ShardKey(57, 7).filename))
    in_the_way.mkdir(parents=True)
    with run_flywheel(TEXAS42, tmp_path, SMALL_TEXAS42) as running:
        failed = running.wait_until(lambda state: state.error or state.iteration > 2)
        assert "seed_00000057_decl_7" in failed.error and failed.failures == 1
        assert (failed.iteration, failed.units(), len(failed.history)) == (2, [1], 1)
        client = running.tracker.client()
        champion = client.get_model_version_by_alias(registered_name("qvalue"), CHAMPION)
        assert load_model(champion.source).n_parameters == 70_978
        in_the_way.rmdir()
        history = running.stop()
    assert history[0] == failed.history[0] and history[0].promoted
    assert [past.examples for past in history] == [50, 100, 150]
    assert all(later.champion_figure <= earlier.champion_figure for earlier, later in pairwise(history))


def says_it_died(error: str) -> bool:
    """Return True if the code server, whose child a run was, or run monitoring has seen that it is gone."""
    return "signal 9" in error or "is gone" in error


def test_liuzhou_three_iterations_one_of_which_is_killed(tmp_path: Path):
    """In the second iteration self-play is killed with -9, when it has written its first file."""
    with run_flywheel(LIUZHOU, tmp_path, SMALL_LIUZHOU) as running:
        folder = running.root.join(FOLDER, "g001")
        kill(running, "self-play", folder.names)
        kept = {name: folder.read(name) for name in folder.names()}
        after = running.wait_until(lambda state: state.attempt > 1 or state.iteration > 2)
        assert (after.iteration, after.failures, len(after.history)) == (2, 1, 1)
        assert "self-play" in after.error and says_it_died(after.error)
        history = running.stop()
    assert history[0] == after.history[0] and history[0].promoted
    assert [past.examples for past in history] == [GAMES, 2 * GAMES, 3 * GAMES]
    for generation in range(3):
        assert read_generation(running.root, generation).game[-1] == GAMES - 1
    files = {key.filename for key in keys_of(1, GAMES)}
    assert set(folder.names()) == files and kept.keys() < files, "no file is left over"
    assert {name: folder.read(name) for name in kept} == kept, "nothing is lost or played twice"
    with dg.DagsterInstance.from_config(running.home) as instance:
        events = materializations(instance, "liuzhou_self_play")
    assert events["g001"][0].metadata["made"].value == len(files) - len(kept)
    by_playouts = [events[name][0].metadata["model"].value == "none" for name in ("g000", "g001", "g002")]
    assert by_playouts == [True, False, False]


def test_skull_king_two_iterations_one_of_which_is_killed(tmp_path: Path):
    """The champion is the network that comes with the project. In the second iteration, learning is killed
    with -9 when it has its first checkpoint."""
    objective, shipped = objective_of(DEFAULT_RECIPE), str(PROJECT / REFERENCE)
    registry = ModelRegistry(Tracker(uri=f"sqlite:///{tmp_path}/mlflow.db"))
    _, version = registry.register_folder(shipped, objective, weights_of(shipped))
    registry.promote(objective, version, "", {})
    with run_flywheel(SKULL_KING, tmp_path, SMALL_SKULL_KING) as running:
        runs = Path(running.environment["FORGE_RUNS"])

        def second_checkpoint() -> bool:
            return len(list(runs.glob(f"*/{CHECKPOINT}"))) == 2

        kill(running, "teach", second_checkpoint)
        after = running.wait_until(lambda state: state.attempt > 1 or state.iteration > 2)
        assert (after.iteration, after.failures, len(after.history)) == (2, 1, 1)
        assert "teach" in after.error and says_it_died(after.error)
        history = running.stop(2)
    assert history[0] == after.history[0] and not history[0].promoted
    assert 25_000 <= history[0].examples < history[1].examples
    parent = registry.fetch(objective, CHAMPION)
    for past in history:
        card = load_model(past.challenger, kind=BidAndPlayNet).card
        assert parent and card["init_from"] == parent.folder and card["results"]["rows"] >= 25_000
        tracked = running.tracker.reopen(Path(past.challenger).parent)
        assert tracked and len(tracked.steps("rows")) == 3, "the killed run continued"


def kill(running: Running, step: str, is_time: Callable[[], object]) -> None:
    """Kill the process that runs a step of the second iteration, as soon as a condition holds."""
    with dg.DagsterInstance.from_config(running.home) as instance:
        running.daemon.wait_until(lambda: running.state().iteration == 2, 600)
        tags = {"forge/iteration": "2", "forge/step": step}

        def process() -> tuple[int, float] | None:
            (run,) = instance.get_runs(dg.RunsFilter(tags=tags)) or [None]
            return last_process(instance, run.run_id) if run else None

        pid, known_at = running.daemon.wait_until(process, 120)
        deadline = time.monotonic() + 300
        while not is_time():
            assert time.monotonic() < deadline, running.daemon.said()
            time.sleep(0.02)
        os.kill(pid, signal.SIGKILL)
        while is_process_alive(pid, known_at):
            time.sleep(0.02)
