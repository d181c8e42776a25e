"""The one-hand network: features of the situation and of each legal play go in, a logit per play comes out.

It is an `OptionNet`. The best play has the highest logit, and softmax over the legal plays gives the
probabilities of a policy. The torch module serves for training, ONNX files and cards; `weights_of` packs it
into the record that the kernels read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forge_core.float_lanes import (
    FLOATS,
    add_product,
    load_floats,
    mask_of_nonzero,
    positive_part,
    store_floats,
)
from forge_core.kernels import kernel
from forge_core.lanes import trailing_zeros
from forge_core.learning.checkpoints import load_model
from forge_core.texas42.dominoes import HAND_SIZE
from forge_core.texas42.one_hand.architecture import ARCHITECTURE, OBJECTIVE
from forge_core.texas42.one_hand.features import CONTEXT, FEATURES_VERSION, N_CONTEXT, N_PLAY, PLAY
from forge_core.texas42.one_hand.option_network import OptionConfig, OptionNet, OptionSpec
from forge_core.texas42.reference import ONE_HAND_REFERENCE, PLAYS_REFERENCE
from forge_core.texas42.settings.one_hand import HIDDEN, SECOND

ONE_HAND_MODEL = str(Path(__file__).parents[3] / ONE_HAND_REFERENCE)
"""the network that ships with the project"""
PLAYS_MODEL = str(Path(__file__).parents[3] / PLAYS_REFERENCE)
"""the network that ships with it as a model of how others play"""


def weights_of_size(hidden: int, second: int) -> np.dtype:
    """Return the record of the weights of a network with hidden layers of these sizes, as kernels read them.

    Kernels are compiled once per size, so that the lengths of their loops are constants.
    """
    return np.dtype(
        [
            ("context", np.float32, (N_CONTEXT, hidden)),
            ("bias", np.float32, hidden),
            ("play", np.float32, (N_PLAY, hidden)),
            ("second", np.float32, (hidden, second)),
            ("second_bias", np.float32, second),
            ("out", np.float32, second),
        ],
        align=True,
    )


WEIGHTS = weights_of_size(HIDDEN, SECOND)
"""The weights of a network of the usual size"""
NO_WEIGHTS = np.zeros(1, dtype=WEIGHTS)
"""for kernels that are told to use another policy"""


@dataclass(frozen=True, slots=True)
class FeatureSpec(OptionSpec):
    """The input of the network: the features, in order. Raises BadInput for features of another version."""

    name: str = ARCHITECTURE
    version: str = FEATURES_VERSION
    context: tuple[str, ...] = tuple(CONTEXT)
    play: tuple[str, ...] = tuple(PLAY)

    def __post_init__(self) -> None:
        self.check_features(FEATURES_VERSION, CONTEXT, PLAY)


@dataclass(frozen=True, slots=True)
class FeatureConfig(OptionConfig):
    """The size of the network."""

    objective: str = OBJECTIVE


class OneHandNet(OptionNet):
    """The one-hand network as a torch module: its options are the legal plays."""

    architecture = ARCHITECTURE
    n_places = HAND_SIZE
    spec_kind, config_kind = FeatureSpec, FeatureConfig


def load_weights(folder: str) -> np.ndarray:
    """Return [1] WEIGHTS of the network in a folder. Raises BadInput and StoreUnusable; see `load_model`."""
    return weights_of(load_model(folder, kind=OneHandNet))


def weights_of(network: OneHandNet) -> np.ndarray:
    """Return [1] WEIGHTS: the weights as kernels read them."""
    packed = np.zeros(1, dtype=weights_of_size(network.config.hidden, network.config.second))
    for name, tensor in (
        ("context", network.context.weight.T),
        ("bias", network.context.bias),
        ("play", network.play.weight.T),
        ("second", network.second.weight.T),
        ("second_bias", network.second.bias),
        ("out", network.out.weight[0]),
    ):
        packed[name] = tensor.detach().cpu().numpy()
    return packed


@kernel
def fill_logits(weights, n, memory):
    """Fill the logits of the first n plays in memory from its context and plays; see `memory_of_size`."""
    # The situation's share of the hidden units is the same for all plays.
    _fill_units(memory.context, weights.context, weights.bias, memory.situation, False)
    for k in range(n):
        _fill_units(memory.plays[k], weights.play, memory.situation, memory.hidden, True)
        _fill_units(memory.hidden, weights.second, weights.second_bias, memory.second, True)
        logit = np.float32(0)
        for unit in range(len(weights.out)):
            logit += memory.second[unit] * weights.out[unit]
        memory.logits[k] = logit


@kernel
def best_place(memory, n):
    """Return which of the first n plays in memory has the highest logit: the first of equal ones."""
    best = 0
    for k in range(1, n):
        if memory.logits[k] > memory.logits[best]:
            best = k
    return best


@kernel
def _fill_units(inputs, weights, start, units, positive):
    """Fill units [U] with start [U] + inputs [I] x weights [I, U]; with `positive`, negative ones become 0.

    Inputs that are 0, which is most of them, are skipped: 32 are compared at once.
    """
    n_inputs, n_units = weights.shape
    n_in_masks, n_in_rows = n_inputs - n_inputs % FLOATS, n_units - n_units % FLOATS
    for first in range(0, n_in_rows, FLOATS):
        row = load_floats(start, first)
        for begin in range(0, n_in_masks, FLOATS):
            mask = mask_of_nonzero(load_floats(inputs, begin))
            while mask:
                i = begin + trailing_zeros(mask)
                mask &= mask - 1
                row = add_product(row, inputs[i], load_floats(weights, i * n_units + first))
        for i in range(n_in_masks, n_inputs):
            row = add_product(row, inputs[i], load_floats(weights, i * n_units + first))
        store_floats(units, first, positive_part(row) if positive else row)
    for unit in range(n_in_rows, n_units):
        total = start[unit]
        for i in range(n_inputs):
            total += inputs[i] * weights[i, unit]
        units[unit] = max(total, np.float32(0)) if positive else total
