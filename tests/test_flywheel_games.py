"""A flywheel of a second game: prefixed keys, its own partitions and words, the same machinery."""

import json
from dataclasses import dataclass, replace

import dagster as dg
import pytest
from typer.testing import CliRunner

from forge_assets.cli.flywheel import flywheel_verbs
from forge_assets.flywheel.flywheel import Flywheel, Words
from forge_assets.flywheel.progress import describe, history_table, progress_asset
from forge_assets.flywheel.runner import turn_once
from forge_assets.flywheel.runs import attempt_tags
from forge_assets.flywheel.sensor import automate, request
from forge_assets.flywheel.state import Begin, CommonSettings, Iteration, Phase, State, check_common
from forge_assets.flywheel.steps import Step, one_partition
from forge_assets.flywheel.storage import folder_of, read_state, record_of, write_state
from forge_assets.flywheel.turn import Launch, Turner
from forge_assets.games import Game, GameDefinitions, RegisteredModel
from forge_assets.tracking.tracker import Tracker
from forge_core.files import Store
from forge_core.settings import like, setting

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning"),
]
GENERATIONS = 3


class PlaySettings(dg.Config):
    games: int = 1


@dg.asset(
    key=["toy", "self_play"],
    partitions_def=dg.StaticPartitionsDefinition([f"g{n}" for n in range(GENERATIONS)]),
)
def self_play(context: dg.AssetExecutionContext, config: PlaySettings) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"games": config.games})


@dg.asset(key=["toy", "model"], deps=[self_play])
def model() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"model": "runs/toy/model"})


class GateSettings(dg.Config):
    model: str


@dg.asset(key=["toy", "champion"], deps=[model])
def champion(config: GateSettings) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"score": 0.75, "challenger": config.model})


@dataclass(frozen=True, slots=True)
class ToySettings:
    group: str = setting("toy", "Names its runs.")
    games: int = setting(40, "Games per generation.")
    begin: Begin = like(CommonSettings, "begin")

    def __post_init__(self) -> None:
        check_common(self)

    @property
    def first_unit(self) -> int:
        return 0

    def units_from(self, start: int) -> list[int]:
        return list(range(start, min(start + 1, GENERATIONS)))


def steps_of(state: State) -> list[Step]:
    (generation,), games = state.units(), {"games": state.settings.games}
    return [
        Step("self-play", "toy/self_play", one_partition(f"g{generation}"), games, reports=True),
        Step("teach", "toy/model", reports=True),
        Step(
            "gate",
            "toy/champion",
            complete=lambda reports, _: {"model": reports["teach"]["model"]},
            reports=True,
        ),
    ]


def result_of(state: State, reports) -> Iteration:
    gate = reports["gate"]
    games = reports["self-play"]["games"] + sum(past.examples for past in state.history[-1:])
    return Iteration(
        state.iteration,
        tuple(state.units()),
        games,
        gate["challenger"],
        gate["score"],
        gate["score"],
        True,
        ("it wins",),
        state.attempt,
    )


TOY_FLYWHEEL = Flywheel(
    name="toy_flywheel",
    summary="Self-play, a network, a gate; and again.",
    settings=ToySettings,
    words=Words("generation", "games", "score", "share", "challenger, champion: share of games won"),
    assets=("toy/self_play", "toy/model", "toy/champion"),
    first_job="toy_flywheel_self_play",
    exhausted="raise GENERATIONS",
    objective=lambda settings: "toy-value",
    version=lambda: "v1",
    check=lambda settings, tracker: None,
    units_text=lambda units: ", ".join(f"g{n}" for n in units),
    steps=steps_of,
    result=result_of,
    draw=lambda history: b"png",
)
AUTOMATION = automate(TOY_FLYWHEEL)
DEFINITIONS = dg.Definitions(
    assets=[self_play, model, champion, progress_asset(TOY_FLYWHEEL, "toy")],
    jobs=[AUTOMATION.job],
    schedules=[AUTOMATION.schedule],
    sensors=[AUTOMATION.sensor],
    resources={"store": object(), "tracker": object()},
    executor=dg.in_process_executor,
)
TOY = Game(
    name="toy",
    experiment="toy",
    model_prefix="toy-",
    models=(RegisteredModel("toy-value", "toy-value", "toy/model"),),
    definitions=lambda: GameDefinitions([]),
    network_version=lambda kind: "v1",
    flywheel=TOY_FLYWHEEL,
)


@pytest.fixture(autouse=True)
def games(monkeypatch):
    monkeypatch.setattr("forge_assets.games.all_games", lambda: (TOY,))


@pytest.fixture
def instance(tmp_path):
    (tmp_path / "home").mkdir()
    return dg.DagsterInstance.local_temp(str(tmp_path / "home"))


@pytest.fixture
def turner(instance, tmp_path) -> Turner:
    tracker = Tracker(uri=f"sqlite:///{tmp_path}/mlflow.db")
    return Turner(TOY_FLYWHEEL, instance, Store(str(tmp_path / "store")), tracker)


def test_iterations_to_the_end_of_its_universe(turner, instance):
    turner.write(State.begin(ToySettings(games=5)))
    said: list[str] = []
    for _ in range(GENERATIONS):
        after = turn_once(turner, said.append, definitions=DEFINITIONS)
    assert after.error == "" and after.current_phase is Phase.DONE
    assert [past.examples for past in after.history] == [5, 10, 15], "settings reach an asset with a prefix"
    assert [past.challenger for past in after.history] == ["runs/toy/model"] * 3
    assert "iteration 2 is over, games g1: a new champion; it wins" in said
    assert turner.next_move().reason == "done: no games are left to train on; raise GENERATIONS"
    event = instance.get_latest_materialization_event(dg.AssetKey("toy_flywheel")).asset_materialization
    assert event.metadata["training_games"].value == 15 and event.metadata["next_games"].value == "none left"
    assert event.metadata["champion_score_share"].value == 0.75
    client = turner.tracker.client()
    (run,) = client.search_runs([client.get_experiment_by_name("toy").experiment_id])
    figures = client.get_metric_history(run.info.run_id, "champion_score")
    assert [figure.step for figure in figures] == [5, 10, 15]


def test_the_sensor_asks_for_a_run_under_the_name_of_the_op(turner):
    turner.write(State.begin(ToySettings(games=5)))
    move = turner.next_move()
    assert isinstance(move, Launch)
    asked = request(move, DEFINITIONS)
    assert asked.asset_selection == [dg.AssetKey(["toy", "self_play"])]
    assert asked.run_config == {"ops": {"toy__self_play": {"config": {"games": 5}}}}
    assert (
        asked.tags["dagster/partition"] == "g0" and asked.tags.items() >= attempt_tags(turner.read()).items()
    )


def test_its_file_has_its_own_words_and_folder(tmp_path):
    root = Store(str(tmp_path))
    past = Iteration(1, (0,), 40, "runs/x/model", 0.4, None, False, ("worse",), 1)
    state = State.begin(ToySettings()).ended(past, "v1")
    write_state(TOY_FLYWHEEL, root, state)
    assert read_state(TOY_FLYWHEEL, root) == state
    record = folder_of(TOY_FLYWHEEL, root).read_json("state.json")
    assert record == json.loads(json.dumps(record_of(TOY_FLYWHEEL, state)))
    assert record["next_generation"] == 1 and record["history"][0]["games"] == 40
    assert record["history"][0]["generations"] == [0] and record["history"][0]["champion_score"] is None
    assert describe(TOY_FLYWHEEL, state)["challenger_score_share"] == 0.4
    assert "| 1 | g0 | 40 | 0.400 | none | stays |" in history_table(TOY_FLYWHEEL, state)


def test_sensor_schedule_and_asset_have_names_of_their_own():
    repository = DEFINITIONS.get_repository_def()
    assert [sensor.name for sensor in repository.sensor_defs] == ["toy_flywheel"]
    assert [schedule.name for schedule in repository.schedule_defs] == ["toy_flywheel_nightly"]
    (spec,) = (spec for spec in repository.asset_graph.get(dg.AssetKey("toy_flywheel")).assets_def.specs)
    assert [dep.asset_key.path for dep in spec.deps] == [["toy", "champion"]] and spec.group_name == "toy"


def test_its_verbs_have_its_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGE_STORE", str(tmp_path / "store"))
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    verbs = flywheel_verbs(TOY_FLYWHEEL)
    assert verbs.info.name == "toy-flywheel"
    begun = CliRunner().invoke(verbs, ["init", "--games", "7", "--json"])
    record = json.loads(begun.stdout)
    assert record["settings"] == {"group": "toy", "games": 7, "begin": "sensor"}
    assert record["next_games"] == "g0" and record["sensor"] == "off"
    state = read_state(TOY_FLYWHEEL, Store(str(tmp_path / "store")))
    assert state == replace(State.begin(ToySettings(games=7)), token=state.token)
