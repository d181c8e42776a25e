"""Fast policies that see one hand agree with the readable ones; playouts agree with a slow loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from forge_core.errors import BadInput
from forge_core.learning.checkpoints import load_model
from forge_core.streams import stream
from forge_core.texas42.games import Games, start
from forge_core.texas42.one_hand.choose import POLICIES, Policy, choose_slots, features_of, open_policy
from forge_core.texas42.one_hand.features import CONTEXT, PLAY
from forge_core.texas42.one_hand.network import (
    ONE_HAND_MODEL,
    FeatureConfig,
    FeatureSpec,
    OneHandNet,
    weights_of,
)
from forge_core.texas42.one_hand.playouts import playout_q
from forge_core.texas42.one_hand.reference import features_of_view
from forge_core.texas42.oracle.alphabeta import root_q
from forge_core.texas42.players.heuristic import HeuristicPlayer
from forge_core.texas42.state import to_mover_frame
from forge_core.texas42.worlds.voids import voids

HEURISTIC = open_policy("heuristic")
KEYS = np.zeros(0, dtype=np.uint64)


def random_games(n: int, seed: int = 0) -> Games:
    """Return n deals under all declarations, with any leader and bidder."""
    draws = stream(seed, "test-one-hand")
    hands = np.sort(draws.permuted(np.tile(np.arange(28), (n, 1)), axis=1).reshape(n, 4, 7), axis=2)
    return start(hands, np.arange(n) % 10, draws.integers(4, size=n), draws.integers(4, size=n))


def random_plays(games: Games, step: int, seed: int = 0):
    draws = stream(seed, "test-one-hand", step).random((len(games), 7))
    return np.where(games.views.legal, draws, -1).argmax(axis=1)


def test_the_kernel_plays_like_the_heuristic_player():
    games = random_games(500)
    while not games.over:
        views = games.views
        fast, readable = choose_slots(views, HEURISTIC), HeuristicPlayer().slots(views, KEYS)
        np.testing.assert_array_equal(fast, readable)
        games = games.play(random_plays(games, games.seen.step))


def test_the_features_equal_the_readable_ones():
    games = random_games(30)
    while not games.over:
        views = games.views
        context, plays, slots = features_of(views)
        assert [sorted(row[row >= 0]) for row in slots] == [list(np.flatnonzero(row)) for row in views.legal]
        for game in range(len(games)):
            of_context, of_plays = features_of_view(views, game)
            expected = [of_context.get(name, 0) for name in CONTEXT]
            np.testing.assert_array_equal(context[game], np.float32(expected))
            for k, slot in enumerate(slots[game][slots[game] >= 0]):
                of_play = of_plays.pop(int(views.hand[game, slot]))
                expected = [of_play.pop(name, 0) for name in PLAY]
                np.testing.assert_array_equal(plays[game, k], np.float32(expected))
                assert not of_play
            assert not of_plays
        games = games.play(random_plays(games, games.seen.step))


def advance(games: Games, step: int) -> Games:
    while games.seen.step < step:
        games = games.play(random_plays(games, games.seen.step))
    return games


def suits_out(games: Games):
    """Return uint8 [N, 4], as playouts take it."""
    return np.packbits(voids(games.seen), axis=2, bitorder="little")[:, :, 0]


def slow_playout(games: Games, play, until: int):
    """Return the points to come after the games, in team 0's frame: view by view, then by the solver."""
    before = games.seen.points.astype(int)
    rest = np.zeros(len(games), dtype=int)
    while not games.over:
        if 28 - games.seen.step <= until:
            q = to_mover_frame(root_q(games.hands, games.seen.decl, None, games.states), games.states)
            rest = q.max(axis=1).astype(int) * np.where(games.seen.turn % 2, -1, 1)
            break
        games = games.play(play(games.views))
    gained = games.seen.points - before
    return gained[:, 0] - gained[:, 1] + rest


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("step, until", [(0, 0), (5, 12), (11, 10), (22, 0), (26, 3), (18, 28)])
def test_playouts_equal_a_slow_loop_over_views(name, step, until):
    policy = open_policy(name)
    players = {
        "heuristic": lambda views: HeuristicPlayer().slots(views, KEYS),
        "network": lambda views: choose_slots(views, policy),
    }
    games = advance(random_games(30), step)
    seen, legal = games.seen, games.views.legal
    asked = (games.hands, seen.decl, games.states, suits_out(games), seen.bidder)
    q = playout_q(*asked, policy, until, workers=1)
    np.testing.assert_array_equal(q != -128, legal)
    for slot in range(7):
        some = np.flatnonzero(legal[:, slot])
        part = games.take(some)
        after = part.play(np.full(len(some), slot))
        gained = after.seen.points.astype(int) - part.seen.points
        expected = gained[:, 0] - gained[:, 1] + slow_playout(after, players[name], until)
        np.testing.assert_array_equal(q[some, slot], expected)
    np.testing.assert_array_equal(playout_q(*asked, policy, until, workers=2), q)


def test_a_playout_that_is_exact_at_once_is_the_solver():
    games = advance(random_games(20), 9)
    seen = games.seen
    q = playout_q(games.hands, seen.decl, games.states, suits_out(games), seen.bidder, HEURISTIC, 28)
    np.testing.assert_array_equal(q, root_q(games.hands, seen.decl, None, games.states))


def test_playouts_refuse_what_they_cannot_use():
    games = random_games(1)
    asked = (games.hands, games.seen.decl, games.states, suits_out(games), games.seen.bidder)
    with pytest.raises(BadInput, match="policy 'hunch': use heuristic or network"):
        open_policy("hunch")
    with pytest.raises(BadInput, match=r"until 29: use a number of plays, 0\.\.28"):
        playout_q(*asked, HEURISTIC, 29)


def test_the_kernel_computes_what_torch_computes():
    network = load_model(ONE_HAND_MODEL, kind=OneHandNet)
    weights = weights_of(network)
    games = advance(random_games(100), 6)
    context, plays, slots = features_of(games.views)
    with torch.inference_mode():
        logits = network(torch.from_numpy(context), torch.from_numpy(plays)).numpy()
    best = np.where(slots >= 0, logits, -np.inf).argmax(axis=1)
    chosen = choose_slots(games.views, Policy("network", weights))
    np.testing.assert_array_equal(chosen, slots[np.arange(len(games)), best])


def test_a_network_of_other_features_is_refused():
    with pytest.raises(BadInput, match="features f0"):
        FeatureSpec(version="f0")
    with pytest.raises(BadInput, match="hidden 64"):
        FeatureConfig(hidden=64)
