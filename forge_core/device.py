"""Device selection. `auto` uses CUDA if it is available; a device that the user names must exist."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from forge_core.errors import BadInput, DeviceUnavailable
from forge_core.ranges import as_integer

if TYPE_CHECKING:
    import numpy.typing as npt
    import torch

WARM_UPS = 3
"""runs of work before it is captured, in which libraries choose their kernels and allocate memory"""


def resolve_device(request: str = "auto") -> str:
    """Resolve `auto`, `cpu`, `cuda` or `cuda:N` to `cpu` or `cuda:N`, and check that the device exists.

    Imports torch only if an NVIDIA driver is installed, so that the CPU path starts without it.
    Raises BadInput for any other name, and DeviceUnavailable if this machine lacks the CUDA device.
    """
    if request == "cpu":
        return "cpu"
    match = re.fullmatch(r"auto|cuda(?::(\d+))?", request) if isinstance(request, str) else None
    if match is None:
        raise BadInput(f"unknown device {request!r}: use auto, cpu, cuda or cuda:N")
    count = cuda_device_count()
    if request == "auto":
        return "cuda:0" if count else "cpu"
    index = int(match[1] or 0)
    if index >= count:
        available = f"{count} CUDA device(s)" if count else "no CUDA device"
        raise DeviceUnavailable(f"device {request!r}: this machine has {available}; use auto or cpu")
    return f"cuda:{index}"


def device_name(device: str) -> str:
    """Return the name of a resolved device for use in results: `cpu`, or `cuda:0 (NVIDIA H200)`."""
    if device == "cpu":
        return device
    import torch

    return f"{device} ({torch.cuda.get_device_name(device)})"


def core_count() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def worker_count(workers: int | None) -> int:
    """Return the number of threads to use: `workers`, or by default one per core. Raises BadInput below 1."""
    if workers is None:
        return core_count()
    number = as_integer(workers)
    if number is None or number < 1:
        raise BadInput(f"workers {workers!r}: use a whole number of at least 1")
    return number


def cuda_device_count() -> int:
    """Return the number of CUDA devices that torch can use; without a driver 0, without importing torch."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def to_device(array: npt.NDArray, device: str | torch.device) -> torch.Tensor:
    """Return a copy of an array as a tensor on a device.

    Never waits for a CUDA device, which copies from pinned memory when its stream gets there.
    """
    import torch

    tensor = torch.tensor(array)
    if torch.device(device).type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


def capture_graph(
    work: Callable[[], object], device: str | torch.device, pool: Any = None
) -> torch.cuda.CUDAGraph:
    """Return a CUDA graph of the kernels that `work` launches; its replay launches all of them at once.

    `work` is run WARM_UPS times first. It must not wait for the device, and the tensors that it reads must
    stay where they are. pool: memory that is shared with other graphs, never replayed at the same time.
    """
    import torch

    with torch.cuda.device(device):
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UPS):
                work()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool):
            work()
    return graph


def takes_kernels(tensor: torch.Tensor) -> bool:
    """Return True if Triton kernels can compute with a tensor: on CUDA, where Triton is installed."""
    if not tensor.is_cuda:
        return False
    import torch

    return torch.cuda.is_initialized() and importlib.util.find_spec("triton") is not None


def launching_on(tensor: torch.Tensor) -> AbstractContextManager[object]:
    """Return a context in which Triton launches kernels on the device of a tensor, not on another card."""
    import torch

    return torch.cuda.device(tensor.device) if tensor.is_cuda else nullcontext()
