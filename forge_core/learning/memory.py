"""Reuse of the memory that networks on a CPU free and allocate again in every batch."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""glibc's numbers for two settings of `mallopt`: M_TRIM_THRESHOLD, M_MMAP_THRESHOLD"""
_KEPT = 1 << 28
"""bytes: larger than any array of a batch on a CPU, small compared with the memory of a training machine"""


def keep_freed_memory() -> bool:
    """Make malloc keep freed memory rather than return large blocks to the kernel; return True on success.

    The arrays of a batch are so large that glibc maps new pages for each of them, which the kernel fills
    with zeros. For small networks this takes about a third of the time. The environment variables
    MALLOC_MMAP_THRESHOLD_ and MALLOC_TRIM_THRESHOLD_ have the same effect, but must be set before the
    process starts. Other C libraries are not affected.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(name, _KEPT) for name in (_MMAP_THRESHOLD, _TRIM_THRESHOLD))
