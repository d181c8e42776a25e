"""Networks loaded from folders, with the digests that identify them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from forge_core.errors import BadInput

if TYPE_CHECKING:
    from forge_core.learning.networks.network import Network
    from forge_core.learning.networks.transformer import TokenTransformer

N = TypeVar("N", bound="Network")


@dataclass(frozen=True, slots=True, eq=False)
class LoadedNetwork(Generic[N]):
    """A network loaded from a folder."""

    path: str
    weights: str
    """digest of the weights, which identifies the network in any folder"""
    network: N


@overload
def load_network(path: str, device: str) -> LoadedNetwork[TokenTransformer]: ...
@overload
def load_network(path: str, device: str, kind: type[N]) -> LoadedNetwork[N]: ...
def load_network(path: str, device: str, kind: type[Network] | None = None) -> LoadedNetwork[Any]:
    """Load the network in the folder `path`. kind, errors: as for `load_model`."""
    from forge_core.learning.checkpoints import load_model

    network = load_model(path, device, kind=kind) if kind else load_model(path, device)
    return LoadedNetwork(path, weights_of(path), network)


def weights_of(path: str) -> str:
    """Return the digest of the weights of the network in a folder. Raise BadInput if there is no network."""
    from forge_core.learning.checkpoints import weights_digest

    found = weights_digest(path)
    if found is None:
        raise BadInput(f"{path} contains no network: use a folder with model.json")
    return found
