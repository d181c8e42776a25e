"""Numbers that Python code passes to configurations: anything but a number of the right kind is refused."""

from __future__ import annotations

import importlib
from dataclasses import fields

import numpy as np
import pytest

from forge_core.device import resolve_device
from forge_core.errors import BadInput
from forge_core.texas42.oracle.shards import seed_keys

CONFIGURATIONS = (
    "forge_core.texas42.eq.adaptive:Sampling",
    "forge_core.texas42.eq.adaptive:AdaptiveConfig",
    "forge_core.texas42.eq.policies:ExplorationPolicy",
    "forge_core.texas42.worlds.posterior:PosteriorConfig",
    "forge_core.texas42.tokens.splits:TokenConfig",
    "forge_core.texas42.arena:Conditions",
    "forge_core.learning.networks.sizes:ModelConfig",
    "forge_core.liuzhou.settings.search:SearchSettings",
    "forge_core.liuzhou.settings.selfplay:SelfPlaySettings",
    "forge_core.liuzhou.settings.learning:LearningSettings",
    "forge_core.liuzhou.settings.validation:ValidationSettings",
    "forge_core.skull_king.settings.learning:LearningSettings",
)
SIZES = {"width": 8, "layers": 1, "heads": 1, "hidden": 8}


@pytest.mark.parametrize("path", CONFIGURATIONS)
def test_only_numbers_are_taken_for_numbers(path):
    module, _, name = path.partition(":")
    kind = getattr(importlib.import_module(module), name)
    given = SIZES if name == "ModelConfig" else {}
    valid, n_checked = kind(**given), 0
    for each in fields(kind):
        if (number := {"int": 1, "float": 1.0}.get(str(each.type).removesuffix(" | None"))) is None:
            continue
        n_checked += 1
        is_whole = type(number) is int
        wrong = ["2", float("nan"), True, *([1.5, 2.0, np.float64(2)] if is_whole else [])]
        for value in wrong if "None" in str(each.type) else [None, *wrong]:
            with pytest.raises(BadInput, match=f"^{each.name} .*: use a "):
                kind(**given | {each.name: value})
        kept = getattr(valid, each.name)
        if kept is not None:
            taken = kind(**given | {each.name: np.int64(kept) if is_whole else np.float32(kept)})
            assert type(getattr(taken, each.name)) is type(number)
    assert n_checked


@pytest.mark.parametrize("request_", [None, 3, ["cpu"], "gpu"])
def test_a_device_is_a_name(request_):
    with pytest.raises(BadInput, match="unknown device"):
        resolve_device(request_)


@pytest.mark.parametrize("opponents", [1.5, "2", float("nan"), True, 0, -1])
def test_a_number_of_opponents(opponents):
    with pytest.raises(BadInput, match="use a whole number of at least 1"):
        seed_keys([1], 1, opponents)
