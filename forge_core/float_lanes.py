"""Rows of 32 float32 lanes, which numba does not offer: for layers of networks in kernels.

A row is one SIMD value, held in two to eight registers. A loop that adds to one keeps it there, whereas numba
writes an array back to memory after every addition. Products are rounded before they are added, as in numba's
code for single numbers.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import types
from numba.extending import models, register_model

from forge_core.lanes import instruction

FLOATS = 32
"""lanes of a row of float32"""


class FloatsType(types.Type):
    """Numba's type of a row of float32, passed by value."""

    def __init__(self) -> None:
        super().__init__(name=f"float32x{FLOATS}")


floats_type = FloatsType()
_FLOATS = ir.VectorType(ir.FloatType(), FLOATS)


@register_model(FloatsType)
class _FloatsModel(models.PrimitiveModel):
    def __init__(self, manager, fe_type) -> None:
        super().__init__(manager, fe_type, _FLOATS)


def _floats_address(context, builder, array_type, array, offset):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [offset]), _FLOATS.as_pointer())


@instruction
def load_floats(typingctx, array, offset):
    """Load 32 numbers of `array` (float32, contiguous, of any shape), from the flat index `offset` on."""

    def generate(context, builder, signature, args):
        return builder.load(_floats_address(context, builder, signature.args[0], *args), align=4)

    return floats_type(array, types.intp), generate


@instruction
def store_floats(typingctx, array, offset, row):
    """Store the 32 lanes in `array`; see `load_floats`."""

    def generate(context, builder, signature, args):
        address = _floats_address(context, builder, signature.args[0], *args[:2])
        builder.store(args[2], address, align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, floats_type), generate


@instruction
def add_product(typingctx, row, number, factors):
    """Return row + number * factors, where `number` is a float32."""

    def generate(context, builder, signature, args):
        undefined = ir.Constant(_FLOATS, ir.Undefined)
        first = builder.insert_element(undefined, args[1], ir.IntType(32)(0))
        places = ir.Constant(ir.VectorType(ir.IntType(32), FLOATS), [0] * FLOATS)
        number = builder.shuffle_vector(first, undefined, places)
        return builder.fadd(args[0], builder.fmul(number, args[2]))

    return floats_type(floats_type, types.float32, floats_type), generate


@instruction
def positive_part(typingctx, row):
    """Return the lane-wise maximum of a row and 0."""

    def generate(context, builder, signature, args):
        zeros = ir.Constant(_FLOATS, [0.0] * FLOATS)
        return builder.select(builder.fcmp_ordered(">", args[0], zeros), args[0], zeros)

    return floats_type(floats_type), generate


@instruction
def mask_of_nonzero(typingctx, row):
    """Return an int64 whose bit k is set if lane k is not 0."""

    def generate(context, builder, signature, args):
        zeros = ir.Constant(_FLOATS, [0.0] * FLOATS)
        mask = builder.bitcast(builder.fcmp_unordered("!=", args[0], zeros), ir.IntType(FLOATS))
        return builder.zext(mask, ir.IntType(64))

    return types.int64(floats_type), generate
