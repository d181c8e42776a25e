"""Compare ways to spend a million oracle queries: few worlds per label and many labels, or the reverse.

    python benchmarks/label_budget.py --keep labels --worlds 3 10 100 --seeds 0 1 2

For each number of worlds, E[Q] with the exact oracle plays games of train seeds until the budget
of queries is spent, and a 73k Stage-2 network learns from their decisions. The judge is exact E[Q]
over 200 worlds on held-out games: one half of them selects the best weights during training, the
other half gives the figure, points lost per decision. --keep stores games and results, so that an
interrupted run continues; --plot draws all stored results.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch

from forge_core.learning.checkpoints import load_model
from forge_core.learning.labelled.answers import ask
from forge_core.learning.labelled.config import Recipe, TrainConfig
from forge_core.learning.labelled.job import TrainingJob
from forge_core.learning.labelled.rows import Rows
from forge_core.learning.labelled.train import train
from forge_core.learning.networks.sizes import SIZES, ModelConfig
from forge_core.pictures import BLUE, FAINT, GREY, new_figure, to_png
from forge_core.splits import Split, split_of
from forge_core.streams import stream
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.eq import ExactOracle, GameConfig, Sampling, play_games
from forge_core.texas42.eq.rows import collate
from forge_core.texas42.games import start
from forge_core.texas42.tokens.inferences import STAGE2_SPEC

JUDGE_WORLDS, JUDGE_GAMES, FIRST_JUDGE = 200, 64, 920
FIRST_SEED, SEEDS_APART = 100_000, 1_000_000
RESULTS = "results.jsonl"
BATCH, STEPS, EVALUATE_EVERY = 1024, 1_500, 75
RATE = 3e-3


class Labels:
    """A row source in memory: each epoch yields all rows once, in a new order."""

    def __init__(self, rows: Rows, seed: int) -> None:
        self.rows, self.seed, self.spec = rows, seed, STAGE2_SPEC

    def batch(self, k: int) -> Rows:
        """See RowSource; an epoch drops the rows that do not fill a batch."""
        epoch, place = divmod(k, max(1, len(self.rows) // BATCH))
        order = stream(self.seed, "label budget", epoch).permutation(len(self.rows))
        return self.rows.take(order[place * BATCH : (place + 1) * BATCH])


def main() -> None:
    """Play, train, judge and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--worlds", type=int, nargs="+", default=[3, 10, 100])
    parser.add_argument("--budget", type=int, default=1_000_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--plot", type=Path)
    asked = parser.parse_args()
    asked.keep.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    judge = kept(asked.keep / "judge.npz", lambda: judge_rows())
    first_half = judge.deal < JUDGE_GAMES // 2
    watch, final = judge.take(first_half), judge.take(~first_half)
    for seed in asked.seeds:
        for worlds in asked.worlds:
            file = asked.keep / f"w{worlds}_{seed}.npz"
            rows = kept(file, lambda w=worlds, s=seed: labels(w, asked.budget, s))
            found = teach(rows, watch, final, seed, asked.keep / f"run_w{worlds}_{seed}")
            line = json.dumps({"worlds": worlds, "seed": seed, "labels": len(rows), **found})
            print(line, flush=True)
            with (asked.keep / RESULTS).open("a") as results:
                results.write(line + "\n")
    if asked.plot:
        lines = (asked.keep / RESULTS).read_text().splitlines()
        draw([json.loads(line) for line in lines], asked.plot)


def kept(file: Path, make) -> Rows:
    """Return the rows in a file; make the file if it is missing."""
    if not file.exists():
        rows = make()
        part = file.with_name("." + file.name)
        np.savez(part, **{f.name: getattr(rows, f.name) for f in fields(rows)})
        part.rename(file)
    with np.load(file) as columns:
        return Rows(**{name: columns[name] for name in columns.files})


def judge_rows() -> Rows:
    """Return the decisions of held-out games, judged over many worlds."""
    seeds = [seed for seed in range(FIRST_JUDGE, FIRST_JUDGE + 10_000) if split_of(seed) is Split.VAL]
    halves = np.array_split(np.array(seeds[:JUDGE_GAMES]), 2)
    return collate([record for half in halves for record in play(half.tolist(), JUDGE_WORLDS, 0)])


def labels(worlds: int, budget: int, seed: int) -> Rows:
    """Return the decisions of as many games as a budget of queries can play."""
    records, spent, next_seed = [], 0, FIRST_SEED + seed * SEEDS_APART
    together = max(32, min(512, 2048 // worlds))
    while spent < budget:
        seeds = []
        while len(seeds) < together:
            seeds += [next_seed] if split_of(next_seed) is Split.TRAIN else []
            next_seed += 1
        for record in play(seeds, worlds, seed):
            if spent < budget:
                spent += int(record.decisions.n_worlds.sum())
                records.append(record)
    return collate(records)


def play(seeds: list[int], worlds: int, seed: int) -> list:
    """Play games by exact E[Q]."""
    games = start([deal_from_seed(s) for s in seeds], [s % 10 for s in seeds])
    config = GameConfig(Sampling(worlds, points=False), seed=seed)
    return play_games(ExactOracle(workers=1), games, config, "cpu", deal_seeds=seeds)


def teach(rows: Rows, watch: Rows, final: Rows, seed: int, folder: Path) -> dict[str, float]:
    """Train a Stage-2 network on these rows, and return the judge's figures for its best weights."""
    shutil.rmtree(folder, ignore_errors=True)
    sizes = SIZES["73k"].to_dict() | {"objective": "eq"}
    config = TrainConfig(
        ModelConfig.from_dict(sizes),
        Recipe(STEPS, RATE, warmup=100),
        evaluate_every=EVALUATE_EVERY,
        device="cpu",
        seed=seed,
    )
    begun = time.process_time()
    result = train(TrainingJob(config, Labels(rows, seed), watch, folder))
    answers = ask(load_model(result.model), [final])
    measured = answers.measure()
    return {
        "decision_q_gap": measured["decision_q_gap"],
        "q_mae": measured["q_mae"],
        "spread_mae": measured.get("spread_mae", float("nan")),
        "random": answers.measure_random()["decision_q_gap"],
        "best_step": result.best["step"],
        "cpu_seconds": time.process_time() - begun,
    }


def draw(results: list[dict], file: Path) -> None:
    """Draw points lost per decision against worlds per label: each seed, and the mean."""
    figure = new_figure(4, 8)
    axes = figure.subplots()
    figure.subplots_adjust(left=0.08, right=0.97, top=0.86, bottom=0.15)
    by_worlds = {found["worlds"]: [] for found in sorted(results, key=lambda found: found["worlds"])}
    for found in results:
        by_worlds[found["worlds"]].append(found["decision_q_gap"])
        axes.plot(found["worlds"], found["decision_q_gap"], marker="o", color=GREY)
    means = [float(np.mean(gaps)) for gaps in by_worlds.values()]
    axes.plot(list(by_worlds), means, color=BLUE, linewidth=1.8)
    for worlds, mean in zip(by_worlds, means, strict=True):
        axes.annotate(f"{mean:.2f}", (worlds, mean), textcoords="offset points", xytext=(8, 6), color=BLUE)
    axes.set_xscale("log")
    axes.set_xticks(list(by_worlds), [f"{worlds}" for worlds in by_worlds])
    axes.minorticks_off()
    axes.set_xlabel("worlds a label, a million in all")
    axes.set_title("Points lost a decision; points: seeds, line: their mean", loc="left", fontsize=11)
    axes.grid(color=FAINT)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    file.write_bytes(to_png(figure))


if __name__ == "__main__":
    main()
