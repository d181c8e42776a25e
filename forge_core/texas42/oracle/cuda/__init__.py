"""The whole-deal solver on a CUDA device: the two passes of cpu.py in Triton, a batch of deals at a time.

On a CPU the hands of a row share SIMD instructions. Only about ten of a row's 35 hands can occur, so
on a GPU most lanes would compute values that are never read. Here, instead, the reached boundaries of
a level are listed, deal after deal, and **each lane plays the tricks of one boundary**: like cpu.py,
it takes the lowest bit of the remaining plays, for as long as any lane of the program has plays left.
In the other kernels a lane is a row, a state or a place. A program strides through its list, so a
launch need not know the length of the list, and no count is copied to the host between levels.

The reach pass needs no atomics. A boundary is marked by storing a 1 where its value will go, and lanes
that reach it through different tricks store the same 1; then every row packs its marks into bits.

Layouts are those of boundary.py with the deal as the outermost dimension; views are those of cpu.py.
Offsets are 32-bit, which is enough for 64 deals. benchmarks/gpu_solver.py documents the expected
speed. In reading order: primitives, passes, answers (the kernels), device (launches), solving (one
batch), solution (one deal), batches (the entry point).
"""

from forge_core.errors import DeviceUnavailable

try:
    import triton  # noqa: F401
except ImportError as missing:
    raise DeviceUnavailable(
        "solving on CUDA needs Triton, which is not installed: pip install triton, or use --device cpu"
    ) from missing

from forge_core.texas42.oracle.cuda.answers import find_states, query_states
from forge_core.texas42.oracle.cuda.batches import BATCH, solve_batches
from forge_core.texas42.oracle.cuda.passes import (
    list_boundaries,
    minimax_boundaries,
    play_tricks,
    record_rows,
)

KERNELS = (list_boundaries, play_tricks, record_rows, minimax_boundaries, query_states, find_states)
"""All kernels, so that a test can compile each one"""

__all__ = ["BATCH", "KERNELS", "solve_batches"]
