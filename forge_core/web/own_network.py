"""A user's network in the place of the one that comes with a page."""

from __future__ import annotations

import json
from typing import Any

from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.learning.checkpoints import WEIGHTS, load_model, weights_digest
from forge_core.learning.networks.network import Network
from forge_core.web.pages import SETTINGS, Page, PageFiles


def with_network(page: Page, own: str, model: str, kind: type[Network]) -> PageFiles:
    """Return the files of a page whose players use the network in the folder `model`.

    own: the folder of the network that comes with the page, for whose size its kernels are compiled. kind:
    its class. Raises BadInput for a network of another kind or size, and StoreUnusable; see `load_model`.
    """
    usual, network = (load_model(folder, kind=kind) for folder in (own, model))
    for what, needed, found in (
        ("input", usual.spec, network.spec),
        ("size", usual.config, network.config),
    ):
        if needed != found:
            raise BadInput(f"--model {model}: its {what} is {found}, but the page can only run {needed}")
    return page.files() | {
        WEIGHTS: Store(model).read(WEIGHTS),
        SETTINGS: settings_file(player=named(model)),
    }


def settings_file(**settings: Any) -> bytes:
    """Return the content of SETTINGS."""
    return json.dumps(settings).encode()


def named(model: str) -> dict[str, Any]:
    """Return how a page names the network in a folder: its name and the digest of its weights."""
    return {"name": name_of(model), "weights": weights_digest(model)}


def name_of(model: str) -> str:
    """Return the name of a network by its path: of a run's network, that of the run."""
    return model.rstrip("/").removesuffix("/model").rpartition("/")[2]
