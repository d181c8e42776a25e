"""The CUDA kernels of Liuzhou's search, interpreted by Triton on the host, compared with the CPU's kernels.

test_liuzhou_arena_cuda.py runs this file where TRITON_INTERPRET=1, which has to be set before Triton is
imported.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from liuzhou_positions import assert_equal_roots, keys, positions

from forge_core.liuzhou.arena import Arena, SearchSettings
from forge_core.liuzhou.evaluators import FakeNet
from forge_core.liuzhou.state import BLACK_WON, step_rows

assert os.environ.get("TRITON_INTERPRET") == "1", "run by test_liuzhou_arena_cuda.py"

GOLDEN = json.loads((Path(__file__).parent / "golden" / "liuzhou_search.json").read_text())


def test_golden_searches_of_sixteen_simulations():
    cases = [(case, case["search"][0]) for case in GOLDEN["cases"][1:4]]
    arena = Arena(len(cases), SearchSettings(16, fpu=None, draw_scale=8.0), "cpu", "cuda")
    arena.search(np.array([case["row"] for case, _ in cases]), FakeNet())
    root = arena.root()
    for g, (case, found) in enumerate(cases):
        assert (found["sims"], found["salt"], found["beta"]) == (16, 0, 0.0)
        n = len(case["legal"])
        assert root.visits[g, :n].tolist() == found["visits"]
        assert root.sums[g, :n].tolist() == found["w_black"]


@pytest.mark.parametrize(
    "options",
    [{"noise": 0.25, "beta": 0.5, "c": 0.7}, {"gumbel": True, "noise": 1.0}, {"reuse": True}],
    ids=["noise", "gumbel", "reuse"],
)
def test_kernels_equal_those_of_the_cpu(options):
    settings = SearchSettings(8, **options)
    arenas = [Arena(4, settings, "cpu", kind) for kind in ("cpu", "cuda")]
    finished = np.array([[127, 1 << 35, 0, 4 | BLACK_WON << 22]])
    rows = np.concatenate([positions(3), finished])
    for _ in range(2 if settings.reuse else 1):
        results = [arena.search(rows, FakeNet(2), keys(4)) for arena in arenas]
        assert_equal_roots(arenas[1].root(), arenas[0].root())
        np.testing.assert_array_equal(results[1].chosen, results[0].chosen)
        if settings.reuse:
            slots = results[0].slots_of(results[0].chosen)
            for arena in arenas:
                arena.advance(slots)
            rows = step_rows(rows, np.maximum(results[0].chosen, 0))
