"""The one-hand policies and playouts as tensors equal the kernels, on the CPU and on a pretended card."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from pretend_card import pretended_card

from forge_core.errors import StateUnreachable
from forge_core.streams import stream
from forge_core.texas42.eq.estimate import estimate
from forge_core.texas42.eq.oracles import History, PlayoutOracle, Positions
from forge_core.texas42.games import Games, start
from forge_core.texas42.one_hand.choose import POLICIES, choose_slots, features_of, new_memory, open_policy
from forge_core.texas42.one_hand.lockstep import deal_playouts, deal_values, lockstep_q, play, see
from forge_core.texas42.one_hand.playouts import play_deals, playout_q
from forge_core.texas42.one_hand.sight import DOMINO_TABLE
from forge_core.texas42.one_hand.tensors import choose_places, fill_features, fill_logits, rules_on, weights_on
from forge_core.texas42.oracle.alphabeta.positions import workspace
from forge_core.texas42.oracle.alphabeta.rulebook import RULEBOOK
from forge_core.texas42.worlds.voids import voids

HEURISTIC, NETWORK = map(open_policy, POLICIES)
NEAR = 1e-4
"""difference of logits below which two plays count as nearly equal"""


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


def test_features_and_plays_equal_those_of_the_kernels_at_each_step_of_games():
    games, rules = random_games(100), rules_on(torch.device("cpu"))
    n = len(games)
    deal_of, views = torch.arange(n), games.views
    columns = (games.hands, games.seen.decl, games.seen.turn, games.seen.bidder)
    hands, decl, leader, bidder = (torch.as_tensor(column) for column in columns)
    now = deal_playouts(rules, hands, decl.long(), deal_of, leader.long(), bidder)
    bits, n_near = torch.as_tensor(RULEBOOK["bit"][0])[hands.long()], 0
    while not games.over:
        views, sights = games.views, see(rules, now)
        context, plays, legal = fill_features(rules, sights)
        expected_context, expected_plays, slots = features_of(views)
        np.testing.assert_array_equal(context.T.numpy(), expected_context)
        found = plays.permute(2, 1, 0)[legal.T].numpy()  # the legal plays, ascending by bit
        np.testing.assert_array_equal(found, expected_plays[slots >= 0])

        own = bits[deal_of, torch.as_tensor(views.seat).long()]  # [N, 7] bits by slot
        logits = fill_logits(weights_on(NETWORK, torch.device("cpu")), context, plays)
        for policy in (HEURISTIC, NETWORK):
            place = choose_places(rules, sights, policy)
            chosen = sights.keys[place, deal_of] - 28 * now.decl
            kernel = own[deal_of, torch.as_tensor(choose_slots(views, policy))]
            differ = torch.nonzero(chosen != kernel).squeeze(1)
            assert policy is NETWORK or not len(differ)
            for row in differ:
                other = sights.keys[:, row] - 28 * now.decl[row] == kernel[row]
                assert logits[place[row], row] - logits[other, row] < NEAR
            n_near += len(differ)
        games = games.play(slot := random_slots(games))
        bit = own[deal_of, torch.as_tensor(slot)].int()
        now = play(rules, now, bit, torch.ones(n, dtype=torch.bool))
        points = games.seen.points.astype(int)
        np.testing.assert_array_equal(now.gained.numpy(), points[:, 0] - points[:, 1])
    assert n_near <= 2  # of 2,800 decisions


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
