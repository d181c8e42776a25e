"""The search on a CUDA device: two kernels in Triton around the evaluator, captured as one graph.

As tensor operations, a simulation is a thousand small kernels or more, each of which takes longer to launch
than to run. Here there are two: `walk` goes down to a leaf, makes its state and lists its actions; `absorb`
stores the evaluator's answer and adds its value along the path. A program is one warp and handles one tree;
its lanes hold the SLOTS actions of a row, so a row is read in a few coalesced loads and no program waits for
another. Both, with the evaluator between them, are captured once as a CUDA graph and replayed.

The arrays are those of tensors.py, and so are all results, to the last digit: products and sums are not
fused, and divisions and square roots are rounded to nearest. In reading order: rules (device functions),
kernels, trees (launches and graph).
"""

from forge_core.errors import DeviceUnavailable

try:
    import triton  # noqa: F401
except ImportError as missing:
    raise DeviceUnavailable(
        "the cuda arena needs Triton, which is not installed: pip install triton, or use kind tensors"
    ) from missing

from forge_core.liuzhou.arena.cuda.kernels import absorb, walk
from forge_core.liuzhou.arena.cuda.trees import CudaTrees

KERNELS = (walk, absorb)

__all__ = ["KERNELS", "CudaTrees", "absorb", "walk"]
