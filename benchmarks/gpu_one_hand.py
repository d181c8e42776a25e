"""The check and the timings of one-hand playouts of Texas 42 on a GPU, for `gpu.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gpu_run import Check, Part, Run, count_synchronizations, seconds

from forge_core.device import capture_graph
from forge_core.streams import stream
from forge_core.texas42.dominoes import HAND_SIZE, N_DOMINOES, N_PLAYS, N_SEATS
from forge_core.texas42.eq.oracles import History, PlayoutOracle, Positions
from forge_core.texas42.games import Games, start
from forge_core.texas42.one_hand.choose import POLICIES, Policy, open_policy
from forge_core.texas42.one_hand.lockstep import BATCH, deal_values, lockstep_q
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
    asked: tuple[int, ...] = (4_096, 50_000)
    """positions in a call of the oracle"""


SMALL = Sizes(games=10, positions=10, playouts=(64,), batches=(32,), asked=(10,))


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
        oracle = PlayoutOracle(open_policy("network"), until, fewest_on_card=0)
        positions, history = positions_at(9, sizes.positions)
        host, there = (oracle.q(positions.to(torch.device(on)), history).cpu() for on in ("cpu", run.device))
        differ += int((host != there).sum())
        by_graphs, without = (
            values(run, oracle, positions, history, captured=captured) for captured in (True, False)
        )
        assert torch.equal(by_graphs, without), f"other values by graphs, until {until}"
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
        for n in sizes.playouts:
            for batch in sorted({min(batch, n) for batch in sizes.batches}):
                found[f"{name}, {n} playouts, {batch} at once"] = play(run, open_policy(name), n, batch)
                run.keep()
    if run.on_card:
        found["network, captured"] = play_captured(run, open_policy("network"), sizes.playouts[0])
        run.keep()
    for n in sizes.asked:
        for captured in (False, True):
            label = f"oracle, {n} positions" + (", captured" if captured else "")
            found[label] = time_positions(run, n, captured)
            run.keep()
    return found


def time_positions(run: Run, n: int, captured: bool) -> dict[str, float]:
    """Return positions per second of E[Q]'s oracle: playouts to the end by the network, after 9 plays.

    captured: by CUDA graphs, as the oracle plays on a card.
    """
    oracle = PlayoutOracle(open_policy("network"), 0, fewest_on_card=0)
    positions, history = positions_at(9, n)
    there = positions.to(torch.device(run.device))
    took = seconds(run, lambda: values(run, oracle, there, history, captured=captured), repeats=3)
    return {"positions_m_s": n / took / 1e6}


def values(
    run: Run, oracle: PlayoutOracle, positions: Positions, history: History, *, captured: bool
) -> torch.Tensor:
    """Return the values that the oracle finds on a device, int8 [S, 7], on the host: by graphs or without."""
    there = positions.to(torch.device(run.device))
    voids, bidder = (torch.as_tensor(column, device=run.device) for column in (history.voids, history.bidder))
    dealt, policy = (there.hands, there.decl, there.states, there.deal_of), oracle.policy
    return lockstep_q(*dealt, voids, bidder, policy, oracle.until, captured=captured).cpu()


def play(run: Run, policy: Policy, n: int, batch: int) -> dict[str, float]:
    """Return decisions per second, and on a GPU the peak memory and the waits of all playouts."""
    hands, decl = random_deals(n, run.device)
    if run.on_card:
        torch.cuda.reset_peak_memory_stats(run.device)
    took = seconds(run, lambda: deal_values(hands, decl, policy, batch), repeats=3)
    figures = {"decisions_m_s": n * N_PLAYS / took / 1e6}
    if run.on_card:
        figures["memory_mb"] = torch.cuda.max_memory_allocated(run.device) / 1e6
        figures["waits"] = count_synchronizations(lambda: deal_values(hands, decl, policy, batch))
    return figures


def play_captured(run: Run, policy: Policy, n: int) -> dict[str, Any]:
    """Return decisions per second if a CUDA graph launches all kernels of whole deals, or why it cannot.

    other_deals: the number of deals that gain other points than without a graph.
    """
    hands, decl = random_deals(n, run.device)
    gained: list[torch.Tensor] = []

    def play_all() -> None:
        gained[:] = [deal_values(hands, decl, policy, n)]

    try:
        graph = capture_graph(play_all, run.device)
        took = seconds(run, graph.replay, repeats=3)
    except RuntimeError as error:
        return {"failed": str(error).strip()[:200]}
    other = int((gained[0] != deal_values(hands, decl, policy, n)).sum())
    return {"decisions_m_s": n * N_PLAYS / took / 1e6, "other_deals": other}


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
    hands, decl, states = map(torch.as_tensor, (games.hands, games.seen.decl, games.states))
    deal_of, steps = torch.arange(n), torch.full((n,), step)
    return Positions(hands, decl, states, deal_of), History(games.seen, deal_of, steps)
