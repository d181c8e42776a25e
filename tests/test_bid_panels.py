"""P(make) at default settings agrees with games that another maker's players played, at little cost."""

from __future__ import annotations

import numpy as np
import pytest
from benchmark_modules import load_benchmark

from forge_core.texas42.bidding.advice import Situation, advise, best_calls
from forge_core.texas42.bidding.playouts import PLAYOUTS, choose_playout, open_playout
from forge_core.texas42.bidding.table import play_out
from forge_core.texas42.notation import parse_hand
from forge_core.texas42.settings.bidding import DEFAULT_SAMPLES, BiddingSettings

STRONG = parse_hand("6-6,6-5,6-4,6-2,5-5,1-1,3-0")


@pytest.fixture(scope="module")
def panels():
    return load_benchmark("bid_panels")


def test_default_playouts_agree_with_real_games(panels):
    playout = choose_playout(BiddingSettings(), None, None)
    assert not playout.sees_all
    found = panels.compare(playout, DEFAULT_SAMPLES)
    assert abs(found.error) <= 0.03
    assert found.rms < 0.11


@pytest.mark.slow
def test_default_playouts_cost_less_than_a_tenth_of_eq(panels):
    default, eq = (
        panels.compare(open_playout(name, "cpu", 1), samples).ms_per_deal
        for name, samples in ((BiddingSettings().playout, 100), ("eq", 2))
    )
    assert default < eq / 10


@pytest.mark.parametrize("name", ["heuristic", "oracle"])
def test_a_progress_bar_moves_while_deals_are_played(name):
    moves: list[int] = []
    table = play_out(STRONG, open_playout(name, "cpu", 1), 60, decls=range(5), advance=moves.append)
    assert sum(moves) == table.n.sum() == 300
    assert len(moves) > 3 and max(moves) <= 64


def test_a_run_that_stops_early_reports_all_its_deals():
    moves: list[int] = []
    play_out(STRONG, open_playout("heuristic"), 400, decls=[0, 6], ci_width=0.3, advance=moves.append)
    assert sum(moves) == 800


def test_the_playout_that_sees_all_hands_is_used_only_by_name():
    assert BiddingSettings().playout in PLAYOUTS
    assert not open_playout(BiddingSettings().playout).sees_all


@pytest.mark.parametrize("situation", [Situation(), Situation((30, 0, 0)), Situation((0, 0, 0), forced=True)])
def test_the_best_call_of_all_declarations_is_the_advice(situation):
    rng = np.random.default_rng(0)
    for _ in range(50):
        p_make = np.sort(rng.random((10, 13)), axis=1)[:, ::-1] * rng.random()
        p_make[rng.integers(10)] = np.nan
        advice = advise(p_make, situation)
        calls, win = best_calls(advice)
        played = ~np.isnan(p_make[:, 0])
        recommended = advice.recommended
        if recommended.decl is None:
            assert (calls[played] == 0).all() and (win[played] == advice.worth_of_pass).all()
            continue
        assert calls[recommended.decl] == recommended.call
        assert win[recommended.decl] == pytest.approx(win[played].max(), abs=1e-8)
        bid = advice.bids.index(recommended.call)
        assert win[recommended.decl] == advice.worth[recommended.decl, bid]
