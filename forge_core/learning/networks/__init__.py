"""The registry of network architectures.

The folder of a trained network contains the name of its architecture, and `checkpoints.load_model`
looks the name up here. The token transformer is registered below. A game registers its own
architectures when its package is imported. It passes import paths, so that nothing heavy is loaded
until a network is created:

    register(  # in forge_core/GAME/__init__.py
        "GAME-residual",
        network="forge_core.GAME.network:ResidualNet",
        spec="forge_core.GAME.planes:PlaneSpec",
        config="forge_core.GAME.network:NetConfig",
    )

`network.Network` defines what the network class must provide, `network.Record` what spec and config must.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from forge_core.errors import BadInput

if TYPE_CHECKING:
    from forge_core.learning.networks.network import Network, Record

TOKEN_TRANSFORMER = "token-transformer"
"""also used for networks that were saved without the name of an architecture"""


@dataclass(frozen=True, slots=True)
class Architecture:
    """One kind of network. Paths are `package.module:Name`."""

    name: str
    """the name stored with every network; it must never change"""
    network_path: str
    spec_path: str
    config_path: str
    play: str = ""
    """the command that plays with such a network in the folder {model}, for errors; empty if there is none"""

    @property
    def network(self) -> type[Network]:
        """The class of the network; network(spec, config) creates one with fresh weights."""
        return _import(self.network_path)

    @property
    def spec(self) -> type[Record]:
        """The class that describes the input of the network."""
        return _import(self.spec_path)

    @property
    def config(self) -> type[Record]:
        """The class that describes the size of the network."""
        return _import(self.config_path)


_ARCHITECTURES: dict[str, Architecture] = {}


def register(name: str, *, network: str, spec: str, config: str, play: str = "") -> None:
    """Register an architecture under a name. Paths are `package.module:Name`; play: see Architecture.

    Registering the same paths again does nothing. Raises ValueError if the name has other paths.
    """
    architecture = Architecture(name, network, spec, config, play)
    if _ARCHITECTURES.setdefault(name, architecture) != architecture:
        raise ValueError(f"architecture {name!r} is already registered as {_ARCHITECTURES[name]}")


def find_architecture(name: str) -> Architecture:
    """Return the architecture with this name. Raises BadInput if none is registered."""
    if name not in _ARCHITECTURES:
        raise BadInput(
            f"unknown architecture {name!r} (known: {', '.join(sorted(_ARCHITECTURES))}): import the game "
            "that registers it, or use the version of Forge that wrote the network"
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
