"""E[Q] against slow counterparts: the rules, plain averages, one world at a time."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_core.errors import BadInput, ForgeError
from forge_core.streams import stream
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.eq import (
    AdaptiveConfig,
    ExplorationPolicy,
    GameConfig,
    PosteriorConfig,
    collate,
    generate_games,
)
from forge_core.texas42.eq import estimate as estimate_module
from forge_core.texas42.eq.adaptive import Sampling
from forge_core.texas42.eq.aggregate import tally
from forge_core.texas42.eq.beliefs import DeclarationBelief
from forge_core.texas42.eq.estimate import estimate
from forge_core.texas42.eq.oracles import (
    ExactOracle,
    HybridOracle,
    ModelOracle,
    OracleKind,
    Positions,
    open_oracle,
)
from forge_core.texas42.eq.policies import MODES, choose
from forge_core.texas42.eq.positions import Table, deal_out, replay, uninformative
from forge_core.texas42.games import Games, start
from forge_core.texas42.oracle.reference import reference_q
from forge_core.texas42.rules import legal_plays
from forge_core.texas42.state import check_states, unpack
from forge_core.texas42.views import Views
from forge_core.texas42.worlds import enumerate_worlds
from forge_core.texas42.worlds.voids import unseen

EXACT = ExactOracle(workers=1)


def some_games(n: int = 6, first: int = 0, **settings) -> Games:
    seeds = range(first, first + n)
    return start([deal_from_seed(seed) for seed in seeds], [seed % 10 for seed in seeds], **settings)


def play_at_random(games: Games, steps: int, seed: int = 0) -> Games:
    generator = np.random.default_rng(seed)
    for _ in range(steps):
        odds = generator.random(games.views.legal.shape) * games.views.legal
        games = games.play(odds.argmax(axis=1))
    return games


def play_deals(n: int, **options):
    return generate_games(
        EXACT, [deal_from_seed(s) for s in range(n)], [s % 10 for s in range(n)], device="cpu", **options
    )


def true_owner(games: Games, dominoes) -> torch.Tensor:
    """Return the true holder of each unseen domino, [N, 1, U]."""
    holder = np.zeros((len(games), 28), dtype=np.int8)
    for seat in range(4):
        np.put_along_axis(holder, games.hands[:, seat].astype(np.int64), seat, axis=1)
    owner = (np.take_along_axis(holder, dominoes.astype(np.int64), axis=1) - games.seen.turn[:, None] - 1) % 4
    return torch.from_numpy(owner[:, None].astype(np.int8))


@pytest.mark.parametrize("steps", [0, 1, 3, 4, 10, 17, 23, 27])
def test_a_world_is_the_deal_at_this_and_at_past_steps(steps):
    games = some_games(12, leaders=[seed % 4 for seed in range(12)])
    before = [games]
    for step in range(steps):
        games = play_at_random(games, 1, step)
        before.append(games)
    hidden = unseen(games.views)
    table = Table.of(games.views, hidden, "cpu")
    game = torch.arange(len(games))
    hands = deal_out(table, game, true_owner(games, hidden.dominoes)[:, 0])
    assert (hands.numpy() == games.hands).all()
    past = replay(table, game, hands, 4)
    assert past.states.shape[1] == min(steps, 4) + 1
    for column, then in enumerate(before[-past.states.shape[1] :]):
        fields = unpack(check_states(past.states[:, column].numpy()))
        assert (fields.mover == then.seen.turn).all() and (
            past.actor[:, column].numpy() == fields.mover
        ).all()
        held = (fields.remaining[np.arange(len(games)), fields.mover, None] >> np.arange(7) & 1).astype(bool)
        assert (held == then.views.held).all()
        assert (past.legal[:, column].numpy() == then.views.legal).all()
        if then.seen.step < steps:
            slot = past.played[:, column].numpy()
            assert (then.views.hand[np.arange(len(games)), slot] == games.seen.plays[:, then.seen.step]).all()
    assert (past.played[:, -1] == -1).all()
    silent = uninformative(past).numpy()
    assert (silent[past.actor.numpy() == games.seen.turn[:, None]]).all()
    assert (silent[past.legal.sum(2).numpy() == 1]).all()


def test_past_legal_plays_are_the_rules_in_every_world():
    """The legal plays of a past seat follow from the lead and its hand at the time, world by world."""
    from forge_core.texas42.worlds import Worlds

    n, m = 500, 3
    games = play_at_random(some_games(n), 14)
    hidden = unseen(games.views)
    worlds = Worlds(hidden, np.arange(n, dtype=np.uint64), "cpu")
    ranks = worlds.ranks(np.arange(n), 0, m, np.zeros(n, dtype=bool))
    owner = worlds.owner(np.arange(n), ranks).flatten(0, 1)
    table, game = Table.of(games.views, hidden, "cpu"), torch.arange(n).repeat_interleave(m)
    past = replay(table, game, deal_out(table, game, owner), 14)
    for world in range(len(game)):
        plays = games.seen.plays[game[world]].tolist()
        hands = past.hands[world].tolist()
        for column, step in enumerate(range(15)):
            actor = int(past.actor[world, column])
            held = [d for d in hands[actor] if d not in plays[:step]]
            legal = legal_plays(held, plays[step - step % 4 : step], int(games.seen.decl[game[world]]))
            assert [d for d, may in zip(hands[actor], past.legal[world, column], strict=True) if may] == legal
            if step < 14:
                assert plays[step] in legal


@settings(max_examples=40)
@given(st.integers(1, 4), st.integers(1, 9), st.integers(0, 1000), st.booleans())
def test_tallies_are_weighted_averages_and_add_up(n, m, seed, with_points):
    generator = np.random.default_rng(seed)
    q = generator.integers(-42, 43, (n, m, 7)).astype(np.float32)
    log_weight = generator.normal(0, 5, (n, m))
    there = generator.random((n, m)) < 0.8
    there[:, 0] = True
    log_weight[generator.random((n, m)) < 0.1] = -np.inf
    log_weight[:, 0] = generator.normal(0, 5, n)
    at = generator.integers(-42, 43, n)
    arguments = [torch.from_numpy(a) for a in (q, log_weight, there)]
    arguments.append(torch.from_numpy(q >= at[:, None, None]))
    whole = tally(*arguments, with_points)
    weight = np.where(there, np.exp(log_weight), 0)
    weight /= weight.sum(axis=1, keepdims=True)
    mean = (weight[:, :, None] * q).sum(axis=1)
    np.testing.assert_allclose(whole.mean, mean, atol=1e-9)
    variance = (weight[:, :, None] * (q - mean[:, None]) ** 2).sum(axis=1)
    np.testing.assert_allclose(whole.variance, variance, atol=1e-6)
    np.testing.assert_allclose(whole.ess, 1 / (weight**2).sum(axis=1))
    np.testing.assert_allclose(1 / whole.weight, weight.max(axis=1))
    entropy = -(weight * np.log(np.where(weight > 0, weight, 1))).sum(axis=1)
    np.testing.assert_allclose(whole.entropy, entropy, atol=1e-9)
    made = (weight[:, :, None] * (q >= at[:, None, None])).sum(axis=1)
    np.testing.assert_allclose(whole.made / whole.weight[:, None], made, atol=1e-9)
    assert (whole.n.numpy() == there.sum(axis=1)).all()
    if with_points:
        assert whole.points is not None
        shares = whole.points / whole.weight[:, None, None]
        np.testing.assert_allclose((shares * torch.arange(-42, 43)).sum(dim=2), mean, atol=1e-9)
    if m > 1:
        cut = m // 2
        parts = [tally(*(a[:, s] for a in arguments), with_points) for s in (np.s_[:cut], np.s_[cut:])]
        both = parts[0].plus(parts[1])
        for name in ("mean", "variance", "ess", "entropy", "n", "made", "shift"):
            np.testing.assert_allclose(getattr(both, name), getattr(whole, name), atol=1e-6)


def test_enumerated_estimates_are_the_averages_over_every_world():
    games = play_at_random(some_games(6, 40), 21)
    views, hidden = games.views, unseen(games.views)
    estimates = estimate(EXACT, views, np.zeros(6, dtype=np.uint64), Sampling(1, enumerate_limit=10**9))
    assert estimates.converged.all() and (estimates.n_worlds == estimates.world_count).all()
    for game in range(6):
        seen = views.seen.take([game])
        team, decl = int(seen.turn[0]) % 2, int(seen.decl[0])
        said, wins = [], []
        for world in enumerate_worlds(hidden.dominoes[game], hidden.allowed[game], hidden.need[game]):
            hands = [[] for _ in range(4)]
            for domino, seat in zip(seen.plays[0], seen.players[0], strict=True):
                hands[seat].append(int(domino))
            hands[int(seen.turn[0])] = views.hand[game].tolist()
            for offset, more in enumerate(world):
                hands[(int(seen.turn[0]) + 1 + offset) % 4] += [int(domino) for domino in more]
            deal = np.sort(np.array(hands, dtype=np.int8), axis=1)
            table = Table.of(views.take([game]), unseen(views.take([game])), "cpu")
            state = replay(table, torch.tensor([0]), torch.from_numpy(deal[None]), 0).states[0, 0]
            q = np.array(reference_q(deal, decl, int(state))[1])
            said.append(np.where(views.legal[game], q * (-1) ** team, np.nan))
            ours = seen.points[0, team]
            final = ours + (42 - seen.points[0].sum() + said[-1]) / 2
            bids = int(seen.bidder[0]) % 2 == team
            wins.append(np.where(np.isnan(final), np.nan, final >= 30 if bids else 42 - final < 30))
        np.testing.assert_allclose(estimates.mean[game], np.mean(said, axis=0), atol=1e-5)
        np.testing.assert_allclose(estimates.variance[game], np.var(said, axis=0), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(estimates.p_make[game], np.mean(wins, axis=0), atol=1e-6)
        assert estimates.world_count[game] == len(said)


def test_games_are_whole_and_add_up():
    for record in play_deals(4, n_worlds=6):
        d = record.decisions
        assert sorted(record.plays.tolist()) == list(range(28))
        assert (record.hands[d.player, d.action_taken] == record.plays).all()
        assert (d.forced == (d.legal_mask.sum(axis=1) == 1)).all()
        assert (d.q_gap == 0).all() or d.q_gap.max() < 0.02  # greedy: equal up to the grain of a choice
        assert np.isnan(d.e_q_mean[~d.legal_mask]).all() and np.isfinite(d.e_q_mean[d.legal_mask]).all()
        assert d.e_q_pdf is not None
        np.testing.assert_allclose(d.e_q_pdf.sum(axis=2), d.legal_mask, atol=1e-5)
        assert (d.n_worlds >= 1).all() and (d.n_worlds <= 6).all() and d.world_count[0] == 399_072_960
        assert (d.oracle == OracleKind.EXACT).all()
        assert abs(d.actual_outcome[0]) <= 42 and (d.points_so_far[0] == 0).all()
        last = d.points_so_far[27, 0] - d.points_so_far[27, 1] + d.actual_outcome[27]
        first = d.actual_outcome[0] * (1 if d.player[0] % 2 == d.player[27] % 2 else -1)
        assert last == first


def test_a_game_does_not_depend_on_its_company_and_repeats():
    together = play_deals(5, n_worlds=8, exploration=ExplorationPolicy("epsilon", 0.5))
    alone = generate_games(
        EXACT, [deal_from_seed(3)], [3], 8, exploration=ExplorationPolicy("epsilon", 0.5), device="cpu"
    )[0]
    for name in ("e_q_mean", "e_q_pdf", "action_taken", "ess", "exploration_mode"):
        one, other = (getattr(record.decisions, name) for record in (together[3], alone))
        assert np.array_equal(one, other, equal_nan=name == "e_q_mean"), name
    other_seed = play_deals(5, n_worlds=8, exploration=ExplorationPolicy("epsilon", 0.5), seed=1)
    assert any((a.plays != b.plays).any() for a, b in zip(together, other_seed, strict=True))


@pytest.mark.parametrize(
    "exploration",
    [
        ExplorationPolicy("boltzmann", temperature=4.0),
        ExplorationPolicy("epsilon", 0.3),
        ExplorationPolicy("blunder", 0.5, max_regret=6.0),
    ],
)
def test_exploration_is_as_often_and_as_far_as_asked(exploration):
    records = play_deals(12, n_worlds=3, exploration=exploration, points=False)
    mode = np.concatenate([r.decisions.exploration_mode for r in records])
    forced = np.concatenate([r.decisions.forced for r in records])
    gap = np.concatenate([r.decisions.q_gap for r in records])
    struck = mode == MODES.index(exploration.mode)
    assert set(mode) <= {0, MODES.index(exploration.mode)}
    assert gap.max() > 0 and (gap >= 0).all()
    if exploration.mode == "blunder":
        assert gap.max() <= 6.0 and not struck[forced].any()
    elif exploration.mode == "epsilon":
        assert abs(struck.mean() - 0.3) < 4 * (0.21 / len(struck)) ** 0.5


def test_the_chance_to_make_the_bid_counts_points_already_taken():
    """A bid that is made stays made: every play then makes it, and points decide."""
    for record in play_deals(6, n_worlds=10, criterion="pmake"):
        d, bidders = record.decisions, record.bidder % 2
        for step in range(28):
            legal, mine, theirs = d.legal_mask[step], *d.points_so_far[step]
            team = d.player[step] % 2
            bid_taken = mine if team == bidders else theirs
            if bid_taken >= 30:
                assert (d.p_make[step][legal] == (team == bidders)).all()
            if 42 - mine - theirs + bid_taken < 30:
                assert (d.p_make[step][legal] == (team != bidders)).all()
            best = np.nanmax(d.p_make[step])
            assert d.p_make[step][d.action_taken[step]] >= best - 1e-5


def test_a_bid_of_84_needs_all_the_points():
    hands, decls = [deal_from_seed(s) for s in range(4)], [0, 1, 2, 3]
    both = [
        generate_games(EXACT, hands, decls, 6, bids=bid, criterion="pmake", device="cpu") for bid in (42, 84)
    ]
    for a, b in zip(*both, strict=True):
        assert (a.plays == b.plays).all() and a.bid == 42 and b.bid == 84
        assert np.array_equal(a.decisions.p_make, b.decisions.p_make, equal_nan=True)


def test_each_game_stops_by_itself_when_it_knows_enough():
    adaptive = AdaptiveConfig(min_worlds=10, max_worlds=60, batch=10, sem_threshold=2.0)
    games = play_at_random(some_games(10), 12)
    keys = np.arange(10, dtype=np.uint64)
    together = estimate(EXACT, games.views, keys, Sampling(adaptive=adaptive))
    sampled = together.world_count > 60
    assert len(set(together.n_worlds[sampled])) > 1
    error = np.nanmax(together.standard_error, axis=1)
    assert (error[sampled & together.converged] <= 2.0 + 1e-6).all()
    assert (together.n_worlds[sampled & ~together.converged] == 60).all()
    assert (together.n_worlds[~sampled] == together.world_count[~sampled]).all()
    alone = estimate(EXACT, games.views.take([4]), keys[[4]], Sampling(adaptive=adaptive))
    assert alone.n_worlds[0] == together.n_worlds[4]
    np.testing.assert_array_equal(alone.mean[0], together.mean[4])
    fixed = estimate(
        EXACT, games.views, keys, Sampling(n_worlds=int(together.n_worlds[4]), enumerate_limit=0)
    )
    if sampled[4]:
        np.testing.assert_allclose(fixed.mean[4], together.mean[4], atol=1e-4)


def test_a_single_world_that_holds_all_weight_is_not_enough():
    """A single world has no spread, so its standard error would be 0."""
    firm, adaptive = PosteriorConfig(window=12, tau=0.05, mix=1e-4), AdaptiveConfig(20, 100, 20, 0.5)
    games = play_at_random(some_games(12), 12)
    keys = np.arange(12, dtype=np.uint64)
    drawn = estimate(EXACT, games.views, keys, Sampling(posterior=firm, adaptive=adaptive, enumerate_limit=0))
    few = drawn.ess < firm.min_ess
    error = np.nanmax(drawn.standard_error, axis=1)
    assert (few & (error < adaptive.sem_threshold)).any()
    assert not drawn.converged[few].any() and (drawn.n_worlds[few] == 100).all()
    fixed = estimate(EXACT, games.views, keys, Sampling(20, posterior=firm, enumerate_limit=0))
    assert not fixed.converged[fixed.ess < firm.min_ess].any()


def test_many_worlds_and_games_are_looked_at_a_part_at_a_time(monkeypatch):
    games, keys = play_at_random(some_games(9), 20), np.arange(9, dtype=np.uint64)
    for sampling in (Sampling(70), Sampling(70, posterior=PosteriorConfig.calibrated())):
        whole = estimate(EXACT, games.views, keys, sampling)
        with monkeypatch.context() as patch:
            patch.setattr(estimate_module, "_POSITIONS", 500)
            in_parts = estimate(EXACT, games.views, keys, sampling)
            patch.setattr(estimate_module, "_WORLDS_A_ROUND", 16)
            in_rounds = estimate(EXACT, games.views, keys, sampling)
        for name in ("mean", "variance", "p_make", "points", "ess", "n_worlds"):
            np.testing.assert_array_equal(getattr(in_parts, name), getattr(whole, name))
        if sampling.posterior is None:  # which otherwise is content, or not, after another number of worlds
            np.testing.assert_allclose(in_rounds.mean, whole.mean, atol=1e-5)
            np.testing.assert_array_equal(in_rounds.n_worlds, whole.n_worlds)


def test_as_many_draws_as_there_are_worlds_are_not_every_world():
    drawn, taken = (
        generate_games(EXACT, [deal_from_seed(s) for s in range(6)], list(range(6)), 6, enumerate_limit=most)
        for most in (0, None)
    )
    for record in drawn:
        assert not record.is_exact.any() and np.isfinite(collate([record]).ess).all()
    assert any((r.decisions.n_worlds == r.decisions.world_count).any() for r in drawn)
    for record in taken:
        few = record.decisions.world_count <= 6
        assert (record.is_exact == few).all() and (np.isinf(collate([record]).ess) == few).all()


def test_what_a_game_does_not_heed_is_not_recorded_of_it():
    plain = GameConfig().settings(EXACT)
    assert plain["exploration"] == {"mode": "greedy"}
    unheeded = GameConfig(exploration=ExplorationPolicy("greedy", temperature=3, max_regret=5))
    assert unheeded.settings(EXACT) == plain
    heeded = GameConfig(exploration=ExplorationPolicy("blunder", 0.2, max_regret=5)).settings(EXACT)
    assert heeded["exploration"] == {"mode": "blunder", "epsilon": 0.2, "max_regret": 5}
    adaptive = [GameConfig(Sampling(n, adaptive=AdaptiveConfig())).settings(EXACT) for n in (5, 50)]
    assert adaptive[0] == adaptive[1]
    for config in (GameConfig(), GameConfig(Sampling(7, 3, PosteriorConfig(), AdaptiveConfig.labels()))):
        assert Sampling.of(config.settings(EXACT)).enumerate_up_to == config.sampling.enumerate_up_to


def test_plays_so_far_shift_the_weights():
    games = play_at_random(some_games(10), 11)
    keys = np.arange(10, dtype=np.uint64)
    plain = estimate(EXACT, games.views, keys, Sampling(30))
    posterior = PosteriorConfig(window=6, tau=2.0, mix=0.1)
    weighed = estimate(EXACT, games.views, keys, Sampling(30, posterior=posterior))
    np.testing.assert_allclose(plain.ess, plain.n_worlds, rtol=1e-6)
    np.testing.assert_allclose(plain.entropy, np.log(plain.n_worlds), rtol=1e-5)
    assert (weighed.ess <= weighed.n_worlds + 1e-3).all() and (weighed.ess < weighed.n_worlds - 0.5).any()


class HoldsTheDoubleSix:
    """A belief that seat 2 was dealt 6-6."""

    def log_prior(self, seen, game, hands):
        holds = (hands[:, 2] == 27).any(dim=1)
        return torch.where(holds, 0.0, -torch.inf).double()

    def describe(self):
        return {"belief": "6-6 lies with seat 2"}


def test_what_is_believed_of_the_hands_weighs_their_worlds():
    games = play_at_random(some_games(40), 8)
    unseen_by_mover = ~(games.views.hand == 27).any(axis=1) & ~(games.seen.plays == 27).any(axis=1)
    games = games.take(unseen_by_mover & (games.seen.turn != 2))
    keys = np.arange(len(games), dtype=np.uint64)
    plain = estimate(EXACT, games.views, keys, Sampling(60))
    believed = estimate(EXACT, games.views, keys, Sampling(60), belief=HoldsTheDoubleSix())
    assert (believed.ess < plain.ess - 10).all() and (believed.n_worlds == plain.n_worlds).all()
    np.testing.assert_allclose(believed.entropy, np.log(believed.ess), rtol=1e-4)  # the rest weigh the same


def test_sampling_stops_once_the_choice_is_clear():
    """The lead is that of paired differences; plays that are equal in all worlds are no choice."""
    games = play_at_random(some_games(12), 9)
    keys = np.arange(len(games), dtype=np.uint64)
    precise = AdaptiveConfig(min_worlds=20, max_worlds=200, batch=20, sem_threshold=0.1)
    clear = replace(precise, lead=3.0)
    long = estimate(EXACT, games.views, keys, Sampling(adaptive=precise, enumerate_limit=0))
    short = estimate(EXACT, games.views, keys, Sampling(adaptive=clear, enumerate_limit=0))
    assert (short.n_worlds <= long.n_worlds).all() and short.n_worlds.sum() < 0.7 * long.n_worlds.sum()
    best = np.nanargmax(short.mean, axis=1)
    rows = np.arange(len(games))
    assert (np.nanmax(long.mean, axis=1) - long.mean[rows, best]).max() < 0.5
    alone = estimate(EXACT, games.views.take([4]), keys[[4]], Sampling(adaptive=clear, enumerate_limit=0))
    assert np.array_equal(alone.mean[0], short.mean[4], equal_nan=True)

    q = torch.from_numpy(stream(0, "lead").normal(size=(2, 50, 7)))
    q[1, :, 3] = q[1, :, 2] = 5.0
    legal = torch.tensor(
        [[True, False, True, True, False, False, True], [False, False, True, True] + [False] * 3]
    )
    everything = torch.ones(2, 50, dtype=torch.bool)
    parts = [
        tally(q[:, some], torch.zeros(2, 25), everything[:, some], q[:, some], with_values=True)
        for some in (slice(0, 25), slice(25, 50))
    ]
    found = parts[0].plus(parts[1]).lead_errors(legal)
    plays = q[0][:, legal[0]].numpy()
    first = plays.mean(axis=0).argmax()
    differences = plays[:, [first]] - np.delete(plays, first, axis=1)
    expected = (differences.mean(axis=0) / (differences.std(axis=0) / math.sqrt(50))).min()
    assert found[0].item() == pytest.approx(expected, rel=1e-6)
    assert found[1].item() == math.inf


def test_the_loss_of_a_choice_is_bounded_as_for_normal_errors():
    """The bound is at least the mean loss; plays that are equal in every world lose nothing."""
    q = torch.from_numpy(stream(0, "loss").normal(size=(1, 400, 7)))
    q[0, :, 3] = q[0, :, 2]
    made = (q > 0).double()
    legal = torch.tensor([[True, True, True, True] + [False] * 3])
    valid, even = torch.ones(1, 400, dtype=torch.bool), torch.zeros(1, 400)
    parts = [tally(q[:, s], even[:, s], valid[:, s], made[:, s], False, True, 2.0) for s in np.s_[:150, 150:]]
    found = parts[0].plus(parts[1]).choice_loss(legal).item()
    values = (q + 2.0 * made)[0].numpy()
    means = values[:, :4].mean(axis=0)
    first = means.argmax()
    bound = exact = 0.0
    for other in {0, 1, 2, 3} - ({first, 5 - first} if first in (2, 3) else {first}):
        difference = values[:, first] - values[:, other]
        error = difference.std() / math.sqrt(400)
        x = difference.mean() / error
        density = math.exp(-x * x / 2) / math.sqrt(2 * math.pi)
        bound += error * density / (1 + x * x)
        exact += error * (density - x * math.erfc(x / math.sqrt(2)) / 2)
    assert found == pytest.approx(bound, rel=1e-6) and found >= exact > 0
    alone = torch.tensor([[False, False, True, True] + [False] * 3])
    assert parts[0].choice_loss(alone).item() == 0


def test_sampling_stops_once_the_choice_is_expected_to_lose_little():
    """A smaller loss needs more worlds; a list of worlds is no sample, so it is used only as a whole."""
    games = play_at_random(some_games(12), 9)
    keys = np.arange(len(games), dtype=np.uint64)
    belief = DeclarationBelief()

    def found(loss: float, views: Views = games.views, keys=keys):
        adaptive = AdaptiveConfig(20, 400, 20, loss=loss)
        return estimate(
            EXACT, views, keys, Sampling(20, 50, None, adaptive, False, 4), belief=belief, bonus=20
        )

    loose, tight = found(3.0), found(0.3)
    assert (loose.n_worlds <= tight.n_worlds).all() and loose.n_worlds.sum() < 0.7 * tight.n_worlds.sum()
    alone = found(0.3, games.views.take([4]), keys[[4]])
    assert np.array_equal(alone.mean[0], tight.mean[4], equal_nan=True)
    late = play_at_random(some_games(12), 19)
    complete = found(3.0, late.views, keys)
    is_small = complete.world_count <= 50
    assert is_small.any() and (complete.n_worlds == complete.world_count)[is_small].all()
    assert complete.converged[is_small].all()


def test_settings_without_a_lead_are_as_before():
    assert "lead" not in Sampling(adaptive=AdaptiveConfig()).settings()["adaptive"]
    with_lead = Sampling(adaptive=AdaptiveConfig(lead=3))
    assert Sampling.of({"sampling": with_lead.settings()}) == replace(with_lead, n_worlds=50)


class Constant:
    """An oracle with a constant answer."""

    def __init__(self, answer: float) -> None:
        self.answer = answer

    def q(self, positions, history=None):
        return torch.full((len(positions), 7), self.answer)

    def chances(self, q, at, worlds, exactly):
        return (q >= at[:, None]).float()

    def kind(self, step):
        return OracleKind.MODEL

    def describe(self):
        return {"oracle": "constant"}


def test_what_cannot_be_is_refused():
    with pytest.raises(ForgeError, match="returned NaN"):
        generate_games(Constant(float("nan")), [deal_from_seed(0)], [0], 2, device="cpu")
    with pytest.raises(BadInput, match="worlds"):
        play_deals(1, n_worlds=0)
    with pytest.raises(BadInput, match="use eq or pmake"):
        play_deals(1, n_worlds=1, criterion="luck")
    with pytest.raises(BadInput, match="exploration"):
        ExplorationPolicy("wild")
    for temperature in (math.inf, 1e-60, 0, -1):
        with pytest.raises(BadInput, match=r"use a finite number of at least 0\.001"):
            ExplorationPolicy("boltzmann", temperature=temperature)
    with pytest.raises(BadInput, match="max_regret inf"):
        ExplorationPolicy("blunder", max_regret=math.inf)
    with pytest.raises(BadInput, match="adaptive"):
        AdaptiveConfig(100, 50)
    with pytest.raises(BadInput, match="at most 2,000,000"):
        Sampling(3_000_000_000)
    with pytest.raises(BadInput, match="at most 2,000,000"):
        AdaptiveConfig(max_worlds=10**14)
    with pytest.raises(BadInput, match="sampling settings are invalid"):
        Sampling.of({"sampling": {"adaptive": {"min_worlds": "ten"}}})
    for wrong in ({"posterior": True}, {"adaptive": "yes"}, {"exploration": "greedy"}):
        with pytest.raises(BadInput, match=f"{next(iter(wrong))} .*: use .*Config|Policy"):
            generate_games(ExactOracle(), [deal_from_seed(0)], [0], 2, device="cpu", **wrong)
    with pytest.raises(BadInput, match="give an oracle"):
        generate_games("exact", [deal_from_seed(0)], [0], 2, device="cpu")
    with pytest.raises(BadInput, match="oracle 'psychic'"):
        open_oracle("psychic")
    with pytest.raises(BadInput, match="set model to the folder of one"):
        open_oracle("hybrid")


def test_a_hybrid_is_the_network_first_and_the_solver_after():
    from forge_core.learning.checkpoints import load_model

    network = ModelOracle(load_model("models/texas42-qvalue-73k"))
    hybrid = HybridOracle(network, EXACT, exact_from=3)
    games = play_at_random(some_games(3), 6)
    for steps, expected in ((0, network), (3, EXACT)):
        games = play_at_random(games, steps)
        table = Table.of(games.views, unseen(games.views), "cpu")
        game = torch.arange(3)
        hands = deal_out(table, game, true_owner(games, unseen(games.views).dominoes)[:, 0])
        past = replay(table, game, hands, 0)
        asked = Positions(hands, past.decl, past.states[:, 0], game)
        assert torch.equal(hybrid.q(asked), expected.q(asked))
        assert hybrid.kind(games.seen.step) == expected.kind(0)
        assert ((hybrid.q(asked) == -128).numpy() == ~games.views.legal).all()
    assert hybrid.describe()["exact_from"] == 3


def test_ties_go_to_the_lowest_slot_and_points_decide_between_equal_chances():
    from types import SimpleNamespace

    estimates = SimpleNamespace(
        legal=np.array([[True, True, True, False, False, False, False]]),
        mean=np.array([[1.0, 3.0, 3.0, np.nan, np.nan, np.nan, np.nan]]),
        p_make=np.array([[0.5, 0.5, 0.4, np.nan, np.nan, np.nan, np.nan]]),
    )
    draws = np.array([[0.9, 0.5]])
    unsafe = np.zeros((1, 7), dtype=np.bool_)
    assert choose(estimates, "eq", ExplorationPolicy(), draws, unsafe).slot.tolist() == [1]  # pyright: ignore
    estimates.mean[0, 0] = 3.5
    chosen = choose(estimates, "pmake", ExplorationPolicy(), draws, unsafe)  # pyright: ignore
    assert chosen.slot.tolist() == [0] and chosen.q_gap.tolist() == [0.0]
