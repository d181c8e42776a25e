"""Worlds against the rules and brute force: the set, its size, and uniform sampling."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_core.errors import BadInput
from forge_core.streams import mix, stream
from forge_core.texas42 import rules
from forge_core.texas42.cli import bench_worlds
from forge_core.texas42.cli.bench_worlds import codes, draw, invalid, uniformity
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.dominoes import N_DOMINOES
from forge_core.texas42.games import Games, start
from forge_core.texas42.worlds import Worlds, count_worlds, enumerate_worlds, sample_worlds
from forge_core.texas42.worlds.count import completions
from forge_core.texas42.worlds.sample import draw_ranks, unrank
from forge_core.texas42.worlds.voids import Unseen, unseen, voids

seeds = st.integers(0, 10_000)
decls = st.integers(0, 9)
leaders = st.integers(0, 3)
steps = st.integers(0, 27)


def play_at_random(games: Games, n: int, seed: int = 0) -> Games:
    rng = stream(seed, "play at random")
    for _ in range(n):
        odds = rng.random(games.views.legal.shape) * games.views.legal
        games = games.play(odds.argmax(axis=1))
    return games


def one_game(seed: int, decl: int, leader: int, step: int) -> Games:
    return play_at_random(start([deal_from_seed(seed)], [decl], leader), step, seed)


def some_games(n: int, step: int, first: int = 0) -> Games:
    hands = [deal_from_seed(seed) for seed in range(first, first + n)]
    return play_at_random(start(hands, np.arange(n) % 10, np.arange(n) % 4), step, first)


def lists(hidden: Unseen, n: int = 0) -> tuple[list[int], list[int], list[int]]:
    return hidden.dominoes[n].tolist(), hidden.allowed[n].tolist(), hidden.need[n].tolist()


def brute_force(ids, allowed, need) -> list[list[list[int]]]:
    """Return every world, by trying every seat for every domino."""
    found, hands = [], [[], [], []]

    def place(i: int) -> None:
        if i == len(ids):
            found.append([list(hand) for hand in hands])
            return
        for seat, hand in enumerate(hands):
            if allowed[i] >> seat & 1 and len(hand) < need[seat]:
                hand.append(ids[i])
                place(i + 1)
                hand.pop()

    place(0)
    return found


def holder(games: Games) -> np.ndarray:
    """Return the seat that was dealt each domino, [N, 28]."""
    seat_of = np.empty((len(games), N_DOMINOES), dtype=np.int64)
    for seat in range(4):
        np.put_along_axis(seat_of, games.hands[:, seat].astype(np.int64), seat, axis=1)
    return seat_of


@st.composite
def positions(draw, most: int = 9):
    """Draw unseen, allowed and need at random, possible or not."""
    need = draw(st.lists(st.integers(0, most // 3), min_size=3, max_size=3))
    ids = draw(st.lists(st.integers(0, 27), min_size=sum(need), max_size=sum(need), unique=True))
    allowed = draw(st.lists(st.integers(0, 7), min_size=len(ids), max_size=len(ids)))
    return ids, allowed, need


# --- what is known ----------------------------------------------------------------------------


@settings(max_examples=100)
@given(seeds, decls, leaders, steps)
def test_what_is_unseen_and_who_may_hold_it(seed, decl, leader, step):
    games = one_game(seed, decl, leader, step)
    views, hands = games.views, games.hands[0].tolist()
    plays, players, mover = games.seen.plays[0].tolist(), games.seen.players[0].tolist(), int(views.seat[0])
    lacks = {seat: set() for seat in range(4)}
    for k, (domino, seat) in enumerate(zip(plays, players, strict=True)):
        suit = rules.led_suit(plays[k - k % 4], decl)
        if not rules.follows(domino, suit, decl):
            lacks[seat].add(suit)
    assert [set(np.flatnonzero(row)) for row in voids(games.seen)[0]] == list(lacks.values())

    hidden = [(mover + 1 + j) % 4 for j in range(3)]
    ids, allowed, need = lists(unseen(views))
    assert ids == sorted(set(range(28)) - set(hands[mover]) - set(plays))
    assert need == [7 - players.count(seat) for seat in hidden]
    for domino, mask in zip(ids, allowed, strict=True):
        may = [not any(rules.follows(domino, suit, decl) for suit in lacks[seat]) for seat in hidden]
        assert [bool(mask >> j & 1) for j in range(3)] == may


@pytest.mark.parametrize("step", range(28))
def test_the_true_deal_is_among_the_worlds(step):
    games = some_games(100, step, first=step)
    hidden = unseen(games.views)
    really = (np.take_along_axis(holder(games), hidden.dominoes.astype(np.int64), axis=1) - 1) % 4
    really = (really - games.seen.turn[:, None]) % 4
    assert not invalid(hidden, really[:, None].astype(np.int8)).any()
    table = completions(hidden)
    assert (table.counts >= 1).all()
    for n in np.flatnonzero(table.counts <= 300):
        all_worlds = unrank(table.take([n]), np.arange(table.counts[n])[None])[0]
        assert (all_worlds == really[n]).all(axis=1).sum() == 1


@settings(max_examples=25)
@given(seeds, decls, leaders, st.integers(17, 27))
def test_the_worlds_are_the_deals_in_which_every_play_was_legal(seed, decl, leader, step):
    games = one_game(seed, decl, leader, step)
    ids, allowed, need = lists(unseen(games.views))
    plays, players = games.seen.plays[0].tolist(), games.seen.players[0].tolist()
    mover = int(games.seen.turn[0])

    def fits(world) -> bool:
        held = [[d for d, p in zip(plays, players, strict=True) if p == seat] for seat in range(4)]
        held[mover] = games.hands[0, mover].tolist()
        for j, hand in enumerate(world):
            held[(mover + 1 + j) % 4] += hand
        for k, (domino, seat) in enumerate(zip(plays, players, strict=True)):
            if domino not in rules.legal_plays(held[seat], plays[k - k % 4 : k], decl):
                return False
            held[seat].remove(domino)
        return True

    deals = brute_force(ids, [7] * len(ids), need)
    assert list(enumerate_worlds(ids, allowed, need)) == [world for world in deals if fits(world)]


# --- how many, and which ----------------------------------------------------------------------


def test_before_the_first_play_there_are_21_over_7_7_7():
    everyone = count_worlds(range(21), [7] * 21, [7, 7, 7])
    assert everyone == 399_072_960 == math.factorial(21) // math.factorial(7) ** 3
    assert (completions(unseen(some_games(10, 0).views)).counts == everyone).all()


def test_when_everything_was_seen_there_is_one():
    assert count_worlds([], [], [0, 0, 0]) == 1
    assert list(enumerate_worlds([], [], [0, 0, 0])) == [[[], [], []]]


@settings(max_examples=200)
@given(positions())
def test_worlds_equal_brute_force(position):
    ids, allowed, need = position
    in_order = sorted(zip(ids, allowed, strict=True))
    expected = sorted(brute_force([d for d, _ in in_order], [mask for _, mask in in_order], need))
    found = list(enumerate_worlds(ids, allowed, need))
    assert sorted(found) == expected
    assert count_worlds(ids, allowed, need) == len(expected)
    assert (
        list(enumerate_worlds(ids[::-1], allowed[::-1], need)) == found
    )  # whatever the order they are named in


def test_a_domino_that_nobody_may_hold_leaves_no_world():
    assert count_worlds([1, 2, 3], [7, 0, 7], [1, 1, 1]) == 0
    assert list(enumerate_worlds([1, 2, 3], [7, 0, 7], [1, 1, 1])) == []


@pytest.mark.parametrize("need", [[7, 7, 7], [2, 3, 2], [0, 0, 1]])
def test_counts_of_a_batch_are_those_of_each(need):
    u = sum(need)
    rng = stream(0, "batch", u)
    allowed = rng.integers(1, 8, (40, u)).astype(np.uint8)
    needs = np.tile(np.array(need, dtype=np.int8), (40, 1))
    ids = np.tile(np.arange(u, dtype=np.int8), (40, 1))
    counts = completions(Unseen(ids, allowed, needs)).counts
    assert counts.tolist() == [count_worlds(range(u), masks, need) for masks in allowed]


BAD = [
    ([1, 1], [7, 7], [1, 1, 0], "each at most once"),
    ([1, 28], [7, 7], [1, 1, 0], "0..27"),
    ([-1, 2], [7, 7], [1, 1, 0], "0..27"),
    ([1, 2], [7, 8], [1, 1, 0], "3-bit mask"),
    ([1, 2], [7, -1], [1, 1, 0], "3-bit mask"),
    ([1, 2], [7], [1, 1, 0], "3-bit mask"),
    ([1, 2], [7, 7], [1, 1, 1], "adds up to 3: make it add up to 2"),
    ([1, 2], [7, 7], [3, -1, 0], "0..7"),
    ([1, 2], [7, 7], [1, 1], "three counts"),
    (list(range(8)), [7] * 8, [8, 0, 0], "0..7"),
    (["a"], [1], [1, 0, 0], "unseen .*whole numbers"),
    ([1.7], [1], [1, 0, 0], "unseen .*whole numbers"),
    ([1], None, [1, 0, 0], "allowed None: give a list"),
    ([1], [1], 1, "need 1: give a list"),
]


@pytest.mark.parametrize(("ids", "allowed", "need", "reason"), BAD)
def test_bad_input_is_refused(ids, allowed, need, reason):
    for door in (count_worlds, enumerate_worlds, lambda *p: sample_worlds(*p, 1, stream(0))):
        with pytest.raises(BadInput, match=reason):
            door(ids, allowed, need)


def test_no_world_cannot_be_drawn():
    with pytest.raises(BadInput, match="has no worlds"):
        sample_worlds([1, 2, 3], [7, 0, 7], [1, 1, 1], 5, stream(0))
    with pytest.raises(BadInput, match="-1 worlds"):
        sample_worlds([1], [1], [1, 0, 0], -1, stream(0))
    for n in ("3", 1.5, None):
        with pytest.raises(BadInput, match="use a whole number"):
            sample_worlds([1], [1], [1, 0, 0], n, stream(0))
    with pytest.raises(BadInput, match="give a generator"):
        sample_worlds([1], [1], [1, 0, 0], 1, 7)
    assert count_worlds(np.array([1.0]), [np.uint8(1)], (1, 0, 0)) == 1


def test_a_number_that_no_world_has_is_refused():
    table = completions(unseen(some_games(2, 26).views))
    for wrong in (-1, int(table.counts[1])):
        with pytest.raises(BadInput, match="position 1 has"):
            unrank(table, np.array([[0], [wrong]]))


# --- drawn ------------------------------------------------------------------------------------


def constrained_positions(n: int) -> list[Unseen]:
    """Return one position from each of some games in which a seat showed out, with 5 to 3,000 worlds."""
    chosen = []
    for step in range(8, 25):
        hidden = unseen(some_games(60, step, first=1000 * step).views)
        counts = completions(hidden).counts
        narrow = (hidden.allowed != 7).any(axis=1) & (counts >= 5) & (counts <= 3000)
        chosen += [hidden.take([n]) for n in np.flatnonzero(narrow)]
    order = stream(0, "constrained").permutation(len(chosen))
    return [chosen[i] for i in order[:n]]


@pytest.mark.slow
def test_worlds_are_drawn_uniformly():
    """Chi-square against brute force on 60 positions: by chance, 1 % rejects more than 4 once in 3,000."""
    p = []
    for number, hidden in enumerate(constrained_positions(60)):
        table, ids = completions(hidden), hidden.dominoes[0].tolist()
        worlds = [
            [[d in hand for hand in world].index(True) for d in ids] for world in brute_force(*lists(hidden))
        ]
        known = np.sort(codes(np.array(worlds)))
        keys = stream(number, "uniform").integers(2**64, size=1, dtype=np.uint64)
        drawn = codes(unrank(table, draw_ranks(keys, 0, 10 * len(known), table.counts))[0])
        assert np.isin(drawn, known).all()
        p.append(uniformity(np.bincount(np.searchsorted(known, drawn), minlength=len(known))))
    assert len(p) == 60
    assert sum(x < 0.01 for x in p) <= 4
    assert 0.3 < np.mean(p) < 0.7  # nor are they too even


def test_no_drawn_world_is_invalid():
    for step in range(28):
        hidden = unseen(some_games(40, step, first=100 * step).views)
        table = completions(hidden)
        keys = stream(step, "valid").integers(2**64, size=40, dtype=np.uint64)
        assert not invalid(hidden, unrank(table, draw_ranks(keys, 0, 1000, table.counts))).any()


@settings(max_examples=50)
@given(st.integers(0, 2**64 - 1), st.integers(1, 2**63 - 1) | st.integers(1, 1000), st.integers(0, 2**40))
def test_a_draw_in_the_ragged_end_is_drawn_again(key, count, first):
    keys = np.array([key], dtype=np.uint64)
    expected = []
    for drawn in mix(keys, np.arange(first, first + 20)):
        if int(drawn) >> 1 >= 2**63 - 2**63 % count:
            drawn = mix(drawn, 0)
        expected.append((int(drawn) >> 1) % count)
    assert draw_ranks(keys, first, 20, np.array([count]))[0].tolist() == expected


def test_numbers_are_uniform_also_where_the_range_is_ragged():
    """With a range of 8.5 counts in 2^63, a naive draw would return the last half an eighth too often."""
    count = int(2**63 / 8.5)
    ranks = draw_ranks(
        stream(0, "ragged").integers(2**64, size=1, dtype=np.uint64), 0, 40_000, np.array([count])
    )
    assert uniformity(np.bincount((ranks[0] / count * 10).astype(int), minlength=10)) > 1e-3


def test_draws_are_a_function_of_key_and_number():
    hidden = unseen(some_games(6, 9).views)
    keys = np.arange(6, dtype=np.uint64) * 2**61
    worlds, everyone, no = Worlds(hidden, keys), np.arange(6), np.zeros(6, dtype=bool)
    whole = worlds.ranks(everyone, 0, 100, no)
    cut = [worlds.ranks(everyone, first, 25, no) for first in range(0, 100, 25)]
    assert (np.concatenate(cut, axis=1) == whole).all()
    some = np.array([4, 1])
    assert (worlds.ranks(some, 0, 100, no[:2]) == whole[some]).all()
    assert (worlds.owner(some, whole[some]) == worlds.owner(everyone, whole)[some]).all()
    alone = Worlds(hidden.take(some), keys[some])
    assert (alone.ranks(np.arange(2), 0, 100, no[:2]) == whole[some]).all()
    assert len(np.unique(whole)) > 500
    assert sample_worlds(*lists(hidden), 3, stream(1)) == sample_worlds(*lists(hidden), 3, stream(1))


def test_all_worlds_of_a_game_beside_draws_of_another():
    hidden = unseen(some_games(8, 21).views)
    worlds = Worlds(hidden, np.arange(8, dtype=np.uint64))
    every = np.arange(8) % 2 == 0
    most = int(worlds.count.max())
    ranks = worlds.ranks(np.arange(8), 0, most + 5, every)
    for n in range(0, 8, 2):
        assert ranks[n].tolist() == [min(k, worlds.count[n] - 1) for k in range(most + 5)]
    assert (ranks < worlds.count[:, None]).all()


def test_tensors_give_the_same_worlds_to_the_last_bit():
    for step in (0, 3, 10, 18, 27):
        hidden = unseen(some_games(30, step).views)
        keys = stream(step, "tensors").integers(2**64, size=30, dtype=np.uint64)
        table, tensors = completions(hidden), completions(hidden.tensors("cpu"))
        ranks = draw_ranks(keys, 7, 200, table.counts)
        same = draw_ranks(torch.from_numpy(keys.view(np.int64)), 7, 200, tensors.counts)
        np.testing.assert_array_equal(tensors.ways.numpy(), table.ways)
        np.testing.assert_array_equal(tensors.counts.numpy(), table.counts)
        np.testing.assert_array_equal(same.numpy(), ranks)
        np.testing.assert_array_equal(unrank(tensors, same).numpy(), unrank(table, ranks))
    counts = np.array([2**62 + 1, 2**63 - 1, 2**61 + 7, 1])
    keys = stream(1, "tensors").integers(2**64, size=4, dtype=np.uint64)
    same = draw_ranks(torch.from_numpy(keys.view(np.int64)), 2**40, 1000, torch.from_numpy(counts))
    np.testing.assert_array_equal(same.numpy(), draw_ranks(keys, 2**40, 1000, counts))


def test_tensors_refuse_what_arrays_refuse():
    hidden = Unseen(np.array([[3]], np.int8), np.array([[0]], np.uint8), np.array([[1, 0, 0]], np.int8))
    for table, key in (
        (completions(hidden), np.zeros(1, np.uint64)),
        (completions(hidden.tensors("cpu")), torch.zeros(1, dtype=torch.int64)),
    ):
        with pytest.raises(BadInput, match="position 0 has no world"):
            draw_ranks(key, 0, 3, table.counts)


# --- measured ---------------------------------------------------------------------------------


@pytest.fixture
def small_bench(monkeypatch):
    monkeypatch.setattr(bench_worlds, "N_LOOKED_AT", 20_000)
    monkeypatch.setattr(bench_worlds, "BATCHES", ((2, 50),))
    monkeypatch.setattr(bench_worlds, "N_REPEATS", 1)
    return bench_worlds


def test_worlds_are_measured_after_they_were_found_right(small_bench):
    found = small_bench.measure([0, 1, 2], "cpu")
    assert found.subject == "worlds"
    assert len(found.held) == 3
    assert all(figure.value > 0 for figure in found.figures)


@pytest.mark.parametrize(
    ("what", "wrong", "reason"),
    [
        ("FIRST_COUNT", 7, "with 21 dominoes unseen"),
        ("draw", lambda worlds, first, m: torch.zeros_like(draw(worlds, first, m)), "an invalid world"),
        ("draw", lambda worlds, first, m: draw(worlds, 0, 5).repeat(1, -(-m // 5), 1), "rejected"),
    ],
)
def test_no_figure_of_worlds_that_are_wrong(small_bench, monkeypatch, what, wrong, reason):
    monkeypatch.setattr(small_bench, what, wrong)
    monkeypatch.setattr(small_bench, "time_worlds", lambda *_: pytest.fail("measured"))
    with pytest.raises(AssertionError, match=reason):
        small_bench.measure([0, 1, 2], "cpu")
