"""The numeric precision of training."""

from __future__ import annotations

from collections.abc import Sequence

from forge_core.errors import BadInput

PRECISIONS = ("auto", "32", "16-mixed", "bf16-mixed")
"""`auto` and Lightning's names of precisions"""
UNSCALED = tuple(name for name in PRECISIONS if name != "16-mixed")
"""those of training without scaled losses, which float16 needs"""


def check_precision(request: str, choices: Sequence[str]) -> None:
    """Raise BadInput unless a precision is one of the choices."""
    if request not in choices:
        raise BadInput(f"precision {request!r}: use {', '.join(choices[:-1])} or {choices[-1]}")


def resolve_precision(request: str, device: str) -> str:
    """Return the precision for training on a device (`cpu` or `cuda:N`).

    `auto` becomes bf16-mixed if the device supports bfloat16, 16-mixed on older GPUs, and 32 on
    other CPUs. Raises BadInput for 16-mixed on a CPU.
    """
    if request == "16-mixed" and device == "cpu":
        raise BadInput("precision 16-mixed needs CUDA: use auto, 32 or bf16-mixed")
    if request != "auto":
        return request
    import torch

    if device == "cpu":
        can = torch.cpu.get_capabilities()
        return "bf16-mixed" if can.get("avx512_bf16") or can.get("amx_bf16") else "32"
    return "bf16-mixed" if torch.cuda.get_device_capability(device) >= (8, 0) else "16-mixed"


def choose_precision(request: str, device: str) -> str:
    """Return 32 or bf16-mixed, for training without scaled losses; auto: bf16-mixed where it is supported.

    Raises BadInput for another precision.
    """
    check_precision(request, UNSCALED)
    resolved = resolve_precision(request, device)
    return "32" if resolved == "16-mixed" else resolved
