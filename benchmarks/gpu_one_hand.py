"""The check and the timings of one-hand playouts of Texas 42 on a GPU, for `gpu.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gpu_run import Check, Part, Run, count_synchronizations, seconds

from forge_core.streams import stream
from forge_core.texas42.dominoes import HAND_SIZE, N_DOMINOES, N_PLAYS, N_SEATS
from forge_core.texas42.eq.oracles import History, PlayoutOracle, Positions
from forge_core.texas42.games import Games, start
from forge_core.texas42.one_hand.choose import POLICIES, open_policy
from forge_core.texas42.one_hand.lockstep import BATCH, deal_values
from forge_core.texas42.one_hand.parity import compare_decisions

NAME = "one-hand playouts"


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of the check and of the part."""

    games: int = 3_600
    """compared with the CPU at each of their 28 decisions"""
    positions: int = 500
    """whose values are compared with the CPU's"""
    playouts: tuple[int, ...] = (65_536, 1_048_576)
    """whole deals played"""
    batches: tuple[int, ...] = (BATCH, 1_048_576)
    """playouts at once"""


SMALL = Sizes(games=10, positions=10, playouts=(64,), batches=(32,))


def sizes_of(run: Run) -> Sizes:
    """Return the sizes of a run."""
    return SMALL if run.small else Sizes()


def check_playouts(run: Run) -> str:
    """Compare features, choices and values with those of the kernels on the host."""
    sizes, games = sizes_of(run), random_games(sizes_of(run).games)
    ties = {}
    for name in POLICIES:
        draws = stream(0, "gpu", "one-hand", name)
        ties[name] = compare_decisions(games.hands, games.seen, open_policy(name), draws, run.device)
    differ = 0
    for until in (0, 12):
        oracle = PlayoutOracle(open_policy("network"), until)
        positions, history = positions_at(9, sizes.positions)
        host, there = (oracle.q(positions.to(torch.device(on)), history).cpu() for on in ("cpu", run.device))
        differ += int((host != there).sum())
    assert differ <= max(1, sizes.positions // 100), f"{differ} values differ"
    network = ties["network"]
    run.figures[f"{NAME}, differences"] = {
        "decisions": network.decisions,
        "near_ties": network.near_ties,
        "values": differ,
    }
    return (
        f"features and plays of {network.decisions:,} decisions by each policy equal the CPU's, except in "
        f"{network.near_ties} near-ties; {differ} values of {2 * sizes.positions} positions differ"
    )


def time_playouts(run: Run) -> dict[str, Any]:
    """Time whole deals by each policy: decisions per second, waits and peak memory."""
    sizes, found = sizes_of(run), run.figures.setdefault(NAME, {})
    for name in POLICIES:
        policy = open_policy(name)
        for n in sizes.playouts:
            hands, decl = random_deals(n, run.device)
            for batch in sorted({min(batch, n) for batch in sizes.batches}):
                if run.on_card:
                    torch.cuda.reset_peak_memory_stats(run.device)
                took = seconds(run, lambda d=(hands, decl), p=policy, b=batch: deal_values(*d, p, b), 3)
                figures = {"decisions_m_s": n * N_PLAYS / took / 1e6}
                if run.on_card:
                    figures["memory_mb"] = torch.cuda.max_memory_allocated(run.device) / 1e6
                    figures["waits"] = count_synchronizations(
                        lambda d=(hands, decl), p=policy, b=batch: deal_values(*d, p, b)
                    )
                found[f"{name}, {n} playouts, {batch} at once"] = figures
            run.keep()
    return found


CHECKS: dict[str, Check] = {NAME: check_playouts}
PARTS: dict[str, Part] = {NAME: Part(time_playouts, (NAME,), reserve=15)}


def random_deals(n: int, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return hands, int8 [n, 4, 7], and declarations [n] of random deals on a device."""
    torch.manual_seed(0)
    order = torch.rand(n, N_DOMINOES, device=device).argsort(dim=1).to(torch.int8)
    hands = order.view(n, N_SEATS, HAND_SIZE).sort(dim=2).values
    return hands, torch.arange(n, device=device) % 10


def random_games(n: int) -> Games:
    """Return n deals under all declarations, with any leader and bidder."""
    draws = stream(0, "gpu", "one-hand", "deals")
    hands = draws.permuted(np.tile(np.arange(N_DOMINOES), (n, 1)), axis=1).reshape(n, N_SEATS, HAND_SIZE)
    leaders, bidders = draws.integers(N_SEATS, size=(2, n))
    return start(np.sort(hands, axis=2), np.arange(n) % 10, leaders, bidders)


def positions_at(step: int, n: int) -> tuple[Positions, History]:
    """Return the positions of n games after some random plays, and their history."""
    games, draws = random_games(n), stream(0, "gpu", "one-hand", "plays")
    while games.seen.step < step:
        legal = games.views.legal
        games = games.play(np.where(legal, draws.random(legal.shape), -1).argmax(axis=1))
    deal_of = torch.arange(n)
    columns = (games.hands, games.seen.decl, games.states)
    history = History(games.seen, deal_of, torch.full((n,), step))
    return Positions(*map(torch.as_tensor, columns), deal_of), history
