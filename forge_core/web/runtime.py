"""The files of onnxruntime-web, which runs ONNX networks in a browser: from the user's cache or a folder.

They are 14 MB, so they are not part of this project: `npm pack` fetches them once, when a page needs them.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from forge_core.environment import variable
from forge_core.errors import BadInput
from forge_core.files import Store

VERSION = "1.30.0"
"""the release of the npm package that the page was tested with"""
FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
"""the parts of the package that run a network on the CPU"""
_PACKAGE = f"onnxruntime-web@{VERSION}"


def runtime_files(folder: str | None = None) -> dict[str, Path]:
    """Return the files by name: from a folder, or from the cache, which is filled if it lacks them.

    folder: an unpacked package onnxruntime-web, or its dist folder. Raises BadInput if a file is missing
    there, or if npm cannot fetch the package.
    """
    place = cache_folder() if folder is None else Path(folder)
    if folder is not None and not (place / FILES[0]).is_file():
        place = place / "dist"
    missing = [name for name in FILES if not (place / name).is_file()]
    if missing and folder is not None:
        raise BadInput(f"--onnxruntime {folder} has no {missing[0]}: name a folder of {_PACKAGE} from npm")
    if missing:
        _fetch(place)
    return {name: place / name for name in FILES}


def cache_folder() -> Path:
    """Return the folder of this release in the user's cache. Raises BadInput for a user without a home."""
    try:
        home = Path(variable("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        raise BadInput("there is no home folder for a cache: set XDG_CACHE_HOME, or --onnxruntime") from None
    return home / "forge" / f"onnxruntime-web-{VERSION}"


def _fetch(place: Path) -> None:
    """Fetch the package with npm and write its files to a folder."""
    npm = shutil.which("npm")
    if npm is None:
        raise BadInput(f"npm is needed to fetch {_PACKAGE}: install npm, or set --onnxruntime to its folder")
    with tempfile.TemporaryDirectory() as work:
        command = [npm, "pack", _PACKAGE, "--silent", "--pack-destination", work]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True)
        packed = sorted(Path(work).glob("*.tgz"))
        if done.returncode or not packed:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise BadInput(f"npm could not fetch {_PACKAGE} ({reason}): set --onnxruntime to its folder")
        store = Store(str(place))
        with tarfile.open(fileobj=io.BytesIO(packed[0].read_bytes())) as archive:
            for name in FILES:
                member = archive.extractfile(f"package/dist/{name}")
                if member is None:
                    raise BadInput(f"{_PACKAGE} has no {name}: set --onnxruntime to another copy of it")
                store.write(name, member.read())
