"""Players of Liuzhou: what they choose, by name, and that company changes nothing."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest
import torch

from forge_core.arena.play import seed_keys
from forge_core.errors import BadInput
from forge_core.learning.checkpoints import save_model
from forge_core.learning.threads import Pieces, in_chunks
from forge_core.liuzhou import rules
from forge_core.liuzhou.match import random_openings
from forge_core.liuzhou.network import LiuzhouNet, parse_size
from forge_core.liuzhou.notation import action_text, parse_action, parse_position
from forge_core.liuzhou.players import make_player, network, playouts
from forge_core.liuzhou.players.choice import choose_best
from forge_core.liuzhou.players.greedy import WIN, GreedyPlayer, stones_after
from forge_core.liuzhou.players.names import ladder_name, with_sims
from forge_core.liuzhou.players.playouts import PlayoutPlayer
from forge_core.liuzhou.state import legal_actions, legal_mask, outcomes, pack, unpack


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    """The folder of a small network with random weights."""
    torch.manual_seed(7)
    network = LiuzhouNet.of_size(parse_size("8x1"))
    for weights in network.parameters():
        torch.nn.init.normal_(weights, std=0.2)
    folder = str(tmp_path_factory.mktemp("liuzhou") / "model")
    save_model(folder, network, {})
    return folder


@cache
def positions() -> np.ndarray:
    """Rows of games at random, from all phases."""
    depths = (0, 3, 17, 30, 36, 38, 40, 44, 47, 50, 60, 80)
    rows = np.concatenate([random_openings(range(12), depth, depth) for depth in depths])
    rows = rows[outcomes(rows) == 0]
    assert set((rows[:, 3] & 7).tolist()) >= {1, 2, 3, 4, 5}
    return rows


def act(player, rows: np.ndarray, seed: int = 0) -> list[int]:
    return player.act(rows, legal_mask(rows), seed_keys(range(len(rows)), seed)).tolist()


def act_once(player, line: str) -> str:
    return action_text(act(player, pack(parse_position(line))[None])[0])


def lead(state: rules.State, side: int) -> int:
    """Return what the greedy players count, by the slow rules."""
    own, other = (len(state.stones(each) - state.marked) for each in (side, -side))
    due = state.pending if state.player == side else -state.pending
    return own - other + due + WIN * side * (rules.outcome(state) or 0)


# --- greedy -----------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", [False, True])
def test_stones_are_counted_as_by_the_slow_rules(reply):
    rows = positions()[::3]
    worth = np.zeros((len(rows), 64), np.int64)
    stones_after(rows, reply, worth)
    for row, found in zip(rows, worth, strict=True):
        state = unpack(row)
        side, expected = state.player, []
        for action in rules.legal(state):
            after = rules.step(state, action)
            answers = rules.legal(after) if reply and after.player != side else []
            leads = [lead(rules.step(after, answer), side) for answer in answers] or [lead(after, side)]
            expected.append(min(leads))
        assert found[: len(expected)].tolist() == expected


def test_greedy_closes_a_square_and_reply_prevents_one():
    square = "BB..../B...../....../..W.../....../WW...W place black moves=6"
    assert act_once(GreedyPlayer(), square) == "b2" == act_once(GreedyPlayer(reply=True), square)
    threat = "BB..../B..W../....../....../....../W.W... place white moves=5"
    assert act_once(GreedyPlayer(reply=True), threat) == "b2"
    assert {action_text(a) for a in act(GreedyPlayer(), np.tile(pack(parse_position(threat)), (40, 1)))} > {
        "b2"
    }


def test_ties_are_broken_evenly_and_by_the_key_of_the_game():
    actions, _ = legal_actions(random_openings([0] * 4000, 0, 0))
    worth = np.isin(actions, (3, 17, 20)) * 5
    keys = seed_keys(range(4000), 1)
    chosen = choose_best(actions, worth, keys)
    counts = np.bincount(chosen, minlength=36)
    assert set(np.flatnonzero(counts)) == {3, 17, 20} and counts[counts > 0].min() > 1200
    assert np.array_equal(choose_best(actions[:7], worth[:7], keys[:7]), chosen[:7])


# --- all players ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["random", "greedy", "reply", "playouts:12", "network:model=MODEL", "search:sims=8,model=MODEL"]
)
def test_an_action_is_legal_and_independent_of_the_other_games(name, model):
    player = make_player(name.replace("MODEL", model), "cpu")
    rows = positions()
    actions = act(player, rows)
    assert legal_mask(rows)[np.arange(len(rows)), actions].all()
    keys = seed_keys(range(len(rows)), 0)
    some = np.arange(len(rows))[::-1][: len(rows) // 2 + 1]
    again = player.act(rows[some], legal_mask(rows[some]), keys[some])
    assert again.tolist() == [actions[n] for n in some]
    alone = [
        int(player.act(rows[n : n + 1], legal_mask(rows[n : n + 1]), keys[n : n + 1])[0]) for n in (0, 40)
    ]
    assert alone == [actions[0], actions[40]]
    tensors = player.act(torch.tensor(rows[:5]), torch.tensor(legal_mask(rows[:5])), keys[:5])
    assert isinstance(tensors, torch.Tensor) and tensors.tolist() == actions[:5]
    assert json.loads(json.dumps(player.describe()))["player"] == name.partition(":")[0]


@pytest.mark.parametrize("name", ["greedy", "reply", "playouts:50", "search:sims=50,model=MODEL"])
def test_a_capture_that_wins_is_taken(name, model):
    capture = "BB..../BB..../....../...W../W....W/..W... capture black pending=1 moves=70"
    action = act_once(make_player(name.replace("MODEL", model), "cpu"), capture)
    after = rules.step(parse_position(capture), parse_action(action))
    assert rules.outcome(after) == rules.BLACK


def test_a_search_finds_a_win_that_the_prior_does_not_see(model):
    """Black closes a square by one step and then captures the fourth white stone."""
    line = "BB..../B..B../.B..../...W../W....W/..W... move black moves=70"
    for name in ("reply", "playouts:400", f"search:sims=400,model={model}"):
        assert act_once(make_player(name, "cpu"), line) == "b3-b2"


def test_networks_are_asked_in_chunks_of_one_size():
    asked = []

    def answer(rows):
        asked.append(len(rows))
        return rows[:, :2]

    rows = positions()[:70]
    for n in (1, 2, 4):
        asked.clear()
        pieces, answers = Pieces(n), [answer] * n
        assert np.array_equal(in_chunks(rows, 32, answers, pieces), rows[:, :2]) and asked == [32, 32, 32]
        assert np.array_equal(in_chunks(rows[:5], 32, answers, pieces), rows[:5, :2]) and asked[3:] == [32]


def test_actions_do_not_depend_on_the_number_of_cores(model, monkeypatch):
    rows = positions()[:70]
    for name in ("playouts:8", f"network:model={model}", f"search:sims=4,model={model}"):
        chosen = []
        for n in (1, 3):
            for module in (network, playouts):
                monkeypatch.setattr(module, "core_count", lambda n=n: n)
            chosen.append(act(make_player(name, "cpu"), rows))
        assert chosen[0] == chosen[1]


# --- names ------------------------------------------------------------------------------------


def test_players_by_name(model):
    assert make_player("playouts") == PlayoutPlayer(256) and make_player("playouts:64") == PlayoutPlayer(64)
    assert make_player("reply") == GreedyPlayer(reply=True)
    by_path = make_player(model, "cpu")
    assert by_path.name == model and by_path.describe()["sims"] == 256
    search = make_player("search:sims=9,model=x", "cpu", lambda objective, word: model)
    assert search.describe() | {"weights": 0} == {
        "player": "search",
        "weights": 0,
        "sims": 9,
        "c": 1.25,
        "fpu": 0.2,
        "beta": 0.0,
        "draw_scale": 14.0,
        "noise": 0.0,
        "gumbel": False,
        "reuse": False,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("clever", "unknown player 'clever': use random, greedy, reply, playouts, network, search"),
        ("playouts:0", "sims=0 is not in 1.."),
        ("playouts:9999999", "sims=9999999 is not in 1"),
        ("search:sims=0,model=a/b", "player 'search:sims=0,model=a/b': sims 0: use 1"),
        ("search:sims=8", "needs a network"),
        ("search:sims=8,model=/nowhere", "/nowhere contains no model"),
        ("network:sims=8,model=a", "no option 'sims'"),
        ("greedy:2", "greedy has no option '2'; it takes none"),
    ],
)
def test_names_that_are_wrong_are_refused(text, message):
    with pytest.raises(BadInput, match=message):
        make_player(text, "cpu")


def test_a_number_of_simulations_is_added_where_none_is_given():
    assert with_sims("greedy", 9) == "greedy"
    assert with_sims("playouts", 9) == "playouts:sims=9"
    assert with_sims("playouts:5", 9) == "playouts:5"
    assert with_sims("runs/a", 9) == with_sims("search:model=runs/a", 9) == "search:sims=9,model=runs/a"
    assert ladder_name("runs/a", 32) == "search:sims=32,model=runs/a"
    assert ladder_name("runs/a", 0) == "network:model=runs/a" and ladder_name("reply", 32) == "reply"
