"""Checks and timings of Skull King on a GPU, for `gpu.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from gpu_run import Check, Part, Run, count_synchronizations, seconds

from forge_core.learning.threads import one_torch_thread
from forge_core.skull_king.cli.bench_train import of_recipe
from forge_core.skull_king.cli.benchmark import play_tensors
from forge_core.skull_king.env import SkullKing
from forge_core.skull_king.parity import SEATS, check_tensors
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
    network: str = LearningSettings().size


SMALL = Sizes(compared=2, tables=(16,), steps=2, learning=((8, 64, 32),), network="8x1")


def sizes_of(run: Run) -> Sizes:
    """Return the sizes of a run."""
    return SMALL if run.small else Sizes()


def check_rules(run: Run) -> str:
    """Compare rows, masks and observations of tensors with those of kernels on the host."""
    tables = sizes_of(run).compared
    decisions = check_tensors(run.device, tables)
    return f"{tables * N_ROUNDS} rounds equal the CPU's: rows, masks, observations of {decisions:,} decisions"


CHECKS: dict[str, Check] = {"skull king rules": check_rules}


def time_play(run: Run) -> dict[str, Any]:
    """Time random play by number of tables, without and with observations."""
    sizes, found = sizes_of(run), run.figures.setdefault("skull king", {})
    for tables in sizes.tables:
        if run.on_card:
            torch.cuda.reset_peak_memory_stats(run.device)
        env = SkullKing(tables, SEATS, device=run.device, sampler=Rounds(), backend="tensors")
        draws = torch.rand(sizes.steps, tables, device=run.device)
        figures: dict[str, Any] = {}
        for name, observed in (("decisions_m_s", False), ("observed_decisions_m_s", True)):
            took = seconds(run, lambda e=env, d=draws, o=observed: play_tensors(e, d, o), repeats=3)
            figures[name] = tables * sizes.steps / took / 1e6
        if run.on_card:
            figures["memory_mb"] = torch.cuda.max_memory_allocated(run.device) / 1e6
            waits = count_synchronizations(lambda e=env, d=draws: play_tensors(e, d, False))
            figures["waits_per_step"] = waits / sizes.steps
        found[f"{tables} tables"] = figures
        run.keep()
    return found


def time_training(run: Run) -> dict[str, Any]:
    """Time the learner, network and updates included, by number of tables; return also the shares in %."""
    sizes, found = sizes_of(run), run.figures.setdefault("skull king training", {})
    for tables, batch, minibatch in sizes.learning:
        settings = LearningSettings(
            size=sizes.network, tables=tables, batch=batch, minibatch=minibatch, parts=1
        )
        with one_torch_thread():
            figures = {each.name: each.value for each in of_recipe("learner", settings, run.device)}
        found[f"{tables} tables"] = {
            name.removeprefix("learner, ").replace("learner decisions", "decisions_s"): value
            for name, value in figures.items()
        }
        run.keep()
    return found


PARTS: dict[str, Part] = {
    "skull king": Part(time_play, ("skull king rules",), reserve=30),
    "skull king training": Part(time_training, ("skull king rules",), reserve=40),
}
