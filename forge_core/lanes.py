"""Machine instructions that numba does not offer: operations on rows of 64 int8 lanes, and bit counts.

A row is one SIMD value (two AVX2 registers, one AVX-512 register or four NEON registers). It can be
loaded from any offset of a flat int8 array, added to, compared lane by lane, and stored. Loads and
stores always touch 64 bytes, even if the caller uses fewer, so arrays need `LANES` spare bytes at
the end. Additions wrap around within each lane.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic, models, register_model

import forge_core.kernels  # noqa: F401  (sets numba's cache folder before it is used)

LANES = 64
"""A row holds the 35 hands of a boundary's leader; 64 is the next multiple of the register widths."""


def instruction(generator: Callable) -> Callable[..., Any]:
    """Wrap numba's `intrinsic`: numba passes the typing context, callers pass only the other arguments."""
    return intrinsic(generator)


class RowType(types.Type):
    """Numba's type of a row: 64 lanes of int8, passed by value."""

    def __init__(self) -> None:
        super().__init__(name=f"int8x{LANES}")


row_type = RowType()
_BYTE = ir.IntType(8)
_VECTOR = ir.VectorType(_BYTE, LANES)


@register_model(RowType)
class _RowModel(models.PrimitiveModel):
    def __init__(self, manager, fe_type) -> None:
        super().__init__(manager, fe_type, _VECTOR)


def _splat(builder, scalar):
    first = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), scalar, ir.IntType(32)(0))
    places = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(first, ir.Constant(_VECTOR, ir.Undefined), places)


def _address(context, builder, array_type, array, offset):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [offset]), _VECTOR.as_pointer())


@instruction
def load_row(typingctx, array, offset):
    """Load 64 bytes from `array` (flat int8), starting at `offset`."""

    def generate(context, builder, signature, args):
        return builder.load(_address(context, builder, signature.args[0], *args), align=1)

    return row_type(array, types.intp), generate


@instruction
def store_row(typingctx, array, offset, row):
    """Store the 64 lanes in `array` (flat int8), starting at `offset`."""

    def generate(context, builder, signature, args):
        builder.store(args[2], _address(context, builder, signature.args[0], *args[:2]), align=1)
        return context.get_dummy_value()

    return types.void(array, types.intp, row_type), generate


@instruction
def fill_row(typingctx, value):
    """Return a row with all 64 lanes equal to an int8."""

    def generate(context, builder, signature, args):
        return _splat(builder, args[0])

    return row_type(types.int8), generate


@instruction
def add_to_row(typingctx, row, value):
    """Add an int8 to every lane; overflow wraps around."""

    def generate(context, builder, signature, args):
        return builder.add(args[0], _splat(builder, args[1]))

    return row_type(row_type, types.int8), generate


def _select(comparison: str):
    def generate(context, builder, signature, args):
        return builder.select(builder.icmp_signed(comparison, *args), *args)

    return generate


@instruction
def min_rows(typingctx, a, b):
    """Return the lane-wise minimum of two rows."""
    return row_type(row_type, row_type), _select("<")


@instruction
def max_rows(typingctx, a, b):
    """Return the lane-wise maximum of two rows."""
    return row_type(row_type, row_type), _select(">")


def _as_int64(builder, number):
    return builder.zext(number, ir.IntType(64)) if number.type.width < 64 else number


@instruction
def popcount(typingctx, word):
    """Return the number of set bits of an integer, as int64."""

    def generate(context, builder, signature, args):
        return (
            builder.zext(builder.ctpop(args[0]), ir.IntType(64))
            if word.bitwidth < 64
            else builder.ctpop(args[0])
        )

    return types.int64(word), generate


@instruction
def trailing_zeros(typingctx, word):
    """Return the position of the lowest set bit, as int64; undefined for 0."""

    def generate(context, builder, signature, args):
        return _as_int64(builder, builder.cttz(args[0], ir.IntType(1)(1)))

    return types.int64(word), generate


@instruction
def highest_bit(typingctx, word):
    """Return the position of the highest set bit of an int64; undefined for 0."""

    def generate(context, builder, signature, args):
        return builder.sub(ir.IntType(64)(63), builder.ctlz(args[0], ir.IntType(1)(1)))

    return types.int64(word), generate
