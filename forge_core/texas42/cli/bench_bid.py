"""What P(make) costs: ten declarations of a hand by exact playouts; a deal by the other kinds."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np

from forge_core.cli.figures import Benchmark, Figure
from forge_core.errors import BadInput
from forge_core.stats import wilson_interval
from forge_core.texas42.bidding.playouts import OraclePlayout, Playout, open_playout
from forge_core.texas42.bidding.table import ALL, BIDDING_VERSION, BIDS, BidTable, draw_deals, play_out
from forge_core.texas42.cli.bench_eq import one_thread
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.oracle import ORACLE_VERSION, solve

SAMPLES = 100
LIMIT_S = 40.0
CI_WIDTH = 0.25
"""at which the run that stops early does"""
N_GAMES = {"policy": 500, "eq": 50}
"""played by the other kinds of playout"""


def measure(seeds: list[int], device: str) -> Benchmark:
    """Seat 0's hand of the first seed, on one core. Raises AssertionError if a value is wrong."""
    if device != "cpu":
        raise BadInput(f"playouts are measured on the CPU, not on {device}: use --device cpu")
    seed, playout = seeds[0], OraclePlayout(workers=1)
    hand = deal_from_seed(seed)[0]
    play_out(hand, playout, 1, seed)  # compiles
    started = time.process_time()
    table = play_out(hand, playout, SAMPLES, seed)
    seconds = time.process_time() - started
    check_points(table)
    early = play_out(hand, playout, SAMPLES, seed, ci_width=CI_WIDTH)
    check_prefix(early, table)
    with one_thread():
        others = [open_playout(name, device) for name in N_GAMES]
        speeds = [time_games(other, table.hand, seed, N_GAMES[other.name]) for other in others]
    return Benchmark(
        subject="bid",
        conditions={
            "device": "cpu, one thread, CPU seconds",
            "machine": f"{platform.system()} {platform.machine()}",
            "dtype": "points int8",
            "sizes": f"one hand (seat 0 of seed {seed}), {len(ALL)} declarations, {SAMPLES} deals of each",
            "versions": f"bidding {BIDDING_VERSION}, oracle {ORACLE_VERSION}, numba {version('numba')}, "
            f"numpy {np.__version__}, python {platform.python_version()}",
            **{other.name: other.version for other in others},
        },
        held=(
            f"points of the first deal of each of {len(ALL)} declarations: by the complete solution",
            f"shares and intervals of all {table.makes.size} cells, counted one by one",
            f"stopped at intervals of {CI_WIDTH}: {early.n.sum()} deals, those the full run begins with; "
            f"its shares lie in {covered(early, table):.0%} of their intervals",
            f"{' and '.join(N_GAMES)} playouts: a deal comes to the same beside others and with few",
        ),
        figures=(
            Figure("P(make) of a hand", seconds, "s", LIMIT_S),
            Figure("a deal", 1e3 * seconds / table.n.sum(), "ms"),
            Figure(f"deals until intervals are {CI_WIDTH} wide", float(early.n.sum()), "deals"),
            *(
                Figure(f"by {other.name} playouts", speed, "games/s")
                for other, speed in zip(others, speeds, strict=True)
            ),
        ),
    )


def check_points(table: BidTable) -> None:
    """Hold points to whole solutions, and shares to a plain count; AssertionError if they differ."""
    for decl in ALL:
        value = solve(draw_deals(table.hand, decl, table.seed, 0, 1)[0], decl).value
        if table.points[decl][0] != (42 + value) // 2:
            raise AssertionError(
                f"declaration {decl}: {table.points[decl][0]} points, not {(42 + value) // 2}"
            )
        for place, bid in enumerate(BIDS):
            made = sum(int(points) >= bid for points in table.points[decl])
            low, high = wilson_interval(made, table.n[decl])
            found = table.p_make[decl, place], table.interval[0][decl, place], table.interval[1][decl, place]
            if found != (made / table.n[decl], low, high):
                raise AssertionError(f"declaration {decl}, bid {bid}: {found} for {made} deals made")


def check_prefix(early: BidTable, full: BidTable) -> None:
    """What is played until a run stops must be what the full one begins with."""
    for decl in ALL:
        if not np.array_equal(early.points[decl], full.points[decl][: early.n[decl]]):
            raise AssertionError(f"declaration {decl}: stopping early plays other deals")


def time_games(playout: Playout, hand: Sequence[int], seed: int, n: int) -> float:
    """Games a CPU second; AssertionError if a deal's points depend on what is played beside it."""
    deals = np.concatenate([draw_deals(hand, decl, seed, 0, n // len(ALL)) for decl in ALL])
    decls = np.repeat(ALL, n // len(ALL))
    some = slice(0, n, 7)
    few = playout.points(deals[some], decls[some])
    started = time.process_time()
    points = playout.points(deals, decls)
    seconds = time.process_time() - started
    if not np.array_equal(points[some], few):
        raise AssertionError(f"{playout.name}: a deal comes to other points beside other deals")
    return len(deals) / seconds


def covered(early: BidTable, full: BidTable) -> float:
    """Share of the early intervals that hold what the full run says."""
    low, high = early.interval
    return float(((low <= full.p_make) & (full.p_make <= high)).mean())
