"""Benchmark of P(make): ten declarations of a hand by exact playouts, and single deals by other kinds."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from forge_core.cli.figures import Benchmark, Figure, conditions
from forge_core.errors import BadInput
from forge_core.learning.threads import one_torch_thread
from forge_core.stats import wilson_interval
from forge_core.texas42.bidding.playouts import OraclePlayout, Playout, open_playout
from forge_core.texas42.bidding.table import ALL, BIDDING_VERSION, BIDS, BidTable, draw_deals, play_out
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.oracle import ORACLE_VERSION, solve

SAMPLES = 100
LIMIT_S = 40.0
CI_WIDTH = 0.25
"""the interval width at which a second run stops early"""
N_GAMES = {"heuristic": 2_000, "policy": 500, "eq": 50}
"""number of games for each other kind of playout"""


def measure(seeds: list[int], device: str) -> Benchmark:
    """Measure seat 0's hand of the first seed on one core. Raises AssertionError if a value is wrong."""
    if device != "cpu":
        raise BadInput(f"bid is measured on the CPU only, not on {device}: use --device cpu")
    seed, playout = seeds[0], OraclePlayout(workers=1)
    hand = deal_from_seed(seed)[0]
    play_out(hand, playout, 1, seed)  # compiles
    started = time.process_time()
    table = play_out(hand, playout, SAMPLES, seed)
    seconds = time.process_time() - started
    check_points(table)
    early = play_out(hand, playout, SAMPLES, seed, ci_width=CI_WIDTH)
    check_prefix(early, table)
    with one_torch_thread():
        others = [open_playout(name, device) for name in N_GAMES]
        speeds = [time_games(other, table.hand, seed, N_GAMES[other.name]) for other in others]
    return Benchmark(
        subject="bid",
        conditions=conditions(
            device,
            "points int8",
            f"one hand (seat 0 of seed {seed}), {len(ALL)} declarations, {SAMPLES} deals of each",
            ("numba", "numpy"),
            bidding=BIDDING_VERSION,
            oracle=ORACLE_VERSION,
            **{other.name: other.version for other in others},
        ),
        held=(
            f"points of the first deal of each of {len(ALL)} declarations equal those of the full solution",
            f"shares and intervals of all {table.makes.size} cells equal a simple count",
            f"the run that stopped at intervals of {CI_WIDTH} played {early.n.sum()} deals, the first of the "
            f"full run, whose shares lie in {covered(early, table):.0%} of the intervals",
            f"{' and '.join(N_GAMES)} playouts: the points of a deal do not depend on the rest of the batch",
        ),
        figures=(
            Figure("P(make) of a hand", seconds, "s", LIMIT_S),
            Figure("one deal", 1e3 * seconds / table.n.sum(), "ms"),
            Figure(f"deals until intervals are {CI_WIDTH} wide", float(early.n.sum()), "deals"),
            *(
                Figure(f"by {other.name} playouts", speed, "games/s")
                for other, speed in zip(others, speeds, strict=True)
            ),
        ),
    )


def check_points(table: BidTable) -> None:
    """Raise AssertionError unless points match the full solutions, and shares a simple count."""
    for decl in ALL:
        value = solve(draw_deals(table.hand, decl, table.seed, 0, 1)[0], decl).value
        if table.points[decl][0] != (42 + value) // 2:
            raise AssertionError(
                f"declaration {decl}: {table.points[decl][0]} points instead of {(42 + value) // 2}"
            )
        for place, bid in enumerate(BIDS):
            made = sum(int(points) >= bid for points in table.points[decl])
            low, high = wilson_interval(made, table.n[decl])
            found = table.p_make[decl, place], table.interval[0][decl, place], table.interval[1][decl, place]
            if found != (made / table.n[decl], low, high):
                raise AssertionError(f"declaration {decl}, bid {bid}: {found} for {made} deals made")


def check_prefix(early: BidTable, full: BidTable) -> None:
    """Raise AssertionError unless a run that stopped early played the first deals of the full run."""
    for decl in ALL:
        if not np.array_equal(early.points[decl], full.points[decl][: early.n[decl]]):
            raise AssertionError(f"declaration {decl}: the run that stopped early played different deals")


def time_games(playout: Playout, hand: Sequence[int], seed: int, n: int) -> float:
    """Return games per CPU second. Raises AssertionError if a deal's points depend on the batch."""
    deals = np.concatenate([draw_deals(hand, decl, seed, 0, n // len(ALL)) for decl in ALL])
    decls = np.repeat(ALL, n // len(ALL))
    some = slice(0, n, 7)
    few = playout.points(deals[some], decls[some])
    started = time.process_time()
    points = playout.points(deals, decls)
    seconds = time.process_time() - started
    if not np.array_equal(points[some], few):
        raise AssertionError(f"{playout.name}: the points of a deal depend on the batch")
    return len(deals) / seconds


def covered(early: BidTable, full: BidTable) -> float:
    """Return the share of the early run's intervals that contain the full run's P(make)."""
    low, high = early.interval
    return float(((low <= full.p_make) & (full.p_make <= high)).mean())
