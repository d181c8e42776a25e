"""P(make) of a bid of 30 by playouts, against hands that another maker's players played out at a table.

    python benchmarks/bid_panels.py                      the default playouts, and their cost against eq
    python benchmarks/bid_panels.py heuristic eq oracle --samples 100

`tests/golden/bid_panels.json` holds 13 panels: a hand, a declaration, the number of games, and how many of
them were made. Error: the mean over panels of the playouts' share less the players' share. rms: its root
mean square, which includes the sampling error of the players' games, .035 on average.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from forge_core.texas42.bidding.playouts import Playout, open_playout
from forge_core.texas42.bidding.table import bid_index, play_out
from forge_core.texas42.settings.bidding import DEFAULT_PLAYOUT, DEFAULT_SAMPLES

PANELS = Path(__file__).parents[1] / "tests" / "golden" / "bid_panels.json"
EQ_SAMPLES = 5
"""deals per panel from which the cost of `eq` is measured, if it is not asked for by name"""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of a playout with the panels."""

    playout: str
    version: str
    samples: int
    error: float
    """mean of P(make) less the share made"""
    rms: float
    correlation: float
    ms_per_deal: float
    """CPU milliseconds"""


def read_panels() -> list[dict[str, Any]]:
    """Return the panels: `hand` (ids), `decl`, `games`, `made_30`."""
    return json.loads(PANELS.read_text())["panels"]


def compare(playout: Playout, samples: int, seed: int = 0) -> Agreement:
    """Play out every panel and compare P(make) of 30 with the share made."""
    panels = read_panels()
    play_out(panels[0]["hand"], playout, 1, seed, [panels[0]["decl"]])  # compiles
    started = time.process_time()
    tables = [play_out(panel["hand"], playout, samples, seed, [panel["decl"]]) for panel in panels]
    seconds = time.process_time() - started
    predicted = np.array(
        [table.p_make[panel["decl"], bid_index(30)] for table, panel in zip(tables, panels, strict=True)]
    )
    made = np.array([panel["made_30"] / panel["games"] for panel in panels])
    return Agreement(
        playout.name,
        playout.version,
        samples,
        float((predicted - made).mean()),
        float(np.sqrt(((predicted - made) ** 2).mean())),
        float(np.corrcoef(predicted, made)[0, 1]),
        1e3 * seconds / (len(panels) * samples),
    )


def main() -> None:
    """Compare playouts and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("playouts", nargs="*", default=[DEFAULT_PLAYOUT])
    parser.add_argument("--samples", type=int, default=DEFAULT_SAMPLES, help="deals per panel")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    found = {name: compare(open_playout(name, "cpu", 1), asked.samples) for name in asked.playouts}
    cost = found["eq"] if "eq" in found else compare(open_playout("eq", "cpu", 1), EQ_SAMPLES)
    for one in found.values():
        print(
            f"{one.playout:9} {one.samples:,} deals per panel: error {one.error:+.3f}, rms {one.rms:.3f}, "
            f"correlation {one.correlation:.2f}, {one.ms_per_deal:.2f} CPU ms per deal "
            f"(eq / {cost.ms_per_deal / one.ms_per_deal:.0f}); {one.version}"
        )


if __name__ == "__main__":
    main()
