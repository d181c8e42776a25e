"""Checks and timings of Liuzhou on a GPU, for `gpu.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gpu_run import Check, Part, Run, count_synchronizations, read_power_of, seconds

from forge_core.game import to_numpy
from forge_core.liuzhou.arena import Arena
from forge_core.liuzhou.buffer import TrajectoryBuffer
from forge_core.liuzhou.network import LiuzhouNet, NetworkEvaluator
from forge_core.liuzhou.selfplay import SelfPlay
from forge_core.liuzhou.settings.network import parse_size
from forge_core.liuzhou.settings.search import SearchSettings
from forge_core.liuzhou.settings.selfplay import SelfPlaySettings
from forge_core.liuzhou.state import legal_actions, legal_mask, planes, step_rows
from forge_core.liuzhou.validate.correctness import count_rule_differences, count_search_differences
from forge_core.liuzhou.validate.modes import BARE, make_search
from forge_core.liuzhou.validate.positions import positions_of_all_phases
from forge_core.streams import stream


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of all checks and parts."""

    positions: int = 700
    """compared with the reference rules and the compiled trees"""
    sims: int = 64
    rows: int = 1 << 20
    """stepped at once"""
    games: tuple[int, ...] = (1_024, 4_096)
    """searched at once"""
    more_sims: tuple[int, ...] = (512,)
    """of deeper searches, of the most games"""
    networks: tuple[str, ...] = ("32x3", "128x10")
    plies: int = 16
    """of timed self-play"""


SMALL = Sizes(positions=14, sims=4, rows=256, games=(16,), more_sims=(8,), networks=("32x3",), plies=1)


def sizes_of(run: Run) -> Sizes:
    """Return the sizes of a run."""
    return SMALL if run.small else Sizes()


def check_rules(run: Run) -> str:
    """Compare legal actions, successors and planes with the reference rules and the host's kernels."""
    rows = positions_of_all_phases(sizes_of(run).positions, 0)
    differences = count_rule_differences(rows, run.device)
    assert differences == 0, f"{differences} differences"
    on_device = planes(torch.from_numpy(rows).to(run.device))
    np.testing.assert_array_equal(to_numpy(on_device), planes(rows))
    return f"legal actions, successors and planes of {len(rows)} positions equal the CPU's"


def check_arena(run: Run) -> str:
    """Compare the visits and values of searches with those of compiled trees on the host."""
    sizes = sizes_of(run)
    rows = positions_of_all_phases(sizes.positions, 1)
    differences = count_search_differences(rows, sizes.sims, run.device)
    assert differences == 0, f"{differences} of {len(rows)} positions differ"
    return f"visits and values of {len(rows)} searches of {sizes.sims} simulations equal the CPU's"


CHECKS: dict[str, Check] = {"liuzhou rules": check_rules, "liuzhou arena": check_arena}


def time_rules(run: Run) -> dict[str, Any]:
    """Time steps and legal masks of random positions."""
    n = sizes_of(run).rows
    some = positions_of_all_phases(min(n, 4_096), 2)
    rows = torch.from_numpy(np.resize(some, (n, 4))).to(run.device)
    draws = stream(0, "gpu", "liuzhou").random(n)
    draws = torch.from_numpy(draws).to(run.device)
    return {
        "random_steps_m_s": n / seconds(run, lambda: play_with(rows, draws)) / 1e6,
        "masks_m_s": n / seconds(run, lambda: legal_mask(rows)) / 1e6,
    }


def play_with(rows: torch.Tensor, draws: torch.Tensor) -> torch.Tensor:
    """Return rows [N, 4] after one legal action each, chosen by draws [N] in [0, 1)."""
    actions, counts = legal_actions(rows)
    slots = (draws * counts).long()
    return step_rows(rows, actions.gather(1, slots[:, None])[:, 0].long())


def time_arena(run: Run) -> dict[str, Any]:
    """Time the search and the bare forward pass by network and number of games; return also the share."""
    sizes, found = sizes_of(run), run.figures.setdefault("liuzhou arena", {})
    for name in sizes.networks:
        evaluator = NetworkEvaluator(network(name), device=run.device)
        for games in sizes.games:
            rows = positions_of_all_phases(games, 3)
            settings = SearchSettings(sims=sizes.sims)
            bare, _ = make_search(BARE, games, settings, evaluator)
            forward = seconds(run, lambda search=bare, given=rows: search(given))
            arena, given = Arena(games, settings, run.device), torch.from_numpy(rows).to(run.device)
            took = seconds(run, lambda a=arena, g=given, e=evaluator: a.search(g, e), repeats=3)
            evaluations = games * (sizes.sims + 1)
            found[f"{name}, {games} games"] = {
                "bare_evaluations_s": games / forward,
                "evaluations_s": evaluations / took,
                "positions_s": games / took,
                "share_of_bare_forward": forward * (sizes.sims + 1) / took,
                **_waits(run, arena, given, evaluator),
            }
            run.keep()
        if run.on_card:
            found[f"{name}, {games} games"] |= _power(
                run,
                lambda search=bare, given=rows: search(given),
                lambda a=arena, g=given, e=evaluator: a.search(g, e),
            )
        for sims in sizes.more_sims:
            deep = Arena(games, SearchSettings(sims=sims), run.device)
            took = seconds(run, lambda a=deep, g=given, e=evaluator: a.search(g, e), repeats=1)
            found[f"{name}, {games} games, {sims} simulations"] = {
                "evaluations_s": games * (sims + 1) / took,
                "positions_s": games / took,
                "share_of_bare_forward": forward * (sims + 1) / took,
            }
            run.keep()
    return found


def _power(run: Run, bare: Callable[[], Any], search: Callable[[], Any]) -> dict[str, float | None]:
    """Return power and utilisation of the search, and its power as a share of the bare forward's."""
    bare_watts, bare_utilisation = read_power_of(run, bare)
    watts, utilisation = read_power_of(run, search)
    return {
        "bare_watts": bare_watts,
        "bare_utilisation": bare_utilisation,
        "watts": watts,
        "utilisation": utilisation,
        "share_of_bare_watts": watts / bare_watts if watts and bare_watts else None,
    }


def _waits(run: Run, arena: Arena, rows: torch.Tensor, evaluator: NetworkEvaluator) -> dict[str, int]:
    """Return the synchronisations of a whole search, on a GPU."""
    if not run.on_card:
        return {}
    return {"waits_per_search": count_synchronizations(lambda: arena.search(rows, evaluator))}


def time_selfplay(run: Run) -> dict[str, Any]:
    """Time plies of self-play with the search settings of training."""
    sizes, games = sizes_of(run), sizes_of(run).games[-1]
    settings = SelfPlaySettings(games=games, tables=1, sims=sizes.sims, fast_sims=min(8, sizes.sims))
    buffer = TrajectoryBuffer(games, 2 * games, run.device)
    evaluator = NetworkEvaluator(network(sizes.networks[-1]), settings.beta, run.device)
    play = SelfPlay(settings, buffer, evaluator, 0)
    took = seconds(run, lambda: play.play(sizes.plies * games), repeats=1)
    return {"games": games, "positions_s": sizes.plies * games / took}


def network(size: str) -> LiuzhouNet:
    """Return an untrained network, which costs as much as a trained one."""
    torch.manual_seed(0)
    return LiuzhouNet.of_size(parse_size(size))


PARTS: dict[str, Part] = {
    "liuzhou rules": Part(time_rules, ("liuzhou rules",), reserve=10),
    "liuzhou arena": Part(time_arena, ("liuzhou rules", "liuzhou arena"), reserve=60),
    "liuzhou self-play": Part(time_selfplay, ("liuzhou arena",), reserve=40),
}
