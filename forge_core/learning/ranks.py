"""Processes that train one network together, one per device.

Lightning starts the same command again for each further process, so each must know whether it is the first
one, which alone locks the folder of the run, tracks it, and prints.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from forge_core.errors import BadInput, DeviceUnavailable

_RANK = "LOCAL_RANK"
_SET_BY_LIGHTNING = (_RANK, "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""environment variables that Lightning sets when it starts further processes"""
_LOST = ("closed by peer", "connection reset", "gloo", "nccl", "process group")
"""words in the errors of a process whose partner has ended"""


def rank_of(devices: int) -> int:
    """Return the number of this process among those that train together: 0 for the first one."""
    return int(os.environ.get(_RANK, "0")) if devices > 1 else 0


def check_devices(device: str, devices: int) -> None:
    """Raise BadInput or DeviceUnavailable unless a network can be trained on so many devices.

    device: a name as the user gave it, such as auto or cuda:1.
    """
    if devices < 1:
        raise BadInput(f"devices {devices}: use at least 1")
    if devices == 1:
        return
    if ":" in device:
        raise BadInput(f"device {device} names one device, but devices is {devices}: use cuda or cpu")
    from forge_core.device import core_count, cuda_device_count, resolve_device

    is_cpu = resolve_device(device) == "cpu"
    available, kind = (core_count(), "cores") if is_cpu else (cuda_device_count(), "CUDA devices")
    if devices > available:
        raise DeviceUnavailable(f"devices {devices}: this machine has {available} {kind}; use at most that")


@contextmanager
def together(devices: int) -> Iterator[None]:
    """Train with other processes: convert the errors that one process gets when another one has failed.

    Raises BadInput in the first process. The others exit without a message, because the process that failed
    has printed it.
    """
    before = {name: os.environ.get(name) for name in _SET_BY_LIGHTNING}
    try:
        yield
    except RuntimeError as error:
        if devices == 1 or not any(words in str(error).lower() for words in _LOST):
            raise
        if rank_of(devices):
            raise SystemExit(1) from None
        raise BadInput(
            f"one of the {devices} processes that train together has ended; its error is printed above: mend "
            "the cause, then resume the run"
        ) from error
    finally:
        for name, text in before.items():  # so that this process can train again
            if text is None:
                os.environ.pop(name, None)
