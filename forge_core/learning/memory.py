"""Reuse of the memory that networks on a CPU free and allocate again in every batch."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""glibc's numbers for two settings of `mallopt`: M_TRIM_THRESHOLD, M_MMAP_THRESHOLD"""
_KEPT = 1 << 28
"""bytes: larger than any array of a batch on a CPU, small compared with the memory of a training machine"""


def keep_freed_memory() -> bool:
    """Let malloc keep freed memory instead of returning large pieces to the kernel; True if it does.

    The arrays of a batch are large enough that glibc maps fresh pages for each of them, and the kernel
    fills those with zeros. For small networks that costs about a third of the time. The environment can
    ask for the same by MALLOC_MMAP_THRESHOLD_ and MALLOC_TRIM_THRESHOLD_, but only before the process
    starts. With another C library nothing is changed.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(name, _KEPT) for name in (_MMAP_THRESHOLD, _TRIM_THRESHOLD))
