"""Checks and timings of Skull King on a GPU, for `gpu.py`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from gpu_run import Check, Part, Run, count_synchronizations, seconds

from forge_core.device import core_count
from forge_core.learning.threads import one_torch_thread
from forge_core.skull_king.cli.bench_train import check_threads, of_recipe
from forge_core.skull_king.env import SkullKing
from forge_core.skull_king.parity import SEATS, check_tensors
from forge_core.skull_king.random_play import RandomPlay
from forge_core.skull_king.rules import N_ROUNDS
from forge_core.skull_king.sampler import Rounds
from forge_core.skull_king.settings.learning import LearningSettings


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of all checks and parts."""

    compared: int = 64
    """tables compared with kernels for a game of ten rounds"""
    tables: tuple[int, ...] = (65_536, 262_144)
    """stepped at once"""
    steps: int = 40
    """about a round and a half"""
    learning: tuple[tuple[int, int, int], ...] = ((512, 8_192, 1_024), (8_192, 131_072, 8_192))
    """tables, batch and minibatch of a learner"""
    shared: tuple[int, int, int] = (8_192, 32_768, 8_192)
    """the same of the learner whose tables threads share in the check"""
    network: str = LearningSettings().size


SMALL = Sizes(compared=2, tables=(16,), steps=2, learning=((8, 64, 32),), shared=(32, 64, 32), network="8x1")


def sizes_of(run: Run) -> Sizes:
    """Return the sizes of a run."""
    return SMALL if run.small else Sizes()


def check_rules(run: Run) -> str:
    """Compare rows, masks and observations of tensors with those of kernels on the host."""
    tables = sizes_of(run).compared
    decisions = check_tensors(run.device, tables)
    return f"{tables * N_ROUNDS} rounds equal the CPU's: rows, masks, observations of {decisions:,} decisions"


def check_graph(run: Run) -> str:
    """Compare single rounds, launched as a graph per step on a card, with those of kernels on the host."""
    decisions = check_tensors(run.device, sizes_of(run).compared, graph=run.on_card, sampler=Rounds())
    return f"{decisions:,} decisions by graph equal the CPU's: rows, masks, observations, points"


def check_rollouts(run: Run) -> str:
    """Compare a batch that a network on the device plays at tables of several threads with one thread's."""
    sizes, threads = sizes_of(run), max(2, core_count())
    tables, batch, minibatch = sizes.shared
    settings = LearningSettings(size=sizes.network, tables=tables, batch=batch, minibatch=minibatch, parts=1)
    plays = check_threads(settings, run.device, threads)
    return f"{plays:,} plays of a learner at tables shared by {threads} threads equal those of one thread"


ROLLOUTS = "skull king rollouts"
RULES, GRAPH = "skull king rules", "skull king graph"
PLAY, CAPTURED = "skull king", "skull king captured"
CHECKS: dict[str, Check] = {RULES: check_rules, GRAPH: check_graph, ROLLOUTS: check_rollouts}


def time_play(run: Run) -> dict[str, Any]:
    """Time random play by number of tables, without and with observations, one launch per kernel."""
    return time_tables(run, PLAY, graph=False)


def time_captured(run: Run) -> dict[str, Any]:
    """Time the same, on a card with one launch of a graph per step."""
    return time_tables(run, CAPTURED, graph=run.on_card)


def time_tables(run: Run, name: str, graph: bool) -> dict[str, Any]:
    """Time random play by number of tables."""
    sizes, found = sizes_of(run), run.figures.setdefault(name, {})
    for tables in sizes.tables:
        env = SkullKing(tables, SEATS, device=run.device, sampler=Rounds(), backend="tensors")
        draws = torch.rand(sizes.steps, tables, dtype=torch.float64, device=run.device)
        found[f"{tables} tables"] = play(run, env, draws, graph)
        run.keep()
    return found


def play(run: Run, env: SkullKing, draws: torch.Tensor, graph: bool) -> dict[str, Any]:
    """Return million decisions per second without and with observations, peak memory and waits per step."""
    figures: dict[str, Any] = {}
    if run.on_card:
        torch.cuda.reset_peak_memory_stats(run.device)
    for name, observed in (("decisions_m_s", False), ("observed_decisions_m_s", True)):
        tables = RandomPlay(env, observed, graph)
        took = seconds(run, lambda t=tables: t.run(draws), repeats=3)
        figures[name] = draws.numel() / took / 1e6
        if run.on_card:
            waits = count_synchronizations(lambda t=tables: t.run(draws))
            figures["waits_per_step"] = waits / len(draws)
    if run.on_card:
        figures["memory_mb"] = torch.cuda.max_memory_allocated(run.device) / 1e6
    return figures


def time_training(run: Run) -> dict[str, Any]:
    """Time the learner, network and updates included, by number of tables; return also the shares in %.

    Each size is timed without a teacher and with the one of the default recipe.
    """
    sizes, found = sizes_of(run), run.figures.setdefault("skull king training", {})
    for tables, batch, minibatch in sizes.learning:
        settings = LearningSettings(
            size=sizes.network, tables=tables, batch=batch, minibatch=minibatch, parts=1
        )
        for name, teacher in (("without a teacher", 0.0), ("with a teacher", settings.teacher)):
            with one_torch_thread():
                figures = of_recipe("learner", replace(settings, teacher=teacher), run.device)
                found[f"{tables} tables, {name}"] = {
                    figure.name.removeprefix("learner, ").replace("learner decisions", "decisions_s"): (
                        figure.value
                    )
                    for figure in figures
                }
            run.keep()
    return found


PARTS: dict[str, Part] = {
    PLAY: Part(time_play, (RULES,), reserve=30),
    CAPTURED: Part(time_captured, (GRAPH,), reserve=30),
    "skull king training": Part(time_training, (ROLLOUTS,), reserve=40),
}
