"""Rollouts of Skull King's learner: finished rounds, advantages, opponents, and plays in hindsight."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from forge_core.skull_king.bots import BOT_NAMES
from forge_core.skull_king.hindsight import imitated
from forge_core.skull_king.network import BidAndPlayConfig, BidAndPlayNet, TableSpec
from forge_core.skull_king.rollouts import Collected, Collector, kernels, teacher
from forge_core.skull_king.rules import score_round
from forge_core.skull_king.search import play_values
from forge_core.skull_king.settings.learning import RULE_OPPONENTS, LearningSettings
from forge_core.skull_king.state import doors
from forge_core.skull_king.state.inputs import bid_blocks, play_blocks
from forge_core.skull_king.state.layout import options_of

pytestmark = pytest.mark.slow

SPEC = TableSpec()
SETTINGS = LearningSettings(
    opponents="hard,self,past", size="8x1", tables=16, batch=600, minibatch=64, parts=1, hidden_critic=True
)
BID, PLAY = bid_blocks(SPEC.rules, 4), play_blocks(SPEC.rules, 4)


@pytest.fixture(scope="module")
def network() -> BidAndPlayNet:
    torch.manual_seed(2)
    return BidAndPlayNet(SPEC, BidAndPlayConfig(8, 1, hidden_critic=True))


def collect(network: BidAndPlayNet, settings: LearningSettings, times: int = 1) -> Collected:
    collector = Collector(settings, network.spec, 0)
    for _ in range(times - 1):
        collector.collect(network, network, 0, "32")
    return collector.collect(network, network, 0, "32")


@pytest.fixture(scope="module")
def batch(network) -> Collected:
    return collect(network, SETTINGS, 2)


def rounds_of(batch: Collected) -> list[slice]:
    """The plays of each round in which there were some: they are stored from the last to the first."""
    hands = batch.play[:, PLAY.slice("hand")]
    is_new = ~(hands[1:] >= hands[:-1]).all(1)  # within a round, earlier hands hold the later ones
    return [slice(a, b) for a, b in pairwise([0, *(np.flatnonzero(is_new) + 1), len(hands)])]


def test_the_names_of_opponents_are_those_of_the_players():
    assert RULE_OPPONENTS == BOT_NAMES


def test_points_are_those_of_the_rules(batch):
    assert len(batch.bid_made) > 100 and len(batch.action) >= 600
    dealt = batch.bid[:, BID.slice("dealt")].argmax(1) + 1
    exact = batch.bid_made == batch.bid_tricks
    for bid, won, n, points, is_exact in zip(
        batch.bid_made, batch.bid_tricks, dealt, batch.bid_points, exact, strict=True
    ):
        plain = score_round([bid], [won], [0], int(n))[0]
        assert points >= plain if is_exact else points == plain


def test_plays_are_legal_and_show_what_was_known(batch):
    rows = np.arange(len(batch.action))
    assert batch.play[:, PLAY.slice("legal")][rows, batch.action].all()
    assert (batch.play[:, PLAY.slice("legal")].sum(1) > 1).all() and (batch.log_prob < 0).all()
    held = batch.play[:, PLAY.slice("hand")]
    assert (batch.hidden.sum(1) > 0).all()
    for place in range(3):  # no card is in two hands
        held = held + batch.hidden[:, 74 * place : 74 * (place + 1)]
    assert held.max() == 1


def test_the_bid_of_a_play_is_the_bid_that_was_made(batch):
    own_bids = batch.play[:, PLAY.slice("bids")][:, :11].argmax(1)
    for plays in rounds_of(batch):
        assert len(set(own_bids[plays])) == len(set(batch.tricks[plays])) == 1


@pytest.mark.parametrize("trace", [0.0, 0.5, 1.0])
def test_advantages_sum_temporal_differences(network, trace):
    batch = collect(network, replace(SETTINGS, trace=trace, opponents="captain"), 2)
    rounds = rounds_of(batch)
    assert max(plays.stop - plays.start for plays in rounds) >= 5
    points = {round(float(points) / 100, 4) for points in batch.bid_points}
    for plays in rounds:
        advantages, values = batch.advantage[plays], (batch.target - batch.advantage)[plays]
        last = advantages[0] + values[0]  # the points of the round, in hundreds
        assert round(float(last), 4) in points
        later, expected = last, 0.0
        for advantage, value in zip(advantages, values, strict=True):
            expected = (later - value) + trace * expected
            assert advantage == pytest.approx(expected, abs=1e-4)
            later = value


def test_all_seats_learn_in_self_play(network):
    batch = collect(network, replace(SETTINGS, opponents="self", tables=4))
    assert len(batch.bid_made) % 4 == 0
    assert (batch.bid_opponents == -1).all()


def test_plays_are_not_explored_while_only_bids_are_learnt(network):
    settings = replace(SETTINGS, calibration=0.5, decisions=1000)
    for decisions, is_best in ((0, False), (500, True)):
        batch = Collector(settings, SPEC, 0).collect(network, network, decisions, "32")
        with torch.no_grad():
            best = network.plays(torch.from_numpy(batch.play)).logits.argmax(1).numpy()
        assert (batch.action == best).all() == is_best
        assert (batch.bid_opponents < 0).any() != is_best  # -1 and below are networks


def test_a_table_does_not_depend_on_the_other_tables(network):
    few = Collector(replace(SETTINGS, tables=4, batch=100), SPEC, 0)
    more = Collector(SETTINGS, SPEC, 0)
    for collector in (few, more):
        collector.collect(network, network, 0, "32")
    begun = few.tables.rounds.min()
    assert begun >= 1 and (few.tables.deal_keys == more.tables.deal_keys[:4]).all()
    assert (few.tables.keys == more.tables.keys[:4]).all()


def test_a_network_sees_what_the_environment_shows(network):
    """Decisions wait only where there is a choice; their observations are those of the rows."""
    collector, widths = Collector(SETTINGS, SPEC, 0), (SPEC.bid_width, SPEC.play_width)
    for _ in range(30):
        collector.advance(np.linspace(0.1, 1, 10))
        waiting = (
            np.concatenate([r.bid_tables[: r.n[0]] for r in (collector.own, collector.past)]),
            (np.concatenate([r.play_tables[: r.n[1]] for r in (collector.own, collector.past)])),
        )
        assert sorted(np.concatenate(waiting).tolist()) == list(range(SETTINGS.tables))
        rows, options = collector.tables.rows, options_of(SPEC.rules, SPEC.seats)
        assert (doors.legal_mask(rows, options).sum(1) > 1).all()
        bid, play, is_bid = doors.observe(rows, doors.to_move(rows), options, SPEC.rules)
        assert (bid.shape[1], play.shape[1]) == widths
        for requests in (collector.own, collector.past):
            n_bids, n_plays = requests.n
            bids, plays = requests.bid_tables[:n_bids], requests.play_tables[:n_plays]
            assert is_bid[bids].all() and not is_bid[plays].any()
            assert np.array_equal(requests.bid[:n_bids], bid[bids])
            assert np.array_equal(requests.play[:n_plays], play[plays])
            kept = requests.bid.copy(), requests.play.copy(), requests.hidden.copy()
            kernels.write_requests(collector.tables, requests, options)
            assert all(map(np.array_equal, kept, (requests.bid, requests.play, requests.hidden)))
            collector.take(requests, collector.answer(network, requests, "32"), 2.0, 0.1)


@pytest.mark.parametrize("opponents", ["hard,self,past", "captain"])
def test_threads_share_the_tables_and_change_nothing(network, opponents):
    """Batches, and rounds in play, are those of one thread in the same order."""
    settings = replace(SETTINGS, tables=70, opponents=opponents, teacher=0.1, teacher_worlds=2)
    one, *others = (Collector(settings, SPEC, 0, threads=threads) for threads in (1, 2, 4))
    for _ in range(2):
        expected = one.collect(network, network, 0, "32")
        for other in others:
            found = other.collect(network, network, 0, "32")
            assert all(map(np.array_equal, found, expected)) and other.decisions == one.decisions
            assert one.taught is not None and other.taught is not None
            assert all(map(np.array_equal, other.taught, one.taught))
            assert all(map(np.array_equal, other.tables, one.tables))


def test_few_tables_are_not_shared():
    assert Collector(replace(SETTINGS, tables=31), SPEC, 0, threads=9).pieces.n == 1
    assert Collector(replace(SETTINGS, tables=32), SPEC, 0, threads=9).pieces.n == 2


def test_parts_share_the_tables():
    parts = [Collector(replace(SETTINGS, parts=3, tables=16), SPEC, part) for part in range(3)]
    whole = Collector(SETTINGS, SPEC, 0)
    assert np.concatenate([part.tables.keys for part in parts]).tolist() == whole.tables.keys.tolist()


def test_a_teacher_answers_a_share_of_decisions_and_changes_no_round(network):
    without = collect(network, SETTINGS, 2)
    collector = Collector(replace(SETTINGS, teacher=0.2, teacher_worlds=3), SPEC, 0)
    collector.collect(network, network, 0, "32")
    batch = collector.collect(network, network, 0, "32")
    assert all((a == b).all() for a, b in zip(batch, without, strict=True))
    taught = collector.taught
    assert taught is not None
    assert 0.1 < len(taught.play) / len(batch.action) < 0.4 and len(taught.bid) > 10
    is_legal = taught.play[:, PLAY.slice("legal")] == 1
    assert (np.isfinite(taught.play_points) == is_legal).all()
    assert np.abs(taught.play_points[is_legal]).max() < 400
    dealt = taught.bid[:, BID.slice("dealt")].argmax(1) + 1
    can_be_won = np.arange(11) <= dealt[:, None]
    assert (taught.bid_tricks.sum(2).round(4) == can_be_won).all()  # bids are legal up to the cards dealt
    assert (taught.bid_tricks.sum(1)[~can_be_won] == 0).all()
    collector.collect(network, network, SETTINGS.decisions, "32")
    assert collector.taught is None  # only bids are learnt then


@pytest.mark.parametrize(
    "opponents, others", [("captain", {"captain"}), ("hard,self", {"hard", "captain"}), ("past", {"captain"})]
)
def test_a_teacher_knows_who_sits_at_the_table(network, opponents, others, monkeypatch):
    asked = set()

    def record(rows, options, keys, settings):
        asked.add((settings.worlds, settings.me, settings.others))
        return play_values(rows, options, keys, settings)

    monkeypatch.setattr(teacher, "play_values", record)
    settings = replace(SETTINGS, opponents=opponents, teacher=0.1, teacher_worlds=2, batch=100)
    Collector(settings, SPEC, 0).collect(network, network, 0, "32")
    assert asked == {(2, "captain", name) for name in others}


def test_hindsight_shows_the_tricks_won_as_the_own_bid(batch):
    seen, chosen = imitated(batch, SPEC)
    own_bids = batch.play[:, PLAY.slice("bids")][:, :11].argmax(1)
    missed = np.flatnonzero(own_bids != batch.tricks)
    assert (chosen == batch.action[missed]).all() and len(seen) == len(missed) > 100
    won = seen[:, PLAY.slice("won")][:, :11].argmax(1)
    need = batch.tricks[missed] - won
    left = seen[:, PLAY.slice("tricks left")].argmax(1)
    assert (seen[:, PLAY.slice("bids")][:, :11].argmax(1) == batch.tricks[missed]).all()
    assert (seen[:, PLAY.slice("own need")].argmax(1) == need + 1).all() and (need >= 0).all()
    needs = seen[:, PLAY.slice("needs")][:, :5]
    expected = [[n > 0, n > 0 and n == k, n > k, n == 0, n < 0] for n, k in zip(need, left, strict=True)]
    assert (needs == np.array(expected)).all()
    for block in ("bids", "needs", "overbid", "own need"):
        part = PLAY.slice(block)
        assert (seen[:, part].sum(1) >= 1).all()
    same = [name for name in PLAY.widths if name not in ("bids", "needs", "overbid", "own need")]
    for name in same:
        assert (seen[:, PLAY.slice(name)] == batch.play[missed][:, PLAY.slice(name)]).all()
