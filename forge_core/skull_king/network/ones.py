"""A linear layer whose inputs are zeros and ones, most of them zeros: on a CPU, only the ones are added.

About 50 of the 712 entries of an observation are ones. To add their rows of the matrix takes half the time of
the whole product, and is exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from forge_core.kernels import kernel


class OnesLinear(nn.Module):
    """A linear layer for inputs [N, n_inputs] of zeros and ones, uint8 or float."""

    def __init__(self, n_inputs: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_inputs, width))
        self.bias = nn.Parameter(torch.zeros(width))
        nn.init.uniform_(self.weight, -(n_inputs**-0.5), n_inputs**-0.5)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return [N, width] float32."""
        if inputs.dtype == torch.uint8 and inputs.device.type == "cpu":
            added: Any = _Added.apply(inputs, self.weight)
            return added + self.bias
        return inputs.to(self.weight.dtype) @ self.weight + self.bias


class _Added(torch.autograd.Function):
    """The product of inputs [N, I] uint8 and weights [I, W], on a CPU."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(inputs)
        ctx.n_inputs = len(weight)
        out = torch.zeros(len(inputs), weight.shape[1])
        _add_rows(inputs.numpy(), weight.detach().numpy(), out.numpy(), _room(inputs))
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor]:
        (inputs,) = ctx.saved_tensors
        gradient = gradients[0].contiguous()
        of_weight = torch.zeros(ctx.n_inputs, gradient.shape[1])
        _add_to_rows(inputs.numpy(), gradient.numpy(), of_weight.numpy())
        return None, of_weight


def _room(inputs: Tensor) -> np.ndarray:
    return np.empty(inputs.shape[1], np.int64)


@kernel
def _add_rows(inputs, weight, out, ones):
    """Add to each row of `out` the rows of `weight` at which the inputs are 1. ones: room for numbers."""
    width = weight.shape[1]
    for n in range(len(inputs)):
        n_ones = 0
        for i in range(inputs.shape[1]):
            ones[n_ones] = i
            n_ones += inputs[n, i]
        row = out[n]
        # Four rows at once, so that the sum is read and written a fourth as often.
        for first in range(0, n_ones - 3, 4):
            a, b = weight[ones[first]], weight[ones[first + 1]]
            c, d = weight[ones[first + 2]], weight[ones[first + 3]]
            for k in range(width):
                row[k] += (a[k] + b[k]) + (c[k] + d[k])
        for last in range(n_ones - n_ones % 4, n_ones):
            a = weight[ones[last]]
            for k in range(width):
                row[k] += a[k]


@kernel
def _add_to_rows(inputs, gradient, out):
    """Add each row of `gradient` to the rows of `out` at which the inputs are 1."""
    for n in range(len(inputs)):
        row = gradient[n]
        for i in range(inputs.shape[1]):
            if inputs[n, i]:
                summed = out[i]
                for k in range(row.shape[0]):
                    summed[k] += row[k]
