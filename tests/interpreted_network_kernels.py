"""The transformer's CUDA kernels, interpreted by Triton on the host, compared with torch's operations.

test_network_kernels.py runs this file where TRITON_INTERPRET=1, which has to be set before Triton is
imported.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from forge_core.learning.networks.kernels import PackedRows, attend, layer_norm
from forge_core.learning.networks.transformer import Block, ModelConfig
from forge_core.streams import stream

assert os.environ.get("TRITON_INTERPRET") == "1", "run by test_network_kernels.py"

COUNTS = np.array([1, 5, 15, 16, 17, 29, 32, 40])


def numbers(*shape: int) -> torch.Tensor:
    """Return normal random numbers, the same at each call."""
    draws = stream(0, "kernels", *shape).standard_normal(shape)
    return torch.from_numpy(draws).float().requires_grad_()


@pytest.mark.parametrize(("width", "heads"), [(64, 4), (96, 4), (64, 2)])
def test_attention_and_its_gradient(width, heads):
    rows = PackedRows.of(COUNTS, torch.device("cpu"))
    assert rows.tiles == ((0, 4, 16), (4, 3, 32), (7, 1, 64))
    mine, theirs = (numbers(int(COUNTS.sum()), 3 * width) for _ in range(2))
    block = Block(ModelConfig(width=width, layers=1, heads=heads, hidden=8))
    found = attend(mine, rows, heads)
    expected = torch.cat([block.attend(part[None])[0] for part in theirs.split(COUNTS.tolist())])
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
    slope = numbers(*found.shape).detach()
    found.backward(slope)
    expected.backward(slope)
    torch.testing.assert_close(mine.grad, theirs.grad, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("n", [1, 16, 150])
@pytest.mark.parametrize("width", [64, 96])
def test_layer_norm_and_its_gradient(n, width):
    norm, other = (nn.LayerNorm(width) for _ in range(2))
    for each in (norm, other):
        with torch.no_grad():
            each.weight.copy_(numbers(width))
            each.bias.copy_(numbers(width + 1)[1:])
    mine, theirs = (numbers(n, width) for _ in range(2))
    found = layer_norm(mine, norm, torch.float32)
    expected = F.layer_norm(theirs, (width,), other.weight, other.bias, other.eps)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
    slope = numbers(n, width + 2)[:, 2:].detach()
    found.backward(slope)
    expected.backward(slope)
    for one, two in ((mine, theirs), (norm.weight, other.weight), (norm.bias, other.bias)):
        torch.testing.assert_close(one.grad, two.grad, atol=1e-5, rtol=1e-5)
    assert layer_norm(mine, norm, torch.bfloat16).dtype == torch.bfloat16


def test_a_block_of_the_network():
    torch.manual_seed(0)
    block = Block(ModelConfig(width=64, layers=1, heads=4, hidden=128))
    packed = numbers(int(COUNTS.sum()), 64)
    found = block(packed, PackedRows.of(COUNTS, torch.device("cpu")))
    expected = block(packed, [(1, size) for size in COUNTS.tolist()])
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
