"""A hand of Texas 42 as a game equals the rules, the auction and `games`, action for action."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from forge_core.errors import BadInput
from forge_core.game import NOBODY, Facts, Observation, checked_step, choose, take, to_numpy
from forge_core.streams import stream
from forge_core.texas42 import games
from forge_core.texas42.auction import PASS, Auction
from forge_core.texas42.cli import bench_game
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.dominoes import team
from forge_core.texas42.game import (
    DECLARE_FROM,
    LAYOUT,
    N_ACTIONS,
    Texas42,
    action_text,
    call_action,
    declaration_action,
)
from forge_core.texas42.game.actions import CALL_FROM, CALLS
from forge_core.texas42.game.state import NONE
from forge_core.texas42.rules import legal_plays, trick_points, trick_winner

GOLDEN = json.loads((Path(__file__).parent / "golden" / "auction_hands.json").read_text())
PASS_ID = call_action(PASS)


class ByTheRules:
    """One hand by rules.py and auction.py: lists, no tables."""

    def __init__(self, hands, dealer, decl=None, leader=None, forced=False, following=()):
        self.following, self.forced = list(following), forced
        self.auction = None if decl is not None else Auction(dealer, forced=forced)
        self.decl, self.leader = decl, leader
        self.hands, self.trick, self.points, self.n = [list(hand) for hand in hands], [], [0, 0], 0
        self.over = False

    @property
    def turn(self) -> int:
        if self.over:
            return NOBODY
        if self.auction and not self.auction.over:
            return self.auction.turn
        return (self.leader + len(self.trick)) % 4

    @property
    def legal(self) -> list[int]:
        if self.over:
            return []
        if self.auction and not self.auction.over:
            return [call_action(call) for call in self.auction.legal]
        if self.decl is None:
            return [declaration_action(decl) for decl in range(10)]
        return sorted(legal_plays(self.hands[self.turn], self.trick, self.decl))

    def act(self, action: int) -> None:
        if self.over:
            return
        if self.auction and not self.auction.over:
            self.auction = self.auction.call(self.turn, CALLS[action - CALL_FROM])
            if not self.auction.over:
                return
            if self.auction.contract:
                self.leader = self.auction.contract.bidder
            elif self.following:  # dealt again, by the next seat
                self.hands = self.following.pop(0)
                self.auction = Auction((self.auction.dealer + 1) % 4, forced=self.forced)
            else:
                self.over = True
        elif self.decl is None:
            self.decl = action - DECLARE_FROM
        else:
            self._play(action)

    def _play(self, domino: int) -> None:
        self.hands[self.turn].remove(domino)
        self.trick.append(domino)
        self.n += 1
        if len(self.trick) < 4:
            return
        self.leader = (self.leader + trick_winner(self.trick, self.decl)) % 4
        self.points[team(self.leader)] += trick_points(self.trick)
        self.trick = []
        made = self.auction and self.auction.contract.made(self.points)
        self.over = self.n == 28 if self.auction is None else made is not None

    @property
    def returns(self) -> list[int]:
        if not self.over:
            return [0] * 4
        if self.auction is None:
            first = self.points[0] - self.points[1]
        elif self.auction.contract is None:
            first = 0
        else:
            contract = self.auction.contract
            marks = contract.award(contract.made(self.points))
            first = marks[0] - marks[1]
        return [first, -first, first, -first]


def held_by(state, row: int) -> list[list[int]]:
    return [
        np.flatnonzero((state.owner[row] == seat) & (state.ply[row] == NONE)).tolist() for seat in range(4)
    ]


def hands_of(owner) -> list[list[int]]:
    return [np.flatnonzero(owner == seat).tolist() for seat in range(4)]


def compare(game: Texas42, state, slow: list[ByTheRules], generator, passes: float = 0) -> None:
    """Play on at random to the end; in `passes` of the calls, every seat that may pass does."""
    for _ in range(game.facts.max_steps + 1):
        legal = game.legal(state)
        assert game.to_move(state).tolist() == [hand.turn for hand in slow]
        assert [np.flatnonzero(row).tolist() for row in legal] == [hand.legal for hand in slow]
        assert game.over(state).tolist() == [hand.over for hand in slow]
        assert game.returns(state).tolist() == [hand.returns for hand in slow]
        assert state.points.tolist() == [hand.points for hand in slow]
        assert [held_by(state, row) for row in range(len(slow))] == [hand.hands for hand in slow]
        actions = choose(legal, generator.random(len(slow)))
        if game.auction:
            may_pass = legal[:, PASS_ID] & (generator.random(len(slow)) < passes)
            actions = np.where(may_pass, PASS_ID, actions)
        state = checked_step(game, state, actions)
        for hand, action in zip(slow, actions, strict=True):
            hand.act(int(action))
    assert game.over(state).all()


@settings(max_examples=15)
@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=4), st.integers(0, 3), st.integers(0, 9))
def test_plays_equal_the_rules(seeds, leader, first_decl):
    deals, decls = (
        [deal_from_seed(seed) for seed in seeds],
        [(first_decl + k) % 10 for k in range(len(seeds))],
    )
    leaders = [(leader + k) % 4 for k in range(len(seeds))]
    slow = [ByTheRules(*each) for each in zip(deals, leaders, decls, leaders, strict=True)]
    game = Texas42()
    compare(game, game.start(deals, decls, leaders), slow, stream(0, "plays", *seeds))


@settings(max_examples=25)
@given(
    st.lists(st.integers(0, 10_000), min_size=1, max_size=4),
    st.booleans(),
    st.integers(0, 3),
    st.sampled_from([0.3, 0.8, 0.97, 1]),
)
@example([0, 1, 2, 3], False, 2, 1)
@example([0, 1, 2, 3], False, 2, 0.9)
@example([0, 1, 2, 3], True, 0, 1)
def test_auctions_equal_the_rules(seeds, forced, redeals, passes):
    game = Texas42(auction=True, forced=forced, redeals=redeals)
    state = game.init(seeds)
    deals = [[hands_of(owner) for owner in row] for row in state.deals]
    assert [hands[0] for hands in deals] == [deal_from_seed(seed) for seed in seeds]
    slow = [ByTheRules(hands[0], 3, forced=forced, following=hands[1:]) for hands in deals]
    compare(game, state, slow, stream(0, "auctions", *seeds), passes)


def test_plays_equal_games_in_lockstep():
    seeds = range(40)
    deals, decls, leaders = (
        [deal_from_seed(k) for k in seeds],
        [k % 10 for k in seeds],
        [k % 4 for k in seeds],
    )
    game, generator = Texas42(), stream(0, "lockstep")
    state, lockstep = game.start(deals, decls, leaders), games.start(deals, decls, leaders)
    rows = np.arange(len(deals))
    while not lockstep.over:
        views, legal = lockstep.views, game.legal(state)
        assert (game.to_move(state) == views.seat).all()
        slots = np.zeros_like(legal)
        slots[rows[:, None], views.hand] = views.legal
        assert (slots == legal).all()
        actions = choose(legal, generator.random(len(rows)))
        lockstep = lockstep.play((views.hand == actions[:, None]).argmax(axis=1))
        state = game.step(state, actions)
        assert (state.points == lockstep.seen.points).all()
    assert game.over(state).all()
    difference = lockstep.seen.points[:, 0] - lockstep.seen.points[:, 1]
    assert (game.returns(state)[:, 0] == difference).all()


@pytest.mark.parametrize("hand", GOLDEN, ids=lambda hand: str(hand["deal_seed"]))
def test_golden_hands(hand):
    """The recorded bid, declaration and plays give the recorded marks."""
    game, leader = Texas42(auction=True), hand["leader"]
    bid = hand["bid"]["value"] * (1 if hand["bid"]["type"] == "points" else 42)
    state = game.start([hand["hands"]], seats=(leader + 3) % 4)
    acts = [call_action(bid), *[PASS_ID] * 3, declaration_action(hand["decl"])]
    for action in (*acts, *(play["play"] for play in hand["plays"])):
        assert not game.over(state)[0]
        state = checked_step(game, state, [action])
    ours, theirs = hand["marks_after"]
    assert game.returns(state).tolist() == [[ours - theirs, theirs - ours] * 2]


def test_deals_follow_when_all_pass():
    game = Texas42(auction=True, redeals=2)
    state, dealers, deals = game.init([5, 6]), [], []
    while not game.over(state).all():
        dealers.append(int(state.dealer[0]))
        deals.append(hands_of(state.owner[0]))
        assert (state.calls == NONE).all() and not game.observe(state)[:, LAYOUT["calls"]].any()
        for _ in range(4):
            state = checked_step(game, state, [PASS_ID, PASS_ID])
    assert dealers == [3, 0, 1]
    assert deals[0] == deal_from_seed(5)
    assert len({str(deal) for deal in deals}) == 3
    assert all(len(hand) == 7 for deal in deals for hand in deal)
    assert (game.returns(state) == 0).all() and (game.to_move(state) == NOBODY).all()
    assert (game.init([6]).deals[0] == state.deals[1]).all()
    assert (state.deals[0, 1] != state.deals[1, 1]).any()


def test_a_hand_ends_when_its_contract_is_decided():
    game = Texas42(auction=True)
    generator, state = stream(0, "ends"), game.init(range(200))
    while not game.over(state).all():
        state = game.step(state, choose(game.legal(state), generator.random(200)))
    assert state.plays.min() == 4 and state.plays.max() <= 28
    assert (state.plays % 4 == 0).all()
    assert set(np.abs(game.returns(state)).ravel()) <= {0, 1, 2, 3, 4, 5}


# --- observations -----------------------------------------------------------------------------


def test_observations_say_what_was_seen():
    game, generator = Texas42(auction=True), stream(0, "observe")
    state = game.init(range(30))
    while not game.over(state).all():
        for seat in range(4):
            seen, order = game.observe(state, seat), (seat + np.arange(4)) % 4
            part = {name: seen[:, where].astype(int) for name, where in LAYOUT.items()}
            for row in range(0, 30, 7):
                assert np.flatnonzero(part["hand"][row]).tolist() == held_by(state, row)[seat]
                played = part["played_by"][row].reshape(4, 28)
                ply = state.ply[row]
                for place in range(4):
                    meant = (state.owner[row] == order[place]) & (ply != NONE)
                    assert (played[place] == meant).all()
                assert (part["order"][row] == ply + 1).all()
                begun = state.plays[row] - state.plays[row] % 4
                assert (part["trick"][row] == np.maximum(ply - begun + 1, 0)).all()
                assert (part["calls"][row] == state.calls[row][order] + 1).all()
                assert part["points"][row].tolist() == [
                    state.points[row, seat % 2],
                    state.points[row, 1 - seat % 2],
                ]
                assert part["dealer"][row].argmax() == (state.dealer[row] - seat) % 4
                if state.bid[row]:
                    assert part["bidder"][row].argmax() == (state.bidder[row] - seat) % 4
                    bid = CALLS[state.bid[row]]
                    assert part["needed"][row, 0] == min(bid, 42)
                    assert part["marks"][row, 0] == max(1, bid // 42)
                if state.decl[row] == NONE:
                    assert not part["declaration"][row].any() and not part["leader"][row].any()
                else:
                    assert part["declaration"][row].argmax() == state.decl[row]
                    leader = state.owner[row][ply == begun] if (ply == begun).any() else state.turn[row]
                    assert part["leader"][row].argmax() == (leader - seat) % 4
                assert part["winning"][row].any() == (state.plays[row] % 4 > 0)
        state = game.step(state, choose(game.legal(state), generator.random(30)))


def test_a_description_shows_a_seat_its_own_hand_alone():
    game = Texas42(auction=True)
    state = game.init([7])
    for action in (call_action(30), PASS_ID, call_action(84), PASS_ID, declaration_action(9)):
        state = checked_step(game, state, [action])
    state = checked_step(game, state, [int(game.legal(state)[0].argmax())])
    whole, own = game.describe(state), game.describe(state, 0, 1)
    assert own.count("hidden") == 3 and "hidden" not in whole
    assert "no trumps" in own and "seat 2 bid 2 marks" in own and "points 0 to 0" in own
    assert own.splitlines()[3] == whole.splitlines()[3]
    assert "over" not in whole


# --- actions, settings, errors ----------------------------------------------------------------


def test_actions():
    texts = [action_text(action) for action in range(N_ACTIONS)]
    assert len(set(texts)) == N_ACTIONS == 56
    assert (texts[0], texts[27], texts[28], texts[29]) == ("0-0", "6-6", "call pass", "call 30")
    assert (texts[41], texts[45], texts[46]) == ("call 1 mark", "call 5 marks", "declare blanks")
    assert [call_action(call) for call in CALLS] == list(range(28, 46))
    for bad in (lambda: action_text(56), lambda: call_action(252), lambda: call_action(43)):
        with pytest.raises(BadInput):
            bad()
    with pytest.raises(BadInput):
        declaration_action(10)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Texas42(declaration=10), "declaration 10"),
        (lambda: Texas42(auction=True, declaration=1), "the bidder declares"),
        (lambda: Texas42(forced=True), "auction=True"),
        (lambda: Texas42(auction=True, redeals=-1), "redeals"),
        (lambda: Texas42().init([-1]), "seed"),
        (lambda: Texas42().init([0], "cuda:99"), "cuda:99"),
        (lambda: Texas42().start([deal_from_seed(0)]), "decls= is required"),
        (lambda: Texas42(auction=True).start([deal_from_seed(0)], 3), "not allowed with auction=True"),
        (lambda: Texas42().start([deal_from_seed(0)], [1, 2]), "declarations for 1 hands"),
        (lambda: Texas42().start([deal_from_seed(0)], 1.5), "declarations for 1 hands"),
        (lambda: Texas42().start([deal_from_seed(0)], 1, [0, 1]), "seats for 1 hands"),
        (lambda: Texas42().init([1.5]), "seed 1.5"),
        (lambda: Texas42().start([deal_from_seed(0)], 1, 4), "leader 4"),
        (lambda: Texas42().start([[[0] * 7] * 4], 1), "repeats"),
        (lambda: Facts("A b", 0, 2, 2, 2, Observation((1,), "uint8", 0, 1), 1, True, True), "lower-case"),
        (lambda: Facts("ab", 0, 0, 2, 2, Observation((1,), "uint8", 0, 1), 1, True, True), "exceed 0"),
        (lambda: Facts("ab", 0, 2, 2, 2, Observation((1,), "uint8", 1, 1), 1, True, True), "below"),
    ],
)
def test_what_is_refused(make, complaint):
    with pytest.raises(Exception, match=complaint) as raised:
        make()
    assert isinstance(raised.value, BadInput) or "cuda" in complaint
    assert "\n" not in str(raised.value)


def test_illegal_actions_are_named():
    game, state = Texas42(), Texas42().init(range(4))
    actions = game.legal(state).argmax(axis=1)
    wrong = actions.copy()
    wrong[2] = int((~game.legal(state)[2]).argmax())
    text = action_text(int(wrong[2]))
    with pytest.raises(BadInput, match=rf"game 2: action {wrong[2]} \({text}\) is illegal for seat 0"):
        checked_step(game, state, wrong)
    for bad in (actions[:3], actions.astype(float), "ab"):
        with pytest.raises(BadInput, match="must contain one whole number for each"):
            checked_step(game, state, bad)
    assert (checked_step(game, state, actions.tolist()).plays == 1).all()


def test_random_choices_are_uniform():
    legal = np.array([[False, True, False, True, True], [True] * 5, [False] * 5])
    draws = (np.arange(3000) + 0.5) / 3000
    chosen = np.stack([choose(legal, np.full(3, draw)) for draw in draws])
    assert np.bincount(chosen[:, 0], minlength=5).tolist() == [0, 1000, 0, 1000, 1000]
    assert np.bincount(chosen[:, 1]).tolist() == [600] * 5
    assert (chosen[:, 2] == 0).all()


def test_rows_are_taken():
    state = Texas42().init(range(6))
    assert (take(state, np.array([4, 2])).owner == state.owner[[4, 2]]).all()
    assert len(take(state, slice(2, 3))) == 1
    assert to_numpy([1, 2]).tolist() == [1, 2]


def test_seeds_may_be_numpy_integers_and_large():
    game = Texas42(auction=True)
    assert (game.init(np.arange(3)).deals == game.init(range(3)).deals).all()
    large = game.init([2**70, 2**70 + 2**64])
    assert hands_of(large.owner[0]) == deal_from_seed(2**70)


# --- measured ---------------------------------------------------------------------------------


@pytest.fixture
def small_bench(monkeypatch):
    monkeypatch.setattr(bench_game, "SIZES", (8,))
    monkeypatch.setattr(bench_game, "N_REPEATS", 1)
    return bench_game


def test_a_game_is_measured_after_it_was_found_right(small_bench):
    found = small_bench.measure([0, 1, 2], "cpu")
    assert (found.subject, len(found.held), len(found.figures)) == ("game", 1, 4)
    assert all(figure.value > 0 for figure in found.figures)


def test_no_figure_of_a_game_that_is_wrong(small_bench, monkeypatch):
    monkeypatch.setattr(small_bench, "best_time", lambda *_: pytest.fail("measured"))
    monkeypatch.setattr(Texas42, "legal", lambda self, state: (state.ply == NONE) & (state.owner < 4))
    with pytest.raises(AssertionError, match="mask or turn differs"):
        small_bench.measure([0, 1, 2], "cpu")
