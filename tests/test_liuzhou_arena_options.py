"""The tree search of Liuzhou: noise, Gumbel, reuse of subtrees, settings and errors; its evaluators."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from liuzhou_positions import KINDS, assert_equal_roots, keys, positions

from forge_core.errors import BadInput, DeviceUnavailable
from forge_core.liuzhou.arena import Arena, SearchSettings, search
from forge_core.liuzhou.arena.gumbel import improved_policy, plan_of_halving, scaled_values
from forge_core.liuzhou.arena.noise import dirichlet_parts, gumbel_variates, mix_noise
from forge_core.liuzhou.cli import bench_arena
from forge_core.liuzhou.evaluators import FakeNet, Rollouts, Uniform
from forge_core.liuzhou.rules import CAPTURE
from forge_core.liuzhou.settings.search import KEPT_SIMS
from forge_core.liuzhou.state import EMPTY_SLOT, START, legal_actions, step_rows
from forge_core.liuzhou.state.layout import COUNT_SHIFT, OUTCOME_SHIFT, PLAYER_SHIFT
from forge_core.streams import stream

GOLDEN = json.loads((Path(__file__).parent / "golden" / "liuzhou_search.json").read_text())


# --- noise ------------------------------------------------------------------------------------


def test_root_noise_is_dirichlet():
    """Ten actions: the noise has the mean and the variance of Dirichlet(1/2), and sums to 1."""
    n, n_actions = 20_000, 10
    actions = np.where(np.arange(64) < n_actions, np.arange(64), EMPTY_SLOT).astype(np.uint8)
    prior = np.zeros((n, 64), np.float32)
    noise = mix_noise(prior, np.tile(actions, (n, 1)), dirichlet_parts(keys(n)), 1.0)
    np.testing.assert_allclose(noise.sum(1), 1, rtol=1e-5)
    assert (noise[:, n_actions:] == 0).all()
    total = 0.5 * n_actions
    np.testing.assert_allclose(noise[:, :n_actions].mean(0), 0.1, atol=0.004)
    np.testing.assert_allclose(noise[:, :n_actions].var(0), 0.1 * 0.9 / (total + 1), rtol=0.05)


def test_gumbel_noise_is_gumbel():
    noise = gumbel_variates(keys(2_000))
    assert noise.mean() == pytest.approx(np.euler_gamma, abs=0.02)
    assert noise.var() == pytest.approx(np.pi**2 / 6, rel=0.03)


def test_noise_is_mixed_into_the_priors_of_the_root():
    rows = positions(14)
    plain, noisy = (Arena(14, SearchSettings(4, noise=share), "cpu") for share in (0.0, 0.25))
    plain.search(rows, FakeNet())
    result = noisy.search(rows, FakeNet(), keys(14))
    prior, mixed = plain.root().prior, noisy.root().prior
    n_legal = (result.actions != EMPTY_SLOT).sum(1)
    assert (n_legal == 1).any()
    np.testing.assert_array_equal(mixed[n_legal == 1], prior[n_legal == 1])
    assert (mixed != prior).any(1)[n_legal > 1].all()
    np.testing.assert_allclose(mixed.sum(1), 1, rtol=1e-5)
    assert (mixed >= 0.75 * prior).all()


def test_a_stream_draws_one_key_per_row():
    rows, settings = positions(7), SearchSettings(16, noise=0.25)
    drawn = stream(5, "noise").integers(2**64, size=7, dtype=np.uint64)
    by_stream = search(rows, FakeNet(), settings, stream(5, "noise"), "cpu")
    by_keys = search(rows, FakeNet(), settings, drawn, "cpu")
    np.testing.assert_array_equal(by_stream.visits, by_keys.visits)


# --- Gumbel -----------------------------------------------------------------------------------


def test_plans_halve_the_actions():
    plan = plan_of_halving(8)
    assert plan[1].tolist() == list(range(8))
    assert plan[4].tolist() == [0, 0, 0, 0, 1, 1, 2, 2]
    assert plan[16].tolist() == [0] * 8
    assert plan_of_halving(16)[16].tolist() == [0] * 16
    # Four rounds of 16 simulations: over 16, 8, 4 and 2 actions.
    lengths = [16] + 2 * [8] + 4 * [4] + 8 * [2]
    assert plan_of_halving(64)[16].tolist() == np.repeat(np.arange(15), lengths).tolist()


def test_gumbel_visits_follow_the_plan():
    """32 simulations of at least 16 actions: 16 actions once, eight of these again, four of these twice."""
    rows = np.tile(START, (3, 1))
    result = search(rows, FakeNet(2), SearchSettings(32, gumbel=True, noise=1.0), keys(3), "cpu")
    wanted = np.zeros((3, 64), np.int64)
    for n in plan_of_halving(32)[16]:
        for g in range(3):
            wanted[g, np.flatnonzero(wanted[g] == n)[0]] += 1
    np.testing.assert_array_equal(np.sort(result.visits), np.sort(wanted))
    assert (result.visits[np.arange(3), result.slots_of(result.chosen)] == result.visits.max(1)).all()
    assert len(set(result.chosen.tolist())) > 1  # other noise, another choice


def test_the_improved_policy_improves():
    rows = positions(28)
    arena = Arena(28, SearchSettings(32, gumbel=True), "cpu")
    result, root = arena.search(rows, FakeNet(4)), arena.root()
    sign = np.where(rows[:, 3] >> 3 & 1, -1, 1)
    values = scaled_values(root.visits, root.sums, root.prior, root.value, sign)
    is_legal = result.actions != EMPTY_SLOT
    np.testing.assert_allclose(result.policy.sum(1), 1, rtol=1e-5)
    assert (result.policy[~is_legal] == 0).all()
    before, after = ((policy * values * is_legal).sum(1) for policy in (root.prior, result.policy))
    assert (after >= before - 1e-4).all()


def test_without_visits_the_improved_policy_is_the_prior():
    actions, _ = legal_actions(positions(7))
    prior, value = FakeNet()(positions(7), actions)
    values = scaled_values(np.zeros((7, 64), np.int32), np.zeros((7, 64)), prior, value, np.ones(7))
    np.testing.assert_allclose(improved_policy(prior, values, actions), prior, rtol=1e-6)


# --- reuse ------------------------------------------------------------------------------------


def test_reuse_equals_a_reference_that_keeps_the_subtree():
    """Four plies of chosen actions; one game is replaced by another, one takes an unexpected action."""
    settings = SearchSettings(16, reuse=True, noise=0.25, beta=0.5)
    arenas = {kind: Arena(21, settings, "cpu", kind) for kind in KINDS}
    rows = positions(21)
    for ply in range(4):
        results = {kind: arena.search(rows, FakeNet(1), keys(21) + ply) for kind, arena in arenas.items()}
        for kind in ("cpu", "tensors"):
            assert_equal_roots(arenas[kind].root(), arenas["reference"].root())
            assert arenas[kind].overflow == 0
        result = results["cpu"]
        slots = result.slots_of(result.chosen)
        for arena in arenas.values():
            arena.advance(slots)
        actions = np.maximum(result.chosen, 0)
        if ply == 1:
            rows[2], actions[2] = START, 0
            actions[3] = result.actions[3, 0] if slots[3] else result.actions[3, 1]
        rows = step_rows(rows, actions)


@pytest.mark.parametrize("kind", KINDS)
def test_kept_visits_count(kind):
    rows = np.tile(START, (2, 1))
    arena = Arena(2, SearchSettings(32, reuse=True), "cpu", kind)
    result = arena.search(rows, FakeNet(1))
    slots = result.slots_of(result.chosen)
    arena.advance(np.array([slots[0], -1]))
    after = arena.search(step_rows(rows, result.chosen), FakeNet(1))
    assert after.visits.sum(1).tolist() == [32 + result.visits[0, slots[0]] - 1, 32]
    once_more = arena.search(step_rows(rows, result.chosen), FakeNet(1))
    assert once_more.visits.sum(1).tolist() == [32, 32]  # without advance nothing is kept


@pytest.mark.parametrize("kind", KINDS)
def test_a_subtree_that_grew_too_large_is_dropped(kind):
    """All simulations go down one line, so that each search keeps nearly all that it finds."""

    def one_line(rows, actions):
        prior = 0 * FakeNet()(rows, actions)[0]
        prior[:, 0] = 1
        return prior, prior[:, 0] * 0

    settings = SearchSettings(4, reuse=True)
    arena, rows, totals = Arena(1, settings, "cpu", kind), START[None].copy(), []
    for _ in range(5):
        result = arena.search(rows, one_line)
        totals.append(int(result.visits.sum()))
        arena.advance(result.slots_of(result.chosen))
        rows = step_rows(rows, result.chosen)
    # Of n visits, n - 1 are kept with n rows; up to KEPT_SIMS * 4 + 1 rows are.
    assert KEPT_SIMS == 2 and totals == [4, 7, 10, 4, 7]


def test_reuse_is_needed_to_advance():
    arena = Arena(1, SearchSettings(4), "cpu")
    arena.search(START[None], Uniform())
    with pytest.raises(BadInput, match="reuse"):
        arena.advance(np.array([0]))
    arena = Arena(2, SearchSettings(4, reuse=True), "cpu")
    arena.search(START[None], Uniform())
    for wrong in ([0, 0], [64], [-2]):
        with pytest.raises(BadInput, match="slot"):
            arena.advance(np.array(wrong))
    arena.advance(np.array([0]))
    with pytest.raises(BadInput, match="after each search"):
        arena.advance(np.array([0]))


# --- errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"sims": 0},
        {"sims": 40_000},
        {"sims": 20_000, "reuse": True},
        {"c": 0.0},
        {"c": float("nan")},
        {"fpu": -0.1},
        {"beta": 1.5},
        {"draw_scale": 0.0},
        {"noise": 1.1},
        {"noise": float("nan")},
        {"gumbel": True, "reuse": True},
    ],
)
def test_bad_settings(wrong):
    with pytest.raises(BadInput):
        SearchSettings(**wrong)


def malformed(**words: int) -> np.ndarray:
    row = dict(zip(("black", "white", "marked", "meta"), START.tolist(), strict=True)) | words
    return np.array([list(row.values())])


@pytest.mark.parametrize(
    "rows",
    [
        np.zeros((2, 3), np.int64),
        np.zeros(4, np.int64),
        START[None].astype(np.int32),
        np.zeros((0, 4), np.int64),
        np.tile(START, (3, 1)),
        malformed(black=1 << 36),
        malformed(black=-1),
        malformed(black=1, white=1),
        malformed(marked=1),
        malformed(meta=0),
        malformed(meta=1 | 1 << 24),
        malformed(meta=2),
        malformed(meta=1 | 1 << 4),
        malformed(meta=1 | 150 << 8),
        malformed(black=(1 << 36) - 1),
    ],
    ids=lambda rows: f"{rows.tolist()}"[:40],
)
@pytest.mark.parametrize("kind", ["cpu", "tensors"])
def test_malformed_rows(rows, kind):
    with pytest.raises(BadInput):
        Arena(2, SearchSettings(4), "cpu", kind).search(rows, Uniform())


def test_bad_calls():
    arena = Arena(2, SearchSettings(4, noise=0.25), "cpu")
    with pytest.raises(BadInput, match=r"noise .* stream"):
        arena.search(START[None], Uniform())
    with pytest.raises(BadInput, match="keys"):
        arena.search(START[None], Uniform(), keys(2))
    with pytest.raises(BadInput, match="sims 5"):
        arena.search(START[None], Uniform(), keys(1), sims=5)
    for prior, value in ((9, np.float32), (64, np.float64)):
        with pytest.raises(BadInput, match="the evaluator returned"):
            arena.search(START[None], lambda *_: (np.zeros((1, prior), value), np.zeros(1, value)), keys(1))  # noqa: B023
    with pytest.raises(BadInput, match="games"):
        Arena(0, SearchSettings(4), "cpu")
    with pytest.raises(BadInput, match="kind"):
        Arena(1, SearchSettings(4), "cpu", "gpu")  # pyright: ignore[reportArgumentType]
    if not torch.cuda.is_available():
        with pytest.raises(DeviceUnavailable):
            Arena(1, SearchSettings(4), "cuda")


# --- evaluators -------------------------------------------------------------------------------


def test_fake_network_of_the_golden_file():
    for case in GOLDEN["cases"]:
        rows = np.array([case["row"]])
        actions, counts = legal_actions(rows)
        prior, value = FakeNet()(rows, actions)
        weights = np.array(case["fake_net_salt_0"]["weights"])
        found = prior[0, : counts[0]]
        np.testing.assert_array_equal(found, weights.astype(np.float32) / np.float32(weights.sum()))
        assert value[0] * 64 == case["fake_net_salt_0"]["value_times_64"]


@pytest.mark.parametrize("evaluator", [Uniform(), FakeNet(7), FakeNet(flat=True), Rollouts(3)], ids=repr)
def test_evaluators_answer_alike_in_numpy_and_tensors(evaluator):
    rows = np.concatenate([positions(28), [[127, 1 << 35, 0, 4 | 1 << 22]]])  # the last one is finished
    actions, _ = legal_actions(rows)
    prior, value = evaluator(rows, actions)
    assert prior.dtype == value.dtype == np.float32
    assert prior.shape == (29, 64) and value.shape == (29,)
    np.testing.assert_allclose(prior.sum(1), [1] * 28 + [0], rtol=1e-6)
    assert (prior[actions == EMPTY_SLOT] == 0).all() and (prior[actions != EMPTY_SLOT] > 0).all()
    assert (np.abs(value) <= 1).all()
    tensors = evaluator(torch.from_numpy(rows), torch.from_numpy(actions))
    for found, expected in zip(tensors, (prior, value), strict=True):
        assert isinstance(found, torch.Tensor)
        np.testing.assert_array_equal(found, expected)


def test_rollouts_are_mean_results_of_random_games():
    rows = positions(28)
    actions, _ = legal_actions(rows)
    value = Rollouts(1, playouts=400, beta=0.5)(rows, actions)[1]
    again = Rollouts(1, playouts=400, beta=0.5)(rows[::-1].copy(), actions[::-1].copy())[1][::-1]
    other = Rollouts(2, playouts=400, beta=0.5)(rows, actions)[1]
    np.testing.assert_array_equal(again, value)  # the same by row, whatever the order
    assert (other != value).any()
    np.testing.assert_allclose(other, value, atol=0.12)
    for wrong in ({"playouts": 0}, {"beta": 2.0}, {"draw_scale": 0.0}):
        with pytest.raises(BadInput):
            Rollouts(1, **wrong)


# --- speed ------------------------------------------------------------------------------------


@pytest.fixture
def few_games(monkeypatch):
    for name, value in {
        "GAMES": (8,),
        "GAMES_CUDA": (8,),
        "SIMS": 4,
        "N_COMPARED": 8,
        "N_REPEATS": 1,
    }.items():
        monkeypatch.setattr(bench_arena, name, value)


@pytest.mark.usefixtures("few_games")
def test_the_search_is_measured_after_it_was_compared(monkeypatch):
    found = bench_arena.measure([3], "cpu")
    limits = [figure.limit for figure in found.figures]
    assert sorted(limit for limit in limits if limit is not None) == [1.0, 8.0]
    assert all(figure.value > 0 for figure in (*found.figures, *bench_arena.on_cuda(positions(8), "cpu")))
    salts = iter(range(9))
    monkeypatch.setattr(bench_arena, "FakeNet", lambda: FakeNet(next(salts)))
    with pytest.raises(AssertionError, match="visits of the cpu arena differ"):
        bench_arena.measure([3], "cpu")


def test_a_game_that_ended_by_its_last_capture_is_a_finished_row():
    """White has captured to three black stones: phase CAPTURE with nothing pending."""
    meta = CAPTURE | 1 << PLAYER_SHIFT | 69 << COUNT_SHIFT | 2 << OUTCOME_SHIFT
    row = np.array([[0b111, 0b1111 << 20, 0, meta]])
    result = search(row, FakeNet(), SearchSettings(sims=2), device="cpu")
    assert result.chosen.tolist() == [-1] and result.visits.sum() == 0 and result.value.tolist() == [1.0]
