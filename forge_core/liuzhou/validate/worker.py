"""A process that runs cases of the validator: commands on standard input, answers on standard output.

    python -m forge_core.liuzhou.validate.worker

Each line is a JSON object. The first has the settings and the device. Then, for each case, the line
`{"mode", "threads", "positions"}` prepares it, answered by `{"ready": true}`, and the line `{"go": true}`
runs it, answered by its figures. The process ends when its input ends.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch

from forge_core.liuzhou.network import NetworkEvaluator
from forge_core.liuzhou.settings.search import SearchSettings
from forge_core.liuzhou.settings.validation import ValidationSettings
from forge_core.liuzhou.validate.modes import make_search
from forge_core.liuzhou.validate.network import network_of
from forge_core.liuzhou.validate.positions import positions_of_all_phases


def serve() -> None:
    """Answer commands until the input ends."""
    asked = json.loads(sys.stdin.readline())
    settings, device = ValidationSettings(**asked["settings"]), asked["device"]
    torch.set_num_threads(1)
    evaluator = NetworkEvaluator(network_of(settings), device=device)
    rows = positions_of_all_phases(settings.positions, settings.seed)
    for line in sys.stdin:
        case = json.loads(line)
        shares = np.array_split(np.resize(rows, (case["positions"], 4)), case["threads"])
        searches = [
            make_search(case["mode"], settings.games, SearchSettings(sims=settings.sims), evaluator)
            for _ in shares
        ]
        for (search, clock), share in zip(searches, shares, strict=True):
            search(share[: settings.games])  # compile and allocate
            clock.seconds = 0.0
        answer({"ready": True})
        sys.stdin.readline()
        answer(run(searches, shares, settings.games, device))


def run(searches: list, shares: list[np.ndarray], games: int, device: str) -> dict[str, Any]:
    """Search each thread's share of the positions; return the combined figures."""

    def search_share(search, share) -> tuple[int, float]:
        begun = time.thread_time()
        n = sum(search(share[first : first + games]) for first in range(0, len(share), games))
        return n, time.thread_time() - begun

    begun = time.perf_counter()
    with ThreadPoolExecutor(len(shares)) as pool:
        done = list(pool.map(search_share, [search for search, _ in searches], shares))
    if device != "cpu":
        torch.cuda.synchronize(device)
    seconds = time.perf_counter() - begun
    spent = sum(cpu for _, cpu in done)
    inside = sum(clock.seconds for _, clock in searches)
    return {
        "evaluations": sum(n for n, _ in done),
        "seconds": seconds,
        "cpu_seconds": spent,
        "outside_network": 1 - inside / spent if device == "cpu" and inside else None,
    }


def answer(record: dict[str, Any]) -> None:
    """Print one line of JSON."""
    print(json.dumps(record), flush=True)


if __name__ == "__main__":
    serve()
