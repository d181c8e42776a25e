"""Triton kernels of the token transformer on CUDA: attention within packed rows, and layer norms.

Rows have up to a few dozen tokens, and a token has about a hundred numbers. Attention kernels made for long
rows fill tiles of 64 or 128 tokens, of which most would be empty, and norms made for wide rows start a
thread block per token. Here a program attends for one row and one head in a tile as large as the row, reads
queries, keys and values where the projection wrote them, and normalises a block of tokens at once in the
precision that the next product reads. Backward passes need no atomic operations, so they repeat exactly.

Letters: N rows, T packed tokens, W width of a token, H heads.
"""

# Kernels are written in Triton's language, whose types are not Python's:
# pyright: reportArgumentType=false, reportOperatorIssue=false, reportCallIssue=false

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import triton
import triton.language as tl
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from forge_core.device import launching_on, to_device

SMALLEST_TILE = 16
"""least size of a matrix product"""
ROWS_PER_NORM = 16
"""tokens that a program normalises at once"""
NORM_PROGRAMS = 1_024
"""most programs of a norm's backward pass, each of which leaves one sum for the weights"""


@dataclass(frozen=True, slots=True, eq=False)
class PackedRows:
    """The places of N rows among T packed tokens: rows are in the order of their number of tokens."""

    starts: Tensor
    """int64 [N + 1]: where each row begins and the last one ends, on the device"""
    tiles: tuple[tuple[int, int, int], ...]
    """(first row, rows, tokens per tile) of each run of rows that share a size of tile"""

    @classmethod
    def of(cls, counts: npt.NDArray[np.int64], device: torch.device) -> PackedRows:
        """Return the places of rows with these numbers of tokens, [N] ascending. Waits for no device."""
        starts = to_device(np.concatenate(([0], counts.cumsum())), device)
        tiles, first = [], 0
        while first < len(counts):
            size = max(SMALLEST_TILE, 1 << (int(counts[first]) - 1).bit_length())
            end = int(np.searchsorted(counts, size, side="right"))
            tiles.append((first, end - first, size))
            first = end
        return cls(starts, tuple(tiles))


def attend(projected: Tensor, rows: PackedRows, heads: int) -> Tensor:
    """Attend within each row: projected [T, 3W] (queries, keys, values by head) -> [T, W]; differentiable."""
    return _Attention.apply(projected, rows, heads)


def layer_norm(tokens: Tensor, norm: nn.LayerNorm, dtype: torch.dtype) -> Tensor:
    """Normalise tokens [T, W] in float32 and return them in `dtype`; differentiable."""
    return _LayerNorm.apply(tokens, norm.weight, norm.bias, norm.eps, dtype)


def precision_of(tokens: Tensor) -> torch.dtype:
    """Return the type in which products of these tokens are computed now: autocast's, or their own."""
    if torch.is_autocast_enabled(tokens.device.type):
        return torch.get_autocast_dtype(tokens.device.type)
    return tokens.dtype


# --- attention --------------------------------------------------------------------------------


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, projected: Tensor, rows: PackedRows, heads: int) -> Tensor:
        projected = projected.contiguous()
        tokens, width = len(projected), projected.shape[1] // 3
        seen = projected.new_empty(tokens, width)
        _launch(_attend_forward, rows, heads, width, projected.dtype, projected, rows.starts, seen)
        ctx.save_for_backward(projected)
        ctx.rows, ctx.heads = rows, heads
        return seen

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (projected,), rows = ctx.saved_tensors, ctx.rows
        found, width = torch.empty_like(projected), projected.shape[1] // 3
        given = gradients[0].contiguous()
        _launch(
            _attend_backward, rows, ctx.heads, width, projected.dtype, projected, rows.starts, given, found
        )
        return found, None, None


def _launch(
    kernel: Any, rows: PackedRows, heads: int, width: int, dtype: torch.dtype, *tensors: Tensor
) -> None:
    """Launch a kernel of attention for all rows, by size of tile."""
    each = width // heads
    with launching_on(rows.starts):
        for first, n, size in rows.tiles:
            kernel[(n, heads)](
                *tensors,
                first,
                each**-0.5,
                WIDTH=width,
                EACH=each,
                TILE=size,
                DEPTH=max(SMALLEST_TILE, triton.next_power_of_2(each)),
                PRECISION="ieee" if dtype == torch.float32 else "tf32",
                num_warps=1 if size <= 32 else 4,
            )


@triton.jit(do_not_specialize=["first"])
def _attend_forward(
    projected,
    starts,
    seen,
    first,
    scale,
    WIDTH: tl.constexpr,
    EACH: tl.constexpr,
    TILE: tl.constexpr,
    DEPTH: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Attend for one row and one head. Tokens beyond the row are zeros that nobody sees."""
    row, head = first + tl.program_id(0), tl.program_id(1)
    begin = tl.load(starts + row)
    length = tl.load(starts + row + 1) - begin
    token, column = tl.arange(0, TILE), tl.arange(0, DEPTH)
    is_there = (token < length)[:, None] & (column < EACH)[None, :]
    at = projected + (begin + token)[:, None] * (3 * WIDTH) + head * EACH + column[None, :]
    query = tl.load(at, mask=is_there, other=0.0)
    key = tl.load(at + WIDTH, mask=is_there, other=0.0)
    value = tl.load(at + 2 * WIDTH, mask=is_there, other=0.0)
    scores = tl.dot(query, tl.trans(key), input_precision=PRECISION) * scale
    scores = tl.where((token < length)[None, :], scores, float("-inf"))
    weights = tl.exp(scores - tl.max(scores, 1)[:, None])
    mixed = tl.dot(weights.to(value.dtype), value, input_precision=PRECISION) / tl.sum(weights, 1)[:, None]
    to = seen + (begin + token)[:, None] * WIDTH + head * EACH + column[None, :]
    tl.store(to, mixed.to(value.dtype), mask=is_there)


@triton.jit(do_not_specialize=["first"])
def _attend_backward(
    projected,
    starts,
    given,
    found,
    first,
    scale,
    WIDTH: tl.constexpr,
    EACH: tl.constexpr,
    TILE: tl.constexpr,
    DEPTH: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Write the gradients of queries, keys and values to `found` [T, 3W]. given: [T, W], the result's."""
    row, head = first + tl.program_id(0), tl.program_id(1)
    begin = tl.load(starts + row)
    length = tl.load(starts + row + 1) - begin
    token, column = tl.arange(0, TILE), tl.arange(0, DEPTH)
    is_there = (token < length)[:, None] & (column < EACH)[None, :]
    place = (begin + token)[:, None] * (3 * WIDTH) + head * EACH + column[None, :]
    query = tl.load(projected + place, mask=is_there, other=0.0)
    key = tl.load(projected + place + WIDTH, mask=is_there, other=0.0)
    value = tl.load(projected + place + 2 * WIDTH, mask=is_there, other=0.0)
    given_at = given + (begin + token)[:, None] * WIDTH + head * EACH + column[None, :]
    slope = tl.load(given_at, mask=is_there, other=0.0).to(value.dtype)
    scores = tl.dot(query, tl.trans(key), input_precision=PRECISION) * scale
    scores = tl.where((token < length)[None, :], scores, float("-inf"))
    weights = tl.exp(scores - tl.max(scores, 1)[:, None])
    weights = weights / tl.sum(weights, 1)[:, None]
    of_weights = tl.dot(slope, tl.trans(value), input_precision=PRECISION)
    of_scores = weights * (of_weights - tl.sum(weights * of_weights, 1)[:, None]) * scale
    of_scores = of_scores.to(value.dtype)
    of_query = tl.dot(of_scores, key, input_precision=PRECISION)
    of_key = tl.dot(tl.trans(of_scores), query, input_precision=PRECISION)
    of_value = tl.dot(tl.trans(weights.to(value.dtype)), slope, input_precision=PRECISION)
    tl.store(found + place, of_query.to(value.dtype), mask=is_there)
    tl.store(found + place + WIDTH, of_key.to(value.dtype), mask=is_there)
    tl.store(found + place + 2 * WIDTH, of_value.to(value.dtype), mask=is_there)


# --- layer norms ------------------------------------------------------------------------------


class _LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, tokens: Tensor, weight: Tensor, bias: Tensor, eps: float, dtype: torch.dtype
    ) -> Tensor:
        tokens = tokens.contiguous()
        n, width = tokens.shape
        normed = tokens.new_empty(n, width, dtype=dtype)
        mean, deviation = (tokens.new_empty(n, dtype=torch.float32) for _ in range(2))
        with launching_on(tokens):
            _normalise[(triton.cdiv(n, ROWS_PER_NORM),)](
                tokens,
                weight,
                bias,
                normed,
                mean,
                deviation,
                n,
                eps,
                WIDTH=width,
                COLUMNS=triton.next_power_of_2(width),
                ROWS=ROWS_PER_NORM,
            )
        ctx.save_for_backward(tokens, weight, mean, deviation)
        return normed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        tokens, weight, mean, deviation = ctx.saved_tensors
        n, width = tokens.shape
        found = torch.empty_like(tokens)
        programs = min(NORM_PROGRAMS, max(1, triton.cdiv(n, ROWS_PER_NORM)))
        sums = tokens.new_empty(2, programs, width, dtype=torch.float32)
        with launching_on(tokens):
            _normalise_backward[(programs,)](
                tokens,
                weight,
                mean,
                deviation,
                gradients[0].contiguous(),
                found,
                sums,
                n,
                WIDTH=width,
                COLUMNS=triton.next_power_of_2(width),
                ROWS=ROWS_PER_NORM,
            )
        of_weight, of_bias = sums.sum(1)
        return found, of_weight.to(weight.dtype), of_bias.to(weight.dtype), None, None


@triton.jit(do_not_specialize=["n"])
def _normalise(
    tokens,
    weight,
    bias,
    normed,
    mean,
    deviation,
    n,
    eps,
    WIDTH: tl.constexpr,
    COLUMNS: tl.constexpr,
    ROWS: tl.constexpr,
):
    """Normalise ROWS tokens; keep their means and the inverses of their standard deviations."""
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    column = tl.arange(0, COLUMNS)
    is_there = (row < n)[:, None] & (column < WIDTH)[None, :]
    at = row[:, None] * WIDTH + column[None, :]
    x = tl.load(tokens + at, mask=is_there, other=0.0).to(tl.float32)
    middle = tl.sum(x, 1) / WIDTH
    x = tl.where(is_there, x - middle[:, None], 0.0)
    inverse = 1.0 / tl.sqrt(tl.sum(x * x, 1) / WIDTH + eps)
    w = tl.load(weight + column, mask=column < WIDTH, other=0.0).to(tl.float32)
    b = tl.load(bias + column, mask=column < WIDTH, other=0.0).to(tl.float32)
    y = x * inverse[:, None] * w[None, :] + b[None, :]
    tl.store(normed + at, y.to(normed.dtype.element_ty), mask=is_there)
    tl.store(mean + row, middle, mask=row < n)
    tl.store(deviation + row, inverse, mask=row < n)


@triton.jit(do_not_specialize=["n"])
def _normalise_backward(
    tokens,
    weight,
    mean,
    deviation,
    given,
    found,
    sums,
    n,
    WIDTH: tl.constexpr,
    COLUMNS: tl.constexpr,
    ROWS: tl.constexpr,
):
    """Write the gradient of tokens to `found`, and those of weight and bias to sums[:, program]."""
    program, programs = tl.program_id(0), tl.num_programs(0)
    column = tl.arange(0, COLUMNS)
    is_column = column < WIDTH
    w = tl.load(weight + column, mask=is_column, other=0.0).to(tl.float32)
    of_weight = tl.zeros((COLUMNS,), tl.float32)
    of_bias = tl.zeros((COLUMNS,), tl.float32)
    for block in range(program, tl.cdiv(n, ROWS), programs):
        row = tl.cast(block, tl.int64) * ROWS + tl.arange(0, ROWS)
        is_there = (row < n)[:, None] & is_column[None, :]
        at = row[:, None] * WIDTH + column[None, :]
        middle = tl.load(mean + row, mask=row < n, other=0.0)
        inverse = tl.load(deviation + row, mask=row < n, other=0.0)
        x = tl.load(tokens + at, mask=is_there, other=0.0).to(tl.float32)
        x = tl.where(is_there, (x - middle[:, None]) * inverse[:, None], 0.0)
        slope = tl.load(given + at, mask=is_there, other=0.0).to(tl.float32)
        of_weight += tl.sum(slope * x, 0)
        of_bias += tl.sum(slope, 0)
        slope = slope * w[None, :]
        shift = tl.sum(slope, 1) / WIDTH
        turn = tl.sum(slope * x, 1) / WIDTH
        of_tokens = (slope - shift[:, None] - x * turn[:, None]) * inverse[:, None]
        tl.store(found + at, of_tokens.to(found.dtype.element_ty), mask=is_there)
    tl.store(sums + program * WIDTH + column, of_weight, mask=is_column)
    tl.store(sums + (programs + program) * WIDTH + column, of_bias, mask=is_column)
