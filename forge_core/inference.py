"""Parts of networks as kernels of plain arithmetic, for a place without torch, such as a browser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import float32

from forge_core.kernels import kernel

_LOG2 = 0.6931471805599453
_MOST_HALVINGS = 100
"""exp(x) counts as 0 where it is less than half to this power"""

Shapes = Mapping[str, tuple[int, ...]]
"""the tensors that a kernel reads, as they are stored, and their shapes"""


# --- weights ----------------------------------------------------------------------------------


def record_of(shapes: Shapes) -> np.dtype:
    """Return the type of a record with these tensors, float32; dots in names become underscores."""
    return np.dtype([(_field(name), np.float32, shape) for name, shape in shapes.items()], align=True)


def offsets_of(shapes: Shapes) -> dict[str, int]:
    """Return the place of each tensor in the record, in bytes, by its name."""
    fields: Any = record_of(shapes).fields
    return {name: int(fields[_field(name)][1]) for name in shapes}


def pack(shapes: Shapes, tensors: Mapping[str, npt.NDArray[np.float32]]) -> npt.NDArray:
    """Return [1] records with the tensors of a network, which may have more."""
    packed = np.zeros(1, dtype=record_of(shapes))
    for name in shapes:
        packed[_field(name)] = tensors[name]
    return packed


def _field(name: str) -> str:
    return name.replace(".", "_")


# --- layers -----------------------------------------------------------------------------------


@kernel
def multiply(inputs, width, weight, bias, out, with_relu):
    """Write weight [M, width] times inputs [width] plus bias [M]; with_relu: at least 0."""
    for m in range(weight.shape[0]):
        total = bias[m]
        for k in range(width):
            total += weight[m, k] * inputs[k]
        out[m] = max(total, float32(0)) if with_relu else total


@kernel
def exp_of_negative(x):
    """Return exp(x) for x at most 0, float64, to about 1e-14; WebAssembly has no such function."""
    halvings = np.int64(-x / _LOG2)
    if halvings > _MOST_HALVINGS:
        return 0.0
    rest = np.float64(x) + halvings * _LOG2  # -log 2 to 0
    value = 1.0
    for n in range(14, 0, -1):
        value = 1.0 + value * rest / n
    for _ in range(halvings):
        value *= 0.5
    return value
