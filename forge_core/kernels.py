"""Where compiled kernels are cached, and the decorator they are compiled with.

Numba keys its cache by the source file of one function: after an edit to a helper in
another module, or to a constant, it would hand back the old result without a word. So
the cache folder is named by the hash of every source file of this package, and is set
here, before the first kernel is compiled: import `kernel` from this module, never numba's
own `njit`. Kernels take tables as arguments and read no globals.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import tempfile
import time
from pathlib import Path

PACKAGE = Path(__file__).parent


def source_hash() -> str:
    """16 hex digits over the path and text of every .py file of the package."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(f"{path.relative_to(PACKAGE)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def cache_folder() -> Path:
    """The user's cache for kernels of exactly these sources; a temporary one if none is writable.

    `FORGE_KERNEL_CACHE` names another parent folder. Caches of other sources that nobody
    has used for a month are removed.
    """
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    parent = Path(os.environ.get("FORGE_KERNEL_CACHE") or Path(home) / "forge" / "kernels")
    try:
        folder = parent / source_hash()
        if not folder.exists():
            _remove_old_caches(parent)
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        folder = Path(tempfile.mkdtemp(prefix="forge-kernels-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return folder


def _remove_old_caches(parent: Path) -> None:
    long_ago = time.time() - 30 * 24 * 3600
    for folder in parent.glob("?" * 16):
        ours = set(folder.name) <= set("0123456789abcdef") and folder.is_dir()
        if ours and folder.stat().st_mtime < long_ago:
            shutil.rmtree(folder, ignore_errors=True)


os.environ["NUMBA_CACHE_DIR"] = str(cache_folder())

from numba import config, njit  # noqa: E402  (numba reads its cache folder when it is imported)

config.reload_config()  # if something imported numba first

kernel = njit(nogil=True, cache=True, error_model="numpy")
"""Compiles a function to machine code: holds no GIL, cached on disk."""
