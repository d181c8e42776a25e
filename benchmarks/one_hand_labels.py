"""Strength of the one-hand network against the number of labels it learnt from.

    python benchmarks/one_hand_labels.py DATA FOLDER --labels 16000,50000,160000 --plot labels.png

DATA is a store with rows of games (`forge tokenize --stage 2`). For each number, a network of --hidden and
--second units learns from so many decisions, in equally many steps, and meets the heuristic player and the
shipped network in duplicate deals. FOLDER keeps the networks.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from forge_core.arena.settings import held_out_seeds
from forge_core.files import Store
from forge_core.learning.runs import MODEL
from forge_core.pictures import BLUE, GREY, new_figure, style_axes, to_png
from forge_core.stats import Difference
from forge_core.texas42.arena import Conditions, play_match
from forge_core.texas42.arena.report import Comparison
from forge_core.texas42.one_hand_training.decisions import DecisionSet
from forge_core.texas42.one_hand_training.train import Plan, plan_of, train
from forge_core.texas42.players import parse_player
from forge_core.texas42.settings.one_hand import OneHandSettings
from forge_core.texas42.sources import OneHandRows

OPPONENTS = {"heuristic": BLUE, "network": GREY}


def main() -> None:
    """Train, play, print, and plot."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--labels", default="16000,50000,160000")
    parser.add_argument("--steps", type=int, default=1_500)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--second", type=int, default=32)
    parser.add_argument("--deals", type=int, default=2_000)
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    settings = OneHandSettings(hidden=given.hidden, second=given.second)
    source = OneHandRows.describe(Store(given.data), settings.batch_size, settings.seed)
    plan = plan_of(settings, source)
    wanted = [min(int(text), len(plan.train)) for text in given.labels.split(",")]
    found: dict[str, list[Difference]] = {name: [] for name in OPPONENTS}
    for n in wanted:
        folder = given.folder / f"labels-{n}"
        if not (folder / MODEL).exists():
            train(part_of(plan, n, given.steps), folder)
        for name, results in found.items():
            results.append(measure(str(folder / MODEL), name, given.deals))
            print(f"{n:>9,} labels against {name:<9}: {text_of(results[-1])}", flush=True)
    if given.plot:
        given.plot.write_bytes(draw(wanted, found))


def part_of(plan: Plan, n: int, steps: int) -> Plan:
    """Return the plan of a run of about so many steps on the first n decisions."""
    decisions = plan.train
    few = DecisionSet(decisions.games, decisions.game[:n], decisions.made[:n])
    epochs = max(1, round(steps / (n // plan.settings.batch_size)))
    return replace(plan, settings=replace(plan.settings, epochs=epochs), train=few)


def measure(network: str, opponent: str, deals: int) -> Difference:
    """Return the points per deal of a network over an opponent, on deals of val."""
    players = parse_player(f"network:model={network}"), parse_player(opponent)
    return Comparison.of(play_match(*players, held_out_seeds(deals), Conditions())).swing


def text_of(points: Difference) -> str:
    """Return points per deal with their 95 % interval."""
    return f"{points.mean:+.2f} ({points.low:+.2f} to {points.high:+.2f})"


def draw(labels: list[int], found: dict[str, list[Difference]]) -> bytes:
    """Draw points per deal, with 95 % intervals, against the number of labels, as a PNG."""
    figure = new_figure(3.8)
    axes = figure.subplots()
    figure.subplots_adjust(left=0.08, right=0.97, top=0.86, bottom=0.16)
    style_axes(axes, "Points per deal of the one-hand network, with 95 % intervals", "labels")
    for name, points in found.items():
        error = [point.mean - point.low for point in points]
        mean = [point.mean for point in points]
        axes.errorbar(
            labels, mean, error, color=OPPONENTS[name], marker="o", capsize=3, label=f"against {name}"
        )
    axes.set_xscale("log")
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.legend(frameon=False, fontsize=9, loc="center right")
    return to_png(figure)


if __name__ == "__main__":
    main()
