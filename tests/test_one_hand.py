"""Fast policies that see one hand agree with the readable ones; playouts agree with a slow loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from forge_core.errors import BadInput, ForgeError
from forge_core.learning.checkpoints import load_model
from forge_core.streams import stream
from forge_core.texas42.eq import GameConfig, PosteriorConfig, Sampling, play_games
from forge_core.texas42.eq.configuration import open_oracle_of
from forge_core.texas42.eq.estimate import estimate
from forge_core.texas42.eq.faults import check_game
from forge_core.texas42.eq.oracles import History, PlayoutOracle, Positions
from forge_core.texas42.eq.positions import Table, deal_out, replay
from forge_core.texas42.eq.records import KINDS
from forge_core.texas42.games import Games, start
from forge_core.texas42.one_hand import features
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
from forge_core.texas42.settings.games import GameSettings
from forge_core.texas42.state import to_mover_frame
from forge_core.texas42.worlds import Worlds
from forge_core.texas42.worlds.voids import unseen, voids

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


@pytest.mark.parametrize("names", [CONTEXT, PLAY], ids=["context", "play"])
def test_each_feature_has_the_column_of_its_name(names):
    assert [getattr(features, name.upper()) for name in names] == list(range(len(names)))


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
    with pytest.raises(BadInput, match="policy 'hunch': use heuristic or network, or the folder of"):
        open_policy("hunch")
    with pytest.raises(BadInput, match="models/hunch contains no model"):
        open_policy("models/hunch")
    with pytest.raises(BadInput, match=r"until 29: use a number of plays, 0\.\.28"):
        playout_q(*asked, HEURISTIC, 29)


@pytest.mark.parametrize("hidden", [None, 5, 70])
def test_the_kernel_computes_what_torch_computes(hidden):
    """For the network that ships with the project, and for others: less than a SIMD row, and over two."""
    torch.manual_seed(0)
    network = (
        OneHandNet(FeatureSpec(), FeatureConfig(hidden, 3))
        if hidden
        else load_model(ONE_HAND_MODEL, kind=OneHandNet)
    )
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
    with pytest.raises(BadInput, match="hidden 0: use 1 to 1024"):
        FeatureConfig(hidden=0)


# --- playouts as an oracle of E[Q] --------------------------------------------------------------


def test_the_history_of_states_is_that_of_their_step():
    games = advance(random_games(20), 14)
    seen = games.seen
    game, step = torch.arange(20).repeat_interleave(3), torch.tensor([14, 3, 9]).repeat(20)
    history = History(seen, game, step)
    np.testing.assert_array_equal(history.bidder, np.repeat(seen.bidder, 3))
    for plays in (14, 3, 9):
        before = advance(random_games(20), plays)
        np.testing.assert_array_equal(before.seen.plays, seen.plays[:, :plays])
        rows = step == plays
        np.testing.assert_array_equal(history.voids[rows], suits_out(before))


def test_e_q_by_playouts_is_their_mean_over_worlds():
    """Late in a game few worlds are left, so all are used, and the mean has no sampling error."""
    games = advance(random_games(40), 21)
    views = games.views
    found = estimate(PlayoutOracle(HEURISTIC, 0), views, np.zeros(40, np.uint64), Sampling(400))
    hidden = unseen(views)
    worlds = Worlds(hidden, np.zeros(40, np.uint64), "cpu")
    table = Table.of(views, hidden, "cpu")
    for game in np.flatnonzero(worlds.count <= 400):
        one, n = np.array([game]), int(worlds.count[game])
        owner = worlds.owner(one, worlds.ranks(one, 0, n, np.array([True])))[0]
        hands = deal_out(table, torch.full((n,), int(game)), owner).numpy()
        seen = games.seen.take(np.full(n, game))
        state = replay(table, torch.full((n,), int(game)), torch.from_numpy(hands), 0).states[:, -1].numpy()
        out = np.repeat(suits_out(games)[game][None], n, axis=0)
        q = playout_q(hands, seen.decl, state, out, seen.bidder, HEURISTIC, 0).astype(float)
        mean = q.mean(axis=0) * (-1 if views.seat[game] % 2 else 1)
        legal = views.legal[game]
        np.testing.assert_allclose(found.mean[game][legal], mean[legal], atol=1e-5)


def test_games_by_playouts_say_how_they_were_played():
    games = random_games(3)
    config = GameConfig(Sampling(4, posterior=PosteriorConfig.calibrated()))
    records = play_games(PlayoutOracle(open_policy("network"), 12), games, config, "cpu")
    again = play_games(PlayoutOracle(open_policy("network"), 12, workers=1), games, config, "cpu")
    other = play_games(PlayoutOracle(HEURISTIC, 0), games, config, "cpu")
    for record, same, unlike in zip(records, again, other, strict=True):
        assert check_game(record) == [] == check_game(unlike)
        np.testing.assert_array_equal(record.plays, same.plays)
        assert record.fingerprint == same.fingerprint != unlike.fingerprint
        kinds = [KINDS[kind] for kind in record.decisions.oracle]
        assert kinds == ["playout"] * 15 + ["exact"] * 13
        assert [KINDS[kind] for kind in unlike.decisions.oracle] == ["playout"] * 27 + ["exact"]
    assert records[0].settings["oracle"] == "playout" and "exact" not in other[0].settings


def test_playouts_without_their_history_are_refused():
    games = random_games(1)
    hands, state = torch.from_numpy(games.hands), torch.from_numpy(games.states)
    with pytest.raises(ForgeError, match="give the history"):
        PlayoutOracle(HEURISTIC).q(Positions(hands, torch.zeros(1), state, torch.zeros(1, dtype=torch.int64)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"oracle": "exact", "policy": "network"}, "policy has no effect with oracle exact"),
        ({"oracle": "playout", "exact_from": 3}, "exact_from has no effect with oracle playout"),
        ({"oracle": "playout", "policy": "hunch"}, "use heuristic or network"),
        ({"oracle": "playout", "until": 29}, r"0\.\.28"),
    ],
)
def test_settings_of_oracles_that_have_no_effect_are_refused(settings, message):
    with pytest.raises(BadInput, match=message):
        open_oracle_of(GameSettings(**settings), None, "cpu")
    assert open_oracle_of(GameSettings(oracle="playout", until=0), None, "cpu").describe()["until"] == 0
    with pytest.raises(BadInput, match="model has no effect with oracle playout"):
        open_oracle_of(GameSettings(oracle="playout"), "models/x", "cpu")
