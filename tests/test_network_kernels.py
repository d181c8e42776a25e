"""The transformer's CUDA kernels: interpreted and compiled; on a GPU compared with torch's operations."""

from __future__ import annotations

import pytest
import torch
from triton_kernels import compile_kernel, run_interpreted

from forge_core.learning.networks import transformer
from forge_core.learning.networks.sizes import SIZES
from forge_core.learning.networks.transformer import TokenTransformer
from forge_core.texas42.tokens.rows import STAGE1_SPEC

triton = pytest.importorskip("triton")


@pytest.mark.slow
def test_interpreted_kernels_equal_torch():
    run_interpreted("interpreted_network_kernels.py")


@pytest.mark.slow
@pytest.mark.parametrize("capability", [75, 90])
@pytest.mark.parametrize("dtype", ["fp32", "fp16"])
def test_kernels_compile_without_a_gpu(capability, dtype):
    from forge_core.learning.networks import kernels

    tensors = {"projected", "seen", "given", "found", "tokens", "normed"}
    types = dict.fromkeys(tensors, f"*{dtype}") | {"starts": "*i64", "scale": "fp32", "eps": "fp32"}
    types |= dict.fromkeys(("weight", "bias", "mean", "deviation", "sums"), "*fp32")
    constants = {"WIDTH": 128, "EACH": 16, "TILE": 32, "DEPTH": 16, "PRECISION": "ieee"}
    constants |= {"COLUMNS": 128, "ROWS": kernels.ROWS_PER_NORM}
    for kernel in (
        kernels._attend_forward,
        kernels._attend_backward,
        kernels._normalise,
        kernels._normalise_backward,
    ):
        assert compile_kernel(kernel, capability, types, constants, {"num_warps": 1}).asm["cubin"]


@pytest.mark.gpu
@pytest.mark.parametrize("size", list(SIZES))
def test_networks_with_and_without_kernels_agree(size, monkeypatch):
    torch.manual_seed(0)
    network = TokenTransformer(STAGE1_SPEC, SIZES[size]).cuda()
    torch.nn.init.normal_(network.head.weight, std=0.1)
    tokens, mask = (torch.from_numpy(part).cuda() for part in network.random_inputs(500))
    found = {}
    for has_kernels in (True, False):
        monkeypatch.setattr(transformer, "takes_kernels", lambda packed, has=has_kernels: has)
        network.zero_grad()
        answers, values = network(tokens, mask)
        torch.where(mask[:, :7], answers, 0.0).square().mean().backward()
        gradient = torch.cat([part.grad.flatten() for part in network.parameters()])
        found[has_kernels] = answers, values, gradient
    for one, other in zip(found[True], found[False], strict=True):
        assert (one - other).norm() <= 1e-4 * other.norm()
