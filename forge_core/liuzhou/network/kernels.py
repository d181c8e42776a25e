"""The network as kernels, for a place without torch such as a browser.

They answer as `NetworkEvaluator` does with beta 0, but for differences in the last digits of sums, and only
for the size of the network that ships with the project. Activations are [64, 32] float32: 8x8 cells, of
which the border is always 0, by channels.
"""

from __future__ import annotations

import numpy as np
from numba import float32

from forge_core.float_lanes import FLOATS, add_product, load_floats, store_floats
from forge_core.inference import exp_of_negative, multiply, record_of
from forge_core.kernels import inlined, kernel
from forge_core.liuzhou.rules import N_CELLS, SELECT_FROM, SIDE, STEP_FROM, SWEEP
from forge_core.liuzhou.state.layout import PLAYER_SHIFT, SLOTS
from forge_core.liuzhou.state.planes import N_PLANES, fill_planes

WIDTH, BLOCKS = FLOATS, 3
"""the size of the network"""
_POOLED = 64
_PLACE_MAP, _SELECT_MAP, _STEP_MAP, _N_MAPS = 0, 1, 2, 6  # see residual.py, which imports torch
_WIN, _LOSS = 0, 2
_PADDED = SIDE + 2
_TAPS = 9
"""cells of a 3x3 convolution"""

TENSORS: dict[str, tuple[int, ...]] = {
    "stem.weight": (WIDTH, N_PLANES, 3, 3),
    "stem.bias": (WIDTH,),
    **{
        f"blocks.{block}.{part}": shape
        for block in range(BLOCKS)
        for part, shape in (
            ("first.weight", (WIDTH, WIDTH, 3, 3)),
            ("first.bias", (WIDTH,)),
            ("second.weight", (WIDTH, WIDTH, 3, 3)),
            ("second.bias", (WIDTH,)),
            ("gain", ()),
        )
    },
    "policy.weight": (_N_MAPS, WIDTH, 1, 1),
    "policy.bias": (_N_MAPS,),
    "pool.weight": (_POOLED, 2 * WIDTH),
    "pool.bias": (_POOLED,),
    "bias.weight": (_N_MAPS, _POOLED),
    "bias.bias": (_N_MAPS,),
    "value.weight": (4, _POOLED),
    "value.bias": (4,),
}
"""the tensors that an answer needs, as they are stored, and their shapes"""
WEIGHTS = record_of(TENSORS)
"""The weights of a network, as they are stored"""
ARRANGED = np.dtype(
    [
        ("stem", np.float32, (_TAPS, N_PLANES, WIDTH)),
        ("blocks", np.float32, (2 * BLOCKS, _TAPS, WIDTH, WIDTH)),
    ],
    align=True,
)
"""The weights of convolutions by cell and input, so that those of all outputs are contiguous"""
MEMORY = np.dtype(
    [
        ("planes", np.float32, (N_PLANES, N_CELLS)),
        ("seen", np.float32, (_PADDED * _PADDED, N_PLANES)),
        ("trunk", np.float32, (_PADDED * _PADDED, WIDTH)),
        ("first", np.float32, (_PADDED * _PADDED, WIDTH)),
        ("second", np.float32, (_PADDED * _PADDED, WIDTH)),
        ("summary", np.float32, 2 * WIDTH),
        ("pooled", np.float32, _POOLED),
        ("shift", np.float32, _N_MAPS),
        ("chances", np.float32, 4),
    ],
    align=True,
)
"""The memory in which one answer is computed, zeros at first"""


@kernel
def arrange(weights, arranged):
    """Write the weights of the convolutions. weights: WEIGHTS. arranged: ARRANGED."""
    w = weights
    _arrange_one(w.stem_weight, arranged.stem)
    _arrange_one(w.blocks_0_first_weight, arranged.blocks[0])
    _arrange_one(w.blocks_0_second_weight, arranged.blocks[1])
    _arrange_one(w.blocks_1_first_weight, arranged.blocks[2])
    _arrange_one(w.blocks_1_second_weight, arranged.blocks[3])
    _arrange_one(w.blocks_2_first_weight, arranged.blocks[4])
    _arrange_one(w.blocks_2_second_weight, arranged.blocks[5])


@kernel
def _arrange_one(weight, out):
    """Write weight [M, N, 3, 3] as [9, N, M]."""
    for m in range(weight.shape[0]):
        for n in range(weight.shape[1]):
            for tap in range(_TAPS):
                out[tap, n, m] = weight[m, n, tap // 3, tap % 3]


@kernel
def answer(row, actions, n_actions, weights, arranged, memory, prior):
    """Write the priors of the listed actions, [SLOTS] float32, and return the value in black's frame.

    row: [4] int64. weights, arranged, memory: one WEIGHTS, ARRANGED and MEMORY record.
    """
    w, m = weights, memory
    _see(row, m)
    _convolve(m.seen, arranged.stem, w.stem_bias, m.trunk)
    _rectify(m.trunk)
    _block(
        m,
        arranged.blocks[0],
        w.blocks_0_first_bias,
        arranged.blocks[1],
        w.blocks_0_second_bias,
        w.blocks_0_gain,
    )
    _block(
        m,
        arranged.blocks[2],
        w.blocks_1_first_bias,
        arranged.blocks[3],
        w.blocks_1_second_bias,
        w.blocks_1_gain,
    )
    _block(
        m,
        arranged.blocks[4],
        w.blocks_2_first_bias,
        arranged.blocks[5],
        w.blocks_2_second_bias,
        w.blocks_2_gain,
    )
    _pool(m.trunk, m.summary)
    multiply(m.summary, 2 * WIDTH, w.pool_weight, w.pool_bias, m.pooled, True)
    multiply(m.pooled, _POOLED, w.bias_weight, w.bias_bias, m.shift, False)
    multiply(m.pooled, _POOLED, w.value_weight, w.value_bias, m.chances, False)
    _rate(actions, n_actions, w, m, prior)
    value = _win_minus_loss(m.chances)
    return -value if (row[3] >> PLAYER_SHIFT) & 1 else value


@inlined
def _place(cell):
    """Return the index of one of 36 cells among the 8x8 padded ones."""
    return _PADDED * (cell // SIDE + 1) + cell % SIDE + 1


@kernel
def _see(row, memory):
    """Write the planes of a row by cells."""
    fill_planes(row, -1, memory.planes)
    for cell in range(N_CELLS):
        for plane in range(N_PLANES):
            memory.seen[_place(cell), plane] = memory.planes[plane, cell]


@kernel
def _convolve(inputs, weight, bias, out):
    """Write the 3x3 convolution of inputs [64, N]. weight: [9, N, 32]. out: [64, 32], its border stays."""
    n_inputs = inputs.shape[1]
    for cell in range(N_CELLS):
        place = _place(cell)
        sums = load_floats(bias, 0)
        for tap in range(_TAPS):
            near = place + _PADDED * (tap // 3 - 1) + tap % 3 - 1
            for n in range(n_inputs):
                x = inputs[near, n]
                if x != 0:
                    sums = add_product(sums, x, load_floats(weight, WIDTH * (n_inputs * tap + n)))
        store_floats(out, WIDTH * place, sums)


@kernel
def _rectify(values):
    """Raise activations below 0 to 0."""
    for cell in range(N_CELLS):
        place = _place(cell)
        for k in range(WIDTH):
            values[place, k] = max(values[place, k], float32(0))


@kernel
def _block(memory, first, first_bias, second, second_bias, gain):
    """Add the scaled result of two convolutions to the trunk."""
    _convolve(memory.trunk, first, first_bias, memory.first)
    _rectify(memory.first)
    _convolve(memory.first, second, second_bias, memory.second)
    for cell in range(N_CELLS):
        place = _place(cell)
        for k in range(WIDTH):
            memory.trunk[place, k] += gain * memory.second[place, k]
    _rectify(memory.trunk)


@kernel
def _pool(trunk, summary):
    """Write the mean and the maximum of each channel, [64]."""
    for k in range(WIDTH):
        total, highest = float32(0), trunk[_place(0), k]
        for cell in range(N_CELLS):
            x = trunk[_place(cell), k]
            total += x
            highest = max(highest, x)
        summary[k] = total / float32(N_CELLS)
        summary[WIDTH + k] = highest


@kernel
def _rate(actions, n_actions, weights, memory, prior):
    """Write the softmax of the logits of the listed actions; the other slots become 0."""
    highest = float32(-np.inf)
    for slot in range(n_actions):
        prior[slot] = _logit(int(actions[slot]), weights, memory)
        highest = max(highest, prior[slot])
    total = 0.0
    for slot in range(n_actions):
        share = exp_of_negative(prior[slot] - highest)
        prior[slot] = share
        total += share
    for slot in range(SLOTS):
        prior[slot] = prior[slot] / total if slot < n_actions else float32(0)


@kernel
def _logit(action, weights, memory):
    """Return the logit of an action: the policy's map of its kind, at its cell."""
    if action == SWEEP:
        return float32(0)
    if action < STEP_FROM:
        kind, cell = _PLACE_MAP, action
    elif action < SELECT_FROM:
        kind, cell = _STEP_MAP + ((action - STEP_FROM) & 3), (action - STEP_FROM) >> 2
    else:
        kind, cell = _SELECT_MAP, action - SELECT_FROM
    total = weights.policy_bias[kind] + memory.shift[kind]
    for k in range(WIDTH):
        total += weights.policy_weight[kind, k, 0, 0] * memory.trunk[_place(cell), k]
    return total


@kernel
def _win_minus_loss(logits):
    """Return the chance of a win minus that of a loss, float32. logits: of win, draw and loss."""
    highest = max(logits[0], logits[1], logits[2])
    total = 0.0
    for i in range(3):
        total += exp_of_negative(logits[i] - highest)
    win, loss = exp_of_negative(logits[_WIN] - highest), exp_of_negative(logits[_LOSS] - highest)
    return float32((win - loss) / total)
