"""Liuzhou's search on CUDA: its kernels interpreted and compiled; on a GPU compared with the CPU."""

from __future__ import annotations

import numpy as np
import pytest
from liuzhou_positions import assert_equal_roots, keys, positions
from triton_kernels import compile_kernel, run_interpreted

from forge_core.errors import BadInput
from forge_core.liuzhou.arena import Arena, SearchSettings
from forge_core.liuzhou.evaluators import FakeNet, Rollouts
from forge_core.liuzhou.state import step_rows

pytestmark = pytest.mark.slow

torch = pytest.importorskip("torch")
triton = pytest.importorskip("triton")


def test_interpreted_kernels_equal_the_cpu():
    run_interpreted("interpreted_liuzhou_arena.py")


@pytest.mark.parametrize("capability", [75, 90])
def test_kernels_compile_without_a_gpu(capability):
    """And multiply and add apart: a fused float32 operation would choose other actions than a CPU."""
    from forge_core.liuzhou.arena.cuda import KERNELS
    from forge_core.liuzhou.arena.cuda.trees import EXACT, IDS, LANES

    arguments = {
        "*u8": ["actions", "leaf_actions"],
        "*i16": ["child", "parent"],
        "*i32": ["visits", "row_visits", "plan", "path_row", "path_slot", "depth", "is_new"],
        "*i64": ["state", "used", "leaf", "leaf_state"],
        "*fp32": ["prior", "sums", "value", "seen", "leaf_prior", "leaf_value"],
        "*fp64": ["scores"],
        "fp32": ["c", "fpu", "beta", "draw_scale"],
    }
    types = {name: kind for kind, names in arguments.items() for name in names}
    for kernel in KERNELS:
        for is_gumbel in {False, "GUMBEL" in kernel.arg_names}:
            constants = {"SLOTS": 64, "IDS": IDS, "LANES": LANES, "GUMBEL": is_gumbel}
            compiled = compile_kernel(kernel, capability, types, constants, EXACT)
            assert compiled.asm["cubin"]
            assert "fma.rn.f32" not in compiled.asm["ptx"] and ".local" not in compiled.asm["ptx"]


def test_the_kernels_need_a_device():
    with pytest.raises(BadInput, match="cuda"):
        Arena(1, SearchSettings(4), "cpu", "cuda")


@pytest.mark.gpu
@pytest.mark.parametrize(
    "options",
    [{"beta": 0.5}, {"fpu": None}, {"noise": 0.25}, {"gumbel": True, "noise": 1.0}, {"reuse": True}],
    ids=str,
)
@pytest.mark.parametrize("kind", ["tensors", "cuda"])
def test_searches_equal_those_of_the_cpu(options, kind):
    settings, rows = SearchSettings(64, **options), positions(100)
    on_cpu, on_cuda = Arena(128, settings, "cpu"), Arena(128, settings, "cuda", kind)
    for _ in range(3):
        expected = on_cpu.search(rows, FakeNet(1), keys(100))
        found = on_cuda.search(rows, FakeNet(1), keys(100))
        assert_equal_roots(on_cuda.root().as_numpy(), on_cpu.root())
        np.testing.assert_array_equal(found.chosen, expected.chosen)
        assert on_cuda.overflow == 0
        if settings.reuse:
            slots = expected.slots_of(expected.chosen)
            on_cpu.advance(slots)
            on_cuda.advance(slots)
            rows = step_rows(rows, np.maximum(expected.chosen, 0))


@pytest.mark.gpu
def test_a_search_waits_for_nothing():
    """From rows on the device to the result: no copy to the host, with the graph captured or not."""
    arena = Arena(64, SearchSettings(16, noise=0.25), "cuda")
    rows = torch.from_numpy(positions(64)).cuda()
    evaluator = FakeNet(1)
    arena.search(rows, evaluator, keys(64))
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        result = arena.search(rows, evaluator, keys(64))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert result.visits.is_cuda


@pytest.mark.gpu
def test_evaluators_that_use_the_host_are_not_captured():
    rows, settings = positions(64), SearchSettings(16)
    on_cpu, on_cuda = (Arena(64, settings, device) for device in ("cpu", "cuda"))
    for evaluator in (Rollouts(1), FakeNet(1), Rollouts(2)):
        on_cpu.search(rows, evaluator)
        on_cuda.search(rows, evaluator)
        assert_equal_roots(on_cuda.root().as_numpy(), on_cpu.root())
