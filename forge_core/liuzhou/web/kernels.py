"""The kernels of Liuzhou that run in a browser: rules, players that count stones, network and search.

Each function adapts one kernel: it makes arrays of the addresses that it receives, and adds constants.
`make wasm` builds the file.
"""

from __future__ import annotations

import numpy as np
from numba import types, uint64
from numba.np.numpy_support import carray, from_dtype

from forge_core.draws import mix
from forge_core.inference import offsets_of
from forge_core.liuzhou import rules
from forge_core.liuzhou.network import kernels as network
from forge_core.liuzhou.players.greedy import stones_after
from forge_core.liuzhou.state import START, layout
from forge_core.liuzhou.state.kernels import legal_list, step
from forge_core.liuzhou.state.layout import SLOTS
from forge_core.liuzhou.web import search
from forge_core.liuzhou.web.search import N_ROWS, TREE, pick_best, read_root
from forge_core.streams import stream
from forge_core.web.exports import Export, Exports

MODULE = __name__
BASE = np.array([stream(0, "match").integers(2**64, dtype=np.uint64)], dtype=np.uint64)
"""[1] key of the players' draws in a match of seed 0; that of a decision is mix(mix(key, seed), time)"""


def start(row):
    """Write the row [4] int64 before the first action."""
    out = carray(row, 4)
    for word in range(4):
        out[word] = START[word]


def legal(row, out):
    """Write the legal actions, ascending, to out [64] int64; return their number."""
    return np.int64(legal_list(carray(row, 4), carray(out, SLOTS)))


def take(row, action):
    """Take a legal action."""
    own = carray(row, 4)
    step(own, action, own)


def stones_action(row, reply, seed, time, listed, worth):
    """Return the action of `greedy`, or with reply 1 of `reply`.

    time: actions taken. listed, worth: [64] int64, scratch.
    """
    own, actions, leads = carray(row, (1, 4)), carray(listed, SLOTS), carray(worth, (1, SLOTS))
    n = legal_list(own[0], actions)
    stones_after(own, reply == 1, leads)
    return actions[pick_best(leads[0], n, mix(mix(BASE[0], seed), time))]


def arrange(weights, arranged):
    """Fill one ARRANGED record from one WEIGHTS record."""
    network.arrange(carray(weights, 1)[0], carray(arranged, 1)[0])


def begin(row, tree, weights, arranged):
    """Begin a search of a position that is not finished. tree: one TREE record."""
    search.begin(carray(row, 4), carray(tree, 1)[0], carray(weights, 1)[0], carray(arranged, 1)[0])


def simulate(tree, weights, arranged, n):
    """Make n simulations; a tree has room for as many as the layout's `most_sims`."""
    search.simulate(carray(tree, 1)[0], carray(weights, 1)[0], carray(arranged, 1)[0], n)


def root(tree, actions, visits, prior, q):
    """Write the legal actions of the search and what it found, as `search.read_root`; return their number."""
    return read_root(
        carray(tree, 1)[0],
        carray(actions, SLOTS),
        carray(visits, SLOTS),
        carray(prior, SLOTS),
        carray(q, SLOTS),
    )


def choice(n, actions, visits, prior, by_prior, seed, time):
    """Return the action of `search`, or with by_prior 1 of `network`, from what `root` wrote."""
    key = mix(mix(BASE[0], seed), time)
    if by_prior == 1:
        slot = pick_best(carray(prior, SLOTS), n, key)
    else:
        slot = pick_best(carray(visits, SLOTS), n, key)
    return carray(actions, SLOTS)[slot]


def _exports() -> Exports:
    number, whole, floats = types.int64, types.CPointer(types.int64), types.CPointer(types.float64)
    tree, weights, arranged = (
        types.CPointer(from_dtype(record)) for record in (TREE, network.WEIGHTS, network.ARRANGED)
    )
    signatures = {
        start: types.void(whole),
        legal: number(whole, whole),
        take: types.void(whole, number),
        stones_action: number(whole, number, uint64, number, whole, whole),
        arrange: types.void(weights, arranged),
        begin: types.void(whole, tree, weights, arranged),
        simulate: types.void(tree, weights, arranged, number),
        root: number(tree, whole, whole, floats, floats),
        choice: number(number, whole, whole, floats, number, uint64, number),
    }
    records = {"tree": TREE, "weights": network.WEIGHTS, "arranged": network.ARRANGED}
    sizes = {f"{name}_bytes": record.itemsize for name, record in records.items()}
    words = ("PHASE_MASK", "PLAYER_SHIFT", "PENDING_SHIFT", "PENDING_MASK", "OUTCOME_SHIFT", "OUTCOME_MASK")
    words += ("COUNT_SHIFT", "COUNT_MASK", "QUIET_SHIFT", "QUIET_MASK", "SLOTS")
    phases = ("PLACE", "MARK", "REMOVAL", "MOVE", "CAPTURE", "FORCED", "COUNTER", "MAX_MOVES", "QUIET_LIMIT")
    numbers = {name: getattr(layout, name) for name in words} | {
        name: getattr(rules, name) for name in phases
    }
    tensors = {f"tensor {name}": place for name, place in offsets_of(network.TENSORS).items()}
    functions = [Export(each.__name__, each, signature) for each, signature in signatures.items()]
    return Exports(functions, sizes | numbers | tensors | {"most_sims": N_ROWS - 1})


EXPORTS = _exports()
