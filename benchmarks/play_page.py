"""Weight and speed of the page of `forge play`, next to the same decisions computed natively.

    python benchmarks/play_page.py                       five deals
    python benchmarks/play_page.py --deals 1 --json      a quick look

A headless Chromium loads the page as `forge play` serves it. The page then estimates decisions by E[Q] in
50 worlds, and decides as its level `strongest`; both are compared with forge_core before any speed is
printed. CPU times are those of all processes of Chromium, and of one thread of this process; wall times are
what a player waits. Goals on a quiet core: less than 0.5 s at the opening lead, less than 0.15 s at every
later decision.
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
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from forge_core.streams import mix
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.eq.adaptive import Sampling
from forge_core.texas42.eq.generate import GameConfig, decide
from forge_core.texas42.eq.oracles import ExactOracle, PlayoutOracle
from forge_core.texas42.games import Games, start
from forge_core.texas42.players.expected import ExpectedPlayer
from forge_core.texas42.players.names import parse_player
from forge_core.texas42.web import STRONGEST
from forge_core.texas42.web.folder import page_files
from forge_core.web.serve import content_of, server_of

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from chromium import Chromium

WORLDS = 50
"""worlds of the level `exact` of the page, and of hints"""
STEPS = (0, 1, 2, 3, 4, 5, 8, 12, 16)
"""numbers of plays before the decisions that are measured"""


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a decision: means over deals except for the longest, in milliseconds."""

    player: str
    worlds: int
    step: int
    """plays before the decision"""
    page_cpu: float
    page_wall: float
    longest_wall: float
    """the largest one of the deals"""
    native_cpu: float


def cpu_seconds(session: int) -> float:
    """Return the CPU time of all processes of a session."""
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            continue
        if int(fields[3]) == session:
            total += (int(fields[11]) + int(fields[12])) / 100  # ticks of 10 ms
    return total


def view_of(games: Games) -> dict[str, Any]:
    """Return the view of one game as the page describes it."""
    seen, views = games.seen, games.views
    view: dict[str, Any] = {name: int(getattr(seen, name)[0]) for name in ("decl", "bid", "bidder")}
    for name in ("plays", "players", "points"):
        view[name] = getattr(seen, name)[0].tolist()
    seat = int(views.seat[0])
    return view | {"seat": seat, "hand": views.hand[0].tolist(), "leader": (seat - seen.step % 4) % 4}


def measure(browser: Chromium, games: Games, player: str, repeats: int) -> tuple[Cost, float]:
    """Return the cost of one decision, and the largest difference of its means from those of forge_core."""
    step, keys = games.seen.step, np.zeros(1, dtype=np.uint64)
    oracle, config, task = ExactOracle(workers=1), GameConfig(Sampling(WORLDS, points=False)), "estimate"
    if player == "strongest":
        strong, task = parse_player(STRONGEST), "play"
        assert isinstance(strong, ExpectedPlayer) and isinstance(strong.oracle, PlayoutOracle)
        oracle, config = replace(strong.oracle, workers=1), strong.config
    worlds = config.sampling.at(step).n_worlds
    decide(oracle, games.views, keys, config)
    before = time.thread_time()
    expected, choices = decide(oracle, games.views, keys, config)
    native = time.thread_time() - before

    key = str(int(mix(mix(keys, step), 0)[0]))
    asked = {"view": view_of(games), "worlds": WORLDS, "key": key, "level": player}
    question = f"texas42.ask({json.dumps(task)}, {json.dumps(asked)})"
    found = browser.evaluate(question)
    if player == "strongest":
        difference = 0.0 if found == choices.slot[0] else np.inf
    else:
        mean = np.array(found["mean"], dtype=float)
        difference = float(np.nanmax(np.abs(mean - expected.mean[0])))
    timed = f"(async () => {{ for (let i = 0; i < {repeats}; i++) await {question}; }})()"
    cpu, wall = cpu_seconds(browser.process.pid), time.perf_counter()
    browser.evaluate(timed)
    wall = time.perf_counter() - wall
    cpu = cpu_seconds(browser.process.pid) - cpu
    ms = 1000 / repeats
    return Cost(player, worlds, step, cpu * ms, wall * ms, wall * ms, 1000 * native), difference


def average(costs: list[Cost]) -> Cost:
    """Return the mean cost of decisions of one kind."""
    first, timed = costs[0], ("page_cpu", "page_wall", "native_cpu")
    means = {name: float(np.mean([getattr(cost, name) for cost in costs])) for name in timed}
    return replace(first, **means, longest_wall=max(cost.longest_wall for cost in costs))


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--deals", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=5, help="times that each decision is made")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    files = page_files()
    contents = [content_of(file) for file in files.values()]
    weight = sum(map(len, contents))
    compressed = sum(len(gzip.compress(content, mtime=0)) for content in contents)
    server = server_of(files, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/#seed=1&decl=sixes"
    kinds: dict[tuple[str, int], list[Cost]] = {}
    with tempfile.TemporaryDirectory() as folder, Chromium(Path(folder)) as browser:
        browser.open(address)
        browser.wait_for("globalThis.texas42?.readyMs")
        ready = float(browser.evaluate("texas42.readyMs"))
        browser.wait_for("document.querySelector('.best')")
        for seed in range(options.deals):
            games = start([deal_from_seed(seed)], [seed % 10])
            while games.seen.step <= max(STEPS):
                if games.seen.step in STEPS:
                    for player in ("exact", "strongest"):
                        cost, difference = measure(browser, games, player, options.repeats)
                        assert difference < 1e-4, (seed, games.seen.step, player, difference)
                        kinds.setdefault((player, cost.step), []).append(cost)
                games = games.play([int(games.views.legal[0].argmax())])
        assert not browser.errors, browser.errors
    costs = [average(of) for of in kinds.values()]
    figures = {"files": len(files), "bytes": weight, "gzip_bytes": compressed, "ready_ms": ready}
    if options.json:
        print(json.dumps(figures | {"deals": options.deals, "costs": [*map(asdict, costs)]}))
        return
    print(f"{platform.machine()}, {options.deals} deals; the page's answers equal those of forge_core")
    size = f"{weight / 1000:.0f} kB ({compressed / 1000:.0f} kB compressed)"
    print(f"{len(files)} files, {size}, ready in {ready:.0f} ms")
    heads = "player", "worlds", "plays before", "page CPU ms", "per world", "wall ms", "longest", "native ms"
    print("{:10} {:>6} {:>12} {:>12} {:>9} {:>8} {:>8} {:>9}".format(*heads))
    for cost in sorted(costs, key=lambda cost: (cost.player, cost.step)):
        per_world = cost.page_cpu / cost.worlds
        print(
            f"{cost.player:10} {cost.worlds:6} {cost.step:12} {cost.page_cpu:12.1f} {per_world:9.2f} "
            f"{cost.page_wall:8.1f} {cost.longest_wall:8.1f} {cost.native_cpu:9.1f}"
        )


if __name__ == "__main__":
    main()
