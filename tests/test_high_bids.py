"""Play for a bid: P(make) is as exact as the solver, and equal plays go to the one that takes the trick."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_core.learning.checkpoints import load_model
from forge_core.streams import stream
from forge_core.texas42.bidding.table import draw_deals
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.declarations import parse_declaration
from forge_core.texas42.eq import ExactOracle, GameConfig, Sampling, game_keys
from forge_core.texas42.eq.estimate import Estimates
from forge_core.texas42.eq.generate import decide
from forge_core.texas42.eq.oracles import HybridOracle, ModelOracle, Positions
from forge_core.texas42.eq.policies import Choices
from forge_core.texas42.games import Games, start
from forge_core.texas42.notation import parse_domino, parse_hand
from forge_core.texas42.oracle.alphabeta import root_q, root_reached
from forge_core.texas42.players import ask, ask_at_choices, parse_player
from forge_core.texas42.state import to_mover_frame
from forge_core.texas42.worlds.control import holds_trick

EXACT = ExactOracle(workers=1)
DOUBLES = "0-0 1-0 3-0 3-2 3-3 5-0 5-5"


@pytest.fixture(scope="module")
def network():
    return ModelOracle(load_model("models/texas42-qvalue-73k", "cpu"))


def deals_of(hand: str, decl: str, bid: int, n: int) -> Games:
    """Return n deals in which seat 0 holds the hand and has won the auction."""
    number = parse_declaration(decl)
    return start(draw_deals(parse_hand(hand), number, 0, 0, n), [number] * n, bids=bid)


def positions(n: int, steps: int, seed: int = 0) -> Games:
    """Return n games after some random plays."""
    games = start([deal_from_seed(seed + k) for k in range(n)], [k % 10 for k in range(n)])
    for _ in range(steps):
        legal = games.views.legal
        games = games.play(
            (stream(seed, "plays", games.seen.step).random(legal.shape) * legal).argmax(axis=1)
        )
    return games


@pytest.mark.parametrize("name", ["pmake:worlds=8", "pmake:worlds=8,oracle=exact", "strong:worlds=8"])
def test_a_hand_that_cannot_be_set_is_never_set(name):
    games = deals_of("6-6 6-5 6-4 6-2 6-1 6-0 2-2", "sixes", 42, 24)
    player, keys = parse_player(name, "cpu"), game_keys(games, 0)
    while not games.over:
        games = games.play(ask_at_choices(player, games, keys))
    assert (games.seen.points[:, 0] == 42).all()


def test_a_tied_lead_is_the_one_that_takes_the_trick_in_every_world(network):
    """In one world, many leads are equal; a low trump such as 1-0 may lose the bid in others."""
    estimates, choices = opening_leads(network, 1, 60)
    best = estimates.p_make.max(axis=1)
    tied = (estimates.p_make[:, 0] == best) & ((best == 0) | (best == 1))
    assert tied.sum() > 40
    assert (choices.slot[tied] == 0).all()  # 0-0


def test_no_low_trump_is_led_while_higher_ones_are_out(network):
    _, choices = opening_leads(network, 50, 20)
    doubles = [parse_domino(text) for text in ("0-0", "3-3", "5-5")]
    hand = np.array(parse_hand(DOUBLES))
    assert np.isin(hand[choices.slot], doubles).all()


def test_the_strong_player_has_the_contract_in_view():
    """By points alone it leads a low trump; for a bid of 42, the trick would be one too many to lose."""
    games = deals_of(DOUBLES, "blanks", 42, 12)
    slots = ask(parse_player("strong:worlds=200", "cpu"), games, game_keys(games, 0))
    assert np.isin(np.array(parse_hand(DOUBLES))[slots], [parse_domino("0-0"), parse_domino("5-5")]).all()


def opening_leads(network: ModelOracle, n_worlds: int, n: int) -> tuple[Estimates, Choices]:
    """Return the decisions of a hybrid player for a bid of 42, under n keys."""
    games = deals_of(DOUBLES, "blanks", 42, n)
    config = GameConfig(Sampling(n_worlds, points=False), criterion="pmake")
    return decide(HybridOracle(network, EXACT), games.views, game_keys(games, 0), config)


def test_equal_plays_follow_with_the_one_that_holds_the_trick():
    """A play that may lose the trick is never preferred to an equal one that cannot."""
    found = 0
    for steps in (1, 4, 6, 8, 13):
        games = positions(70, steps)
        safe = holds_trick(games.views)
        config = GameConfig(Sampling(1, points=False))
        estimates, choices = decide(EXACT, games.views, game_keys(games, 0), config)
        best = estimates.legal & (estimates.mean == np.nanmax(estimates.mean, axis=1, keepdims=True))
        tied = (best & safe).any(axis=1)
        assert safe[tied, choices.slot[tied]].all()
        found += int((tied & (best & ~safe).any(axis=1)).sum())
    assert found > 20


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 26))
def test_a_play_that_holds_the_trick_takes_it_however_the_others_play(seed, steps):
    games = positions(3, steps, seed)
    safe = holds_trick(games.views)
    assert not (safe & ~games.views.legal).any()
    for game, slot in np.argwhere(safe):
        one, mover = games.take([game]), games.seen.turn[game]
        after = one.play([slot])
        for answers in itertools.product(range(7), repeat=(-after.seen.step) % 4):
            then, is_legal = after, True
            for answer in answers:
                if not then.views.legal[0, answer]:
                    is_legal = False
                    break
                then = then.play([answer])
            assert not is_legal or then.seen.turn[0] == mover


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 27), st.integers(-44, 44))
def test_one_question_about_a_bound_agrees_with_the_value(seed, steps, bound):
    games = positions(4, steps, seed)
    question = games.hands, games.seen.decl
    q = root_q(*question, None, games.states, workers=1)
    reached = root_reached(*question, games.states, [bound] * 4, workers=1)
    assert (reached == np.where(q == -128, -128, q >= bound)).all()


@pytest.mark.parametrize("steps", [0, 1, 6, 9])
def test_a_hybrid_asks_the_solver_for_chances(network, steps):
    games = positions(6, steps)
    deals = torch.from_numpy(games.hands), torch.from_numpy(games.seen.decl)
    where = Positions(*deals, torch.from_numpy(games.states), torch.arange(6))
    truth = torch.from_numpy(
        to_mover_frame(root_q(games.hands, games.seen.decl, None, games.states), games.states)
    )
    hybrid = HybridOracle(network, EXACT, exact_from=3)
    q = hybrid.q(where)
    for at in (-127, -41, -3, 17, 41, 127):
        limits = torch.full((6,), at)
        legal = truth != -128
        exact = hybrid.chances(q, limits, where, True)
        assert torch.equal(exact[legal], (truth >= at).float()[legal])
        guess = hybrid.chances(q, limits, where, False)[legal]
        assert ((guess >= 0) & (guess <= 1)).all()
        if abs(at) == 127:
            assert torch.equal(guess, exact[legal])
        elif steps < 8 and at == 17:
            assert ((guess > 0) & (guess < 1)).any()
