"""The decorators that compile kernels, and the folder in which they are cached.

Numba keys its cache by the function's own source file, so after an edit to a helper or a constant in
another module it would silently run the old code. Therefore the cache folder of a kernel is named
after a hash of its source file and of all files of this package that it imports, directly or
indirectly. The folder must be set before the kernel is compiled, so always import `kernel` or
`inlined` from this module and never use numba's own `njit`. Kernels take tables as arguments and read
no global arrays.
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

from forge_core.environment import variable

PACKAGE = Path(__file__).parent

_IMPORT = re.compile(
    rf"^[ \t]*(?:from[ \t]+({PACKAGE.name}[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)"
    rf"|import[ \t]+({PACKAGE.name}[\w.]*))",
    re.MULTILINE,
)


def source_hash(source: Path) -> str:
    """Return a hash (16 hex digits) of a source file and all package files it imports, even indirectly."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(_sources(source)):
        digest.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _sources(source: Path) -> set[Path]:
    found, to_read = {source}, [source]
    while to_read:
        for module, names, plain in _IMPORT.findall(to_read.pop().read_text()):
            inside = [_file_of(f"{module}.{name}") for name in re.findall(r"\w+", names)]
            # a package of which only modules are imported adds nothing of its own
            whole = [] if inside and all(inside) else [_file_of(module or plain)]
            for path in (*inside, *whole):
                if path and path not in found:
                    found.add(path)
                    to_read.append(path)
    return found


def _file_of(module: str) -> Path | None:
    """Return the source file of a module; None if no file of that name exists."""
    place = PACKAGE.parent / module.replace(".", "/")
    files = (place.with_suffix(".py"), place / "__init__.py")
    return next((path for path in files if path.is_file()), None)


def cache_home() -> Path | None:
    """Return the folder of all kernel caches: `FORGE_KERNEL_CACHE`, or one in the user's cache folder.

    None for a user without a home, as in some containers.
    """
    if folder := variable("FORGE_KERNEL_CACHE"):
        return Path(folder)
    try:
        return Path(variable("XDG_CACHE_HOME") or Path.home() / ".cache") / "forge" / "kernels"
    except RuntimeError:  # HOME is not set, and the user has no passwd entry
        return None


@cache
def cache_folder(sources: str) -> Path:
    """Return the cache folder for a hash of sources, or a temporary folder if that is not writable.

    Removes the caches of other sources that have not been used for a month.
    """
    home = cache_home()
    try:
        if home is None:
            raise FileNotFoundError("the user has no home")
        folder = home / sources
        if not folder.exists():
            _remove_old_caches(home)
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
    """Compile a function to machine code that releases the GIL, and cache it on disk."""
    return _compiled(function)


def inlined(function: Callable) -> Any:
    """Compile a function like `kernel`, and inline it into every kernel that calls it.

    Use it for short functions of a few numbers, where a call would cost as much as the work.
    """
    return _compiled(function, forceinline=True)


def _compiled(function: Callable, **options: Any) -> Any:
    folder = cache_folder(_hash_of(Path(inspect.getfile(function))))
    config.CACHE_DIR = str(folder)  # pyright: ignore[reportAttributeAccessIssue]  (njit reads it)
    return njit(nogil=True, cache=True, error_model="numpy", **options)(function)
