"""Trained networks on disk: `model.safetensors`, and `model.json`, which says what they are.

The JSON is written last and holds a digest of the weights, so that a folder with both is
complete and of one piece. Nothing here can run code when it is read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from forge_core.errors import BadInput, StoreUnusable
from forge_core.files import Store
from forge_core.learning.networks.transformer import ModelConfig, TokenTransformer
from forge_core.learning.spec import TokenSpec

WEIGHTS, CARD = "model.safetensors", "model.json"
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
MODEL_SCHEMA = 1
"""Raised when a card holds other things, or the same elsewhere. A card that says none is of the first."""
_COMPILED = "_orig_mod."
"""what torch.compile puts into the names of a wrapped module's weights"""


def save_model(
    folder: str, model: TokenTransformer, card: Mapping[str, Any] | None = None, dtype: str = "fp32"
) -> None:
    """Write a network to `folder`, a path or URL.

    card: what else is known of it, JSON types: data version, results, lineage. dtype: fp32,
    or bf16 at half the size. Raises BadInput for a card that is no JSON or weights that are
    not finite, StoreUnusable where it cannot be written.
    """
    if dtype not in DTYPES:
        raise BadInput(f"weights as {dtype!r}: use {' or '.join(DTYPES)}")
    weights = plain_names(model.state_dict())
    if not all(torch.isfinite(tensor).all() for tensor in weights.values()):
        raise BadInput("a weight is NaN or infinite: the network has diverged and is not worth keeping")
    data = save(
        {name: tensor.detach().to("cpu", DTYPES[dtype]).contiguous() for name, tensor in weights.items()}
    )
    record = {
        "schema_version": MODEL_SCHEMA,
        "spec": model.spec.to_dict(),
        "config": model.config.to_dict(),
        "parameters": model.n_parameters,
        "dtype": dtype,
        "weights": digest(data),
        "card": dict(card if card is not None else model.card),
    }
    try:
        text = json.dumps(record, indent=2, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BadInput(f"a model card holds what JSON can say, and this one does not: {error}") from error
    store = Store(folder)
    store.write(WEIGHTS, data)
    store.write(CARD, text.encode())


def load_model(path: str, device: str = "cpu") -> TokenTransformer:
    """The network in a folder (or of a file in it), in float32 on `device`, ready to answer.

    It carries `.spec`, `.config` and `.card`. Raises BadInput where there is none, or one
    whose parts do not fit each other; StoreUnusable where it cannot be read.
    """
    folder = str(path).removesuffix(f"/{WEIGHTS}").removesuffix(f"/{CARD}")
    store = Store(folder)
    if not (store.exists(CARD) and store.exists(WEIGHTS)):
        raise BadInput(f"{folder} holds no model: name a folder with {WEIGHTS} and {CARD}")
    data = store.read(WEIGHTS)
    try:
        record = store.read_json(CARD)
        if not isinstance(record, dict):
            raise ValueError("it is no JSON object")
        schema = record.get("schema_version", 1)
        if schema != MODEL_SCHEMA:
            raise BadInput(
                f"{store.path(CARD)} is of schema {schema!r}, this code reads {MODEL_SCHEMA}: load it with "
                "the version of Forge that wrote it, or teach a network anew with forge train"
            )
        if missing := [name for name in ("spec", "config", "card", "weights") if name not in record]:
            raise ValueError(f"it lacks {missing[0]}")
        spec, config = _parse(record)
        card, expected = record["card"], record["weights"]
    except (ValueError, TypeError, AttributeError) as error:
        raise BadInput(f"{store.path(CARD)} is no model card ({error}): copy the folder again") from error
    if digest(data) != expected:
        raise BadInput(f"{store.path(WEIGHTS)} is not the file that {CARD} speaks of: copy the folder again")
    try:
        weights = load(data)
    except SafetensorError as error:
        raise BadInput(
            f"{store.path(WEIGHTS)} is no safetensors file ({error}): copy the folder again"
        ) from error
    _check_size(spec, config, weights, store.path(WEIGHTS))
    model = TokenTransformer(spec, config)
    fill(model, weights, store.path(WEIGHTS))
    model.card = card
    return model.to(device).eval()


def weights_digest(path: str) -> str | None:
    """What the card of the network in a folder says of its weights; None where there is none to read."""
    try:
        return str(Store(str(path)).read_json(CARD)["weights"])
    except (StoreUnusable, ValueError, KeyError, TypeError):
        return None


def _parse(record: Mapping[str, Any]) -> tuple[TokenSpec, ModelConfig]:
    """What network a card speaks of. Raises ValueError and TypeError for none."""
    try:
        return TokenSpec.from_dict(record["spec"]), ModelConfig.from_dict(record["config"])
    except BadInput as error:
        raise ValueError(str(error)) from error


def _check_size(spec: TokenSpec, config: ModelConfig, weights: Mapping[str, torch.Tensor], what: str) -> None:
    """Before room is made for a network: whether a file holds as many weights as its card speaks of."""
    of_block = 4 * config.width**2 + 2 * config.width * config.hidden
    least = config.layers * of_block + config.width * sum(spec.vocabularies)
    found = sum(tensor.numel() for tensor in weights.values())
    if found < least or config.layers > len(weights):
        raise BadInput(
            f"{what} is of another network than {config}: it holds {found:,} weights, not {least:,} and more"
        )


def fill(model: TokenTransformer, weights: Mapping[str, torch.Tensor], what: str) -> None:
    """Put weights (of a compiled network too) into `model`. Raises BadInput where they are of another."""
    named = plain_names(weights)
    own = model.state_dict()
    differ = [name for name in own if name not in named or named[name].shape != own[name].shape]
    foreign = sorted(set(named) - set(own))
    if differ or foreign:
        name = (differ or foreign)[0]
        theirs, mine = (
            "x".join(map(str, found[name].shape)) if name in found else "missing" for found in (named, own)
        )
        raise BadInput(
            f"{what} is of another network than {model.config}: {name} is {theirs} there, {mine} here"
        )
    model.load_state_dict({name: tensor.float() for name, tensor in named.items()})


def plain_names(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same weights under the names they have in a network that was never compiled."""
    return {name.replace(_COMPILED, ""): tensor for name, tensor in weights.items()}


def digest(data: bytes) -> str:
    """32 hex digits of some bytes."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()
