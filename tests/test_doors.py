"""Public functions that others build on: their places and the arguments they accept."""

from __future__ import annotations

from importlib import import_module
from inspect import signature

import pytest

DOORS = {
    "forge_core.texas42.deals": {"deal_from_seed": ("seed",)},
    "forge_core.texas42.rules": {
        "legal_plays": ("hand", "trick", "decl"),
        "trick_winner": ("trick", "decl"),
        "trick_points": ("trick",),
        "led_suit": ("lead", "decl"),
    },
    "forge_core.streams": {"stream": ("seed", "key")},
    "forge_core.texas42.oracle": {
        "solve": ("hands", "decl", "leader", "device"),
        "root_q": ("hands", "decls", "leaders", "states"),
    },
    "forge_core.texas42.worlds": {
        "count_worlds": ("unseen", "allowed", "need"),
        "sample_worlds": ("unseen", "allowed", "need", "n", "stream"),
        "enumerate_worlds": ("unseen", "allowed", "need"),
    },
    "forge_core.texas42.worlds.posterior": {
        "posterior_weights": ("q_past", "legal", "observed", "tau", "mix")
    },
    "forge_core.texas42.eq": {
        "generate_games": (
            *("oracle", "hands", "decls", "n_worlds", "posterior", "adaptive", "exploration", "seed"),
            "device",
        ),
        "collate": ("records",),
        "PosteriorConfig": ("window", "tau", "mix"),
        "AdaptiveConfig": ("min_worlds", "max_worlds", "batch", "sem_threshold"),
        "ExplorationPolicy": ("mode", "epsilon", "temperature", "max_regret"),
    },
    "forge_core.learning.checkpoints": {"load_model": ("path",)},
    "forge_core.learning.metrics": {"evaluate_q": ("predicted", "q", "legal", "weight", "decl", "ply")},
    "forge_core.stats": {"wilson_interval": ("k", "n")},
}


@pytest.mark.parametrize("module", DOORS)
def test_doors_stay_where_they_are(module):
    for name, asked in DOORS[module].items():
        found = tuple(signature(getattr(import_module(module), name)).parameters)
        assert found[: len(asked)] == asked, f"{module}.{name}{found}"


def test_the_pipeline_has_one_too():
    import dagster as dg

    from forge_assets.definitions import defs

    assert isinstance(defs, dg.Definitions)
