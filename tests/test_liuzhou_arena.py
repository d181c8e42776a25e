"""The tree search of Liuzhou: golden searches, and the same visits and values in every implementation."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch
from liuzhou_positions import KINDS, assert_equal_roots, keys, positions

from forge_core.liuzhou.arena import NO_ACTION, Arena, SearchSettings, search
from forge_core.liuzhou.arena.tensors import TensorTrees
from forge_core.liuzhou.evaluators import FakeNet, equal_priors
from forge_core.liuzhou.state import (
    BLACK_WON,
    DRAWN,
    EMPTY_SLOT,
    GOING,
    START,
    outcomes,
    step_rows,
)

GOLDEN = json.loads((Path(__file__).parent / "golden" / "liuzhou_search.json").read_text())
CASES = {case["name"]: case for case in GOLDEN["cases"]}


def golden_searches():
    """Searches of the golden file by their settings: [(case, what was found)]."""
    groups = defaultdict(list)
    for case in CASES.values():
        for found in case["search"]:
            names = ("sims", "c", "beta", "draw_scale", "salt", "flat")
            groups[tuple(found[name] for name in names)].append((case, found))
    return groups


@pytest.mark.parametrize("kind", KINDS)
def test_golden_searches(kind):
    n_searches = 0
    for (sims, c, beta, draw_scale, salt, flat), searches in golden_searches().items():
        settings = SearchSettings(sims, c=c, fpu=None, beta=beta, draw_scale=draw_scale)
        arena = Arena(len(searches), settings, "cpu", kind)
        rows = np.array([case["row"] for case, _ in searches])
        result = arena.search(rows, FakeNet(salt, flat))
        root = arena.root()
        for g, (case, found) in enumerate(searches):
            n = len(case["legal"])
            assert result.actions[g].tolist() == case["legal"] + [EMPTY_SLOT] * (64 - n)
            assert result.visits[g].tolist() == found["visits"] + [0] * (64 - n)
            assert root.sums[g].tolist() == found["w_black"] + [0] * (64 - n)
            assert count_rows(arena, g) == found["nodes"]
            n_searches += 1
        assert arena.overflow == 0
        assert result.evaluations == len(searches) * (sims + 1)
    assert n_searches == 35


def count_rows(arena: Arena, g: int) -> int:
    """Rows in use of a tree."""
    return arena.trees.roots[g].count_rows() if arena.kind == "reference" else int(arena.trees.used[g])


def test_golden_depths_and_ends():
    """Of the reference: rows on the longest line, and rows of finished games."""
    for case in CASES.values():
        found = case["search"][0]
        settings = SearchSettings(found["sims"], fpu=None, draw_scale=found["draw_scale"])
        arena = Arena(1, settings, "cpu", "reference")
        arena.search(np.array([case["row"]]), FakeNet(found["salt"], found["flat"]))
        root = arena.trees.roots[0]
        assert root.depth() == found["depth"]
        assert count_ends(root) == found["terminal_nodes"]


def count_ends(node) -> int:
    return (node.outcome is not None) + sum(count_ends(child) for child in node.children.values())


class CellZeroLoses:
    """Equal priors; black loses where it holds cell 0."""

    def __call__(self, rows, actions):
        loses = (rows[:, 0] & 1) * -1
        value = loses.astype(np.float32) if isinstance(rows, np.ndarray) else loses.float()
        return equal_priors(actions), value


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_wants_to_lose(kind):
    """The golden sign test: after 200 simulations the losing cell has one visit."""
    settings = SearchSettings(200, fpu=None)
    result = search(START[None], CellZeroLoses(), settings, device="cpu", kind=kind)
    assert result.visits[0, :36].tolist() == GOLDEN["sign_test"]["visits"]


SEARCHES = {
    "default": SearchSettings(64, beta=0.5),
    "unvisited count 0": SearchSettings(64, fpu=None, c=0.7, beta=0.5, draw_scale=8.0),
    "noise": SearchSettings(64, noise=0.25),
    "gumbel": SearchSettings(64, gumbel=True, noise=1.0),
    "gumbel without noise": SearchSettings(64, gumbel=True),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_implementations_are_equal(name):
    """Compiled and tensors on 100 positions of all phases; the slow reference on some of them."""
    settings, rows = SEARCHES[name], positions(100)
    some = 28 if name == "default" else 8
    arenas = {kind: Arena(100, settings, "cpu", kind) for kind in KINDS}
    noise = keys(100) if settings.noise else None
    results = {
        kind: arena.search(rows, FakeNet(3), noise) for kind, arena in arenas.items() if kind != "reference"
    }
    assert all(arena.overflow == 0 for arena in arenas.values())
    assert_equal_roots(arenas["tensors"].root(), arenas["cpu"].root())
    reference = arenas["reference"].search(rows[:some], FakeNet(3), None if noise is None else noise[:some])
    assert_equal_roots(arenas["reference"].root(), arenas["cpu"].root()[:some])
    for part in ("q", "value", "policy", "chosen", "visits"):
        found = getattr(results["cpu"], part)
        np.testing.assert_allclose(getattr(results["tensors"], part), found, rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(getattr(reference, part), found[:some], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_result_says(kind):
    rows = positions(14)
    settings = SearchSettings(24, beta=0.5)
    arena = Arena(14, settings, "cpu", kind)
    result, root = arena.search(rows, FakeNet(5)), arena.root()
    sign = np.where(rows[:, 3] >> 3 & 1, -1, 1)
    assert (result.visits.sum(1) == 24).all()
    np.testing.assert_allclose(result.policy, result.visits / 24, rtol=1e-6)
    np.testing.assert_array_equal(result.chosen, result.actions[np.arange(14), result.visits.argmax(1)])
    np.testing.assert_array_equal(result.slots_of(result.chosen), result.visits.argmax(1))
    own = FakeNet(5)(rows, result.actions)[1]
    np.testing.assert_allclose(result.value, sign * (np.asarray(root.sums).sum(1) + own) / 25, rtol=1e-5)
    visited = result.visits > 0
    mean = (sign[:, None] * np.asarray(root.sums))[visited] / result.visits[visited]
    np.testing.assert_allclose(result.q[visited], mean, rtol=1e-6)
    assert (result.q[~visited] == 0).all()
    for part in ("visits", "q", "policy", "value", "chosen", "actions"):
        assert isinstance(getattr(result, part), np.ndarray)


@pytest.mark.parametrize("kind", KINDS)
def test_ends_of_games_count_one(kind):
    """An action that ends the game is worth exactly 1 or -1, drawn ones their lead, whoever moves."""
    two_captures, quiet = (np.array(CASES[name]["row"]) for name in ("capture_two_wins", "move_plain"))
    one_capture = step_rows(two_captures[None], np.array(CASES["capture_two_wins"]["legal"][:1]))[0]
    quiet[3] = quiet[3] & ~(63 << 16) | 35 << 16  # one quiet action more, and the game is drawn
    rows = np.stack([one_capture, quiet])
    result = search(rows, FakeNet(1), SearchSettings(48, beta=0.5), device="cpu", kind=kind)
    ends = set()
    for g, slot in zip(*np.nonzero(result.visits), strict=True):
        after = step_rows(rows[g][None], result.actions[g, slot][None])[0]
        outcome = outcomes(after[None])[0]
        if outcome != GOING:
            lead = int(after[0]).bit_count() - int(after[1]).bit_count()
            value = 0.5 * np.clip(lead / 14, -1, 1) if outcome == DRAWN else 1 if outcome == BLACK_WON else -1
            sign = -1 if rows[g, 3] >> 3 & 1 else 1
            assert result.q[g, slot] == np.float32(sign * value)
            ends.add(outcome == DRAWN)
    assert ends == {True, False}


@pytest.mark.parametrize("kind", KINDS)
def test_finished_rows_are_not_searched(kind):
    lost, drawn = START.copy(), START.copy()
    lost[:] = (1 << 7) - 1, 0b11 << 34, 0, 4 | 1 << 3 | BLACK_WON << 22
    drawn[:] = (1 << 7) - 1, 1 << 28 | 0b111 << 33, 0, 4 | 1 << 3 | 36 << 16 | DRAWN << 22
    rows = np.stack([START, lost, drawn])
    result = search(rows, FakeNet(), SearchSettings(16, beta=0.5), device="cpu", kind=kind)
    assert (result.visits[1:] == 0).all() and (result.policy[1:] == 0).all() and (result.q[1:] == 0).all()
    assert (result.actions[1:] == EMPTY_SLOT).all()
    assert result.chosen[1:].tolist() == [NO_ACTION, NO_ACTION]
    # White is to move: it has lost the first, and in the drawn one black leads by three stones.
    np.testing.assert_allclose(result.value[1:], [-1, -0.5 * 3 / 14], rtol=1e-6)
    assert result.visits[0].sum() == 16


@pytest.mark.parametrize("kind", ["cpu", "tensors"])
def test_a_used_arena_equals_a_fresh_one(kind):
    """Also after more games, more simulations and other actions than the next search has."""
    settings = SearchSettings(24, noise=0.25)
    used, rows = Arena(20, settings, "cpu", kind), positions(40)
    used.search(rows[:20], FakeNet(1), keys(20))
    used.search(rows[15:30], FakeNet(2), keys(15))
    used.search(rows[30:], FakeNet(3), keys(10), sims=16)
    fresh = Arena(10, SearchSettings(16, noise=0.25), "cpu", kind)
    fresh.search(rows[30:], FakeNet(3), keys(10))
    assert_equal_roots(used.root(), fresh.root())


@pytest.mark.parametrize("kind", ["cpu", "tensors"])
@pytest.mark.parametrize("name", ["noise", "gumbel"])
def test_alone_as_in_company_and_in_any_order(kind, name):
    settings, rows, noise = SEARCHES[name], positions(12), keys(12)
    together, alone = Arena(12, settings, "cpu", kind), Arena(1, settings, "cpu", kind)
    order = np.roll(np.arange(12)[::-1], 5)
    together.search(rows, FakeNet(1), noise, sims=24)
    root = together.root()
    together.search(rows[order], FakeNet(1), noise[order], sims=24)
    turned = together.root()
    for g in (0, 7):
        alone.search(rows[g : g + 1], FakeNet(1), noise[g : g + 1], sims=24)
        assert_equal_roots(alone.root(), root[g : g + 1])
    for g, of in enumerate(order):
        assert_equal_roots(turned[g : g + 1], root[of : of + 1])


def test_rows_may_be_tensors():
    rows, settings = positions(7), SearchSettings(8)
    expected = search(rows, FakeNet(), settings, device="cpu")
    for kind in ("auto", "tensors"):
        result = search(torch.from_numpy(rows), FakeNet(), settings, kind=kind)
        for part in ("visits", "actions", "chosen", "policy", "q", "value"):
            assert isinstance(getattr(result, part), torch.Tensor)
            np.testing.assert_array_equal(getattr(result, part), getattr(expected, part))


def test_a_walk_that_is_cut_off_is_counted():
    settings, rows = SearchSettings(24), torch.from_numpy(positions(7))
    trees = TensorTrees(7, settings, "cpu", depth=2)
    trees.start(rows, FakeNet(), 24, None)
    assert trees.overflow == 0
    for _ in range(24):
        trees.simulate(FakeNet())
    assert trees.overflow > 0


@pytest.mark.parametrize("options", [{}, {"gumbel": True}, {"reuse": True}], ids=str)
def test_simulations_wait_for_no_device(options):
    """Fake tensors have no values: reading one back, or a shape that depends on one, would fail."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        trees = TensorTrees(4, SearchSettings(8, **options), "cpu")
        trees.stops_early = False
        for _ in range(3):
            trees.simulate(FakeNet())
        if trees.settings.reuse:
            trees.advance(torch.zeros(4, dtype=torch.int64))
        assert trees.visits.shape == (4 * trees.size, 64)
