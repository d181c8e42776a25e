"""The decorators that compile kernels, and the folder that they are cached in.

Numba keys its cache by the source file of one function: after an edit to a helper or a constant
in another module it would silently return the old result. So the cache folder of a kernel is
named by the hash of its source file and of all files of this package that it imports, directly
or not. The folder is set before the kernel is compiled: import `kernel` or `inlined` from this
module, never numba's own `njit`. Kernels take tables as arguments and read no global arrays.
"""

from __future__ import annotations

import atexit
import hashlib
import inspect
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba import config, njit

PACKAGE = Path(__file__).parent

_IMPORT = re.compile(
    rf"^[ \t]*(?:from[ \t]+({PACKAGE.name}[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)"
    rf"|import[ \t]+({PACKAGE.name}[\w.]*))",
    re.MULTILINE,
)


def source_hash(source: Path) -> str:
    """Return 16 hex digits over a source file and all files of the package it imports, directly or not."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(_sources(source)):
        digest.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _sources(source: Path) -> set[Path]:
    found, to_read = {source}, [source]
    while to_read:
        for module, names, plain in _IMPORT.findall(to_read.pop().read_text()):
            modules = [module or plain, *(f"{module}.{name}" for name in re.findall(r"\w+", names))]
            for path in map(_file_of, modules):
                if path and path not in found:
                    found.add(path)
                    to_read.append(path)
    return found


def _file_of(module: str) -> Path | None:
    """Return the source file of a module of the package; None for any other name."""
    place = PACKAGE.parent / module.replace(".", "/")
    files = (place.with_suffix(".py"), place / "__init__.py")
    return next((path for path in files if path.is_file()), None)


def cache_home() -> Path:
    """Return the folder of all kernel caches: `FORGE_KERNEL_CACHE`, else in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("FORGE_KERNEL_CACHE") or Path(home) / "forge" / "kernels")


@cache
def cache_folder(sources: str) -> Path:
    """Return the cache folder for the hash of a kernel's sources; a temporary one if none is writable.

    Caches of other sources that have not been used for a month are removed.
    """
    folder = cache_home() / sources
    try:
        if not folder.exists():
            _remove_old_caches(folder.parent)
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


_hash_of = cache(source_hash)


def kernel(function: Callable) -> Any:
    """Compile a function to machine code that releases the GIL; cached on disk."""
    return _compiled(function)


def inlined(function: Callable) -> Any:
    """Compile a function like `kernel`, and copy it into every kernel that calls it.

    For short functions of a few numbers, of which a call would cost as much as the work.
    """
    return _compiled(function, forceinline=True)


def _compiled(function: Callable, **options: Any) -> Any:
    folder = cache_folder(_hash_of(Path(inspect.getfile(function))))
    config.CACHE_DIR = str(folder)  # pyright: ignore[reportAttributeAccessIssue]  (read by what follows)
    return njit(nogil=True, cache=True, error_model="numpy", **options)(function)
