"""The CUDA solver: its kernels interpreted, compiled, and on a GPU held against the CPU on whole deals."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from forge_core.streams import stream
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.oracle import solve, solve_many

torch = pytest.importorskip("torch")
triton = pytest.importorskip("triton")

INTERPRETED = Path(__file__).parent / "interpreted_cuda.py"


@pytest.mark.skipif(
    tuple(map(int, triton.__version__.split(".")[:2])) < (3, 9),
    reason="this Triton's interpreter does not go with numpy 2.4 and later; 3.9's does",
)
def test_interpreted_kernels_equal_the_cpu():
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", INTERPRETED, "-q", "-x", "-p", "no:cacheprovider"],
        env=os.environ | {"TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("capability", [75, 90])
def test_kernels_compile_without_a_gpu(capability):
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from forge_core.texas42.oracle import cuda

    arrays = {
        "*u8": ["follow"],
        "*i8": ["masks", "ranks", "values", "following", "views", "value", "q", "sound"],
        "*i16": ["tricks"],
        "*i32": ["listed", "n_listed", "ends", "counts", "places", "rows", "plies"],
        "*i64": ["reached", "holding", "states"],
    }
    arrays["*i32"] += ["n_subsets", "value_offset", "row_offset"]
    types = {name: pointer for pointer, names in arrays.items() for name in names}
    for kernel in cuda.KERNELS:
        signature = {name: types.get(name, "i32") for name in kernel.arg_names} | {"LANES": "constexpr"}
        source = ASTSource(kernel, signature, {"LANES": cuda.LANES})
        compiled = triton.compile(source, target=GPUTarget("cuda", capability, 32), options={"num_warps": 1})
        assert compiled.asm["cubin"]


@pytest.fixture(scope="module")
def whole_deals():
    """Arguments of 200 deals: every declaration, every leader."""
    return (
        [deal_from_seed(seed) for seed in range(200)],
        [s % 10 for s in range(200)],
        [s % 4 for s in range(200)],
    )


@pytest.mark.gpu
def test_whole_deals_equal_the_cpu(whole_deals):
    on_cpu, on_cuda = (solve_many(*whole_deals, device=device) for device in ("cpu", "cuda"))
    for host, device in zip(on_cpu, on_cuda, strict=True):
        assert device.device.startswith("cuda:0 (")
        assert device.states_per_ply == host.states_per_ply
        np.testing.assert_array_equal(device._reached.cpu().numpy().view(np.uint64), host._reached)
        np.testing.assert_array_equal(device._values.cpu().numpy(), host._values)
        assert (device.value, device.q) == (host.value, host.q)


@pytest.mark.gpu
def test_whole_deals_answer_as_on_the_cpu(whole_deals):
    hands, decls, leaders = (part[:20] for part in whole_deals)
    on_cpu, on_cuda = (solve_many(hands, decls, leaders, device=device) for device in ("cpu", "cuda"))
    for seed, (host, device) in enumerate(zip(on_cpu, on_cuda, strict=True)):
        mine, theirs = (s.sample(50_000, stream(seed, "rows")) for s in (device, host))
        np.testing.assert_array_equal(mine.state, theirs.state)
        np.testing.assert_array_equal(mine.weight, theirs.weight)
        states = torch.from_numpy(mine.state).cuda()
        value, q = device.query(states)
        assert value.is_cuda and q.is_cuda
        np.testing.assert_array_equal(value.cpu().numpy(), host.query(mine.state)[0])
        np.testing.assert_array_equal(q.cpu().numpy(), host.query(mine.state)[1])


@pytest.mark.gpu
def test_all_states_of_a_deal_are_labelled_as_on_the_cpu():
    host, device = (solve(deal_from_seed(1), 1, 1, device=device) for device in ("cpu", "cuda"))
    for mine, theirs in zip(device.label_all(), host.label_all(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
