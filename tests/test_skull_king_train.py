"""Learning of Skull King: schedules, recipes, and runs that resume to the last digit."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.learning.checkpoints import load_model
from forge_core.learning.loop import Watch
from forge_core.learning.runs import settings_from
from forge_core.skull_king import train as training
from forge_core.skull_king.network import BidAndPlayNet
from forge_core.skull_king.settings.learning import (
    LOWEST_SHARE,
    RECIPES,
    LearningSettings,
    parse_opponents,
    read_opponents,
    read_recipe,
)
from forge_core.skull_king.train import train

pytestmark = pytest.mark.slow

LEARNING = LearningSettings(
    opponents="hard:2,captain,self,past",
    size="16x2",
    decisions=6000,
    tables=12,
    batch=256,
    minibatch=64,
    calibration=0.3,
    teacher=0.05,
    teacher_worlds=2,
)
TIMES = {"seconds", "cpu_seconds", "collect_seconds", "learn_seconds", "decisions_per_second"}


@pytest.fixture(autouse=True, scope="module")
def few_games():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "CURVE_DEALS", 2)
        yield


def curve_of(folder: Path) -> list[dict[str, str]]:
    """The curve without what a clock measures."""
    with (folder / "metrics.csv").open() as file:
        return [{k: v for k, v in row.items() if k not in TIMES} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """The folder of a run that was never stopped."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    result = train(LEARNING, folder, recipe="self_play", device="cpu")
    assert not result.unfinished and result.best is result.points[-1]
    return folder


# settings


def test_schedules_go_by_decisions():
    settings = LearningSettings(decisions=100, lr=1.0, entropy=1.0)
    assert [settings.temperature_at(n) for n in (0, 50, 100, 120)] == [6, 4, 2, 2]
    assert [settings.rate_at(n) for n in (0, 50, 100)] == [1, 0.5, LOWEST_SHARE]
    assert settings.entropy_at(0) == 1 and settings.entropy_at(100) == 0.2
    chances = settings.chances_at(0)
    assert sum(chances) == pytest.approx(1) and chances[9] == pytest.approx(4 * chances[0])
    late_first = replace(settings, curriculum="late_first")
    assert late_first.chances_at(0)[:6] == [0] * 6 and min(late_first.chances_at(50)) > 0


def test_the_last_share_of_a_run_calibrates_bids_against_players_by_rules():
    settings = LearningSettings(decisions=100, calibration=0.25, opponents="hard:2,self,captain")
    assert [settings.learns_only_bids_at(n) for n in (0, 74, 75, 100)] == [False, False, True, True]
    assert settings.opponents_at(0) == {"hard": 0.5, "self": 0.25, "captain": 0.25}
    assert settings.opponents_at(75) == pytest.approx({"hard": 2 / 3, "captain": 1 / 3})
    assert replace(settings, opponents="self").opponents_at(75) == {"self": 1}
    for without in (replace(settings, calibration=0.0), replace(settings, bid_head="policy")):
        assert not without.learns_only_bids_at(100) and "self" in without.opponents_at(100)


def test_a_teacher_leaves_by_degrees():
    settings = LearningSettings(decisions=100, calibration=0.25, teacher=0.2, teacher_weight=1.0)
    assert [settings.teacher_at(n) for n in (0, 50, 75)] == [(0.2, 1.0), (0.1, 0.5), (0.0, 0.0)]


def test_opponents_are_shares_of_tables():
    assert parse_opponents("hard:3, captain") == {"hard": 0.75, "captain": 0.25}
    assert parse_opponents("hard : 3 captain") == parse_opponents(read_opponents("hard:3  captain"))
    for wrong in ("", "hard:0", "hard:x", "nobody", "hard,hard", "hard:nan"):
        with pytest.raises(BadInput, match="opponents"):
            parse_opponents(wrong)


@pytest.mark.parametrize(
    "change",
    [
        {"decisions": 0},
        {"parts": 3, "tables": 2},
        {"minibatch": 9000},
        {"lr": 0.0},
        {"clip": 1.0},
        {"last_temperature": 0.0},
        {"calibration": 1.5},
        {"teacher": 1.5},
        {"teacher_worlds": 0},
        {"size": "256"},
        {"seats": 9},
    ],
)
def test_contradictions_are_refused(change):
    with pytest.raises(BadInput):
        replace(LearningSettings(), **change)


def test_recipes():
    assert set(RECIPES) == {"hierarchical", "flat", "large_net", "self_play", "seed_v9"}
    assert read_recipe("Self-Play") == "self_play"
    with pytest.raises(BadInput, match="hierarchical"):
        read_recipe("v9")


# runs


def test_a_run_leaves_a_model_with_its_card(whole):
    network = load_model(str(whole / "model"), kind=BidAndPlayNet)
    card = network.card
    assert card["recipe"] == "self_play" and settings_from(LearningSettings, card["train"]) == LEARNING
    assert card["results"]["rows"] >= LEARNING.decisions and -500 < card["results"]["hard_score"] < 500
    assert card["data"]["game"] == "skull_king"
    assert json.loads((whole / "config.json").read_text())["spec"] == network.spec.to_dict()


def test_a_resumed_run_equals_an_uninterrupted_one(whole, tmp_path):
    folder, calls = tmp_path / "run", 0

    def after_a_few() -> bool:
        nonlocal calls
        calls += 1
        return calls % 5 == 0

    with pytest.raises(KeyboardInterrupt):
        train(LEARNING, folder, recipe="self_play", device="cpu", watch=Watch(should_stop=after_a_few))
    stops = 0
    while True:
        try:
            train(
                LEARNING,
                folder,
                recipe="self_play",
                device="cpu",
                resume=True,
                watch=Watch(should_stop=after_a_few),
            )
            break
        except KeyboardInterrupt:
            stops += 1
    assert stops >= 1 and curve_of(folder) == curve_of(whole)
    weights = [Store(str(place)).read("model/model.safetensors") for place in (folder, whole)]
    assert weights[0] == weights[1]


def test_a_run_is_resumed_with_its_settings_only(whole):
    with pytest.raises(BadInput, match="lr"):
        train(replace(LEARNING, lr=0.5), whole, device="cpu", resume=True)
    with pytest.raises(BadInput, match="already contains a run"):
        train(LEARNING, whole, device="cpu")


def test_minutes_stop_a_run(tmp_path):
    result = train(LEARNING, tmp_path / "run", device="cpu", watch=Watch(minutes=0))
    assert result.unfinished and (tmp_path / "run" / "checkpoints" / "last.ckpt").exists()


def test_a_run_starts_from_a_model(whole, tmp_path):
    short = replace(LEARNING, decisions=300)
    train(short, tmp_path / "run", device="cpu", init_from=str(whole / "model"))
    record = json.loads((tmp_path / "run" / "config.json").read_text())
    assert record["parent_weights"] and record["train"] == asdict(short)
    with pytest.raises(BadInput, match="width"):
        train(replace(short, size="8x2"), tmp_path / "other", device="cpu", init_from=str(whole / "model"))


def test_calibration_changes_only_the_part_that_bids(whole, tmp_path):
    parent = load_model(str(whole / "model"), kind=BidAndPlayNet)
    settings = replace(LEARNING, decisions=600, calibration=1.0)
    result = train(settings, tmp_path / "run", device="cpu", init_from=str(whole / "model"))
    assert result.points[-1]["bid_loss"] > 0 and result.points[-1]["policy_loss"] == 0
    weights = load_model(str(tmp_path / "run" / "model"), kind=BidAndPlayNet).state_dict()
    for name, before in parent.state_dict().items():
        assert weights[name].equal(before) != name.startswith("bid_"), name


@pytest.mark.parametrize("recipe", list(RECIPES))
def test_every_recipe_trains(recipe, tmp_path):
    settings = replace(
        RECIPES[recipe], size="8x1", decisions=400, tables=8, batch=128, minibatch=32, epochs=1
    )
    result = train(settings, tmp_path / "run", recipe=recipe, device="cpu")
    assert result.points[-1]["rows"] >= 400


def test_ablations_train(tmp_path):
    settings = replace(
        LEARNING,
        size="8x2",
        decisions=800,
        hidden_critic=True,
        hindsight=0.1,
        tricks_weight=0.1,
        seats=3,
        rules="engine",
        scoring="rascal",
        precision="bf16-mixed",
    )
    assert train(settings, tmp_path / "run", device="cpu").points[0]["policy_loss"] != 0


# the verb


SMALL = ("--size", "8x1", "--decisions", "300", "--tables", "8", "--batch", "64", "--minibatch", "32")


def test_the_verb_takes_a_recipe_and_changes_single_settings(forge, tmp_path):
    options = ("--recipe", "flat", "--opponents", "captain", "--device", "cpu", "--runs", str(tmp_path))
    status, out, _ = forge("skull-king", "train", *SMALL, *options, "--json")
    answer = json.loads(out)
    assert status == 0 and answer["last"]["rows"] >= 300 and not answer["unfinished"]
    record = json.loads((Path(answer["folder"]) / "config.json").read_text())
    assert record["recipe"] == "flat" and record["train"]["bid_head"] == "policy"
    assert record["train"]["opponents"] == "captain" and record["train"]["lr"] == RECIPES["flat"].lr


def test_the_verb_resumes_a_run(forge, tmp_path):
    options = ("--runs", str(tmp_path), "--name", "run", "--device", "cpu")
    status, _, err = forge("skull-king", "train", *SMALL, *options, "--minutes", "0")
    assert status == 0 and "--resume --name run" in err
    assert forge("skull-king", "train", *options, "--resume")[0] == 0
    status, _, err = forge("skull-king", "train", *options, "--resume", "--lr", "0.1")
    assert status == 2 and "leave out --lr" in err
    status, _, err = forge("skull-king", "train", "--resume", "--runs", str(tmp_path))
    assert status == 2 and "--name" in err


@pytest.mark.parametrize(
    "options, message",
    [
        (("--recipe", "v9"), "recipe 'v9'"),
        (("--opponents", "hard:-1"), "opponents"),
        (("--size", "256"), "write width x layers"),
        (("--clip", "2"), "clip 2"),
        (("--precision", "foo"), "precision 'foo': use auto, 32 or bf16-mixed"),
        (("--precision", "16-mixed"), "precision '16-mixed': use auto, 32 or bf16-mixed"),
        (("--name", "../out"), "out"),
    ],
)
def test_the_verb_refuses_bad_input(forge, options, message):
    status, out, err = forge("skull-king", "train", *options)
    assert (status, out) == (2, "") and message in err
