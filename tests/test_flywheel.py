"""The flywheel in one process: the next step, the result of an iteration, and failures."""

from __future__ import annotations

import json
from dataclasses import replace

import dagster as dg
import pytest
from asset_runs import metadata_of, reason_of
from running import free_port, mlflow_server

from forge_assets.cli.main import main as forge_pipeline
from forge_assets.definitions import defs
from forge_assets.flywheel import runner as by_hand
from forge_assets.flywheel import runs
from forge_assets.flywheel.progress import next_step
from forge_assets.flywheel.sensor import automate
from forge_assets.flywheel.state import GIVE_UP_AFTER, MOST_OUTAGES, Iteration, Phase, State
from forge_assets.flywheel.storage import FILE, folder_of, record_of
from forge_assets.flywheel.storage import read_state as read_state_of
from forge_assets.flywheel.storage import write_state as write_state_of
from forge_assets.flywheel.turn import Launch, Rest, Turner
from forge_assets.in_process import materialize_here
from forge_assets.resources import ShardStore
from forge_assets.texas42 import flywheel as texas42
from forge_assets.texas42 import networks
from forge_assets.texas42.blocks import MOST_BLOCKS
from forge_assets.texas42.flywheel import FLYWHEEL, FlywheelSettings, steps_of
from forge_assets.tracking.registry import CHAMPION, ModelRegistry, ModelVersion, registered_name
from forge_assets.tracking.tracker import Tracker
from forge_core.errors import BadInput, StoreUnusable
from forge_core.files import Store
from forge_core.learning.checkpoints import load_model
from forge_core.splits import Split
from forge_core.texas42.arena import measures
from forge_core.texas42.oracle.shards import ShardKey
from forge_core.texas42.tokens import golden

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning", "ignore::DeprecationWarning"
    ),
]

SMALL = FlywheelSettings(
    model="models/texas42-qvalue-73k",
    epochs=1,
    batch_size=64,
    shard_rows="280",
    rows=28,
    golden_rows=56,
    threads=1,
)
STORED = (
    '{"schema_version": 1, "settings": {"group": "flywheel", "start_block": 16, "blocks": 2, "model": "73k", '
    '"objective": "qvalue", "epochs": 2, "lr": 3e-05, "batch_size": 1024, "shard_rows": "50000", '
    '"rows": 10000, "golden_rows": 2000, "threads": null, "begin": "sensor"}, "token": "0badcafe", '
    '"phase": "ready", "iteration": 3, "next_block": 22, "attempt": 2, "failures": 1, "outages": 0, '
    '"away_since": "", "error": "iteration 3, teach (run 12345678): no space left", "prepared": "v1", '
    '"history": [{"number": 1, "blocks": [16, 17], "seeds": 100, "challenger": "runs/x/model", '
    '"challenger_q_gap": 1.25, "champion_q_gap": null, "promoted": false, '
    '"reasons": ["worse by 0.1 points", "alpha"], "attempts": 2}, {"number": 2, "blocks": [20, 21], '
    '"seeds": 200, "challenger": "runs/y/model", "challenger_q_gap": 1.2, "champion_q_gap": 1.2, '
    '"promoted": true, "reasons": ["better"], "attempts": 1}]}'
)
FEW_GOLDEN = [ShardKey(seed, decl) for seed in (900, 901, 902) for decl in (0, 6, 9)]
TWENTY_GOLDEN = [ShardKey(seed, decl) for seed in (900, 901) for decl in range(10)]
ONE_OF_THE_BENCHMARK = dict.fromkeys(
    ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end"), "sixes|seed_000901"
)


AUTOMATION = automate(FLYWHEEL)
SENSOR, NIGHTLY = AUTOMATION.sensor, AUTOMATION.schedule


def read_state(root: Store) -> State | None:
    return read_state_of(FLYWHEEL, root)


def write_state(root: Store, state: State) -> None:
    write_state_of(FLYWHEEL, root, state)


def turner(instance, root: Store, tracker: Tracker) -> Turner:
    return Turner(FLYWHEEL, instance, root, tracker)


def iteration(number: int, promoted: bool = True) -> Iteration:
    return Iteration(number, (number - 1,), 50 * number, "runs/x/model", 1.2, 1.1, promoted, ("better",), 1)


# the state


def test_a_state_reads_back(tmp_path):
    root = Store(str(tmp_path))
    assert read_state(root) is None
    state = State.begin(SMALL).failed("the disk is full").ended(iteration(1), "v1")
    write_state(root, state)
    assert read_state(root) == state
    record = record_of(FLYWHEEL, state)
    del record["outages"], record["away_since"]  # an older file knows neither
    folder_of(FLYWHEEL, root).write(FILE, json.dumps(record).encode())
    assert read_state(root) == state


def test_a_file_of_before_games_had_flywheels_of_their_own_is_read(tmp_path):
    """A file written in November 2026, whose field names are still in use."""
    root = Store(str(tmp_path))
    folder_of(FLYWHEEL, root).write(FILE, STORED.encode())
    state = read_state(root)
    assert [past.units for past in state.history] == [(16, 17), (20, 21)] and state.units() == [22, 23]
    assert [past.examples for past in state.history] == [100, 200]
    assert [(past.challenger_figure, past.champion_figure) for past in state.history] == [
        (1.25, None),
        (1.2, 1.2),
    ]
    assert state.history[0].reasons == ("worse by 0.1 points", "alpha") and state.failures == 1
    stored = json.loads(STORED)
    stored["settings"]["worlds"] = SMALL.worlds  # a later setting takes its default
    assert json.loads(json.dumps(record_of(FLYWHEEL, state))) == stored


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 100_000, '{"schema_version": 2}'])
def test_a_state_that_is_none_says_what_to_do(tmp_path, text):
    root = Store(str(tmp_path))
    folder_of(FLYWHEEL, root).write(FILE, text.encode())
    with pytest.raises(BadInput, match="delete it"):
        read_state(root)


def test_a_number_that_is_none_is_seen(tmp_path):
    root = Store(str(tmp_path))
    record = record_of(FLYWHEEL, State.begin(SMALL)) | {"iteration": "two"}
    folder_of(FLYWHEEL, root).write(FILE, json.dumps(record).encode())
    with pytest.raises(BadInput, match="delete it"):
        read_state(root)


def test_blocks_of_val_and_test_are_passed_over():
    assert State.begin(replace(SMALL, start_block=16, blocks=4)).units() == [16, 17, 20, 21]


def test_an_iteration_moves_the_range_and_a_failure_does_not():
    state = State.begin(replace(SMALL, start_block=17))
    failed = state.failed("no space left")
    assert (failed.units(), failed.iteration, failed.attempt) == ([17], 1, 2)
    after = failed.ended(replace(iteration(1), units=(17,)), "v1")
    assert (after.units(), after.iteration, after.attempt, after.failures, after.error) == ([20], 2, 1, 0, "")


def test_three_failures_in_a_row_and_it_rests_until_reset():
    state = State.begin(SMALL)
    for _ in range(GIVE_UP_AFTER):
        assert state.phase is Phase.READY
        state = state.failed("no space left")
    assert state.phase is Phase.FAILED
    again = state.reset()
    assert again.phase is Phase.READY and again.units() == [0] and again.attempt == GIVE_UP_AFTER + 2
    assert again.error == "" and again.failures == 0


def test_who_stops_it_by_hand_wears_it_down_not():
    state = State.begin(SMALL)
    for _ in range(10):
        state = state.failed("stopped by hand", counts=False)
    assert state.phase is Phase.READY


def test_at_the_end_of_the_universe_it_is_done():
    state = State.begin(replace(SMALL, start_block=MOST_BLOCKS - 3, blocks=5))
    assert state.units() == [MOST_BLOCKS - 3], "the last two are val and test"
    done = state.ended(replace(iteration(1), units=(MOST_BLOCKS - 3,)), "v1")
    assert done.current_phase is done.reset().current_phase is Phase.DONE


def test_with_a_larger_universe_it_goes_on(monkeypatch):
    state = State.begin(replace(SMALL, start_block=MOST_BLOCKS - 3))
    done = state.ended(replace(iteration(1), units=(MOST_BLOCKS - 3,)), "v1")
    monkeypatch.setattr("forge_assets.texas42.flywheel.MOST_BLOCKS", MOST_BLOCKS + 20)
    assert done.current_phase is Phase.READY and done.units() == [MOST_BLOCKS]


def test_its_page_says_what_to_do_next():
    state = State.begin(SMALL)
    assert "flywheel init" in next_step(FLYWHEEL, None)
    assert "seeds 0-49" in next_step(FLYWHEEL, state) and "flywheel once" in next_step(FLYWHEEL, state)
    assert "flywheel_nightly" in next_step(
        FLYWHEEL, replace(state, settings=replace(SMALL, begin="schedule"))
    )
    stopped = replace(state, phase=Phase.FAILED, error="no space left")
    assert "no space left" in next_step(FLYWHEEL, stopped) and "reset" in next_step(FLYWHEEL, stopped)
    assert "MOST_BLOCKS" in next_step(FLYWHEEL, replace(state, next_unit=MOST_BLOCKS))


def test_where_no_seeds_are_left_none_begins():
    with pytest.raises(BadInput, match="start at a lower number"):
        State.begin(replace(SMALL, start_block=MOST_BLOCKS - 1))


@pytest.mark.parametrize(
    "wrong",
    [
        {"blocks": 0},
        {"lr": 0.0},
        {"lr": float("nan")},
        {"threads": 0},
        {"start_block": MOST_BLOCKS},
        {"group": "a/b"},
        {"begin": "moon"},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(BadInput):
        replace(SMALL, **wrong)


# the steps


def test_the_first_iteration_prepares_and_the_others_do_not():
    first = State.begin(SMALL)
    assert [step.name for step in steps_of(first)] == [
        *("watched deals", "benchmark", "first champion", "shards 0", "catalog", "watched rows"),
        *("tokens", "teach", "evaluate", "gate"),
    ]
    second = first.ended(iteration(1), FLYWHEEL.version())
    later = [step.name for step in steps_of(second)]
    assert later == ["shards 1", "catalog", "tokens", "teach", "evaluate", "gate"]
    upgraded = [step.name for step in steps_of(replace(second, prepared="of older algorithms"))]
    assert {"benchmark", "watched deals", "watched rows"} <= set(upgraded) - {"first champion"}
    assert "first champion" not in upgraded


def test_a_range_with_a_gap_is_a_run_a_piece():
    names = [step.name for step in steps_of(State.begin(replace(SMALL, start_block=16, blocks=4)))]
    assert [name for name in names if name.startswith("shards")] == ["shards 16-17", "shards 20-21"]


class Registry:
    """A registry with one champion, or none."""

    def __init__(self, champion: str | None) -> None:
        self.champion = champion

    def fetch(self, objective: str, alias: str):
        return ModelVersion(self.champion, "1") if self.champion else None


@pytest.mark.parametrize(
    ("model", "champion", "begins"),
    [
        ("73k", None, {"size": "73k"}),
        ("73k", "runs/x/model", {"init_from": "champion"}),
        ("models/texas42-qvalue-73k", "runs/x/model", {"init_from": "champion"}),
    ],
)
def test_a_network_begins_from_the_champion_or_from_nothing_until_there_is_one(model, champion, begins):
    state = State.begin(replace(SMALL, model=model))
    (teach,) = (step for step in steps_of(state) if step.name == "teach")
    assert teach.complete({}, Registry(champion)) == begins


# whole iterations


@pytest.fixture
def instance(tmp_path):
    """An instance on disk, because an ephemeral one keeps no sensors."""
    (tmp_path / "home").mkdir()
    return dg.DagsterInstance.local_temp(str(tmp_path / "home"))


@pytest.fixture
def root(tmp_path) -> Store:
    return Store(str(tmp_path / "store"))


@pytest.fixture
def tracker(tmp_path) -> Tracker:
    return Tracker(uri=f"sqlite:///{tmp_path}/mlflow.db")


@pytest.fixture
def few(monkeypatch, tmp_path):
    """Nine deals of the benchmark, and runs in a folder of the test."""
    monkeypatch.setattr(golden, "golden_keys", lambda split=Split.VAL: FEW_GOLDEN)
    monkeypatch.setattr("forge_assets.texas42.partitions.golden_range", lambda: ONE_OF_THE_BENCHMARK)
    teaching, folder = texas42._teaching, {"runs": str(tmp_path / "runs")}
    monkeypatch.setattr(texas42, "_teaching", lambda settings: teaching(settings) | folder)


@pytest.fixture
def once(instance, root, tracker, few):
    """Run one step by hand."""

    def run() -> tuple[State, list[str]]:
        said: list[str] = []
        resources = {
            "store": {"url": root.url},
            "compute": {"device": "cpu"},
            "tracker": {"uri": tracker.uri},
        }
        return by_hand.turn_once(turner(instance, root, tracker), said.append, resources), said

    return run


def champion_of(tracker: Tracker):
    return tracker.client().get_model_version_by_alias(registered_name("qvalue"), CHAMPION)


def test_iterations_by_hand_one_of_which_fails(once, instance, root, tracker, monkeypatch):
    write_state(root, State.begin(SMALL))
    first, said = once()
    assert (first.iteration, first.phase, first.next_unit) == (2, Phase.READY, 1), said
    (past,) = first.history
    assert past.examples == 50 and past.champion_figure > 0
    promoted = champion_of(tracker)
    assert load_model(promoted.source).n_parameters == 70_978
    assert "texas42-qvalue-73k-71k-qgap" in promoted.tags["forge.name"]
    assert "Why it is champion" in promoted.description and "random play" in promoted.description
    assert "live rows" in promoted.description, "where the reference comes from"

    event = instance.get_latest_materialization_event(dg.AssetKey("flywheel")).asset_materialization
    assert event.metadata["state"].value == "ready" and event.metadata["next_seeds"].value == "50-99"
    assert event.metadata["curve"].value.startswith("![](data:image/png;base64,")
    assert event.metadata["dagster/uri"].value.endswith("/flywheel")
    gates = instance.fetch_materializations(dg.AssetKey("champion"), limit=10).records
    reasons = [record.asset_materialization.metadata["reasons"].value for record in gates]
    assert len(reasons) == 2 and "points saved" in reasons[0] and "random play" in reasons[1]

    def full(*asked, **more):
        raise BadInput("cannot write: no space left on device; free some space")

    monkeypatch.setattr(networks, "teach", full)
    failed, said = once()
    assert (failed.iteration, failed.next_unit, failed.failures) == (2, 1, 1)
    assert "no space left" in failed.error and "teach" in failed.error and "are unchanged" in said[-1]
    assert champion_of(tracker).version == promoted.version
    observed = instance.fetch_observations(dg.AssetKey("flywheel"), limit=1).records[0].asset_observation
    assert "no space left" in observed.metadata["last_error"].value
    monkeypatch.undo()


def test_what_failed_goes_on_from_what_is_on_disk(once, instance, root, tracker, monkeypatch):
    """An iteration that failed at its gate runs again; nothing is solved or learnt twice."""
    write_state(root, State.begin(SMALL))
    with monkeypatch.context() as broken:
        broken.setattr(by_hand, "materialize_here", fails_at("gate", by_hand.materialize_here))
        failed, _ = once()
        assert failed.iteration == 1 and failed.attempt == 2
    learnt = {path: path.stat().st_mtime_ns for path in files_of(root)}
    after, _ = once()
    assert after.iteration == 2 and after.error == ""
    assert {path: path.stat().st_mtime_ns for path in files_of(root) if path in learnt} == learnt
    runs = instance.get_run_records(dg.RunsFilter(tags={"forge/iteration": "1", "forge/step": "teach"}))
    assert len(runs) == 2, "the second finds what the first has taught"
    curve = tracker.client().search_runs(["1"], "attributes.run_name LIKE 'flywheel-%'")
    figures = tracker.client().get_metric_history(curve[0].info.run_id, "champion_q_gap")
    assert [figure.step for figure in figures] == [50], "by the seeds learnt from"


def fails_at(step: str, real):
    """Return a materialize_here that fails at one step."""

    def run(asset, instance, tags, settings, *rest):
        wrong = {"model": "models/there-is-none"} if tags["forge/step"] == step else {}
        return real(asset, instance, tags, dict(settings) | wrong, *rest)

    return run


def files_of(root: Store):
    """Return all shards, rows and training files."""
    from pathlib import Path

    folder = Path(root.url)
    parts = (folder / "shards-standard", folder / "tokenized", folder.parent / "runs")
    return [path for part in parts for path in part.rglob("*.*")]


# who turns it


def test_the_sensor_asks_for_a_run_once(instance, root, tracker):
    write_state(root, State.begin(SMALL))
    resources = {"store": ShardStore(url=root.url), "tracker": tracker}

    def tick():
        context = dg.build_sensor_context(instance, resources=resources)
        return SENSOR(context)

    request = tick()
    assert request.asset_selection == [dg.AssetKey("oracle_shards")]
    assert request.tags["forge/step"] == "watched deals" and request.tags["forge/attempt"] == "1"
    assert "000900-000949" in request.tags["dagster/asset_partition_range_start"]
    assert request.run_key == tick().run_key


def test_the_sensor_says_why_it_rests(instance, root, tracker):
    def reason(begin: bool = False) -> str:
        move = turner(instance, root, tracker).next_move(begin)
        assert isinstance(move, Rest)
        return move.reason

    assert "flywheel init" in reason()
    state = State.begin(replace(SMALL, begin="schedule"))
    write_state(root, state)
    assert "waits for the schedule" in reason()
    assert isinstance(turner(instance, root, tracker).next_move(begin=True), Launch)
    write_state(root, replace(state, phase=Phase.FAILED, error="no space left"))
    assert "no space left" in reason() and "reset" in reason()
    write_state(root, replace(state, next_unit=MOST_BLOCKS - 1))
    assert "MOST_BLOCKS" in reason()


def test_the_schedule_begins_and_the_sensor_carries_on(instance, root, tracker):
    write_state(root, State.begin(replace(SMALL, begin="schedule")))
    resources = {"store": ShardStore(url=root.url), "tracker": tracker}
    context = dg.build_schedule_context(instance, resources=resources)
    begun = NIGHTLY(context)
    assert begun.tags["forge/step"] == "watched deals"
    instance.create_run_for_job(
        job_def=dg.job(name="flywheel_deals")(lambda: None),
        tags=dict(begun.tags),
        status=dg.DagsterRunStatus.SUCCESS,
    )
    carried = SENSOR(dg.build_sensor_context(instance, resources=resources))
    assert carried.tags["forge/step"] == "benchmark"
    again = NIGHTLY(dg.build_schedule_context(instance, resources=resources))
    assert isinstance(again, dg.SkipReason) and "an iteration is under way" in again.skip_message


def test_a_run_that_dagster_repeats_is_not_held_against_the_iteration(instance, root, tracker):
    state = State.begin(SMALL)
    write_state(root, state)
    first = steps_of(state)[0]
    instance.create_run_for_job(
        job_def=dg.job(name="some_job")(lambda: None),
        tags=runs.attempt_tags(state) | {"forge/step": first.name, "dagster/will_retry": "true"},
        status=dg.DagsterRunStatus.FAILURE,
    )
    move = turner(instance, root, tracker).next_move()
    assert isinstance(move, Rest) and "under way" in move.reason and read_state(root) == state


def test_by_hand_keeps_out_of_the_way_of_a_run_and_buries_a_dead_one(instance, root, tracker, monkeypatch):
    state = State.begin(SMALL)
    write_state(root, state)
    tags = runs.attempt_tags(state) | {"forge/step": "watched deals"}
    job = dg.job(name="some_job")(lambda: None)
    running = instance.create_run_for_job(job_def=job, tags=tags, status=dg.DagsterRunStatus.STARTED)
    with pytest.raises(BadInput, match="wait until it ends"):
        by_hand.turn_once(turner(instance, root, tracker), print)
    instance.report_run_canceled(running)

    gone = f"{by_hand.socket.gethostname()}:{2**22 + 1}"
    instance.create_run_for_job(
        job_def=job, tags=tags | {by_hand.BY_HAND: gone}, status=dg.DagsterRunStatus.STARTED
    )
    seen: list[str] = []
    monkeypatch.setattr(by_hand, "materialize_here", lambda *asked: interrupt(instance, seen, asked))
    with pytest.raises(by_hand.IterationStopped, match="continue with"):
        by_hand.turn_once(turner(instance, root, tracker), print)
    assert seen == ["2"], "the dead run's attempt was the first"
    after = read_state(root)
    assert (after.failures, after.iteration) == (0, 1) and "stopped by hand" in after.error


def interrupt(instance, seen: list[str], asked) -> None:
    """End a run as if a person had terminated it."""
    seen.append(asked[2]["forge/attempt"])
    run = instance.create_run_for_job(job_def=dg.job(name="some_job")(lambda: None), tags=asked[2])
    instance.report_run_canceled(run)


def test_two_do_not_turn_it_at_once(instance, root, tracker):
    write_state(root, State.begin(SMALL))
    with folder_of(FLYWHEEL, root).held(), pytest.raises(StoreUnusable, match="another process"):
        by_hand.turn_once(turner(instance, root, tracker), print)


def test_a_run_by_hand_is_not_repeated_by_dagster(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    overrides = {"run_retries": {"enabled": True, "max_retries": 3}}
    instance = dg.DagsterInstance.local_temp(str(home), overrides)
    result = materialize_here("shard_catalog", instance, resources={"store": {"url": "nowhere://at/all"}})
    assert not result.success
    assert not runs.will_be_retried(instance.get_run_by_id(result.run_id))


# MLflow away


def succeed(instance, state: State, *names: str) -> None:
    """Record runs of steps as if they had succeeded."""
    for name in names:
        tags = runs.attempt_tags(state) | {"forge/step": name}
        job = dg.job(name="some_job")(lambda: None)
        instance.create_run_for_job(job_def=job, tags=tags, status=dg.DagsterRunStatus.SUCCESS)


def test_a_step_waits_for_mlflow_and_goes_on_by_itself(instance, root, tmp_path):
    """During an hour of ticks a server appears, disappears and returns; no attempt is used up."""
    port = free_port()
    tracker = Tracker(uri=f"http://127.0.0.1:{port}")
    resources = {"store": ShardStore(url=root.url), "tracker": tracker}
    state = State.begin(SMALL)
    write_state(root, state)

    def tick():
        return SENSOR(dg.build_sensor_context(instance, resources=resources))

    assert tick().tags["forge/step"] == "watched deals", "which needs no MLflow"
    succeed(instance, state, "watched deals", "benchmark")
    for _ in range(360):
        skipped = tick()
    since = read_state(root).away_since
    assert since and f"first champion has waited since {since}" in skipped.skip_message
    assert f"MLflow at {tracker.uri} does not answer: [Errno 111]" in skipped.skip_message
    assert read_state(root) == state.waiting(since), "nothing else has changed"

    with mlflow_server(tmp_path, port):
        request = tick()
        assert request.tags["forge/step"] == "first champion" and request.tags["forge/attempt"] == "1"
        assert read_state(root) == state
    assert "has waited since" in tick().skip_message
    with mlflow_server(tmp_path, port):
        assert tick().run_key == request.run_key


def test_by_hand_it_is_said_that_mlflow_is_away(instance, root):
    state = State.begin(SMALL)
    write_state(root, state)
    succeed(instance, state, "watched deals", "benchmark")
    with pytest.raises(BadInput, match=r"first champion has waited since .* does not answer"):
        by_hand.turn_once(turner(instance, root, Tracker(uri=f"http://127.0.0.1:{free_port()}")), print)


def test_a_step_that_lost_mlflow_counts_not_and_one_that_failed_of_itself_does(instance, root, monkeypatch):
    """Real runs of the gate: one cannot reach its server, the other gets a network that does not exist."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    write_state(root, State.begin(SMALL))
    tracker = Tracker(uri=f"http://127.0.0.1:{free_port()}")

    def fail(model: str) -> State:
        state = read_state(root)
        succeed(instance, state, "watched deals", "benchmark")
        tags = runs.attempt_tags(state) | {"forge/step": "first champion", "dagster/partition": "qvalue"}
        given = {"store": {"url": root.url}, "compute": {"device": "cpu"}, "tracker": {"uri": tracker.uri}}
        assert not materialize_here("champion", instance, tags, {"model": model}, given).success
        assert turner(instance, root, tracker).next_move().over
        return read_state(root)

    lost = fail(SMALL.model)
    assert (lost.phase, lost.attempt, lost.failures, lost.outages) == (Phase.READY, 2, 0, 1)
    assert "first champion" in lost.error and f"{tracker.uri} does not answer" in lost.error
    failed = fail("models/there-is-none")
    assert (failed.phase, failed.attempt, failed.failures, failed.outages) == (Phase.READY, 3, 1, 1)
    write_state(root, replace(failed, outages=MOST_OUTAGES - 1))
    rests = fail(SMALL.model)
    assert rests.phase is Phase.FAILED, "where the sensor finds it and the runs never do"
    again = rests.reset()
    assert (again.phase, again.outages, again.away_since) == (Phase.READY, 0, "")


def test_what_a_run_says_of_mlflow_holds_no_password(instance, root, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://forge:secret@127.0.0.1:{free_port()}")
    given = {"store": {"url": root.url}, "compute": {"device": "cpu"}}
    run = materialize_here(
        "champion", instance, {"dagster/partition": "qvalue"}, {"model": SMALL.model}, given
    )
    assert not run.success and "http://***@127.0.0.1" in reason_of(run)
    said = [dg.serialize_value(entry) for entry in instance.all_logs(run.run_id)]
    assert said and not any("secret" in entry for entry in said)
    assert runs.was_cut_off(instance, instance.get_run_by_id(run.run_id), Tracker())


def test_the_steps_that_wait_for_mlflow_are_those_whose_assets_ask_it():
    graph = defs.resolve_asset_graph()
    for step in steps_of(State.begin(SMALL)):
        asks = graph.get(dg.AssetKey(step.asset)).assets_def.required_resource_keys
        assert step.needs_tracker == ("tracker" in asks), step.name


# the gate as an asset


@pytest.fixture
def gate(instance, root, tracker, monkeypatch):
    """Materialize `champion` by twenty deals of the benchmark."""
    monkeypatch.setattr(golden, "golden_keys", lambda split=Split.VAL: TWENTY_GOLDEN)
    lenient = replace(measures.NETWORK_LOSSES, group_margin=5.0)  # two deals of a declaration prove little
    monkeypatch.setattr(measures, "NETWORK_LOSSES", lenient)
    resources = {"store": {"url": root.url}, "compute": {"device": "cpu"}, "tracker": {"uri": tracker.uri}}

    def run(model: str, objective: str = "qvalue") -> dg.ExecuteInProcessResult:
        tags, settings = {"dagster/partition": objective}, {"model": model, "rows": 280}
        return materialize_here("champion", instance, tags, settings, resources)

    return run


def test_a_network_is_no_champion_of_what_it_has_not_learnt(gate, tracker):
    result = gate("models/texas42-qvalue-73k", "policy")
    assert not result.success and "was trained for qvalue" in reason_of(result)
    assert ModelRegistry(tracker).fetch("policy", CHAMPION) is None


def test_the_better_one_is_promoted_and_the_worse_one_is_not(gate, tracker):
    said = metadata_of(gate("models/texas42-qvalue-73k"), "champion")
    assert said["promoted"] and said["is_champion"] and "random play" in said["reasons"]
    said = metadata_of(gate("models/texas42-qvalue-230k"), "champion")
    assert said["promoted"] and "texas42-qvalue-w96-230k-qgap" in said["name"]
    assert said["by_deal_points"] < said["champion_by_deal_points"]
    said = metadata_of(gate("models/texas42-qvalue-73k"), "champion")
    assert not said["promoted"] and not said["is_champion"] and "not more than chance" in said["reasons"]
    assert str(champion_of(tracker).version) == "2"


def test_one_that_was_promoted_by_a_run_that_died_is_known_as_champion(gate, tracker, monkeypatch):
    promote = ModelRegistry.promote

    def die_after(self, *asked):
        promote(self, *asked)
        raise OSError("the plug was pulled")

    monkeypatch.setattr(ModelRegistry, "promote", die_after)
    assert not gate("models/texas42-qvalue-73k").success
    monkeypatch.setattr(ModelRegistry, "promote", promote)
    said = metadata_of(gate("models/texas42-qvalue-73k"), "champion")
    assert said["is_champion"] and str(champion_of(tracker).version) == "1"


def test_another_champion_meanwhile_is_not_replaced(gate, tracker, monkeypatch):
    assert gate("models/texas42-qvalue-73k").success
    fetch, seen = ModelRegistry.fetch, []

    def another(self, *asked):
        seen.append(asked)
        return fetch(self, *asked) if len(seen) == 1 else ModelVersion("runs/other/model", "7")

    monkeypatch.setattr(ModelRegistry, "fetch", another)
    result = gate("models/texas42-qvalue-230k")
    assert not result.success and "became champion in the meantime" in reason_of(result)


# the command line


@pytest.fixture
def pipeline(capsys, monkeypatch, tmp_path, root):
    """Run forge-pipeline in this process; return (exit status, standard output, standard error)."""
    monkeypatch.setenv("FORGE_STORE", root.url)
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    monkeypatch.setenv("DAGSTER_HOME", str(home))

    def run(*arguments: str) -> tuple[int, str, str]:
        status = forge_pipeline(arguments)
        return status, *capsys.readouterr()

    return run


@pytest.mark.parametrize("alone", [(), ("flywheel",)])
def test_a_command_alone_lists_its_verbs(pipeline, alone):
    status, out, err = pipeline(*alone)
    assert (status, err) == (0, "") and "Commands" in out


def test_a_flywheel_from_the_command_line(pipeline, root):
    assert pipeline("flywheel", "status")[0] == 2
    status, out, err = pipeline("flywheel", "init", "--start-block", "16", "--blocks", "4", "--rows", "100")
    assert status == 0 and "800-899,1000-1099" in out
    status, out, err = pipeline("flywheel", "init")
    assert status == 2 and "there is already a flywheel" in err and len(err.splitlines()) == 1
    status, out, err = pipeline("flywheel", "status", "--json")
    record = json.loads(out)
    assert record["phase"] == "ready" and record["sensor"] == "off" and record["settings"]["rows"] == 100
    write_state(root, replace(read_state(root), phase=Phase.FAILED, error="the disk is full"))
    assert "the disk is full" in pipeline("flywheel", "status")[1]
    assert pipeline("flywheel", "start")[0] == 2
    status, out, err = pipeline("flywheel", "reset", "--json")
    assert (status, err) == (0, "") and json.loads(out)["phase"] == "ready"
    assert read_state(root).phase is Phase.READY
    status, out, err = pipeline("flywheel", "reset", "--forget")
    assert (status, err) == (0, "") and f"deleted from {root.url}: flywheel, at iteration 1" in out
    assert read_state(root) is None
    begun = pipeline("flywheel", "init", "--blocks", "2", "--json")
    assert begun[0] == 0 and json.loads(begun[1])["settings"]["blocks"] == 2
    assert json.loads(pipeline("flywheel", "status", "--json")[1]) == json.loads(begun[1])
    assert json.loads(pipeline("flywheel", "reset", "--forget", "--json")[1]) == json.loads(begun[1])
    assert read_state(root) is None


def test_the_switch_tells_the_state_for_programs(pipeline, root, monkeypatch):
    monkeypatch.setattr("forge_assets.cli.flywheel.subprocess.run", lambda *_, **__: Done())
    Done = type("Done", (), {"returncode": 0})
    assert pipeline("flywheel", "stop", "--json")[0] == 2
    assert pipeline("flywheel", "init")[0] == 0
    for verb in ("start", "stop"):
        status, out, err = pipeline("flywheel", verb, "--json")
        assert (status, err) == (0, "") and json.loads(out)["phase"] == "ready"
        assert pipeline("flywheel", verb)[1].startswith("sensor flywheel: ")


def test_without_a_dagster_home_it_is_that_of_the_project(pipeline, monkeypatch, tmp_path):
    monkeypatch.delenv("DAGSTER_HOME")
    monkeypatch.setattr("forge_assets.resources.PROJECT", tmp_path)
    status, _, err = pipeline("flywheel", "init", "--model", "73k")
    assert status == 2 and "is not a folder" in err and len(err.splitlines()) == 1
    (tmp_path / "dagster_home").mkdir()
    monkeypatch.delenv("DAGSTER_HOME")
    status, out, _ = pipeline("flywheel", "init", "--model", "73k")
    assert status == 0 and "sensor off" in out


@pytest.mark.parametrize(
    "wrong",
    [
        ("--blocks", "0"),
        ("--start-block", "10000"),
        ("--lr", "-1"),
        ("--begin", "moon"),
        ("--blocks", "x"),
        ("--model", "42k"),
        ("--model", "models/none"),
        ("--objective", "policy"),  # the reference has learnt qvalue
        ("--shard-rows", "many"),
    ],
)
def test_what_cannot_be_is_one_line(pipeline, wrong):
    status, out, err = pipeline("flywheel", "init", *wrong)
    assert status == 2 and len(err.splitlines()) == 1 and not out
