"""The one-hand policies and playouts as tensors equal the kernels, on the CPU and on a pretended card."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from pretend_card import CARD, pretended_card

from forge_core.errors import StateUnreachable
from forge_core.streams import stream
from forge_core.texas42.eq import Sampling, oracles
from forge_core.texas42.eq.estimate import estimate
from forge_core.texas42.eq.oracles import History, PlayoutOracle, Positions
from forge_core.texas42.games import Games, start
from forge_core.texas42.one_hand import captured, tensors
from forge_core.texas42.one_hand.choose import POLICIES, Policy, new_memory, open_policy
from forge_core.texas42.one_hand.lockstep import deal_values, lockstep_q
from forge_core.texas42.one_hand.network import NO_WEIGHTS
from forge_core.texas42.one_hand.parity import compare_decisions
from forge_core.texas42.one_hand.playouts import play_deals, playout_q
from forge_core.texas42.one_hand.sight import DOMINO_TABLE
from forge_core.texas42.one_hand.tensors import weights_on
from forge_core.texas42.oracle.alphabeta.positions import workspace
from forge_core.texas42.oracle.alphabeta.rulebook import RULEBOOK

HEURISTIC, NETWORK = map(open_policy, POLICIES)


def random_games(n: int) -> Games:
    """Return n deals under all declarations, with any leader and bidder."""
    draws = stream(0, "test-one-hand-tensors")
    hands = np.sort(draws.permuted(np.tile(np.arange(28), (n, 1)), axis=1).reshape(n, 4, 7), axis=2)
    return start(hands, np.arange(n) % 10, draws.integers(4, size=n), draws.integers(4, size=n))


def random_slots(games: Games) -> np.ndarray:
    draws = stream(games.seen.step, "test-one-hand-tensors", "plays").random((len(games), 7))
    return np.where(games.views.legal, draws, -1).argmax(axis=1)


def positions_at(step: int, n: int = 40) -> tuple[Positions, History]:
    """Return the positions of random games after some plays, and their history."""
    games = random_games(n)
    while games.seen.step < step:
        games = games.play(random_slots(games))
    deal_of = torch.arange(n)
    columns = (games.hands, games.seen.decl, games.states)
    history = History(games.seen, deal_of, torch.full((n,), step))
    return Positions(*map(torch.as_tensor, columns), deal_of), history


def asked(positions: Positions, history: History, device: str = "cpu"):
    """Return the arguments of `lockstep_q` without the policy, on a device."""
    columns = (positions.hands, positions.decl, positions.states, positions.deal_of)
    public = torch.as_tensor(history.voids), torch.as_tensor(history.bidder)
    return [column.to(device) for column in (*columns, *public)]


@pytest.mark.parametrize("policy", [HEURISTIC, NETWORK], ids=POLICIES)
def test_features_and_plays_equal_those_of_the_kernels_at_each_step_of_games(policy):
    games = random_games(100)
    found = compare_decisions(games.hands, games.seen, policy, stream(0, "compare"), "cpu")
    assert found.decisions == 2_800
    assert found.near_ties <= 2


def test_a_comparison_notices_another_network_and_other_features(monkeypatch):
    games = random_games(20)
    asked = games.hands, games.seen, NETWORK, stream(0, "compare"), "cpu"
    other = weights_on(
        open_policy(str(Path(__file__).parents[1] / "models" / "texas42-one-hand-17k")), torch.device("cpu")
    )
    monkeypatch.setattr(tensors, "weights_on", lambda *_: other)
    with pytest.raises(AssertionError, match="another play after"):
        compare_decisions(*asked)
    monkeypatch.setitem(tensors._PLAY, "suit_gone", tensors._PLAY["draws_ten"])
    with pytest.raises(AssertionError, match="Mismatched elements"):
        compare_decisions(*asked)


def test_a_comparison_counts_near_ties(monkeypatch):
    """All plays are equal to a network of zeros: the kernel chooses the first, these tensors the last."""
    games, zeros = random_games(5), Policy("network", NO_WEIGHTS)
    ascending = 1e-6 * torch.arange(7)[:, None]
    monkeypatch.setattr(tensors, "fill_logits", lambda *_: ascending.expand(7, 5))
    found = compare_decisions(games.hands, games.seen, zeros, stream(0, "compare"), "cpu")
    assert 5 * 7 <= found.near_ties <= 5 * 28


@pytest.mark.parametrize("policy", [HEURISTIC, NETWORK], ids=POLICIES)
@pytest.mark.parametrize("step, until", [(0, 0), (5, 12), (10, 0), (19, 9), (22, 0), (27, 0), (18, 28)])
def test_playouts_equal_those_of_the_kernels(policy, step, until):
    positions, history = positions_at(step)
    hands, decls, states = positions.arrays()
    public = history.voids, history.bidder
    expected = playout_q(hands, decls, states, *public, policy, until, workers=1)
    found = lockstep_q(*asked(positions, history), policy, until, workers=1, batch=64)
    np.testing.assert_array_equal(found.numpy(), expected)


def test_positions_of_several_steps_play_on_together():
    early, late = positions_at(6, 10), positions_at(21, 10)
    columns = [torch.cat(pair) for pair in zip(asked(*early), asked(*late), strict=True)]
    columns[3] = torch.arange(20)
    found = lockstep_q(*columns, HEURISTIC, 4, workers=1)
    parts = [lockstep_q(*asked(*some), HEURISTIC, 4, workers=1) for some in (early, late)]
    assert torch.equal(found, torch.cat(parts))


@pytest.mark.parametrize("policy", [HEURISTIC, NETWORK], ids=POLICIES)
def test_whole_deals_equal_those_of_the_kernel(policy):
    games = random_games(100)
    gained, decls = np.zeros(100, np.int64), games.seen.decl.astype(np.int64)
    memory = new_memory(policy.sizes)
    play_deals(
        RULEBOOK,
        workspace(),
        DOMINO_TABLE,
        *memory,
        games.hands,
        decls,
        policy.index,
        policy.weights,
        gained,
    )
    found = deal_values(torch.as_tensor(games.hands), torch.as_tensor(decls), policy, batch=64)
    np.testing.assert_array_equal(found.numpy(), gained)


def test_a_state_that_breaks_the_rules_is_refused_as_by_the_kernels():
    positions, history = positions_at(1)
    columns = asked(positions, history)
    columns[1] = (columns[1] + 1) % 10
    columns[2] = positions_at(2)[0].states
    arrays = [column.numpy() for column in (columns[0], columns[1], columns[2])]
    with pytest.raises(StateUnreachable) as by_kernels:
        playout_q(*arrays, history.voids, history.bidder, HEURISTIC, 0, workers=1)
    with pytest.raises(StateUnreachable) as by_tensors:
        lockstep_q(*columns, HEURISTIC, 0)
    assert str(by_tensors.value) == str(by_kernels.value)
    assert len(lockstep_q(*(column[:0] for column in columns), HEURISTIC, 0)) == 0


@pytest.mark.parametrize("policy", [HEURISTIC, NETWORK], ids=POLICIES)
def test_playouts_by_graphs_equal_those_without(monkeypatch, policy):
    """Without a card a graph is its work, run again; as on a card, it is captured while others wait."""
    taken = []

    def capture(work, device, pool):
        taken.append(device)
        for _ in range(3):
            work()
        return SimpleNamespace(replay=work)

    event = SimpleNamespace(record=lambda: None)
    stream_now = SimpleNamespace(wait_event=lambda awaited: None)
    for name, pretended in (
        ("graph_pool_handle", lambda: None),
        ("Event", lambda: event),
        ("current_stream", lambda: stream_now),
        ("device", lambda device: nullcontext()),
    ):
        monkeypatch.setattr(torch.cuda, name, pretended)
    monkeypatch.setattr(captured, "SIZE", 64)
    monkeypatch.setattr(captured, "can_capture", lambda device: True)
    monkeypatch.setattr(captured, "capture_graph", capture)
    captured.step_graphs.cache_clear()
    for step, until, new in ((9, 0, 18), (9, 0, 0), (12, 0, 1), (0, 0, 10), (18, 12, 0), (14, 12, 1)):
        some, before = asked(*positions_at(step, 25)), len(taken)
        with torch.inference_mode(mode=new == 18):
            by_graphs = lockstep_q(*some, policy, until, workers=1)
        assert torch.equal(by_graphs, lockstep_q(*some, policy, until, workers=1, captured=False))
        assert len(taken) - before == new
    captured.step_graphs.cache_clear()


# --- on a card


@pytest.mark.parametrize("policy", [HEURISTIC, NETWORK], ids=POLICIES)
def test_playouts_on_a_card_equal_those_of_the_host_and_wait_twice(policy):
    positions, history = positions_at(9)
    expected = lockstep_q(*asked(positions, history), policy, 0)
    with pretended_card() as card:
        columns = asked(positions, history, "cuda:0")
        lockstep_q(*columns, policy, 0)  # copies the tables
        card.waits.clear()
        found = lockstep_q(*columns, policy, 0, batch=50)
        assert card.waits.total() == 2, card.waits
        lockstep_q(*columns, policy, 12)
        assert card.waits.total() == 2 + 2 + 2, card.waits
        deals = columns[0], columns[1]
        card.waits.clear()
        assert deal_values(*deals, policy).device == CARD
        assert card.waits.total() == 0
        assert torch.equal(found.cpu(), expected)


@pytest.mark.parametrize("until", [0, 12])
def test_e_q_by_playouts_on_a_card_is_that_of_the_host(monkeypatch, until):
    games, asked_there = random_games(12), []
    while games.seen.step < 14:
        games = games.play(random_slots(games))
    keys = np.arange(12, dtype=np.uint64)
    here, there = (PlayoutOracle(NETWORK, until, 1, fewest_on_card=fewest) for fewest in (10**6, 0))
    monkeypatch.setattr(oracles, "lockstep_q", lambda *a, **b: asked_there.append(1) or lockstep_q(*a, **b))
    on_host = estimate(here, games.views, keys, Sampling(10))
    with pretended_card():
        few = estimate(here, games.views, keys, Sampling(10), "cuda:0")
        assert not asked_there
        many = estimate(there, games.views, keys, Sampling(10), "cuda:0")
        assert asked_there
    for name in ("mean", "variance", "p_make", "points"):
        for found in (few, many):
            np.testing.assert_allclose(getattr(found, name), getattr(on_host, name), rtol=1e-5, atol=1e-5)
