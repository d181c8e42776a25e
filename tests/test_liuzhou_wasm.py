"""Liuzhou's kernels as WebAssembly: the file is that of the sources, and equals numba and torch."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from liuzhou_games import position, random_plies, recorded_games

from forge_core.arena.play import seed_keys
from forge_core.inference import pack
from forge_core.learning.checkpoints import load_model
from forge_core.liuzhou.arena import search
from forge_core.liuzhou.network import LiuzhouNet, NetworkEvaluator
from forge_core.liuzhou.network.kernels import ARRANGED, BLOCKS, MEMORY, TENSORS, WIDTH, answer, arrange
from forge_core.liuzhou.players.names import make_player
from forge_core.liuzhou.settings.search import SearchSettings
from forge_core.liuzhou.state import SLOTS, START, legal_actions, legal_mask
from forge_core.liuzhou.state import pack as pack_row
from forge_core.liuzhou.web import OPPONENTS, WASM, WEIGHTS
from forge_core.liuzhou.web.search import SETTINGS, TREE, begin, pick_best, read_root, simulate
from forge_core.streams import mix


@pytest.fixture(scope="module")
def network():
    return load_model(str(WEIGHTS.parent), kind=LiuzhouNet)


@pytest.fixture(scope="module")
def weights(network):
    """[1] WEIGHTS and [1] ARRANGED."""
    stored = pack(TENSORS, {name: each.detach().numpy() for name, each in network.named_parameters()})
    arranged = np.zeros(1, ARRANGED)
    arrange(stored[0], arranged[0])
    return stored, arranged


@pytest.fixture(scope="module")
def rows():
    """Positions [N, 4] of all phases, none of them finished."""
    found = random_plies(4)[0]
    return found[legal_actions(found)[1] > 0]


def roots(tree):
    """Return actions, visits, priors and values of the root of a search by the kernel."""
    found = [np.zeros(SLOTS, kind) for kind in (np.int64, np.int64, np.float64, np.float64)]
    n = read_root(tree[0], *found)
    return [each[:n] for each in found]


class TestKernels:
    """Compiled for this machine."""

    def test_answers_are_those_of_torch(self, rows, network, weights):
        actions, counts = legal_actions(rows)
        prior, value = NetworkEvaluator(network)(rows, actions)
        memory, found = np.zeros(1, MEMORY), np.zeros(SLOTS, np.float32)
        for row in range(len(rows)):
            n = counts[row]
            black = answer(rows[row], actions[row], n, weights[0][0], weights[1][0], memory[0], found)
            assert black == pytest.approx(value[row], abs=2e-5)
            np.testing.assert_allclose(found, prior[row], atol=2e-5)

    def test_searches_are_those_of_the_arena(self, rows, network, weights):
        """Visits are equal in all but those positions where the last digit of an answer decides."""
        some, tree = rows[::9], np.zeros(1, TREE)
        expected = search(some, NetworkEvaluator(network), SearchSettings(sims=40), device="cpu")
        n_equal = 0
        for g, row in enumerate(some):
            begin(row, tree[0], weights[0][0], weights[1][0])
            for n in (15, 25):  # a search may be continued
                simulate(tree[0], weights[0][0], weights[1][0], n)
            actions, visits, _, q = roots(tree)
            n = len(actions)
            np.testing.assert_array_equal(actions, expected.actions[g, :n])
            if (visits == expected.visits[g, :n]).all():
                n_equal += 1
                np.testing.assert_allclose(q, expected.q[g, :n], atol=1e-4)
        assert n_equal > 0.95 * len(some)

    def test_ties_are_broken_as_by_players(self):
        from forge_core.liuzhou.players.choice import choose_best

        keys = mix(np.uint64(3), np.arange(200))
        worth = np.arange(200)[:, None] * np.arange(1, SLOTS + 1) % 5
        actions = np.tile(np.arange(SLOTS, dtype=np.uint8), (200, 1))
        actions[:, 50:] = 255
        expected = choose_best(actions, worth, keys)
        assert [pick_best(worth[i], 50, keys[i]) for i in range(200)] == expected.tolist()

    def test_the_settings_are_those_of_the_players(self):
        assert SearchSettings(sims=512) == SETTINGS
        assert OPPONENTS["search-512"].startswith("search:sims=512,")


@pytest.fixture(scope="module")
def host():
    from wasm_host import WasmHost

    return WasmHost(WASM)


class TestFile:
    """The committed file."""

    def test_the_layout_has_the_place_of_each_tensor(self):
        from forge_core.liuzhou.web.kernels import EXPORTS

        assert {f"tensor {name}" for name in TENSORS} <= set(EXPORTS.layout)

    def test_recorded_games_equal_the_rules(self, host):
        (row,) = host.call("start", np.ones(4, np.int64))
        np.testing.assert_array_equal(row, START)
        blank = np.zeros(SLOTS, np.int64)
        for game in recorded_games()[:6]:
            plies = game["plies"]
            for ply, after in pairwise(plies):
                row = pack_row(position(ply))
                _, listed = host.call("legal", row, blank)
                assert listed[: host.returned].tolist() == sorted(ply["legal"])
                (row,) = host.call("take", row, ply["action"])
                np.testing.assert_array_equal(row[:3], pack_row(position(after))[:3])

    @pytest.mark.parametrize("name", ["greedy", "reply"])
    def test_players_that_count_stones_equal_theirs(self, host, rows, name):
        player, some = make_player(name), rows[::5]
        keys = mix(seed_keys([7], 0), np.arange(len(some)))
        expected = player.act(some, legal_mask(some), keys)
        for time, row in enumerate(some):
            blank = np.zeros((2, SLOTS), np.int64)
            host.call("stones_action", row, int(name == "reply"), 7, time, *blank)
            assert host.returned == expected[time]

    def test_the_network_and_the_search_equal_numba(self, host, rows, weights):
        stored, arranged = weights
        _, found = host.call("arrange", stored, np.zeros(1, ARRANGED))
        assert found.tobytes() == arranged.tobytes()
        tree = np.zeros(1, TREE)
        blank = [np.zeros(SLOTS, kind) for kind in (np.int64, np.int64, np.float64, np.float64)]
        for time, row in enumerate(rows[::29]):
            begin(row, tree[0], stored[0], arranged[0])
            simulate(tree[0], stored[0], arranged[0], 20)
            _, own, *_ = host.call("begin", row, np.zeros(1, TREE), stored, arranged)
            own, *_ = host.call("simulate", own, stored, arranged, 20)
            own, *listed = host.call("root", own, *blank)
            n = host.returned
            for array, same in zip(listed, roots(tree), strict=True):
                np.testing.assert_array_equal(array[:n], same)
            for by_prior, worth in ((0, listed[1]), (1, listed[2])):
                host.call("choice", n, *listed[:3], by_prior, 5, time)
                key = mix(seed_keys([5], 0), time)[0]
                assert host.returned == listed[0][pick_best(worth, n, key)]


def test_the_network_is_of_the_size_of_the_kernels(network):
    assert (network.config.width, network.config.blocks) == (WIDTH, BLOCKS)
    assert {name: tuple(each.shape) for name, each in network.named_parameters()} == TENSORS
