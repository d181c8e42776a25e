"""`forge eq`: games are made once, only gaps are filled, and refusals are plain."""

import json

import pytest

from forge_core.errors import StoreUnusable
from forge_core.files import Store
from forge_core.texas42.eq.faults import check_game
from forge_core.texas42.eq.files import find_games, open_game

pytestmark = pytest.mark.slow

FEW = ("--seeds", "900-902", "--worlds", "2")


@pytest.fixture
def answer(forge):
    """Run a command line with --json and return its answer."""

    def run(*arguments: str, status: int = 0) -> dict:
        got, out, err = forge(*arguments, "--json")
        assert (got, err) == (status, "")
        return json.loads(out)

    return run


def test_games_are_played_once_and_gaps_alone_are_filled(answer, forge, tmp_path):
    place = ("--out", str(tmp_path))
    plan = answer("eq", *FEW, *place, "--dry-run")
    assert len(plan["missing"]) == 3 and plan["replaced"] == 0 and not list(tmp_path.iterdir())
    made = answer("eq", *FEW, *place)
    assert (made["made"], made["replaced"]) == (3, 0)
    again = answer("eq", *FEW, *place)
    assert (again["made"], again["there"]) == (0, 3)
    paths = find_games(str(tmp_path))
    for path in paths:
        assert check_game(open_game(path)) == []
    before = open_game(paths[1])
    with open(paths[1], "r+b") as file:
        file.truncate(500)
    assert answer("eq", *FEW, *place)["made"] == 1
    assert (open_game(paths[1]).plays == before.plays).all()
    other = ("eq", "--seeds", "900-903", "--worlds", "3", *place)
    status, out, _ = forge(*other, "--dry-run")
    assert status == 0 and "0 of 4 games exist" in out and "3 of them would replace a game" in out
    assert answer(*other, "--dry-run")["replaced"] == 3
    status, out, _ = forge(*other)
    assert status == 0 and "3 of them replaced games that were faulty or made with other settings" in out
    assert answer("eq", *FEW, *place)["replaced"] == 3


def test_a_store_that_is_full_is_for_the_user_to_mend_and_what_was_played_is_said(
    forge, tmp_path, monkeypatch
):
    def full(store, name, data):
        if "902" in name:
            raise StoreUnusable(f"cannot write {store.path(name)}: no space; free some")
        write(store, name, data)

    write = Store.write
    monkeypatch.setattr(Store, "write", full)
    status, out, err = forge("eq", *FEW, "--out", str(tmp_path))
    assert status == 2 and "2 played, 0 kept, 0 failed" in out
    assert err.count("\n") == 1 and err.endswith("no space; free some\n")


def test_options_reach_the_games(answer, tmp_path):
    answer(
        *("eq", "--seeds", "900", "--worlds", "2", "--out", str(tmp_path), "--bid", "31"),
        *("--posterior", "--posterior-tau", "3", "--adaptive", "--min-worlds", "2", "--max-worlds", "4"),
        *("--adaptive-batch", "2", "--exploration", "epsilon", "--epsilon", "0.5", "--choose", "pmake"),
        *("--no-pdf", "--seed", "7", "--decl", "fives"),
    )
    [path] = find_games(str(tmp_path))
    record = open_game(path)
    settings = record.settings
    assert (record.bid, record.decl, settings["seed"], settings["criterion"]) == (31, 5, 7, "pmake")
    assert settings["sampling"]["posterior"]["tau"] == 3
    assert settings["sampling"]["adaptive"]["max_worlds"] == 4
    assert settings["exploration"]["epsilon"] == 0.5
    assert record.decisions.e_q_pdf is None


def test_labels_are_as_fine_as_is_worth_teaching_by():
    from forge_core.texas42.eq import AdaptiveConfig
    from forge_core.texas42.eq.configuration import adaptive_of
    from forge_core.texas42.settings.games import GameSettings

    assert adaptive_of(GameSettings(labels=True)) == AdaptiveConfig(5_000, 2_000_000, 1_000, 0.1)
    few = GameSettings(adaptive=True, labels=True, max_worlds=9_000)
    assert adaptive_of(few) == AdaptiveConfig(5_000, 9_000, 1_000, 0.1)


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (("--oracle", "psychic"), "oracle 'psychic'"),
        (("--oracle", "model"), "set model to the folder of one (--model DIR)"),
        (("--oracle", "hybrid", "--model", "nowhere"), "contains no model"),
        (("--worlds", "0"), "worlds 0: use at least 1"),
        (("--batch", "0"), "batch 0"),
        (("--bid", "29"), "bid 29"),
        (("--choose", "luck"), "choose 'luck': use eq or pmake"),
        (("--oracle", "exact", "--model", "nowhere"), "model has no effect with oracle exact"),
        (("--worlds", "99999999999999"), "at most 2,000,000"),
        (("--adaptive", "--adaptive-batch", "0"), "adaptive"),
        (("--exploration", "wild"), "exploration"),
        (("--temperature", "3"), "temperature has no effect with exploration greedy"),
        (("--exploration", "epsilon", "--max-regret", "3"), "max_regret has no effect"),
        (("--posterior-tau", "2"), "posterior_tau has no effect without posterior"),
        (("--posterior", "--posterior-tau", "0"), "posterior_tau 0.0: use a finite number above 0"),
        (("--posterior", "--posterior-window", "29"), "posterior_window 29: use 1..28"),
        (("--min-worlds", "2"), "min_worlds has no effect without adaptive"),
        (("--lead", "3"), "lead has no effect without adaptive"),
        (("--adaptive", "--lead", "0"), "lead 0.0: use a number of standard errors above 0"),
        (("--labels", "--lead", "3"), "lead stops before E[Q] is precise enough for labels"),
        (("--adaptive", "--lead", "3", "--choose", "pmake"), "lead and loss compare E[Q]"),
        (("--posterior", "--posterior-mix", "2"), "posterior_mix 2.0"),
        (("--decl", "hearts"), "hearts"),
        (("--out", "memory://x"), "gone when this command ends"),
    ],
)
def test_bad_input_is_one_line(forge, tmp_path, arguments, wrong):
    status, out, err = forge("eq", "--seeds", "900", "--out", str(tmp_path), *arguments)
    assert (status, out) == (2, "")
    assert len(err.strip().splitlines()) == 1 and wrong in err
