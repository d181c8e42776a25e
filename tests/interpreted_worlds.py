"""The CUDA kernels that count and sample worlds, interpreted by Triton on the host, compared with the CPU's.

test_cuda.py runs this file where TRITON_INTERPRET=1, which has to be set before Triton is imported.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch

from forge_core.streams import stream
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.games import start
from forge_core.texas42.worlds.count import N_CELLS, completions
from forge_core.texas42.worlds.cuda import count_ways, find_owners
from forge_core.texas42.worlds.sample import unrank
from forge_core.texas42.worlds.voids import unseen

assert os.environ.get("TRITON_INTERPRET") == "1", "run by test_cuda.py"


@pytest.mark.parametrize("step", [0, 9, 22, 27])
def test_counts_and_owners(step):
    games, draw = (
        start([deal_from_seed(seed) for seed in range(6)], list(range(6))),
        stream(0, "worlds", step),
    )
    for _ in range(step):
        legal = games.views.legal
        games = games.play((draw.random(legal.shape) * legal).argmax(axis=1))
    table = completions(unseen(games.views))
    allowed = torch.from_numpy(table.unseen.allowed)
    ways = count_ways(allowed)
    np.testing.assert_array_equal(ways.numpy(), table.ways)
    ranks = draw.integers(table.counts[:, None], size=(6, 150))
    cells = ways.view(*ways.shape[:2], N_CELLS)
    found = find_owners(allowed, torch.from_numpy(table.root), cells, torch.from_numpy(ranks))
    np.testing.assert_array_equal(found.numpy(), unrank(table, ranks))
