"""P(make), advice and stored tables: against slow counts and cases worked out by hand; refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from stored_tables import Quick

from forge_core.errors import BadInput, FileCorrupt
from forge_core.files import Store
from forge_core.learning.checkpoints import load_model
from forge_core.learning.choice import choose
from forge_core.stats import wilson_interval
from forge_core.texas42.auction import PASS
from forge_core.texas42.bidding.advice import Best, Situation, advise, explain, stakes_of, win_chance
from forge_core.texas42.bidding.convergence import converge, rungs
from forge_core.texas42.bidding.field import MEASURED_FIELD, Field, measure_field
from forge_core.texas42.bidding.investigate import best_line, investigate
from forge_core.texas42.bidding.playouts import OraclePlayout, PlayersPlayout, open_playout
from forge_core.texas42.bidding.poster import draw_poster
from forge_core.texas42.bidding.records import (
    BiddingConfig,
    bid_seed,
    fill_tables,
    missing_seeds,
    read_table,
    write_table,
)
from forge_core.texas42.bidding.summary import draw_summary, summarize
from forge_core.texas42.bidding.table import BIDS, bid_index, draw_deals, play_out, provenance
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.eq import EQ_VERSION, GameConfig, Sampling, open_oracle, play_games
from forge_core.texas42.eq.oracles import digest_of
from forge_core.texas42.games import replay, start
from forge_core.texas42.keys import TableKey
from forge_core.texas42.notation import parse_hand
from forge_core.texas42.oracle import solve
from forge_core.texas42.reference import REFERENCE_MODEL
from forge_core.texas42.tokens.encoder import encode

HAND = parse_hand("6-4,5-5,4-2,3-1,2-0,1-1,0-0")
STRONG = parse_hand("6-6,6-5,6-4,6-2,5-5,1-1,3-0")
SIXES = 6


# --- deals and P(make) ------------------------------------------------------------------------


@settings(max_examples=30)
@given(st.integers(0, 2**31), st.integers(0, 9), st.integers(0, 50), st.integers(1, 9))
def test_a_deal_is_a_function_of_seed_declaration_and_number(seed, decl, first, n):
    deals = draw_deals(HAND, decl, seed, first, n)
    assert (deals[:, 0] == HAND).all()
    assert (np.sort(deals.reshape(n, 28), axis=1) == np.arange(28)).all()
    assert (np.diff(deals, axis=2) > 0).all()
    np.testing.assert_array_equal(draw_deals(HAND, decl, seed, first + n - 1, 1)[0], deals[-1])


def test_other_seeds_declarations_and_numbers_deal_otherwise():
    deals = [draw_deals(HAND, decl, seed, 0, 20) for decl, seed in ((0, 0), (1, 0), (0, 1))]
    assert len({deal.tobytes() for deal in np.concatenate(deals)}) == 60


@pytest.mark.slow
def test_points_are_those_of_whole_solutions():
    """Solve every deal, take V and count: the slow way."""
    decls, n = (SIXES, 9), 2
    table = play_out(HAND, OraclePlayout(workers=1), n, seed=5, decls=decls)
    for decl in decls:
        values = [solve(deal, decl, device="cpu").value for deal in draw_deals(HAND, decl, 5, 0, n)]
        points = [(42 + value) // 2 for value in values]
        assert table.points[decl].tolist() == points
        for bid in BIDS:
            made = sum(taken >= bid for taken in points)
            assert table.p_make[decl, bid_index(bid)] == made / n
            assert tuple(end[decl, bid_index(bid)] for end in table.interval) == wilson_interval(made, n)
    assert table.n.tolist() == [n if decl in decls else 0 for decl in range(10)]
    assert np.isnan(table.p_make[0]).all()


def test_a_hand_that_takes_everything():
    laydown = parse_hand("6-6,6-5,6-4,6-3,6-2,6-1,6-0")
    table = play_out(laydown, OraclePlayout(workers=1), 5, decls=[SIXES])
    assert (table.points[SIXES] == 42).all()
    assert (table.p_make[SIXES] == 1).all()


@settings(max_examples=20)
@given(st.integers(0, 1000), st.integers(1, 130))
def test_a_higher_bid_is_never_made_more_often(seed, samples):
    table = play_out(deal_from_seed(seed)[0], Quick(), samples, seed)
    assert (np.diff(table.p_make, axis=1) <= 0).all()
    low, high = table.interval
    assert ((low <= table.p_make) & (table.p_make <= high)).all()
    assert table.never_rises
    assert table.intervals_hold
    assert (table.n == samples).all()


@pytest.mark.parametrize("width", [0.2, 0.1])
def test_stopping_early_is_a_beginning_of_the_full_run(width):
    told = []
    early = play_out(HAND, Quick(), 1000, ci_width=width, advance=told.append)
    full = play_out(HAND, Quick(), 1000)
    assert sum(told) == 10_000
    assert len(set(early.n.tolist())) > 1  # declarations differ in how soon they are known
    low, high = early.interval
    for decl in range(10):
        n = int(early.n[decl])
        np.testing.assert_array_equal(early.points[decl], full.points[decl][:n])
        assert (high - low)[decl].max() <= width or n == 1000
    assert ((low <= full.p_make) & (full.p_make <= high)).mean() > 0.9
    np.testing.assert_array_equal(early.prefix(50).points[0], full.prefix(50).points[0])


def test_84_is_42():
    assert bid_index(84) == bid_index(126) == bid_index(42) == len(BIDS) - 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"hand": HAND[:6]}, "6 dominoes"),
        ({"hand": [*HAND[:6], HAND[0]]}, "repeats"),
        ({"hand": [*HAND[:6], 28]}, "outside"),
        ({"samples": 0}, "samples 0"),
        ({"samples": 1_000_001}, "samples 1000001: use 1 to 1,000,000"),
        ({"decls": [10]}, "declaration 10"),
        ({"seed": -1}, "seed -1"),
        ({"ci_width": 0.0}, "width"),
        ({"ci_width": float("nan")}, "width"),
    ],
)
def test_bad_input_is_refused(arguments, complaint):
    with pytest.raises(BadInput, match=complaint):
        play_out(**{"hand": HAND, "playout": Quick(), "samples": 1, **arguments})


# --- playouts ---------------------------------------------------------------------------------


def deals_of(n: int):
    """Return n deals of some hands under all declarations."""
    deals = [draw_deals(deal_from_seed(seed)[0], seed % 10, seed, 0, 1)[0] for seed in range(n)]
    return np.stack(deals), np.arange(n) % 10


def test_playouts_go_by_name_and_say_what_they_see():
    assert open_playout("oracle") == OraclePlayout()
    for name, sees_all in (
        ("oracle", True),
        ("policy", True),
        ("eq", False),
        ("heuristic", False),
        ("network", False),
    ):
        playout = open_playout(name, "cpu")
        assert (playout.name, playout.sees_all) == (name, sees_all)
        table = play_out(STRONG, playout, 1, decls=[SIXES])
        assert ("all hands are seen" in provenance(table)) == sees_all
        assert f"{name} playouts (" in provenance(table)
    with pytest.raises(BadInput, match="use heuristic, network, eq, policy, oracle"):
        open_playout("luck")


def test_all_that_changes_points_is_in_the_version():
    oracles: list[dict[str, Any]] = [{"oracle": name} for name in ("exact", "model", "playout")]
    settings: list[dict[str, Any]] = [{}, {"worlds": 50}, *oracles]
    versions = [open_playout("eq", "cpu", **told).version for told in settings]
    assert len(set(versions)) == 5
    assert all(version.startswith(f"{EQ_VERSION}, ") for version in versions)
    assert open_playout("eq", "cpu", worlds=20, oracle="hybrid", model=REFERENCE_MODEL).version == versions[0]
    assert digest_of(load_model(REFERENCE_MODEL)) in versions[0]


@pytest.mark.parametrize(
    ("name", "settings"), [("policy", {}), ("eq", {"worlds": 3}), ("heuristic", {}), ("network", {})]
)
def test_a_deal_is_played_alike_in_any_company(name, settings):
    hands, decls = deals_of(40)
    playout = open_playout(name, "cpu", **settings)
    points = playout.points(hands, decls)
    assert points.dtype == np.int8
    assert ((points >= 0) & (points <= 42)).all()
    backwards = playout.points(hands[::-1], decls[::-1])[::-1]
    divided = {"at_once": 7} if isinstance(playout, PlayersPlayout) else {"workers": 2}
    few = replace(cast(Any, playout), **divided).points(hands, decls)
    np.testing.assert_array_equal(backwards, points)
    np.testing.assert_array_equal(few, points)
    np.testing.assert_array_equal(playout.points(hands[5:6], decls[5:6]), points[5:6])
    assert playout.points(hands[:0], decls[:0]).shape == (0,)


def test_policy_is_the_network_at_all_four_seats():
    """Play one deal, one play at a time: the slow way."""
    model, (hands, decls) = load_model(REFERENCE_MODEL), deals_of(3)
    for deal, decl, points in zip(
        hands, decls, open_playout("policy", "cpu").points(hands, decls), strict=True
    ):
        games = start([deal], [decl])
        while not games.over:
            seen = encode(games.hands, games.seen.decl, games.states)
            with torch.inference_mode():
                said, _ = model(torch.from_numpy(seen.tokens), torch.from_numpy(seen.mask))
            games = games.play(choose(said.numpy(), seen.legal))
        assert points == games.seen.points[0, 0]


def test_eq_plays_as_games_by_e_q_do():
    hands, decls = deals_of(4)
    config = GameConfig(Sampling(3, points=False))
    records = play_games(open_oracle("exact"), start(hands, decls), config, "cpu")
    *_, end = replay(start(hands, decls), np.stack([record.plays for record in records]))
    points = open_playout("eq", "cpu", worlds=3, oracle="exact").points(hands, decls)
    assert points.tolist() == end.seen.points[:, 0].tolist()


@pytest.mark.slow
def test_who_sees_all_does_better_than_who_does_not():
    """Points made with all hands seen are no guide to honest play: the same rule gives very different
    results."""
    hands = draw_deals(HAND, 1, 0, 0, 30)
    decls = np.ones(30, dtype=np.int64)
    exact, honest = (open_playout(name, "cpu").points(hands, decls).mean() for name in ("oracle", "eq"))
    assert exact > honest + 2


@pytest.mark.parametrize(
    ("name", "settings", "complaint"),
    [
        ("oracle", {"worlds": 5}, "leave out worlds"),
        ("oracle", {"model": REFERENCE_MODEL}, "leave out model"),
        ("policy", {"oracle": "exact"}, "use no oracle: leave out oracle"),
        ("policy", {"model": "nowhere"}, "no model"),
        ("eq", {"worlds": 0}, "worlds 0: use at least 1"),
        ("eq", {"oracle": "oracular"}, "oracle 'oracular'"),
        ("eq", {"oracle": "exact", "model": REFERENCE_MODEL}, "leave out model"),
    ],
)
def test_playouts_that_there_are_not(name, settings, complaint):
    with pytest.raises(BadInput, match=complaint):
        open_playout(name, "cpu", **settings)


# --- advice -----------------------------------------------------------------------------------

NOBODY = Field((0.0,) * 13, (0.5,) * 13, 0.4)
EVERYBODY = Field((1.0,) * 13, (0.7,) * 13, 0.6)


def p_of(decl: int, *ladder: float) -> np.ndarray:
    """Return P(make) [10, 13]: 0.1 everywhere except in one declaration, which has `ladder`, its last
    repeated."""
    p_make = np.full((10, 13), 0.1)
    p_make[decl] = [*ladder, *[ladder[-1]] * (13 - len(ladder))]
    return p_make


def test_the_race():
    assert win_chance(7, 0) == 1
    assert win_chance(3, 7) == 0
    assert win_chance(6, 5) == 0.75
    for mine in range(7):
        for theirs in range(7):
            assert win_chance(mine, theirs) + win_chance(theirs, mine) == pytest.approx(1)


def test_a_bid_by_hand():
    """If nobody else ever bids, a bid of 30 wins the auction; made or set, it is worth one mark."""
    advice = advise(p_of(3, 0.8), Situation(own_marks=6, opponent_marks=5), NOBODY)
    assert advice.bids == (*range(30, 43), 84)
    assert advice.marks[3, 0] == pytest.approx(0.6)
    assert advice.marks[3, -1] == pytest.approx(1.2)
    assert advice.worth[3, 0] == pytest.approx(0.8 * 1 + 0.2 * 0.5)
    assert advice.worth_of_pass == pytest.approx(0.75)
    assert advice.recommended == Best(30, 3)


def test_a_hand_that_makes_nothing_passes():
    advice = advise(np.full((10, 13), 0.3), Situation(), NOBODY)
    assert advice.recommended == advice.highest == Best(PASS, None)
    forced = advise(np.full((10, 13), 0.3), Situation((PASS,) * 3, forced=True), NOBODY)
    assert forced.recommended == Best(30, 0)
    assert forced.highest.call >= 30
    assert forced.worth_of_pass == -np.inf


def test_two_marks_when_two_marks_are_there():
    """A sure hand bids two marks rather than one. At 6 marks, two win no more than one, and cost no more."""
    assert advise(p_of(SIXES, 1.0), Situation(), NOBODY).recommended == Best(84, SIXES)
    assert advise(p_of(SIXES, 1.0), Situation(own_marks=6, opponent_marks=0), NOBODY).recommended == Best(
        30, SIXES
    )


def test_with_nothing_to_lose_the_stake_is_raised():
    """At 0 to 6, a set loses the game at any stake, so two marks at 45 % beat one at 55 %."""
    p_make = p_of(2, *[0.5] * 12, 0.45)
    assert advise(p_make, Situation(own_marks=0, opponent_marks=6), NOBODY).recommended == Best(84, 2)
    assert advise(p_make, Situation(own_marks=6, opponent_marks=6), NOBODY).recommended == Best(PASS, None)


def test_not_simply_the_cheapest_bid():
    """If others outbid every cheap bid, a higher bid that they will not exceed is worth its price."""
    field = Field((0.9,) * 5 + (0.0,) * 8, (0.7,) * 13, 0.5)
    p_make = p_of(4, *[0.8] * 4, *[0.75] * 8, 0.2)
    assert advise(p_make, Situation(), field).recommended == Best(34, 4)
    assert advise(p_make, Situation((PASS,) * 3), field).recommended == Best(30, 4)


def test_the_highest_bid_worth_making():
    ladder = [0.8, 0.7, 0.6, 0.55, 0.45]
    assert advise(p_of(1, *ladder), Situation((PASS,) * 3), NOBODY).highest == Best(33, 1)
    # The other team holds the bid and makes it seven times in ten: worse odds than one's own.
    against = advise(p_of(1, *ladder), Situation((PASS, PASS, 33)), EVERYBODY)
    assert against.highest.call >= 34


def test_a_partner_is_not_outbid_lightly():
    p_make = p_of(0, *[0.6] * 12, 0.1)
    partner, opponent = Situation((PASS, 31, PASS)), Situation((PASS, PASS, 31))
    field = replace(EVERYBODY, made_then=(0.7,) * 13)
    assert advise(p_make, partner, field).recommended == Best(PASS, None)
    assert advise(p_make, opponent, field).recommended == Best(32, 0)


@settings(max_examples=60)
@given(
    st.lists(st.floats(0, 1), min_size=130, max_size=130),
    st.integers(0, 6),
    st.integers(0, 6),
    st.sampled_from([(), (PASS,), (30,), (PASS, 35), (30, 31, 42), (PASS, PASS, PASS), (84, PASS)]),
    st.booleans(),
)
def test_advice_is_legal_and_the_best_there_is(chances, mine, theirs, calls, forced):
    p_make = np.sort(np.array(chances).reshape(10, 13), axis=1)[:, ::-1]
    situation = Situation(calls, mine, theirs, forced)
    advice = advise(p_make, situation, MEASURED_FIELD)
    legal = situation.auction.legal
    assert {advice.recommended.call, advice.highest.call} <= set(legal)
    assert ((advice.worth >= 0) & (advice.worth <= 1)).all()
    sound = advice.if_it_stands > advice.worth_of_pass + 1e-9
    best = max(advice.worth[sound].max(initial=0), advice.worth_of_pass)
    if advice.recommended.decl is None:
        assert advice.worth_of_pass >= best - 1e-8
    else:
        cell = advice.recommended.decl, advice.bids.index(advice.recommended.call)
        assert sound[cell]
        assert advice.worth[cell] >= best - 1e-8
        assert advice.highest.call >= advice.recommended.call


def test_who_comes_later_decides_whether_a_bid_stands():
    field = Field((0.5,) * 13, (0.6,) * 13, 0.5)
    assert (stakes_of(Situation((PASS,) * 3), field).stands == 1).all()
    assert (stakes_of(Situation((PASS,) * 2), field).stands == 0.5).all()  # an opponent is to come
    assert (stakes_of(Situation((PASS,)), field).stands == 0.5).all()  # and before him the partner
    assert (stakes_of(Situation(), field).stands == 0.25).all()


@pytest.mark.parametrize(
    "bad",
    [
        lambda: Situation((31, 30)),
        lambda: Situation((PASS,) * 4),
        lambda: Situation(own_marks=7),
        lambda: Situation(opponent_marks=-1),
        lambda: advise(np.full((10, 13), np.nan), Situation()),
        lambda: advise(np.zeros((10, 12)), Situation()),
        lambda: Field((0.5,) * 12, (0.5,) * 13, 0.5),
        lambda: measure_field(np.zeros((0, 10, 13))),
    ],
)
def test_no_situation(bad):
    with pytest.raises(BadInput):
        bad()


def test_a_field_is_counted():
    hands = np.stack([p_of(0, 0.9, 0.7, 0.4), p_of(5, 0.6, 0.3), p_of(9, 0.2)])
    field = measure_field(hands)
    assert field.shares[:3] == (0.667, 0.333, 0)
    assert field.made_then[:2] == (0.75, 0.7)
    assert field.made_by_anyone == pytest.approx((0.9 + 0.6 + 0.2) / 3, abs=1e-3)


def test_the_field_that_was_measured_is_one():
    shares, made = np.array(MEASURED_FIELD.shares), np.array(MEASURED_FIELD.made_then)
    assert (np.diff(shares) <= 0).all()
    assert ((made >= 0.5) & (made <= 1)).all()


# --- convergence, investigation ---------------------------------------------------------------


def test_convergence():
    table = play_out(HAND, Quick(), 300)
    found = converge(table, Situation())
    assert [point.n for point in found] == rungs(300) == [10, 20, 50, 100, 200, 300]
    widths = [point.mean_width for point in found]
    assert widths == sorted(widths, reverse=True)
    assert found[-1].recommended == advise(table.p_make, Situation()).recommended
    assert found[0].agreement < found[-1].agreement <= 1
    assert all(point.agreement <= point.same_call for point in found)
    assert found == converge(table, Situation())


def test_convergence_needs_the_full_run():
    with pytest.raises(BadInput, match="stopped early"):
        converge(play_out(HAND, Quick(), 500, ci_width=0.3), Situation())
    with pytest.raises(BadInput, match="sizes"):
        converge(play_out(HAND, Quick(), 20), Situation(), sizes=[21])


def test_deals_that_fell_short_are_played_again():
    table = play_out(STRONG, OraclePlayout(workers=1), 40, decls=[SIXES])
    found = investigate(table, SIXES, below=42, max_show=2)
    assert found.short == (table.points[SIXES] < 42).sum() > 0
    assert len(found.shown) == min(2, found.short)
    for shortfall in found.shown:
        assert shortfall.points == shortfall.points_of_line == table.points[SIXES][shortfall.sample] < 42
        assert sorted(domino for trick in shortfall.tricks for domino in trick.dominoes) == list(range(28))
        assert shortfall.tricks[0].leader == 0
        for trick, following in zip(shortfall.tricks, shortfall.tricks[1:], strict=False):
            assert following.leader == trick.winner
    assert {suspect.domino for suspect in found.suspects} == set(range(28)) - set(STRONG)
    excess = [suspect.when_short - suspect.otherwise for suspect in found.suspects]
    assert excess == sorted(excess, reverse=True)


def test_nothing_fell_short():
    table = play_out(STRONG, Quick(), 5, decls=[SIXES])
    table = replace(table, points=tuple(np.full(len(p), 42, np.int8) for p in table.points))
    found = investigate(table, SIXES, 42)
    assert (found.short, found.shown, found.suspects) == (0, (), ())


def test_all_fell_short():
    table = play_out(STRONG, Quick(), 5, decls=[SIXES])
    table = replace(table, points=tuple(np.zeros(len(p), np.int8) for p in table.points))
    found = investigate(table, SIXES, 42, max_show=0)
    assert (found.short, found.shown) == (5, ())
    assert all(np.isnan(suspect.otherwise) for suspect in found.suspects)


def test_a_line_is_worth_what_the_deal_is():
    for deal in draw_deals(HAND, 9, 1, 0, 3):
        value = OraclePlayout(workers=1).points(deal[None], np.array([9]))[0]
        assert sum(trick.points for trick in best_line(deal, 9) if trick.winner % 2 == 0) == value


@pytest.mark.parametrize("question", [(SIXES, 0), (SIXES, 43), (SIXES, 42, -1), (0, 42)])
def test_no_question(question):
    with pytest.raises(BadInput):
        investigate(play_out(STRONG, Quick(), 5, decls=[SIXES]), *question)


# --- many hands -------------------------------------------------------------------------------


def test_a_summary_is_counted():
    tables = [play_out(deal_from_seed(seed)[0], Quick(), 40, seed) for seed in range(5)]
    found = summarize(tables)
    assert (found.hands, found.deals, sum(found.best)) == (5, 5 * 10 * 40, 5)
    assert found.field == measure_field(np.stack([table.p_make for table in tables]))
    best = [max(range(10), key=lambda decl, table=table: table.p_make[decl].sum()) for table in tables]
    assert list(found.best) == [best.count(decl) for decl in range(10)]
    assert draw_summary(tables).startswith(b"\x89PNG")


def test_no_summary():
    with pytest.raises(BadInput, match="no hands"):
        summarize([])
    with pytest.raises(BadInput, match="play out all ten"):
        draw_summary([play_out(HAND, Quick(), 2, decls=[SIXES])])


# --- on disk ----------------------------------------------------------------------------------

CONFIG = BiddingConfig(Quick(), samples=60)


def test_a_table_comes_back(tmp_path):
    store = Store(str(tmp_path))
    for seed, split in ((7, "train"), (901, "val"), (999, "test")):
        table = bid_seed(seed, CONFIG)
        assert list(table.hand) == deal_from_seed(seed)[0]
        write_table(store, table, CONFIG)
        assert store.join(split).names() == [TableKey(seed).filename]
        back = read_table(store, seed)
        assert (back.hand, back.seed, back.samples, back.playout) == (table.hand, seed, 60, "quick")
        for mine, theirs in zip(back.points, table.points, strict=True):
            np.testing.assert_array_equal(mine, theirs)
        np.testing.assert_array_equal(back.p_make, table.p_make)


def test_columns_are_what_they_are_called(tmp_path):
    store = Store(str(tmp_path))
    table = bid_seed(7, CONFIG)
    write_table(store, table, CONFIG)
    row = pq.read_table(tmp_path / "train" / TableKey(7).filename).to_pylist()[0]
    assert row["points_3"] == table.points[3].tolist()
    assert row["pmake_3_35"] == pytest.approx(table.p_make[3, 5], abs=1e-7)
    assert row["ci_low_9_42"] == pytest.approx(table.interval[0][9, 12], abs=1e-7)
    assert not any(name.endswith("_84") for name in row)
    assert (row["seed"], row["n"], row["playout"], row["sees_all"]) == (7, 60, "quick", False)


def test_equal_tables_give_equal_files(tmp_path):
    first, second = Store(str(tmp_path / "a")), Store(str(tmp_path / "b"))
    for store in (first, second):
        write_table(store, bid_seed(7, CONFIG), CONFIG)
    name = TableKey(7).filename
    assert first.join("train").read(name) == second.join("train").read(name)


def test_gaps_alone_are_filled(tmp_path):
    store = Store(str(tmp_path))
    assert [table.seed for table in fill_tables(store, [1, 2], CONFIG)] == [1, 2]
    assert [table.seed for table in fill_tables(store, [1, 2, 3], CONFIG)] == [3]
    assert missing_seeds(store, [1, 2, 3], CONFIG) == []
    assert missing_seeds(store, [1], replace(CONFIG, samples=61)) == [1]
    assert missing_seeds(store, [1], replace(CONFIG, ci_width=0.5)) == [1]
    store.join("train").write(TableKey(2).filename, b"PAR1 and no more")
    assert missing_seeds(store, [1, 2, 3], CONFIG) == [2]
    damaged = bytearray(store.join("train").read(TableKey(3).filename))
    damaged[len(damaged) // 4] ^= 0xFF
    store.join("train").write(TableKey(3).filename, bytes(damaged))  # the footer is as it was
    assert missing_seeds(store, [1, 3], CONFIG) == []
    assert missing_seeds(store, [1, 3], CONFIG, verify=True) == [3]


def test_early_stops_are_kept_as_they_are(tmp_path):
    store, config = Store(str(tmp_path)), BiddingConfig(Quick(), samples=300, ci_width=0.3)
    (table,) = fill_tables(store, [4], config)
    assert table.n.min() < 300
    np.testing.assert_array_equal(table.n, bid_seed(4, config).n)


def rewritten(path, change):
    """Change a row of the file and leave the footer."""
    table = pq.read_table(path)
    row = {name: values[0] for name, values in table.to_pydict().items()}
    change(row)
    arrays = {name: pa.array([row[name]], type=table.schema.field(name).type) for name in row}
    changed = pa.table(arrays)
    with pq.ParquetWriter(path, changed.schema, store_schema=False) as writer:
        writer.write_table(changed)
        writer.add_key_value_metadata(table.schema.metadata)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda row: row["points_2"].__setitem__(0, 43), "outside 0..42"),
        (lambda row: row["points_2"].pop(), "59 deals"),
        (
            lambda row: row["points_2"].__setitem__(0, 42 if row["points_2"][0] < 30 else 0),
            "does not match its points",
        ),
        (lambda row: row.update(seed=8), "seed is 8"),
        (lambda row: row.update(hand=[0, 1, 2, 3, 4, 5, 6]), "hand"),
        (lambda row: row.update(n=61), "fingerprint"),
        (lambda row: row.update(playout_version="2"), "fingerprint"),
        (lambda row: row.update(bidding_version="b0"), "version"),
        (lambda row: row.update(points_1=None), "points_1"),
        (lambda row: row.update(pmake_0_30=0.123), "pmake_0_30"),
        (lambda row: row.pop("ci_low_0_30"), "columns"),
    ],
)
def test_what_was_changed_is_found(tmp_path, change, complaint):
    store = Store(str(tmp_path))
    write_table(store, bid_seed(7, CONFIG), CONFIG)
    rewritten(tmp_path / "train" / TableKey(7).filename, change)
    with pytest.raises(FileCorrupt, match=complaint):
        read_table(store, 7)


def test_what_is_not_there_or_cut_is_said(tmp_path):
    store = Store(str(tmp_path))
    with pytest.raises(FileCorrupt, match="no such table"):
        read_table(store, 7)
    write_table(store, bid_seed(7, CONFIG), CONFIG)
    path = tmp_path / "train" / TableKey(7).filename
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FileCorrupt, match="delete it"):
        read_table(store, 7)


def test_only_tables_of_seeds_are_stored(tmp_path):
    store = Store(str(tmp_path))
    with pytest.raises(BadInput, match="not seat 0's in the deal of seed"):
        write_table(store, play_out(HAND, Quick(), 60), CONFIG)
    with pytest.raises(BadInput, match="made with different settings"):
        write_table(store, bid_seed(7, CONFIG), replace(CONFIG, samples=61))


def test_names():
    assert TableKey(42).filename == "seed_00000042.parquet"
    assert TableKey.parse(TableKey(10**9).filename) == TableKey(10**9)
    for name in ("seed_42.parquet", "seed_00000042_decl_1.parquet", "seed_000000042.parquet"):
        with pytest.raises(BadInput):
            TableKey.parse(name)
    with pytest.raises(BadInput):
        TableKey(10**18)


@pytest.mark.parametrize("settings", [{"samples": 0}, {"ci_width": 2.0}])
def test_no_config(settings):
    with pytest.raises(BadInput):
        BiddingConfig(Quick(), **settings)


# --- the page ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "start"), [("pdf", b"%PDF-"), ("png", b"\x89PNG")])
def test_a_poster(kind, start):
    table = play_out(HAND, Quick(), 20, decls=[0, 4, 9])
    advice = advise(table.p_make, Situation())
    page = draw_poster(table, advice, kind)
    assert page.startswith(start)
    assert page == draw_poster(table, advice, kind)
    with pytest.raises(BadInput):
        draw_poster(table, advice, "svg")


def test_the_advice_in_words():
    table = play_out(STRONG, OraclePlayout(workers=1), 20, decls=[SIXES])
    said, _, most = explain(advise(table.p_make, Situation((PASS,) * 3)), table)
    assert said.startswith("Bid ")
    assert "sixes" in said
    assert most.startswith("The highest bid that wins more often than a pass if it stands is ")
    none = np.where(np.isnan(table.p_make), np.nan, 0.0)
    assert advise(none, Situation(), EVERYBODY).recommended == Best(PASS, None)  # a bluff would pay
    pass_, no_bid = explain(advise(none, Situation()), table)
    assert pass_.startswith("Pass: ")
    assert no_bid == "No bid would win more often than a pass, even if it stood."
    assert explain(advise(none, Situation((PASS,) * 3, forced=True)), table)[-1].startswith(
        "The highest bid that wins as often as the lowest one if it stands is 1 mark, "
    )


def test_the_advice_to_pass_says_why_a_bid_that_would_be_better_is_not_made():
    """A bid that others may outbid can be worth less than a pass, and yet more if it stands."""
    table = play_out(STRONG, OraclePlayout(workers=1), 20, decls=[SIXES])
    even = np.where(np.isnan(table.p_make), np.nan, 0.47)
    advice = advise(even, Situation())
    pass_, bid = explain(advice, table)
    assert advice.recommended == Best(PASS, None) and advice.highest.decl == SIXES
    assert pass_.startswith("Pass: ") and "would win more often than a pass if it stood" in bid
    assert advice.if_it_stands[SIXES, 0] > advice.worth_of_pass >= advice.worth[SIXES, 0]
