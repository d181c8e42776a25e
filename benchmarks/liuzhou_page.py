"""Weight and speed of the page of `forge play liuzhou`, next to the same searches computed natively.

    python benchmarks/liuzhou_page.py                        forty positions
    python benchmarks/liuzhou_page.py --positions 8 --json   a quick look

A headless Chromium loads the page as it is served, and searches positions of random games with the network.
Before any speed is printed, the visits are compared with those of the same kernels compiled for this machine,
and these with the visits of the arena, whose network is torch's. CPU times are those of all processes of
Chromium, and of one thread of this process; wall times are what a player waits.
"""

from __future__ import annotations

import argparse
import gzip
import json
import platform
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from play_page import cpu_seconds

from forge_core.inference import pack
from forge_core.learning.checkpoints import load_model
from forge_core.liuzhou.arena import search
from forge_core.liuzhou.network import LiuzhouNet, NetworkEvaluator
from forge_core.liuzhou.network.kernels import ARRANGED, TENSORS, arrange
from forge_core.liuzhou.settings.search import SearchSettings
from forge_core.liuzhou.state import SLOTS, legal_actions
from forge_core.liuzhou.web import PAGE, WEIGHTS
from forge_core.liuzhou.web.search import TREE, begin, read_root, simulate
from forge_core.web.serve import content_of, server_of

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from chromium import Chromium
from liuzhou_games import random_plies

SIMS = (32, 128, 512)
"""simulations of the levels of the page"""


class NativeSearch:
    """The kernels of the page, compiled for this machine."""

    def __init__(self, network: LiuzhouNet) -> None:
        tensors = {name: each.detach().numpy() for name, each in network.named_parameters()}
        self.weights, self.arranged = pack(TENSORS, tensors), np.zeros(1, ARRANGED)
        arrange(self.weights[0], self.arranged[0])
        self.tree = np.zeros(1, TREE)

    def visits(self, row: npt.NDArray[np.int64], sims: int) -> list[int]:
        """Return the visits of the legal actions of a row [4]."""
        begin(row, self.tree[0], self.weights[0], self.arranged[0])
        simulate(self.tree[0], self.weights[0], self.arranged[0], sims)
        found = [np.zeros(SLOTS, kind) for kind in (np.int64, np.int64, np.float64, np.float64)]
        return found[1][: read_root(self.tree[0], *found)].tolist()


def question(row: npt.NDArray[np.int64], sims: int) -> str:
    """Return a search of one row as an expression of the page."""
    words = ", ".join(f"{word}n" for word in row.tolist())
    return f"liuzhou.ask('search', {{ row: BigInt64Array.of({words}), sims: {sims} }})"


def measure(
    browser: Chromium, native: NativeSearch, rows: npt.NDArray[np.int64], sims: int
) -> dict[str, Any]:
    """Return the mean times of a search in milliseconds. Raises AssertionError if any visits differ."""
    for row in rows:
        found = browser.evaluate(question(row, sims))
        assert [each["visits"] for each in found] == native.visits(row, sims), row
    before = time.thread_time()
    for row in rows:
        native.visits(row, sims)
    native_cpu = time.thread_time() - before
    questions = "; ".join(f"await {question(row, sims)}" for row in rows)
    cpu, wall = cpu_seconds(browser.process.pid), time.perf_counter()
    browser.evaluate(f"(async () => {{ {questions}; }})()")
    wall = time.perf_counter() - wall
    cpu = cpu_seconds(browser.process.pid) - cpu
    ms = 1000 / len(rows)
    return {"sims": sims, "page_cpu": cpu * ms, "page_wall": wall * ms, "native_cpu": native_cpu * ms}


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--positions", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    network = load_model(str(WEIGHTS.parent), kind=LiuzhouNet)
    native = NativeSearch(network)
    rows = random_plies(4)[0]
    rows = rows[legal_actions(rows)[1] > 1]
    rows = np.ascontiguousarray(rows[np.linspace(0, len(rows) - 1, options.positions).astype(int)])
    expected = search(rows, NetworkEvaluator(network), SearchSettings(sims=32), device="cpu")
    same = [
        native.visits(row, 32) == expected.visits[i][expected.actions[i] < 255].tolist()
        for i, row in enumerate(rows)
    ]
    assert np.mean(same) >= 0.9, same  # torch sums in another order: the last digit decides some ties
    files = PAGE.files()
    contents = [content_of(file) for file in files.values()]
    server = server_of(files, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder, Chromium(Path(folder)) as browser:
        browser.open(f"http://127.0.0.1:{server.server_port}/#seed=1")
        browser.wait_for("globalThis.liuzhou?.readyMs")
        ready = float(browser.evaluate("liuzhou.readyMs"))
        browser.wait_for("document.querySelector('.best')")
        costs = [measure(browser, native, rows, sims) for sims in SIMS]
        assert not browser.errors, browser.errors
    figures = {
        "files": len(files),
        "bytes": sum(map(len, contents)),
        "gzip_bytes": sum(len(gzip.compress(content, mtime=0)) for content in contents),
        "ready_ms": ready,
        "positions": len(rows),
        "same_as_torch": float(np.mean(same)),
        "costs": costs,
    }
    if options.json:
        print(json.dumps(figures))
        return
    print(
        f"{platform.machine()}, {len(rows)} positions; the page's visits equal those of the native kernels,"
    )
    print(f"and those of the arena with torch's network in {100 * figures['same_as_torch']:.0f} %")
    size = f"{figures['bytes'] / 1000:.0f} kB ({figures['gzip_bytes'] / 1000:.0f} kB compressed)"
    print(f"{len(files)} files, {size}, ready in {ready:.0f} ms")
    print(f"{'simulations':>11} {'page CPU ms':>12} {'per sim':>8} {'wall ms':>8} {'native CPU ms':>14}")
    for cost in costs:
        per_sim = cost["page_cpu"] / cost["sims"]
        print(
            f"{cost['sims']:11} {cost['page_cpu']:12.1f} {per_sim:8.3f} {cost['page_wall']:8.1f} "
            f"{cost['native_cpu']:14.1f}"
        )


if __name__ == "__main__":
    main()
