"""Train Liuzhou's network from nothing, and measure its strength against CPU time.

    python benchmarks/liuzhou_from_nothing.py FOLDER --plot strength.png

Self-play trains a network with the defaults of `forge liuzhou train`; the networks of some evaluations of the
run are kept. Each then plays the ladder by pairs. FOLDER keeps everything, so that an interrupted run
continues. CPU seconds are those of the training alone.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from forge_core.learning.loop import Watch
from forge_core.learning.memory import keep_freed_memory
from forge_core.learning.runs import CHECKPOINT, MODEL, Point
from forge_core.liuzhou.ladder import climb
from forge_core.liuzhou.settings.learning import EVALUATIONS, LearningSettings
from forge_core.liuzhou.settings.matches import LadderSettings
from forge_core.liuzhou.settings.selfplay import SelfPlaySettings
from forge_core.liuzhou.train import point_text, train
from forge_core.pictures import BLUE, GREY, INK, ORANGE, new_figure, style_axes, to_png

KEPT = (1, 2, 3, 5, 8, 12, EVALUATIONS)
"""evaluations of the run, counted from 1, whose networks are kept"""
STRONGEST = "playouts:1024"
"""opponent of the last network only"""
RESULT = "ladder.json"
COLOURS = (GREY, INK, ORANGE, BLUE)


def main() -> None:
    """Train, play the ladder, print, and plot."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", default=LearningSettings().size)
    parser.add_argument("--positions", type=int, default=LearningSettings().positions)
    parser.add_argument("--playout-positions", type=int, default=LearningSettings().playout_positions)
    parser.add_argument("--games", type=int, default=None, help="games side by side")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pairs", type=int, default=LadderSettings().pairs, help="of the last network")
    parser.add_argument(
        "--pairs-before", type=int, default=50, help="pairs of games of the networks before it"
    )
    parser.add_argument("--opponents", default=LadderSettings().opponents)
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    learning = LearningSettings(
        size=given.size,
        positions=given.positions,
        playout_positions=given.playout_positions,
        seed=given.seed,
    )
    keep_freed_memory()
    train_and_keep(SelfPlaySettings(games=given.games), learning, given.folder)
    before = LadderSettings(pairs=given.pairs_before, opponents=given.opponents)
    last = LadderSettings(pairs=given.pairs, opponents=f"{given.opponents} {STRONGEST}")
    networks = sorted((given.folder / "kept").iterdir(), key=lambda path: int(path.name))
    results = []
    for network in networks:
        results.append(measure(network, last if network == networks[-1] else before))
        print_result(results[-1])
    if given.plot:
        given.plot.write_bytes(draw(results))


def train_and_keep(play: SelfPlaySettings, learning: LearningSettings, folder: Path) -> None:
    """Train in FOLDER/run, or continue there, and copy networks to FOLDER/kept/NUMBER."""
    run, kept = folder / "run", folder / "kept"

    def keep(point: Point) -> None:
        print(point_text(point), flush=True)
        number = round(point["rows"] / learning.positions * EVALUATIONS)
        if min(number, EVALUATIONS) in KEPT:
            shutil.copytree(run / MODEL, kept / str(number), dirs_exist_ok=True)

    if not (kept / str(EVALUATIONS)).exists():
        resume = (run / CHECKPOINT).exists()
        train(play, learning, run, device="cpu", resume=resume, watch=Watch(on_point=keep))


def measure(network: Path, settings: LadderSettings) -> dict[str, Any]:
    """Return the ladder of a network, from its folder if it has been played there."""
    stored, wanted = network / RESULT, {"pairs": settings.pairs, "opponents": settings.opponents}
    if stored.exists() and (found := json.loads(stored.read_text()))["settings"] == wanted:
        return found
    ladder = climb(str(network), settings, "cpu")
    card = json.loads((network / "model.json").read_text())["card"]
    result = {
        "settings": wanted,
        "positions": card["results"]["rows"],
        "cpu_seconds": card["results"]["cpu_seconds"],
        "ladder": ladder.to_dict(),
        "opponents": [
            {"name": name, **comparison.to_dict()}
            for name, comparison in zip(settings.names, ladder.comparisons, strict=True)
        ],
    }
    stored.write_text(json.dumps(result))
    return result


def print_result(result: dict[str, Any]) -> None:
    """Print the matches of one network."""
    print(f"\n{result['positions']:,} positions, {result['cpu_seconds']:,.0f} CPU s")
    for match in result["opponents"]:
        score = match["score"]
        print(
            f"  {match['name']:<14}{match['won']:>5} won {match['drawn']:>4} drawn {match['lost']:>4} lost   "
            f"score {score['mean']:.3f} ({score['low']:.3f} to {score['high']:.3f})   "
            f"lead {match['stones']['mean']:+.1f}   {match['plies']:.0f} plies",
            flush=True,
        )


def draw(results: list[dict[str, Any]]) -> bytes:
    """Draw the score against each opponent of the ladder, with intervals, against CPU seconds, as a PNG."""
    figure = new_figure(4.2)
    axes = figure.subplots()
    figure.subplots_adjust(left=0.08, right=0.97, top=0.88, bottom=0.15)
    style_axes(axes, "Score against the ladder, with 95 % intervals by pairs", "CPU seconds of training")
    seconds = [result["cpu_seconds"] for result in results]
    for i, colour in zip(range(len(results[0]["opponents"])), COLOURS, strict=False):
        matches = [result["opponents"][i] for result in results]
        scores = [match["score"] for match in matches]
        low, high = ([abs(score[end] - score["mean"]) for score in scores] for end in ("low", "high"))
        axes.errorbar(
            seconds,
            [score["mean"] for score in scores],
            yerr=[low, high],
            color=colour,
            marker="o",
            markersize=3,
            linewidth=1.6,
            capsize=2,
            label=matches[0]["name"],
        )
    axes.set_ylim(0, 1.02)
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    return to_png(figure)


if __name__ == "__main__":
    main()
