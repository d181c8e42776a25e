"""Trained networks on disk: `model.safetensors`, and `model.json`, which describes them.

The JSON names the architecture, which is looked up in the registry of `networks`, and holds a
digest of the weights. It is written last, so a folder with both files is complete and
consistent. Nothing here can run code that it reads.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from forge_core.errors import BadInput, StoreUnusable
from forge_core.files import Store
from forge_core.learning.networks import TOKEN_TRANSFORMER, Architecture, find_architecture
from forge_core.learning.networks.network import Network

if TYPE_CHECKING:
    from forge_core.learning.networks.transformer import TokenTransformer

WEIGHTS, CARD = "model.safetensors", "model.json"
MODEL_SCHEMA = 1
"""Raised when a model.json holds other things, or the same things elsewhere. One without a schema is of 1."""
_COMPILED = "_orig_mod."
"""inserted by torch.compile into the names of a wrapped module's weights"""

N = TypeVar("N", bound=Network)


def save_model(folder: str, model: Network, card: Mapping[str, Any] | None = None) -> None:
    """Write a network of any registered architecture to `folder`, a path or URL.

    card: anything else that is known of it, JSON types: data version, results, lineage. Raises
    BadInput for a card that is not JSON and for weights that are not finite, StoreUnusable where
    it cannot be written.
    """
    weights = plain_names(model.state_dict())
    if not all(torch.isfinite(tensor).all() for tensor in weights.values()):
        raise BadInput("a weight is NaN or infinite: the network has diverged and is not saved")
    data = save(
        {name: tensor.detach().to("cpu", torch.float32).contiguous() for name, tensor in weights.items()}
    )
    record = {
        "schema_version": MODEL_SCHEMA,
        "architecture": find_architecture(model.architecture).name,
        "spec": model.spec.to_dict(),
        "config": model.config.to_dict(),
        "parameters": model.n_parameters,
        "dtype": "fp32",
        "weights": digest(data),
        "card": dict(card if card is not None else model.card),
    }
    try:
        text = json.dumps(record, indent=2, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BadInput(f"a model card must hold JSON types only: {error}") from error
    store = Store(folder)
    store.write(WEIGHTS, data)
    store.write(CARD, text.encode())


@overload
def load_model(path: str, device: str = "cpu") -> TokenTransformer: ...
@overload
def load_model(path: str, device: str = "cpu", *, kind: type[N]) -> N: ...
def load_model(path: str, device: str = "cpu", *, kind: type[Network] | None = None) -> Any:
    """Load the network in a folder (or in the folder of a file) onto `device`, float32, in evaluation mode.

    kind: the class that the caller can use, or a base of it: `Network` for any; default: the
    token transformer. Raises BadInput where there is no model, one whose parts do not fit each
    other, or one of another kind; StoreUnusable where it cannot be read.
    """
    folder = str(path).removesuffix(f"/{WEIGHTS}").removesuffix(f"/{CARD}")
    store = Store(folder)
    if not (store.exists(CARD) and store.exists(WEIGHTS)):
        raise BadInput(f"{folder} holds no model: name a folder with {WEIGHTS} and {CARD}")
    data = store.read(WEIGHTS)
    try:
        record = store.read_json(CARD)
        if not isinstance(record, dict):
            raise ValueError("it is not a JSON object")
        schema = record.get("schema_version", 1)
        if schema != MODEL_SCHEMA:
            raise BadInput(
                f"{store.path(CARD)} is of schema {schema!r}, this code reads {MODEL_SCHEMA}: load it with "
                "the version of Forge that wrote it, or train a network again with forge train"
            )
        if missing := [name for name in ("spec", "config", "card", "weights") if name not in record]:
            raise ValueError(f"it lacks {missing[0]}")
        architecture = find_architecture(str(record.get("architecture", TOKEN_TRANSFORMER)))
        needed = kind or find_architecture(TOKEN_TRANSFORMER).network
        if not issubclass(architecture.network, needed):
            raise BadInput(
                f"{folder} holds a network of architecture {architecture.name}; one of architecture "
                f"{getattr(needed, 'architecture', needed.__name__)} is needed: name another model"
            )
        spec, config = _parse(architecture, record)
        card, expected = record["card"], record["weights"]
    except (ValueError, TypeError, AttributeError) as error:
        raise BadInput(f"{store.path(CARD)} is not a model card ({error}): copy the folder again") from error
    if digest(data) != expected:
        raise BadInput(f"{store.path(WEIGHTS)} is not the file that {CARD} describes: copy the folder again")
    try:
        weights = load(data)
    except SafetensorError as error:
        raise BadInput(
            f"{store.path(WEIGHTS)} is not a safetensors file ({error}): copy the folder again"
        ) from error
    tensors, least = architecture.network.least_size(spec, config)
    found = sum(tensor.numel() for tensor in weights.values())
    if found < least or len(weights) < tensors:  # before memory is allocated for the network
        raise BadInput(
            f"{store.path(WEIGHTS)} belongs to another network than {config}: it holds {found:,} weights, "
            f"not {least:,} or more"
        )
    model = architecture.network(spec, config)
    fill(model, weights, store.path(WEIGHTS))
    model.card = card
    return model.to(device).eval()


def weights_digest(path: str) -> str | None:
    """Return the digest of its weights that the network in a folder is known by; None without one."""
    try:
        return str(Store(str(path)).read_json(CARD)["weights"])
    except (StoreUnusable, ValueError, KeyError, TypeError):
        return None


def _parse(architecture: Architecture, record: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return spec and config of a model.json. Raises ValueError or TypeError for others."""
    try:
        return architecture.spec.from_dict(record["spec"]), architecture.config.from_dict(record["config"])
    except BadInput as error:
        raise ValueError(str(error)) from error


def fill(model: Network, weights: Mapping[str, torch.Tensor], what: str) -> None:
    """Copy weights (also of a compiled network) into `model`.

    what: their source, for the error. Raises BadInput if they are of another network.
    """
    named = plain_names(weights)
    own = model.state_dict()
    differ = [name for name in own if name not in named or named[name].shape != own[name].shape]
    foreign = sorted(set(named) - set(own))
    if differ or foreign:
        name = (differ or foreign)[0]
        given, needed = (
            "x".join(map(str, found[name].shape)) if name in found else "missing" for found in (named, own)
        )
        raise BadInput(
            f"{what} belongs to another network than {model.config}: {name} is {given} there, {needed} here"
        )
    model.load_state_dict({name: tensor.float() for name, tensor in named.items()})


def plain_names(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the weights under the names that they have in a network that was never compiled."""
    return {name.replace(_COMPILED, ""): tensor for name, tensor in weights.items()}


def digest(data: bytes) -> str:
    """Return 32 hex digits that identify some bytes."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()
