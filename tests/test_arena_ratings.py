"""Scores and Elo ratings of matches of any game, against cases that are known."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from toy_games import Noughts, SealedBids

from forge_core.arena.match import Table, play_match, win_columns
from forge_core.arena.names import short_name
from forge_core.arena.pictures import draw_ladder
from forge_core.arena.players import RandomPlayer
from forge_core.arena.ratings import POINTS, PairScores, fit_ratings
from forge_core.arena.scores import Tally, score_interval, score_text
from forge_core.errors import BadInput
from forge_core.stats import Z, elo_difference, mean_interval, wilson_interval
from forge_core.streams import stream

RANDOM = RandomPlayer()


def scores(a: str, b: str, values, games_per_seed: int = 1, first: int = 0) -> PairScores:
    values = np.asarray(values, dtype=float)
    return PairScores(a, b, first + np.arange(len(values)), values, games_per_seed)


def by_name(ratings):
    return {rating.name: rating for rating in ratings}


# --- scores -----------------------------------------------------------------------------------


def test_wins_draws_and_shares_by_returns():
    columns = win_columns([[1, -1], [0, 0], [-1, 1]])
    assert columns["score"].tolist() == [[1, 0], [0.5, 0.5], [0, 1]]
    assert columns["won"].tolist() == [[1, 0], [0, 0], [0, 1]]
    assert columns["drawn"].tolist() == [[0, 0], [1, 1], [0, 0]]
    three = win_columns([[5, 5, 5], [3, 1, 3]])
    assert three["drawn"].tolist() == [[1, 1, 1], [1, 0, 1]] and not three["won"].any()


def test_a_tally_counts_games_and_takes_seeds_as_observations():
    ended: list[int] = []
    match = play_match(Table(Noughts(), (RANDOM, RANDOM), (0, 1), on_over=ended.append), range(60))
    tally = Tally.of(match)
    assert (tally.seeds, tally.games) == (60, 120) and sum(ended) == 120
    assert tally.won + tally.drawn + tally.lost == tally.games and tally.won == tally.lost > 0
    assert tally.score.mean == (tally.won + tally.drawn / 2) / 120 == 0.5 and tally.elo == 0
    assert tally.to_dict()["score"]["n"] == 60
    bids = Tally.of(play_match(Table(SealedBids(), (RANDOM, RANDOM), (0, 1, 1)), range(30)))
    assert bids.games == 90 and bids.won > 0 and 0 < bids.score.mean < 1


def test_the_interval_of_a_score_stays_in_range_and_is_never_empty():
    some = [1, 0.5, 1, 1, 0, 1, 1, 0.5]
    assert score_interval(some).mean == mean_interval(some).mean and score_interval(some).high == 1.0
    for value in (0.0, 0.5, 1.0):
        found = score_interval([value] * 20)
        assert (found.low, found.high) == pytest.approx(wilson_interval(20 * value, 20))
    assert score_text(score_interval([1, 0, 1, 0])) == ".500 (.000-1.000)"


# --- ratings ----------------------------------------------------------------------------------


def test_two_players_have_the_rating_of_their_score():
    values = [1.0] * 75 + [0.0] * 25
    high, low = fit_ratings([scores("strong", "weak", values)], "weak")
    assert (high.name, low.name, low.elo, low.low, low.high) == ("strong", "weak", 0, 0, 0)
    assert high.elo == pytest.approx(elo_difference(75.5 / 101)) and high.games == 100
    p = 75.5 / 101
    error = POINTS * sqrt(1 / (101 * p * (1 - p)))  # of independent games without draws: the information
    assert high.high - high.elo == pytest.approx(Z * error, rel=1e-3)
    assert high.elo - high.low == pytest.approx(high.high - high.elo)
    turned = by_name(fit_ratings([scores("weak", "strong", 1 - np.array(values))], "weak"))
    assert turned["strong"].elo == pytest.approx(high.elo)


def test_equal_games_of_a_seed_count_once_and_draws_make_an_interval_narrower():
    values = np.array([1.0, 0.0] * 500)
    once, twice = (fit_ratings([scores("a", "b", values, games)], "b")[0] for games in (1, 2))
    assert twice.high == pytest.approx(once.high, rel=2e-3) and twice.games == 2 * once.games
    drawn = fit_ratings([scores("a", "b", 0.5 + 0 * values)], "b")[0]
    assert 0 < drawn.high < once.high / 10


def test_a_player_that_won_every_game_has_a_rating_with_a_wide_interval():
    best = fit_ratings([scores("a", "b", np.ones(200))], "b")[0]
    assert best.elo == pytest.approx(elo_difference(200.5 / 201))
    assert best.low < best.elo - 400 and np.isfinite(best.high)


def test_ratings_add_up_along_a_chain_of_players():
    chain = [scores("a", "b", [1, 1, 1, 0] * 50), scores("b", "c", [1, 1, 0] * 60, first=1000)]
    found = by_name(fit_ratings(chain, "c"))
    assert found["b"].elo == pytest.approx(elo_difference(120.5 / 181))
    assert found["a"].elo - found["b"].elo == pytest.approx(elo_difference(150.5 / 201))
    widths = {name: found[name].high - found[name].elo for name in "ab"}
    step = fit_ratings(chain[:1], "b")[0]
    assert widths["a"] == pytest.approx(np.hypot(step.high - step.elo, widths["b"]), rel=1e-6)
    moved = by_name(fit_ratings(chain, "a"))
    assert moved["c"].elo == pytest.approx(-found["a"].elo) and moved["a"].elo == 0


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    truth, held, rounds = {"a": 150 / POINTS, "b": 60 / POINTS, "c": 0.0}, 0, 150
    for number in range(rounds):
        draws = stream(number, "ratings")
        luck = draws.normal(0, 1.0, 120)  # of an opening: it favours one player in both games of a seed
        results = []
        for one, other in (("a", "b"), ("b", "c"), ("a", "c")):
            p = 1 / (1 + np.exp(-(truth[one] - truth[other])))
            shared = draws.random(120)
            wins = [(np.where(luck > 0, shared, draws.random(120)) < p) for _ in range(2)]
            results.append(scores(one, other, np.mean(wins, axis=0), 2))
        best = by_name(fit_ratings(results, "c"))["a"]
        held += best.low <= 150 <= best.high
    assert 0.88 <= held / rounds <= 0.99


def test_a_picture_of_a_ladder():
    matches = [play_match(Table(Noughts(), (RANDOM, RANDOM), (0, 1)), range(20))]
    tallies = [Tally.of(match) for match in matches]
    ratings = fit_ratings([scores("x", "y", [1, 1, 0])], "y")
    picture = draw_ladder(tallies, ratings)
    assert picture.startswith(b"\x89PNG") and int.from_bytes(picture[16:20], "big") == 1000
    assert picture != draw_ladder(tallies, ratings[:1])
    with pytest.raises(BadInput, match="no match"):
        draw_ladder([], ratings)


def test_long_names_are_shortened():
    assert short_name("search:sims=2,model=/a/b/c", 40) == "search:sims=2,model=b/c"
    assert short_name("search:sims=2,model=/a/b/c", 12) == "search:sims…"
    assert short_name("/a/runs/b/model", 12) == "b/model" and short_name("reply", 5) == "reply"


def test_games_that_rate_nobody_are_refused():
    with pytest.raises(BadInput, match="no chain of games connects c to a"):
        fit_ratings([scores("a", "b", [1, 0]), scores("c", "d", [1, 0])], "a")
    with pytest.raises(BadInput, match="played no game: use one of a, b"):
        fit_ratings([scores("a", "b", [1, 0])], "random")
    with pytest.raises(BadInput, match="a played itself"):
        fit_ratings([scores("a", "a", [1, 0])], "a")
