"""Where compiled kernels are cached, and the decorator they are compiled with.

Numba keys its cache by the source file of one function: after an edit to a helper in
another module, or to a constant, it would hand back the old result without a word. So the
cache folder of a kernel is named by the hash of its source file and of all of this package
that the file imports, directly or not, and is set before the kernel is compiled: import
`kernel` from this module, never numba's own `njit`. Kernels take tables as arguments and
read no globals.
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
    """16 hex digits over a source file and every file of the package that it imports, and so on."""
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
    """The source of a module of the package; None for the name of anything else."""
    place = PACKAGE.parent / module.replace(".", "/")
    files = (place.with_suffix(".py"), place / "__init__.py")
    return next((path for path in files if path.is_file()), None)


def cache_home() -> Path:
    """Where the caches of all kernels lie: `FORGE_KERNEL_CACHE`, else in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("FORGE_KERNEL_CACHE") or Path(home) / "forge" / "kernels")


@cache
def cache_folder(sources: str) -> Path:
    """The folder for kernels of these sources, by their hash; a temporary one if none is writable.

    Caches of other sources that nobody has used for a month are removed.
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
    """Compiles a function to machine code: holds no GIL, cached on disk."""
    folder = cache_folder(_hash_of(Path(inspect.getfile(function))))
    config.CACHE_DIR = str(folder)  # pyright: ignore[reportAttributeAccessIssue]  (read by what follows)
    return njit(nogil=True, cache=True, error_model="numpy")(function)
