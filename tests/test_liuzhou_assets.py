"""The assets of Liuzhou: games that are stored, networks that learn from them, the ladder and the gate."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from asset_runs import checks_of, metadata_of, reason_of
from liuzhou_pipeline import FEW_GAMES, LADDER, LEARNING, LIVE, PLAYING, SIZE, Pipeline, small_files
from rich.console import Console

from forge_assets.cli.main import main as forge_pipeline
from forge_assets.definitions import defs
from forge_assets.frames.scan import scan
from forge_assets.frames.tables import Places, find_table
from forge_assets.gaps.find import find_gaps
from forge_assets.gaps.report import GapQuery
from forge_assets.lineage import lineage_text, trace
from forge_assets.liuzhou import quickstart, versions
from forge_assets.liuzhou.names import objective_of
from forge_assets.quickstart import Quickstart
from forge_assets.tracking.registry import CHALLENGER, CHAMPION, ModelRegistry
from forge_core.errors import BadInput
from forge_core.files import fingerprint
from forge_core.files.inspection import Condition
from forge_core.gate import Ruling
from forge_core.learning.checkpoints import load_model, weights_digest
from forge_core.liuzhou import gate as core_gate
from forge_core.liuzhou import train
from forge_core.liuzhou.files import FOLDER, GamesKey, read_games
from forge_core.liuzhou.films import choose_game
from forge_core.liuzhou.generations import read_catalog, read_generation
from forge_core.liuzhou.network import LiuzhouNet
from forge_core.liuzhou.players import make_player
from forge_core.liuzhou.recording import SELF_PLAY_VERSION
from forge_core.liuzhou.settings.validation import QUICK, ValidationSettings
from forge_core.liuzhou.state.layout import COUNT_MASK, COUNT_SHIFT
from forge_core.liuzhou.validate.criteria import CRITERIA, judge_all

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning", "ignore::DeprecationWarning"
    ),
]
OBJECTIVE = objective_of(SIZE)


@pytest.fixture(autouse=True)
def few_games(monkeypatch):
    small_files(monkeypatch)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A generation by playouts, a network that learnt from it, a generation by that network; and how each
    run described itself. What a test adds to it does not concern the others."""
    with pytest.MonkeyPatch.context() as monkeypatch, dg.DagsterInstance.ephemeral() as instance:
        small_files(monkeypatch)
        pipeline = Pipeline(tmp_path_factory.mktemp("liuzhou"), instance)
        said = {"g000": pipeline.run("liuzhou_self_play", "g000", PLAYING)}
        said["model"] = pipeline.run("liuzhou_model", SIZE, {"source": "stored", **LEARNING})
        said["g001"] = pipeline.run("liuzhou_self_play", "g001", PLAYING | {"model": "latest"})
        for result in said.values():
            assert result.success, reason_of(result)
        yield pipeline, said


def model_of(made) -> str:
    return metadata_of(made[1]["model"], "liuzhou_model")["model"]


# self-play


def test_a_generation_says_what_was_played_and_by_whom(made):
    pipeline, said = made
    assert all(check.passed for check in checks_of(said["g000"]).values() if check.check_name != "draws")
    first, second = (metadata_of(said[name], "liuzhou_self_play") for name in ("g000", "g001"))
    assert first["dagster/partition_row_count"] == first["positions"]
    assert first["dagster/uri"].endswith("/liuzhou-games/g000")
    games = read_generation(pipeline.root, 0)
    assert sorted(set(games.game.tolist())) == list(range(8))
    assert (first["games"], first["positions"], first["made"]) == (8, len(games), 2)
    assert first["black_won"] + first["white_won"] + first["drawn"] == 8
    assert first["bytes_per_position"] < 50 and first["device"] and first["positions_per_second"] > 0
    assert first["model"] == "none" and first["taught"] == len(games), "every search by playouts teaches"
    assert first["self_play"]["version"] == SELF_PLAY_VERSION == versions.GAMES
    assert Path(first["film"]).read_bytes()[:3] == b"GIF" and first["end"].startswith("![](data:image/png")
    assert second["model"] == model_of(made) and second["self_play"]["weights"]
    assert second["evaluations_per_second"] > 0 and second["share_of_bare"] > 0
    assert "share_of_bare" not in first and 0 < second["taught"] < second["positions"]
    assert first["settings"] != second["settings"]


def test_a_generation_names_the_version_of_its_network_or_says_what_is_missing(made):
    pipeline, _ = made
    assert "g009 has no record" in reason_of(
        pipeline.run("liuzhou_self_play", "g009", PLAYING | {"model": "recorded"})
    )
    challenger = PLAYING | {"model": "challenger", "film": False}
    by_challenger = pipeline.make("liuzhou_self_play", "g010", **challenger)
    version = ModelRegistry(pipeline.tracker).fetch(OBJECTIVE, CHALLENGER)
    assert version and by_challenger["registered"] == f"{OBJECTIVE}/{version.number} (challenger)"
    assert by_challenger["model"] == version.folder
    again = pipeline.make("liuzhou_self_play", "g010", model="recorded", film=False)
    assert again["registered"] == by_challenger["registered"]
    assert "no champion" in reason_of(
        pipeline.run("liuzhou_self_play", "g009", PLAYING | {"model": "champion", "size": "128x10"})
    )


def test_a_file_that_cannot_be_written_fails_its_check(monkeypatch, tmp_path):
    pipeline = Pipeline(tmp_path, dg.DagsterInstance.ephemeral())
    monkeypatch.setattr(
        "forge_core.liuzhou.files.find_fault",
        lambda games, key: "the shares of a policy do not sum to 1" if key.first else None,
    )
    result = pipeline.run("liuzhou_self_play", "g005", PLAYING)
    checks = checks_of(result)
    assert not result.success or not checks["policies_sum_to_1"].passed
    assert checks["games_replay"].passed and "do not sum" in str(checks["policies_sum_to_1"].metadata)


def test_the_film_shows_a_game_that_is_recorded_from_its_beginning(made):
    games = read_generation(made[0].root, 0)
    number = choose_game(games).game[0]
    is_handicap = (games.game == number) & (games.rows[:, 3] >> COUNT_SHIFT & COUNT_MASK < 20)
    assert choose_game(games.take(~is_handicap)).game[0] != number


# networks


def test_a_network_of_stored_games_is_tracked_registered_and_found_again(made):
    pipeline, said = made
    model = metadata_of(said["model"], "liuzhou_model")
    assert model["source"] == "generations" and model["steps"] == model["positions"] // 64
    assert model["handover_bytes"] == 0 and all(check.passed for check in checks_of(said["model"]).values())
    assert load_model(model["model"], kind=LiuzhouNet).n_parameters == int(
        model["parameters"].replace(",", "")
    )
    version = ModelRegistry(pipeline.tracker).fetch(OBJECTIVE, CHALLENGER)
    run = pipeline.tracker.reopen(Path(model["model"]).parent)
    tags = run.client.get_run(run.run_id).data.tags
    assert (
        version and tags["forge.code_version"] == versions.MODEL and tags["dagster.asset"] == "liuzhou_model"
    )
    assert tags["forge.data_version"] == model["trained_on"] and run.steps("train/policy_loss")
    again = pipeline.make("liuzhou_model", SIZE, source="stored", last=0, **LEARNING)
    assert again["model"] == model["model"], "the same settings and generations"


def test_a_registered_network_is_fetched_to_play_against_it(made, tmp_path, monkeypatch, capsys):
    pipeline, said = made
    monkeypatch.setenv("MLFLOW_TRACKING_URI", pipeline.tracker.uri)
    to, wanted = tmp_path / "fetched", ("--objective", OBJECTIVE)
    assert forge_pipeline(["fetch", "challenger", *wanted, "--to", str(to)]) == 0
    assert str(to) in capsys.readouterr().out
    trained = metadata_of(said["model"], "liuzhou_model")["model"]
    assert weights_digest(str(to)) == weights_digest(trained)
    assert make_player(f"search:sims=2,model={to}").name
    assert forge_pipeline(["fetch", "champion", *wanted]) == 2
    assert "has no champion yet" in capsys.readouterr().err
    assert forge_pipeline(["fetch", "challenger", *wanted, "--to", str(tmp_path)]) == 2
    assert "something other than a network" in capsys.readouterr().err


def test_a_network_leads_back_to_its_generations_and_their_networks(made):
    pipeline, _ = made
    settings = LEARNING | {"source": "stored", "last": 1, "init_from": "challenger"}
    child = pipeline.make("liuzhou_model", SIZE, **settings)
    found = trace(child["model"], OBJECTIVE, pipeline.tracker)
    young, old = found.generations
    assert old.name == f"{OBJECTIVE}/1" and "/" in young.name and not young.unknown
    first, second = young.rows.sources
    assert (first.folder, first.files, first.seeds) == (f"{FOLDER}/g000", 2, "0-7")
    assert "network" not in first.made and second.made["network"] == f"{OBJECTIVE}/1"
    assert first.presence.unchanged == 2 and young.rows.rows == {"train": child["positions"]}
    text = lineage_text(found)
    for line in ("learnt from stored self-play", f"2 files in {FOLDER}/g001: games 0-7", "positions, step"):
        assert line in text, line


def test_live_training_hands_its_positions_over_and_resumes(made, monkeypatch):
    pipeline, _ = made
    whole = pipeline.make("liuzhou_model", SIZE, name="whole", **LIVE)
    assert whole["source"] == "self-play" and whole["handover_bytes"] == 0
    add_point, seen = train.Run.add_point, []

    def pull_the_plug(self):
        seen.append(add_point(self))
        if len(seen) == 2:
            raise OSError("the plug was pulled")
        return seen[-1]

    monkeypatch.setattr(train.Run, "add_point", pull_the_plug)
    assert not pipeline.run("liuzhou_model", SIZE, LIVE | {"name": "cut"}).success
    monkeypatch.undo()
    resumed = pipeline.make("liuzhou_model", SIZE, name="cut", **LIVE)
    one, other = (
        json.loads((Path(said["model"]) / "model.json").read_text())["weights"] for said in (whole, resumed)
    )
    assert one == other
    run = pipeline.tracker.reopen(Path(resumed["model"]).parent)
    assert set(run.steps("train/drawn")) - set(run.steps("loss")) == {0}  # before the first step
    assert len(run.steps("loss")) > 2
    other = pipeline.run("liuzhou_model", SIZE, LIVE | {"name": "whole", "lr": 0.004, "sims": 3})
    assert "has finished, and differs in train (sims, lr): choose another name" in reason_of(other)


def test_without_games_a_network_says_what_to_do(made):
    pipeline, _ = made
    elsewhere = Pipeline(Path(pipeline.root.url).parent / "empty", pipeline.instance)
    result = elsewhere.run("liuzhou_model", SIZE, {"source": "stored", **LEARNING})
    assert "play some with forge liuzhou selfplay" in reason_of(result)
    result = pipeline.run("liuzhou_model", SIZE, {"last": 0, **LEARNING})
    assert "set source to stored" in reason_of(result)


# the ladder and the gate


@pytest.fixture
def gate(made, monkeypatch):
    """Hold the gate with a given outcome of the match."""

    def hold(promoted: bool, model: str) -> dict:
        ruling = Ruling(promoted, ("it scores more" if promoted else "it scores less",), {"pairs": 2})
        monkeypatch.setattr(core_gate, "judge", lambda *match: ruling)
        return made[0].make("liuzhou_champion", SIZE, model=model)

    return hold


def test_a_network_climbs_the_ladder_and_the_gate_promotes_the_better_one(made, gate):
    pipeline, _ = made
    model = model_of(made)
    result = pipeline.run("liuzhou_evaluation", SIZE, LADDER | {"model": model})
    assert result.success, reason_of(result)
    said, checks = metadata_of(result, "liuzhou_evaluation"), checks_of(result)
    assert said["elo_low"] <= said["elo"] <= said["elo_high"] and 0 <= said["score_reply"] <= 1
    (event,) = result.asset_materializations_for_node("liuzhou_evaluation")
    assert len(event.tags["dagster/data_version"]) == len(fingerprint({})), "not the version of the code"
    assert set(checks) == {"beats_random", "beats_greedy", "beats_reply"} and "| reply |" in said["table"]
    assert checks["beats_greedy"].metadata["score"].value == "not played"
    assert not checks["beats_greedy"].passed
    rows = scan(find_table("liuzhou_evaluations"), Places(pipeline.root, Path("runs"))).collect()
    assert rows.height == said["dagster/partition_row_count"] == 2 and rows["model"].to_list() == [model] * 2
    assert round(rows.filter(opponent="reply")["score"].item(), 4) == said["score_reply"]
    kept = gate(False, model)
    assert not kept["promoted"] and kept["champion"] == "none" and "it scores less" in kept["reasons"]
    champion = gate(True, model)
    assert champion["promoted"] and champion["is_champion"] and champion["elo"] == said["elo"]
    assert champion["name"].startswith(f"{OBJECTIVE}-66k-elo")
    assert "stored self-play" in champion["card"] and "forge liuzhou evaluate" in champion["card"]
    found = trace("champion", OBJECTIVE, pipeline.tracker)
    assert found.generations[0].rows.sources[0].folder == f"{FOLDER}/g000"
    other = pipeline.make("liuzhou_model", SIZE, source="stored", last=0, seed=1, **LEARNING)["model"]
    second = gate(False, other)
    assert second["champion_elo"] == said["elo"] and "elo" not in second, "it did not climb the ladder"
    again = gate(True, model)
    assert not again["promoted"] and again["is_champion"] and "it is the champion" in again["reasons"]
    played = pipeline.make("liuzhou_self_play", "g002", **(PLAYING | {"count": 4, "model": CHAMPION}))
    assert (
        played["self_play"]["weights"]
        == trace("champion", OBJECTIVE, pipeline.tracker).generations[0].weights
    )


def test_the_match_of_the_gate_is_played(made):
    result = made[0].run("liuzhou_champion", "128x10", {"model": model_of(made)})
    assert "cannot be the champion of 128x10" in reason_of(result)
    ruling = core_gate.judge(model_of(made), None, core_gate.GateSettings(pairs=2, sims=1), "cpu")
    assert not ruling.promoted and "random play" in ruling.reasons[0] and ruling.figures["pairs"] == 2


# `make run`


def test_the_quickstart_plays_some_games(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FORGE_STORE", str(tmp_path / "store"))
    monkeypatch.setattr(quickstart, "PLAYING", quickstart.PLAYING | PLAYING | {"count": FEW_GAMES})
    for made in (1, 0):
        quickstart.make_all(Quickstart(Console(width=200), dg.DagsterInstance.ephemeral()))
        said = capsys.readouterr().out
        assert "4 games" in said and "liuzhou-films/g000.gif" in said and (" s on " in said) == bool(made)


# the validator


def test_each_criterion_is_a_check_and_what_was_not_measured_never_passes(made, monkeypatch):
    values = {criterion.name: 0.0 if not criterion.at_least else 9.0 for criterion in CRITERIA}
    values["parity"], values["watts"] = 3.0, None
    report = {"device": "cpu", "criteria": judge_all(values), "summary": {}, "watts": None}
    asked = []

    def measure(settings, device):
        asked.append(settings)
        return report

    monkeypatch.setattr("forge_core.liuzhou.validate.validator.validate", measure)
    result = made[0].run("liuzhou_validation", None, {"quick": True, "games": 256})
    assert result.success
    assert asked == [replace(QUICK, games=256)]  # although 256 is the default of the full validator
    made[0].run("liuzhou_validation", None, {"processes": "1"})
    assert asked[1:] == [ValidationSettings(processes="1")]
    checks = checks_of(result)
    passed = {name for name, check in checks.items() if check.passed}
    assert set(checks) == {criterion.name for criterion in CRITERIA}
    assert passed == set(checks) - {"parity", "watts"}
    assert checks["watts"].severity == dg.AssetCheckSeverity.WARN
    assert checks["parity"].severity == dg.AssetCheckSeverity.ERROR
    (event,) = result.asset_materializations_for_node("liuzhou_validation")
    assert event.metadata["failed"].value == ["parity"] and "not measured" in event.metadata["criteria"].value


def test_versions_are_composed_of_those_above():
    graph = defs.resolve_asset_graph()
    assert graph.get(dg.AssetKey("liuzhou_model")).code_version == versions.MODEL
    assert versions.of_network("self-play") == versions.of_network("generations") == versions.MODEL
    with pytest.raises(BadInput, match="networks learn from"):
        versions.of_network("stored")


# repairs: last, because they change what the others learnt from


def test_nothing_is_played_twice_and_a_damaged_file_is_played_again(made):
    pipeline, _ = made
    version = read_catalog(pipeline.root).of(0).version
    again = pipeline.make("liuzhou_self_play", "g000", film=False, **PLAYING)
    assert again["made"] == 0 and not {"seconds", "film"} & set(again)
    assert read_catalog(pipeline.root).of(0).version == version
    key, folder = GamesKey(0, FEW_GAMES), pipeline.root.join(FOLDER, "g000")
    whole, n_files = folder.read(key.filename), len(read_catalog(pipeline.root).entries)
    folder.write(key.filename, whole[:-40])
    report = find_gaps(GapQuery(), pipeline.root, pipeline.instance)
    (of,) = (of for of in report.assets if of.asset == "liuzhou_self_play")
    assert {gap.partition: gap.kinds for gap in of.gaps} == {"g000": (Condition.CORRUPT,)}
    assert of.describe(["g000", "g001"]) == "generations 0-1" and of.files == n_files
    mending = of.run_config["ops"]["liuzhou_self_play"]["config"]
    assert mending == {"model": "recorded"}
    mended = pipeline.make("liuzhou_self_play", "g000", **mending, tables=1)
    assert mended["made"] == 1 and mended["games"] == 8 and mended["model"] == "none"
    assert read_games(pipeline.root, key) and folder.read(key.filename) != whole
    assert read_catalog(pipeline.root).of(0).version != version, "other games"
    (old,) = trace(f"{OBJECTIVE}/1", OBJECTIVE, pipeline.tracker).generations
    assert old.rows.sources[0].presence.changed == (key.filename,)
    found = find_gaps(GapQuery(), pipeline.root, pipeline.instance)
    assert not [gap for each in found.assets if each.asset == "liuzhou_self_play" for gap in each.gaps]
