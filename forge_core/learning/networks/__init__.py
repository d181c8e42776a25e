"""Architectures of networks, by name.

The folder of a trained network says which architecture it is of, and `checkpoints.load_model`
looks the name up here. The token transformer is registered below. A game registers its own when
its package is imported, by import paths, so that nothing heavy is loaded until a network is made:

    register(  # in forge_core/GAME/__init__.py
        "GAME-residual",
        network="forge_core.GAME.network:ResidualNet",
        spec="forge_core.GAME.planes:PlaneSpec",
        config="forge_core.GAME.network:NetConfig",
    )

`network.Network` says what the class must have, `network.Record` what spec and config must have.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from forge_core.errors import BadInput

if TYPE_CHECKING:
    from forge_core.learning.networks.network import Network, Record

TOKEN_TRANSFORMER = "token-transformer"
"""the architecture of every network that was saved without the name of one"""


@dataclass(frozen=True, slots=True)
class Architecture:
    """One kind of network. Paths are `package.module:Name`."""

    name: str
    """as stored with every network; never changed"""
    network_path: str
    spec_path: str
    config_path: str

    @property
    def network(self) -> type[Network]:
        """Class of the network: network(spec, config) makes one with fresh weights."""
        return _import(self.network_path)

    @property
    def spec(self) -> type[Record]:
        """Class that describes the input of the network."""
        return _import(self.spec_path)

    @property
    def config(self) -> type[Record]:
        """Class that describes its size."""
        return _import(self.config_path)


_ARCHITECTURES: dict[str, Architecture] = {}


def register(name: str, *, network: str, spec: str, config: str) -> None:
    """Make an architecture known under a name. Paths are `package.module:Name`.

    Again with the same paths it does nothing; with others it raises ValueError.
    """
    architecture = Architecture(name, network, spec, config)
    if _ARCHITECTURES.setdefault(name, architecture) != architecture:
        raise ValueError(f"architecture {name!r} is {_ARCHITECTURES[name]}, not {architecture}")


def find_architecture(name: str) -> Architecture:
    """Return the architecture of that name. Raises BadInput for one that is not registered."""
    if name not in _ARCHITECTURES:
        raise BadInput(
            f"architecture {name!r} is not known here (known: {', '.join(sorted(_ARCHITECTURES))}): import "
            "the game that registers it, or use the version of Forge that wrote it"
        )
    return _ARCHITECTURES[name]


def _import(path: str):
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


register(
    TOKEN_TRANSFORMER,
    network="forge_core.learning.networks.transformer:TokenTransformer",
    spec="forge_core.learning.spec:TokenSpec",
    config="forge_core.learning.networks.sizes:ModelConfig",
)
