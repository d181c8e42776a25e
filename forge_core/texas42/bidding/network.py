"""The bid-value network: features of a decision and of its options go in, the worth of each option comes out.

It is an `OptionNet`. An option's answer is the change of the chance to win the game that it brings, in
units of the stake: the difference that one mark makes at the score. The torch module serves for training,
ONNX files and cards; `weights_of` turns it into arrays for the bidder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forge_core.learning.checkpoints import load_model
from forge_core.texas42.bidding.features import (
    BID_FEATURES_VERSION,
    OPTION,
    SITUATION,
    Decisions,
    Floats,
    Options,
    fill_features,
)
from forge_core.texas42.one_hand.option_network import OptionConfig, OptionNet, OptionSpec
from forge_core.texas42.reference import BID_REFERENCE

BID_ARCHITECTURE = "texas42-bids"
"""its name in the registry of architectures; it must never change"""
BID_OBJECTIVE = "bids"
"""the kind of network, as in the names of registered models"""
BID_MODEL = str(Path(__file__).parents[3] / BID_REFERENCE)
"""the network that ships with the project"""


@dataclass(frozen=True, slots=True)
class BidSpec(OptionSpec):
    """The input of the network: the features, in order. Raises BadInput for features of another version."""

    name: str = BID_ARCHITECTURE
    version: str = BID_FEATURES_VERSION
    context: tuple[str, ...] = tuple(SITUATION)
    play: tuple[str, ...] = tuple(OPTION)

    def __post_init__(self) -> None:
        self.check_features(BID_FEATURES_VERSION, SITUATION, OPTION)


@dataclass(frozen=True, slots=True)
class BidConfig(OptionConfig):
    """The size of the network."""

    objective: str = BID_OBJECTIVE


class BidNet(OptionNet):
    """The bid-value network as a torch module: its options are calls with declarations."""

    architecture = BID_ARCHITECTURE
    n_places = 8
    spec_kind, config_kind = BidSpec, BidConfig


@dataclass(frozen=True, slots=True, eq=False)
class BidWeights:
    """The weights of a bid-value network; C and P features, H and H2 units."""

    context: Floats
    """[C, H]"""
    bias: Floats
    """[H]"""
    play: Floats
    """[P, H]"""
    second: Floats
    """[H, H2]"""
    second_bias: Floats
    """[H2]"""
    out: Floats
    """[H2]"""

    def worth(self, decisions: Decisions, options: Options) -> Floats:
        """Return the chance to win the game with each of K options: [K]."""
        situation, option = fill_features(decisions, options)
        row = options.decision
        hidden = np.maximum((situation @ self.context + self.bias)[row] + option @ self.play, 0)
        answers = np.maximum(hidden @ self.second + self.second_bias, 0) @ self.out
        return (decisions.chance[row] + decisions.stake[row] * answers).astype(np.float32)


def load_weights(folder: str) -> BidWeights:
    """Return the weights of the network in a folder. Raises BadInput and StoreUnusable; see `load_model`."""
    return weights_of(load_model(folder, kind=BidNet))


def weights_of(network: BidNet) -> BidWeights:
    """Return the weights as arrays."""
    tensors = (
        network.context.weight.T,
        network.context.bias,
        network.play.weight.T,
        network.second.weight.T,
        network.second.bias,
        network.out.weight[0],
    )
    return BidWeights(*(tensor.detach().cpu().numpy().copy() for tensor in tensors))
