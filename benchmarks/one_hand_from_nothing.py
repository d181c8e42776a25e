"""Train the one-hand network from nothing by policy iteration, and measure each network against the others.

    python benchmarks/one_hand_from_nothing.py FOLDER --games 10000 --turns 3

A turn plays games of E[Q] by playouts (the first turn by the heuristic policy, the others by the network of
the turn before, with beliefs by it), packs their decisions, trains a network on them from the one before, and
plays duplicate matches against the heuristic player, the shipped network and the network before.

It runs the verbs `forge eq`, `tokenize`, `train-one-hand` and `match`. FOLDER keeps everything, so that an
interrupted run continues.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

FIRST_SEED, VAL_SEEDS = 100_000, 150
"""first seed of the games; val games of each turn"""


def main() -> None:
    """Run the turns and print the matches."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--games", type=int, default=10_000, help="train games of each turn")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--worlds", type=int, default=25)
    parser.add_argument("--deals", type=int, default=3_000, help="of each match")
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--second", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=24)
    given = parser.parse_args()
    policy = "heuristic"
    for turn in range(given.turns):
        before, policy = policy, learn(given, turn, policy)
        opponents = ["heuristic", "network"] + ([f"network:model={before}"] if turn else [])
        for opponent in opponents:
            print_match(given.folder / f"turn{turn}", policy, opponent, given.deals)


def learn(given: argparse.Namespace, turn: int, policy: str) -> str:
    """Play the games of a turn by a policy, and return the folder of the network that learnt from them."""
    store, first = given.folder / f"turn{turn}", FIRST_SEED + 100_000 * turn
    seeds = seeds_of(first, given.games, range(900)), seeds_of(first, VAL_SEEDS, range(900, 950))
    play = ["eq", "--seeds", ",".join(seeds), "--decl", "hand", "--out", str(store), "--batch", "500"]
    play += ["--oracle", "playout", "--policy", policy, "--worlds", str(given.worlds)]
    play += ["--exploration", "epsilon", "--no-pdf"] + (["--belief", "both"] if turn else [])
    run(*play)
    run("tokenize", "--stage", "2", "--split", "all", "--input", str(store), "--out", str(store))
    network = given.folder / "runs" / f"turn{turn}" / "model"
    if not network.exists():
        start = ["--init-from", policy] if turn else ["--hidden", str(given.hidden)]
        start += [] if turn else ["--second", str(given.second)]
        taught = ["train-one-hand", "--data", str(store), "--epochs", str(given.epochs), *start]
        run(*taught, "--runs", str(given.folder / "runs"), "--name", f"turn{turn}")
    return str(network)


def seeds_of(first: int, n: int, ends: range) -> str:
    """Return ranges of n seeds from `first` on, those whose last three digits are in `ends`."""
    ranges = []
    while n > 0:
        count = min(n, len(ends))
        ranges.append(f"{first + ends.start}-{first + ends.start + count - 1}")
        first, n = first + 1000, n - count
    return ",".join(ranges)


def print_match(folder: Path, network: str, opponent: str, deals: int) -> None:
    """Play a match, or read it from the folder of its turn, and print it."""
    name = "".join(letter if letter.isalnum() else "-" for letter in opponent)
    stored = folder / f"match-{deals}-{name}.json"
    if not stored.exists():
        asked = ("match", f"network:model={network}", opponent, "--deals", str(deals), "--json")
        stored.write_text(run(*asked, capture=True))
    (match,) = json.loads(stored.read_text())["matches"]
    print(f"{network} against {opponent}: {text_of(match)}", flush=True)


def text_of(match: dict[str, Any]) -> str:
    """Return the points per deal of a match, with a 95 % interval."""
    points = match["swing"]
    interval = f"{points['low']:+.2f} to {points['high']:+.2f}"
    return f"{points['mean']:+.2f} ({interval}) over {match['deals']:,} deals"


def run(*arguments: str, capture: bool = False) -> str:
    """Run a verb of forge in a process of its own, print what it cost, and return what it wrote."""
    begun = time.monotonic()
    command = [str(Path(sys.executable).parent / "forge"), *arguments]
    done = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE if capture else None)
    print(f"forge {arguments[0]}: {time.monotonic() - begun:,.0f} s", flush=True)
    return done.stdout or ""


if __name__ == "__main__":
    main()
