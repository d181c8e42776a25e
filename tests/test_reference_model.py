"""The network in models/ loads, and plays as its card says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forge_core.texas42.oracle.shards import ShardKey
from forge_core.texas42.tokens.golden import golden_rows

MODELS = sorted((Path(__file__).parent.parent / "models").glob("*/model.json"))


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.parent.name)
def test_a_reference_network_loses_little(path):
    import torch

    from forge_core.learning.checkpoints import load_model
    from forge_core.learning.labelled.metrics import evaluate_q, evaluate_random
    from forge_core.learning.labelled.rows import concatenate

    model = load_model(str(path.parent))
    rows = concatenate(list(golden_rows([ShardKey(900 + d, d) for d in range(10)], rows_per_deal=500)))
    with torch.no_grad():
        q, _ = model(torch.from_numpy(np.asarray(rows.tokens)), torch.from_numpy(np.asarray(rows.mask)))
    measured = evaluate_q(q.numpy(), rows.q, rows.legal, rows.weight)
    chance = evaluate_random(rows.q, rows.legal)
    assert measured["decision_q_gap"] < 2.1
    assert measured["decision_q_gap"] < chance["decision_q_gap"] / 4
