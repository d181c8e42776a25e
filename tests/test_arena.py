"""Matches: fair to both sides, repeatable and resumable; and the regret of each play."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forge_core.arena.standings import by_rank, standings
from forge_core.errors import BadInput, FileCorrupt
from forge_core.files import Store
from forge_core.splits import Split, split_of
from forge_core.stats import Sprt, Verdict
from forge_core.texas42.arena import (
    Boards,
    Conditions,
    Match,
    Seating,
    held_out_seeds,
    match,
    play_all,
    play_match,
    play_out,
    who_is_better,
)
from forge_core.texas42.arena.boards import block_name, read_block, write_block
from forge_core.texas42.arena.regret import regret_split, regret_splits
from forge_core.texas42.arena.report import Comparison, draw_standings
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.declarations import has_trump_power, is_called
from forge_core.texas42.declaring import suits
from forge_core.texas42.eq import ExactOracle, ExplorationPolicy, generate_games
from forge_core.texas42.eq.records import OracleKind
from forge_core.texas42.oracle import root_q
from forge_core.texas42.players import parse_player
from forge_core.texas42.rules import led_suit, trick_points, trick_rank, trick_winner

RANDOM, HEURISTIC, CLAIRVOYANT = map(parse_player, ("random", "heuristic", "clairvoyant"))
THINKING = parse_player("eq:worlds=2,oracle=exact", "cpu")
SEEDS = range(20, 120)


def same(one: Match, other: Match) -> bool:
    return all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for a, b in ((one.by_a, other.by_a), (one.by_b, other.by_b))
        for name in ("seed", "decl", "bid", "points", "plays")
    )


# --- fairness ---------------------------------------------------------------------------------


@pytest.mark.parametrize("player", [RANDOM, HEURISTIC, THINKING])
def test_a_player_is_as_good_as_itself_on_every_deal(player):
    twin = parse_player(player.name, "cpu")
    played = play_match(player, twin, SEEDS[:20], Conditions())
    assert len(played) == 20
    assert not played.swing.any()
    found = Comparison.of(played)
    assert (found.swing.mean, found.p_contracts) == (0, 1)
    assert found.marks_a == found.marks_b == 20


def test_swapping_the_players_negates_what_is_found():
    one = play_match(HEURISTIC, RANDOM, SEEDS[:60], Conditions(), sprt=who_is_better(0.5))
    other = play_match(RANDOM, HEURISTIC, SEEDS[:60], Conditions(), sprt=who_is_better(0.5))
    assert np.array_equal(one.swing, -other.swing)
    assert same(one, other.swapped())
    mine, theirs = Comparison.of(one), Comparison.of(other)
    assert (mine.swing.low, mine.marks_a, mine.better) == (-theirs.swing.high, theirs.marks_b, "a")
    assert theirs.better == "b"
    assert Comparison.of(other.swapped()) == mine


def test_what_is_counted_is_what_was_played():
    played = play_match(HEURISTIC, RANDOM, SEEDS[:10], Conditions("seed", 31))
    for boards in (played.by_a, played.by_b):
        for seed, decl, points, plays in zip(
            boards.seed, boards.decl, boards.points, boards.plays.tolist(), strict=True
        ):
            assert decl == seed % 10
            leader, taken = 0, 0
            hands = deal_from_seed(int(seed))
            for trick in (plays[first : first + 4] for first in range(0, 28, 4)):
                assert all(domino in hands[(leader + place) % 4] for place, domino in enumerate(trick))
                leader = (leader + trick_winner(trick, decl)) % 4
                taken += trick_points(trick) * (leader % 2 == 0)
            assert taken == points
    by_a, by_b = played.made
    assert np.array_equal(by_a, played.by_a.points >= 31)
    found = Comparison.of(played)
    assert found.contracts_a.made == by_a.sum()
    assert found.marks_a == by_a.sum() + (~by_b).sum()
    assert found.marks_a + found.marks_b == 2 * len(played)


def test_marks_bids_take_all_points_and_count_as_many_marks():
    played = play_match(CLAIRVOYANT, RANDOM, SEEDS[:6], Conditions(bid=84))
    assert np.array_equal(played.made[0], played.by_a.points == 42)
    assert Comparison.of(played).marks_a == 2 * (played.made[0].sum() + (~played.made[1]).sum())


def test_a_hand_declares_its_trumps_and_what_nothing_beats():
    for seed in range(30):
        hand = deal_from_seed(seed)[0]
        others = [domino for domino in range(28) if domino not in hand]

        def strength(decl, hand=hand, others=others):
            trumps = sum(has_trump_power(decl) and is_called(domino, decl) for domino in hand)
            for domino in hand:
                suit = led_suit(domino, decl)
                rank = trick_rank(domino, suit, decl)
                trumps += all(trick_rank(other, suit, decl) < rank for other in others)
            return trumps

        best = max(range(10), key=strength)
        assert suits(np.array([hand], dtype=np.int8)).tolist() == [best]


def test_matches_are_played_on_deals_that_are_held_out():
    seeds = held_out_seeds(120)
    assert len(seeds) == 120 == len(set(seeds))
    assert {split_of(seed) for seed in seeds} == {Split.VAL}


# --- repeating and resuming -------------------------------------------------------------------


def test_the_size_of_a_batch_changes_nothing():
    for a, b, seeds in ((RANDOM, HEURISTIC, SEEDS), (THINKING, RANDOM, SEEDS[:40])):
        matches = [play_match(a, b, seeds, Conditions(), batch=batch) for batch in (1, 1000)]
        assert same(*matches)


def test_another_seed_draws_otherwise():
    swings = [play_match(RANDOM, HEURISTIC, SEEDS[:20], Conditions(seed=seed)).swing for seed in (0, 1)]
    assert (swings[0] != swings[1]).any()


def test_what_is_stored_is_not_played_again(tmp_path, monkeypatch):
    store, told = Store(str(tmp_path)), []
    first = play_match(HEURISTIC, RANDOM, SEEDS[:45], Conditions(), store, on_plays=told.append)
    assert sum(told) == 45 * 2 * 28
    files = {path.name for path in tmp_path.glob("matches/*/*")}
    assert files == {"seeds_00000000_00000049.parquet", "seeds_00000050_00000099.parquet"}

    dealt = []

    def count(games, *rest):
        dealt.append(len(games))
        return play_out(games, *rest)

    monkeypatch.setattr(match, "play_out", count)
    more = play_match(HEURISTIC, RANDOM, SEEDS[10:60], Conditions(), store)
    assert sum(dealt) == 2 * 15
    assert same(more, play_match(HEURISTIC, RANDOM, SEEDS[10:60], Conditions()))
    dealt.clear()
    assert same(play_match(HEURISTIC, RANDOM, SEEDS[:45], Conditions(), store), first)
    assert same(play_match(RANDOM, HEURISTIC, SEEDS[:45], Conditions(), store), first.swapped())
    assert sum(dealt) == 0
    play_match(HEURISTIC, RANDOM, SEEDS[:45], Conditions(bid=31), store)
    assert sum(dealt) == 2 * 45


def test_equal_matches_give_equal_files(tmp_path):
    for folder in ("one", "other"):
        play_match(HEURISTIC, RANDOM, SEEDS[:30], Conditions(), Store(str(tmp_path / folder)))
    one, other = (sorted((tmp_path / folder).rglob("*.parquet")) for folder in ("one", "other"))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]


@pytest.mark.parametrize("damage", ["cut", "foreign", "points", "another"])
def test_damaged_files_are_told_with_a_remedy(tmp_path, damage):
    store = Store(str(tmp_path))
    play_match(HEURISTIC, RANDOM, SEEDS[:10], Conditions(), store)
    one, other = sorted(tmp_path.rglob("*.parquet"))
    if damage == "cut":
        one.write_bytes(one.read_bytes()[:-9])
    elif damage == "foreign":
        one.write_bytes(b"PAR1")
    elif damage == "another":
        one.write_bytes(other.read_bytes())
    else:
        seating = Seating(HEURISTIC, RANDOM, Conditions())
        boards = read_block(store, seating, SEEDS[0])
        write_block(store, seating, replace(boards, points=boards.points[::-1]))
        one = tmp_path / seating.folder(store).url / block_name(SEEDS[0])
    with pytest.raises(FileCorrupt, match="delete it and play the match again") as error:
        play_match(HEURISTIC, RANDOM, SEEDS[:10], Conditions(), store)
    assert error.value.path == str(one)


# --- many players, early stops ----------------------------------------------------------------


def test_a_test_that_is_decided_ends_the_match_at_its_block_whatever_the_batch():
    matches = [
        play_match(HEURISTIC, RANDOM, range(400), Conditions(), sprt=who_is_better(3), batch=batch)
        for batch in (50, 400)
    ]
    assert same(*matches)
    assert len(matches[0]) < 400
    assert len(matches[0]) % 50 == 0
    assert matches[0].sprt.verdict is Verdict.ACCEPT_H1
    assert matches[0].sprt.n == len(matches[0])


def test_a_test_may_go_by_contracts():
    played = play_match(HEURISTIC, RANDOM, range(200), Conditions(), sprt=who_is_better(0.2), by="contracts")
    made = played.made[0].astype(int) - played.made[1]
    assert np.array_equal(played.outcomes("contracts"), made)
    assert (played.sprt.total, played.sprt.n) == (made.sum(), len(played))
    with pytest.raises(BadInput, match="points or contracts"):
        play_match(HEURISTIC, RANDOM, range(2), Conditions(), by="luck")


def test_all_against_all_ranks_by_strength():
    players = [RANDOM, CLAIRVOYANT, HEURISTIC]
    matches = play_all(players, SEEDS[:40], Conditions())
    assert [(found.a, found.b) for found in matches] == [
        ("random", "clairvoyant"),
        ("random", "heuristic"),
        ("clairvoyant", "heuristic"),
    ]
    ranked = standings(matches)
    assert [standing.name for standing in ranked] == ["clairvoyant", "heuristic", "random"]
    assert sum(standing.swing.mean for standing in ranked) == pytest.approx(0)
    told = by_rank(matches, ranked)
    assert [(found.a, found.b) for found in told] == [
        ("clairvoyant", "heuristic"),
        ("clairvoyant", "random"),
        ("heuristic", "random"),
    ]
    assert all(Comparison.of(found).swing.low > 0 for found in told)
    picture = draw_standings(matches)
    assert picture.startswith(b"\x89PNG")
    assert int.from_bytes(picture[16:20], "big") == 1000


def test_what_cannot_be_is_refused():
    with pytest.raises(BadInput, match="sealed"):
        play_match(RANDOM, HEURISTIC, [950], Conditions())
    with pytest.raises(BadInput, match="once"):
        play_match(RANDOM, HEURISTIC, [1, 1], Conditions())
    with pytest.raises(BadInput, match="at least two"):
        play_all([RANDOM], SEEDS, Conditions())
    with pytest.raises(BadInput, match="play itself"):
        play_all([RANDOM, HEURISTIC, RANDOM], SEEDS, Conditions())
    for wrong in ({"declare": "luck"}, {"declare": 10}, {"bid": 29}, {"seed": -1}):
        with pytest.raises(BadInput):
            Conditions(**wrong)
    with pytest.raises(BadInput, match="no match"):
        draw_standings([])


def test_a_lopsided_test_is_swapped_with_its_match():
    empty = Boards.none()
    test = Sprt(0, 2, 0.05, 0.2).add([3.0, 4.0, 5.0] * 20)
    swapped = Match("a", "b", Conditions(), empty, empty, test).swapped().sprt
    assert swapped.llr == pytest.approx(-test.llr)
    assert swapped.bounds == pytest.approx(tuple(-bound for bound in reversed(test.bounds)))


# --- regret -----------------------------------------------------------------------------------


def recorded(n: int, n_worlds: int, **settings):
    decls = [seed % 10 for seed in range(n)]
    return generate_games(
        ExactOracle(), [deal_from_seed(seed) for seed in range(n)], decls, n_worlds, device="cpu", **settings
    )


def test_luck_and_what_each_team_lost_make_up_the_margin():
    records = recorded(4, 2, leaders=[0, 1, 2, 3])
    for record, split in zip(records, regret_splits(records, 4), strict=True):
        q = root_q([record.hands], [record.decl], [record.leader])[0]
        legal = q[q != -128]
        assert split.luck == (legal.min() if record.leader % 2 else legal.max())
        lost = split.by_team(split.lost)
        assert (
            split.luck - lost[0] + lost[1]
            == split.margin
            == record.decisions.actual_outcome[0] * (-1 if record.leader % 2 else 1)
        )
        assert (split.lost >= 0).all()
        assert (split.lost[record.decisions.forced] == 0).all()
        assert (split.blunder[record.decisions.forced] == 0).all()
        assert np.allclose(split.hidden + split.blunder, split.lost)


def test_a_blunder_is_what_exact_e_q_says_it_is():
    careless = ExplorationPolicy("epsilon", epsilon=1)
    record = recorded(1, 2, exploration=careless, enumerate_limit=400)[0]
    told = record.decisions
    whole = told.n_worlds == told.world_count
    assert whole.sum() > 8
    expected = np.nanmax(told.e_q_mean, axis=1) - told.e_q_mean[range(28), told.action_taken]
    assert (expected[whole] > 1).any()
    assert np.allclose(regret_split(record, 2).blunder[whole], expected[whole])  # from the record

    unsaid = replace(record, decisions=replace(told, oracle=np.full(28, OracleKind.MODEL)))
    assert np.allclose(regret_split(unsaid, 400).blunder[whole], expected[whole], atol=1e-4)  # anew


def test_a_regret_split_needs_two_worlds():
    with pytest.raises(BadInput, match="worlds"):
        regret_splits([], 1)
    assert regret_splits([], 2) == []
