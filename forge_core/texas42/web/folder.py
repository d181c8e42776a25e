"""The files of the page: those of `page/`, a network of the user's choice, and settings that name it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.learning.checkpoints import architecture_of
from forge_core.texas42.one_hand.architecture import ARCHITECTURE
from forge_core.texas42.web import PAGE
from forge_core.texas42.web.weights import ONE_HAND, weights_file
from forge_core.web.own_network import name_of, named, settings_file
from forge_core.web.pages import SETTINGS
from forge_core.web.runtime import runtime_files
from forge_core.web.serve import Files

PAGE_VERSION = "w1"
"""Raised when the same network would give another page"""
_NETWORK = "network"
"""the folder of the network and of the files that run it"""
OBJECTIVES = ("qvalue", "eq")
"""objectives of networks that the page can ask: Q with all hands seen, and E[Q] from one hand"""


def page_files(
    model: str | None = None, runtime: str | None = None, lineage: Mapping[str, Any] | None = None
) -> Files:
    """Return the files of the page by name.

    model: the folder of a network of one hand, which plays in place of the project's; or a network that the
    page asks, too: an ONNX file, or the folder of a model, which is exported if it holds no model.onnx.
    runtime: see `runtime_files`. lineage: facts about the network that the page shows, by name. Raises
    BadInput for a network that the page cannot ask, and the errors of `runtime_files`.
    """
    files = PAGE.files()
    if model is None:
        return files
    if sees_one_hand(model):
        if runtime is not None:
            raise BadInput(f"--onnxruntime has no effect with {model}, a network of one hand: leave it out")
        return files | {ONE_HAND: weights_file(model), SETTINGS: settings_file(player=named(model))}
    files |= {f"{_NETWORK}/{name}": file for name, file in runtime_files(runtime).items()}
    files[f"{_NETWORK}/model.onnx"] = onnx_of(model)
    files[SETTINGS] = settings_file(network={"name": name_of(model), "lineage": dict(lineage or {})})
    return files


def sees_one_hand(model: str) -> bool:
    """Return True for the folder of a network of one hand."""
    return architecture_of(model) == ARCHITECTURE


def onnx_of(model: str) -> bytes:
    """Return the ONNX file of a network: a file as it is, or that of a model's folder.

    Raises BadInput and StoreUnusable for a model that cannot be read or whose answers are not points.
    """
    if model.endswith(".onnx"):
        folder, slash, name = model.rpartition("/")
        return Store(folder or slash or ".").read(name)
    store = Store(model)
    if store.exists("model.onnx"):
        return store.read("model.onnx")
    from forge_core.learning.checkpoints import load_model
    from forge_core.learning.networks.transformer import TokenTransformer
    from forge_core.learning.onnx import export_onnx

    network = load_model(model, kind=TokenTransformer)
    objective = network.config.objective
    if objective not in OBJECTIVES:
        raise BadInput(f"{model} is a network with objective {objective}: use {' or '.join(OBJECTIVES)}")
    with tempfile.TemporaryDirectory() as folder:
        export_onnx(network, folder)
        return Path(folder, "model.onnx").read_bytes()
