"""Train the bid-value network from nothing: label auctions by rollouts, then learn from the labels.

    python benchmarks/bids_from_nothing.py FOLDER --deals 20000

FOLDER keeps the labels and the run, so that an interrupted run continues. The network is trained on deals of
the train split. Each evaluation prints what its choices lose per decision on deals of the val split, whose
labels value all declarations in more worlds, in percent of what one mark is worth at the score.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from pathlib import Path

import numpy as np

from forge_core.learning.loop import Watch
from forge_core.learning.runs import Point
from forge_core.splits import Split
from forge_core.texas42.bidding.labels import Labeller, Labels, seeds_of
from forge_core.texas42.bidding.rollouts import RolloutBidder
from forge_core.texas42.declarations import N_DECLARATIONS
from forge_core.texas42.one_hand_training.bids import BidLessons
from forge_core.texas42.one_hand_training.train import Plan, train
from forge_core.texas42.settings.one_hand import HIDDEN, SECOND, OneHandSettings

IN_FILE = 500
"""deals of a file of labels"""


def main() -> None:
    """Make labels, train, and print the evaluations."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--deals", type=int, default=20_000, help="train deals, 5 decisions each")
    parser.add_argument("--worlds", type=int, default=64, help="worlds of a train label")
    parser.add_argument("--val-deals", type=int, default=250)
    parser.add_argument("--val-worlds", type=int, default=300)
    parser.add_argument("--hidden", type=int, default=HIDDEN)
    parser.add_argument("--second", type=int, default=SECOND)
    parser.add_argument("--epochs", type=int, default=32)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--temperature", type=float, default=5.0, help="of choices, in percent of a mark")
    parser.add_argument("--name", default="run", help="of the run in FOLDER")
    given = parser.parse_args()
    labellers = {
        Split.TRAIN: (given.deals, Labeller(RolloutBidder(worlds=given.worlds))),
        Split.VAL: (given.val_deals, Labeller(RolloutBidder(worlds=given.val_worlds), N_DECLARATIONS)),
    }
    labels = {split: make(given.folder, split, *made) for split, made in labellers.items()}
    settings = OneHandSettings(
        hidden=given.hidden,
        second=given.second,
        epochs=given.epochs,
        batch_size=given.batch,
        lr=given.lr,
        temperature=given.temperature,
        regret_share=0.0,
    )
    digest = hashlib.blake2b(labels[Split.TRAIN].tobytes(), digest_size=8).hexdigest()
    data = {
        "kind": "bid-labels",
        "version": digest,
        **{split.value: {"deals": n, **labeller.describe()} for split, (n, labeller) in labellers.items()},
    }
    plan = Plan(settings, BidLessons(labels[Split.TRAIN]), BidLessons(labels[Split.VAL]), data)
    folder = given.folder / given.name
    result = train(plan, folder, resume=folder.exists(), watch=Watch(on_point=print_point))
    print(f"the network is in {result.model}")


def make(folder: Path, split: Split, n: int, labeller: Labeller) -> Labels:
    """Return the labels of the first n deals of a split; those already in the folder are read."""
    seeds, parts, begun = seeds_of(split, n), [], time.process_time()
    (folder / "labels").mkdir(parents=True, exist_ok=True)
    for first in range(0, n, IN_FILE):
        of_file = seeds[first : first + IN_FILE]
        path = folder / "labels" / f"{split}-{labeller.bidder.worlds}-{of_file[0]}-{len(of_file)}.npy"
        if not path.exists():
            made = np.concatenate([labeller.label(seed) for seed in of_file])
            unfinished = path.with_suffix(".part.npy")
            np.save(unfinished, made)
            unfinished.rename(path)
            print(f"{path.name}: {time.process_time() - begun:,.0f} CPU s", flush=True)
        parts.append(np.load(path))
    return np.concatenate(parts)


def print_point(point: Point) -> None:
    """Print an evaluation."""
    print(
        f"step {point['step']:>7,}  {point['cpu_seconds']:>6,.0f} CPU s  loss {point['loss']:.4f}  "
        f"{point['decision_q_gap']:.2f} % of a mark lost per decision",
        flush=True,
    )


if __name__ == "__main__":
    main()
