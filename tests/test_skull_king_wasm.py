"""Skull King's kernels as WebAssembly: the file is that of the sources, and equals numba and torch."""

from __future__ import annotations

import numpy as np
import pytest

from forge_core.arena.play import seed_keys
from forge_core.learning.checkpoints import load_model
from forge_core.skull_king.bots import BOT_NAMES
from forge_core.skull_king.game import SkullKingGame
from forge_core.skull_king.network import BidAndPlayNet
from forge_core.skull_king.network.choice import (
    BONUS_SHARES,
    MEMORY,
    POINTS,
    TENSORS,
    network_action,
    offsets,
    pack,
)
from forge_core.skull_king.players import TableView
from forge_core.skull_king.players.bots import RulePlayer
from forge_core.skull_king.players.network import NetworkPlayer
from forge_core.skull_king.search import SearchSettings, play_values
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.web import WASM, WEIGHTS
from forge_core.streams import mix

GAME = SkullKingGame()


@pytest.fixture(scope="module")
def network():
    return NetworkPlayer.load(str(WEIGHTS.parent), "cpu")


@pytest.fixture(scope="module")
def weights(network):
    return pack({name: network.network.get_parameter(name).detach().numpy() for name in TENSORS})


@pytest.fixture(scope="module")
def rows():
    """Every position of a game of the network against players by rules, as [n, WIDTH]."""
    state, found = GAME.init([11]), []
    players = [RulePlayer(name) for name in ("hard", "captain", "medium", "hard")]
    time = 0
    while not GAME.over(state)[0]:
        found.append(state[0].copy())
        view, keys = TableView.of(GAME, state), mix(seed_keys([11], 0), time)
        seat = int(GAME.to_move(state)[0])
        state = GAME.step(state, players[seat].act(view, GAME.legal(state), keys))
        time += 1
    return np.array(found)


def test_choices_are_those_of_the_network(rows, weights, network):
    """The kernel agrees with torch on all decisions but those that hang on the last digit."""
    view = TableView.of(GAME, rows)
    expected = network.act(view, GAME.legal(rows), np.zeros(len(rows), np.uint64))
    memory = np.zeros(1, dtype=MEMORY)
    found = [network_action(row, GAME.options, weights[0], POINTS, BONUS_SHARES, memory[0]) for row in rows]
    assert np.mean(np.array(found) == expected) > 0.99


def test_expected_points_of_bids_are_those_of_torch(rows, weights, network):
    bidding = rows[rows[:, at.PHASE] == 0]
    view = TableView.of(GAME, bidding)
    memory = np.zeros(1, dtype=MEMORY)
    expected = network._rate(view.observe()[0], network._rate_bids)
    for row, points in zip(bidding, expected, strict=True):
        network_action(row, GAME.options, weights[0], POINTS, BONUS_SHARES, memory[0])
        n = row[at.DEALT] + 1
        np.testing.assert_allclose(memory[0]["ratings"][:n], points[:n], atol=2e-3)


@pytest.fixture(scope="module")
def host():
    from wasm_host import WasmHost

    return WasmHost(WASM)


class TestFile:
    """The committed file."""

    def test_the_layout_has_the_place_of_each_tensor(self):
        from forge_core.skull_king.web.kernels import EXPORTS

        assert {f"tensor {name}" for name in offsets()} <= set(EXPORTS.layout)

    @pytest.mark.parametrize("seats", [3, 4, 6, 8])
    def test_whole_games_equal_numba(self, host, seats):
        """Games of players by rules: rows, legal actions, choices and scores."""
        game = SkullKingGame(seats)
        for seed in range(2):
            state = game.init([seed])
            (row,) = host.call("new_game", np.zeros(at.WIDTH, np.int64), seats, seed)
            time = 0
            while True:
                np.testing.assert_array_equal(row, state[0])
                _, listed = host.call("legal", row, seats, np.zeros(at.MOST_ACTIONS, np.int64))
                legal = np.flatnonzero(game.legal(state)[0])
                assert sorted(listed[: host.returned].tolist()) == legal.tolist()
                kind = BOT_NAMES.index(("hard", "captain", "medium", "easy")[row[at.ACTOR] % 4])
                blank = np.zeros(at.MOST_ACTIONS, np.int64)
                host.call("bot_action", row, seats, kind, seed, time, blank)
                action = host.returned
                player = RulePlayer(BOT_NAMES[kind])
                keys = mix(seed_keys([seed], 0), time)
                assert action == player.act(TableView.of(game, state), game.legal(state), keys)[0]
                (row,) = host.call("take", row, seats, action)
                state, time = game.step(state, np.array([action])), time + 1
                if game.over(state)[0]:
                    scores = row[at.SCORE : at.SCORE + seats]
                    np.testing.assert_array_equal(scores, game.returns(state)[0])
                    break
                if host.returned:
                    (row,) = host.call("next_round", row, seats)

    def test_the_network_and_the_search_equal_numba(self, host, rows, weights):
        memory = np.zeros(1, dtype=MEMORY)
        for time, row in enumerate(rows[::17]):
            host.call("network_choice", row, weights, memory)
            expected = network_action(row, GAME.options, weights[0], POINTS, BONUS_SHARES, memory[0])
            assert host.returned == expected
            blank = [np.zeros(shape) for shape in (102, 102, (102, 11))]
            *_, total, _, _ = host.call("values", row, 4, 5, time, 20, *blank)
            keys = mix(seed_keys([5], 0), time)
            same = play_values(row[None], GAME.options, keys, SearchSettings(20)).points[0]
            legal = np.isfinite(same)
            np.testing.assert_allclose(total[legal] / 20, same[legal])


def test_the_network_is_that_of_this_table():
    network = load_model(str(WEIGHTS.parent), kind=BidAndPlayNet)
    assert (network.spec.seats, network.spec.rules) == (GAME.seats, GAME.rules)
    for name, shape in TENSORS.items():
        assert tuple(network.get_parameter(name).shape) == shape
