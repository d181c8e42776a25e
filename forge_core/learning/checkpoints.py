"""Trained networks on disk: the weights in `model.safetensors`, their description in `model.json`.

The JSON contains the name of the architecture, which is looked up in the registry of `networks`, and
a digest of the weights. It is written last, so a folder with both files is complete and consistent.
Loading never runs code from the files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from forge_core.device import resolve_device
from forge_core.errors import BadInput, ModelMissing, StoreUnusable
from forge_core.files import Store
from forge_core.learning.folders import ALIASES, MODEL, fetch_text
from forge_core.learning.networks import TOKEN_TRANSFORMER, Architecture, find_architecture
from forge_core.learning.networks.network import Network

if TYPE_CHECKING:
    from forge_core.learning.networks.transformer import TokenTransformer

WEIGHTS, CARD = "model.safetensors", "model.json"
MODEL_SCHEMA = 1
"""Increased when the contents or the layout of model.json change; a file without a schema has schema 1."""
_COMPILED = "_orig_mod."
"""torch.compile inserts this into the names of a wrapped module's weights"""

N = TypeVar("N", bound=Network)


def save_model(folder: str, model: Network, card: Mapping[str, Any] | None = None) -> None:
    """Write a network of any registered architecture to `folder`, a path or URL.

    card: further facts as JSON types, such as data version, results and lineage. Raises BadInput if the
    card is not JSON or a weight is not finite, and StoreUnusable.
    """
    weights = plain_names(model.state_dict())
    if not all(torch.isfinite(tensor).all() for tensor in weights.values()):
        raise BadInput("the network has diverged (a weight is NaN or infinite): use a lower learning rate")
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
        raise BadInput(f"the model card is not JSON ({error}): use JSON types only") from error
    store = Store(folder)
    store.write(WEIGHTS, data)
    store.write(CARD, text.encode())


@overload
def load_model(path: str, device: str = "cpu") -> TokenTransformer: ...
@overload
def load_model(path: str, device: str = "cpu", *, kind: type[N]) -> N: ...
def load_model(path: str, device: str = "cpu", *, kind: type[Network] | None = None) -> Any:
    """Load a network onto `device`, in float32 and evaluation mode.

    path: its folder, or one of the two files in it. kind: the class, or a base class, that the caller
    can use; `Network` for any; by default the token transformer. device: see `resolve_device`. Raises
    StoreUnusable, DeviceUnavailable, and BadInput if there is no model, if its files do not match, if it is
    of another kind, or if no device has this name.
    """
    device = resolve_device(device)
    folder = str(path).removesuffix(f"/{WEIGHTS}").removesuffix(f"/{CARD}")
    store = Store(folder)
    if not (store.exists(CARD) and store.exists(WEIGHTS)):
        if folder in ALIASES:
            raise BadInput(fetch_text(folder))
        if store.exists(f"{MODEL}/{CARD}"):
            raise ModelMissing(f"{folder} is a training run: name its network, {folder}/{MODEL}")
        raise ModelMissing(f"{folder} contains no model: choose a folder with {WEIGHTS} and {CARD}")
    data = store.read(WEIGHTS)
    try:
        record = store.read_json(CARD)
        if not isinstance(record, dict):
            raise ValueError("it is not a JSON object")
        schema = record.get("schema_version", 1)
        if schema != MODEL_SCHEMA:
            raise BadInput(
                f"{store.path(CARD)} has schema {schema!r}, but this code reads schema {MODEL_SCHEMA}: use "
                "the version of Forge that wrote it, or train a network again with forge train"
            )
        if missing := [name for name in ("spec", "config", "card", "weights") if name not in record]:
            raise ValueError(f"it lacks {missing[0]}")
        architecture = find_architecture(str(record.get("architecture", TOKEN_TRANSFORMER)))
        needed = kind or find_architecture(TOKEN_TRANSFORMER).network
        if not issubclass(architecture.network, needed):
            play = architecture.play.format(model=folder)
            raise BadInput(
                f"the network in {folder} has architecture {architecture.name}, but architecture "
                f"{getattr(needed, 'architecture', needed.__name__)} is needed: choose another model"
                + (f", or play with this one: {play}" if play else "")
            )
        spec, config = _parse(architecture, record)
        card, expected = record["card"], record["weights"]
    except (ValueError, TypeError, AttributeError) as error:
        raise BadInput(
            f"{store.path(CARD)} is not a valid model card ({error}): copy the folder again"
        ) from error
    if digest(data) != expected:
        raise BadInput(f"{store.path(WEIGHTS)} does not match {CARD}: copy the folder again")
    try:
        weights = load(data)
    except SafetensorError as error:
        raise BadInput(
            f"{store.path(WEIGHTS)} is not a valid safetensors file ({error}): copy the folder again"
        ) from error
    tensors, least = architecture.network.least_size(spec, config)
    found = sum(tensor.numel() for tensor in weights.values())
    if found < least or len(weights) < tensors:  # before memory is allocated for the network
        raise BadInput(
            f"{store.path(WEIGHTS)} has {found:,} weights, but a network with {config} has at least "
            f"{least:,}: copy the folder again"
        )
    model = architecture.network(spec, config)
    fill(model, weights, store.path(WEIGHTS))
    model.card = card
    return model.to(device).eval()


def weights_digest(path: str) -> str | None:
    """Return the digest of the weights of the network in a folder; None if there is no readable card."""
    return _of_card(path, "weights")


def architecture_of(path: str) -> str | None:
    """Return the architecture of the network in a folder by name; None if there is no readable card."""
    return _of_card(path, "architecture")


def has_shape_of(path: str, other: str) -> bool:
    """Return True if the cards of two networks name the same architecture, input and size."""
    shape = ("architecture", "spec", "config")
    return all((found := _of_card(path, entry)) and found == _of_card(other, entry) for entry in shape)


def _of_card(path: str, entry: str) -> str | None:
    try:
        return str(Store(str(path)).read_json(CARD)[entry])
    except (StoreUnusable, ValueError, KeyError, TypeError):
        return None


def _parse(architecture: Architecture, record: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the spec and config in a model.json. Raises ValueError or TypeError if they are invalid."""
    try:
        return architecture.spec.from_dict(record["spec"]), architecture.config.from_dict(record["config"])
    except BadInput as error:
        raise ValueError(str(error)) from error


def fill(model: Network, weights: Mapping[str, torch.Tensor], what: str) -> None:
    """Copy weights, which may come from a compiled network, into `model`.

    what: the source of the weights, for the error. Raises BadInput if names or shapes do not match.
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
            f"{what} does not belong to a network with {model.config}: {name} is {given}, not {needed}"
        )
    model.load_state_dict({name: tensor.float() for name, tensor in named.items()})


def plain_names(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the weights with the name parts that torch.compile inserts removed."""
    return {name.replace(_COMPILED, ""): tensor for name, tensor in weights.items()}


def digest(data: bytes) -> str:
    """Return a digest of the bytes, 32 hex digits."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()
