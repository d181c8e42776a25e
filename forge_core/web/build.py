"""Build a WebAssembly file: `python -m forge_core.web.build MODULE FILE`.

MODULE defines EXPORTS. The file has a custom section `forge` with the layout for callers and the origin of
the code: version of the sources, versions of the tools. The same sources and tools always give the same
bytes, although names in the object code differ in each run: none of them is left after linking.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from forge_core.web.compile import ENVIRONMENT

SECTION = "forge"
_STACK = 256 * 1024
"""Bytes of stack: the search calls itself up to 28 times, a few hundred bytes each"""
_HEADER = b"\0asm\1\0\0\0"
_CUSTOM = 0
"""The id of custom sections"""


def build(module: str) -> bytes:
    """Return the WebAssembly file of a module's EXPORTS. Needs the package `ziglang`, which has a linker."""
    exports = importlib.import_module(module).EXPORTS
    origin = {
        "version": exports.version,
        "tools": {name: importlib.metadata.version(name) for name in ("numba", "llvmlite", "ziglang")},
        "layout": exports.layout,
    }
    linked = _link(compiled(module), [export.name for export in exports.functions])
    return linked + _section(json.dumps(origin, sort_keys=True).encode())


def compiled(module: str) -> bytes:
    """Return the object code of a module's EXPORTS, compiled in a process with the settings that it needs."""
    with tempfile.TemporaryDirectory() as cache:  # cached kernels were compiled with other settings
        environment = os.environ | ENVIRONMENT | {"FORGE_KERNEL_CACHE": cache}
        command = [sys.executable, "-m", "forge_core.web.compile", module]
        return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout


def origin_of(wasm: bytes) -> dict[str, Any]:
    """Return the content of the section `forge`. Raises ValueError if there is none."""
    for kind, body in _sections(wasm):
        if kind == _CUSTOM:
            length, start = _read_number(body, 0)
            if body[start : start + length].decode() == SECTION:
                return json.loads(body[start + length :])
    raise ValueError(f"the WebAssembly file has no section {SECTION!r}: build it again")


def _link(code: bytes, names: list[str]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "kernels.o"), Path(folder, "kernels.wasm")
        source.write_bytes(code)
        options = ["--no-entry", "--strip-all", "--gc-sections", "--export-memory", "--export=__heap_base"]
        exported = [f"--export={name}" for name in names]
        command = [sys.executable, "-m", "ziglang", "wasm-ld", *options, *exported]
        subprocess.run([*command, "-z", f"stack-size={_STACK}", "-o", str(target), str(source)], check=True)
        return target.read_bytes()


def _section(content: bytes) -> bytes:
    named = _number(len(SECTION)) + SECTION.encode() + content
    return bytes([_CUSTOM]) + _number(len(named)) + named


def _sections(wasm: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (id, content) of each section."""
    if not wasm.startswith(_HEADER):
        raise ValueError("not a WebAssembly file: build it again")
    at = len(_HEADER)
    while at < len(wasm):
        length, start = _read_number(wasm, at + 1)
        yield wasm[at], wasm[start : start + length]
        at = start + length


def _number(value: int) -> bytes:
    """Encode an unsigned number as LEB128: seven bits per byte, the lowest first."""
    encoded = bytearray()
    while value >= 128:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes([*encoded, value])


def _read_number(data: bytes, at: int) -> tuple[int, int]:
    """Return (number, next offset) of the LEB128 number at an offset."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


if __name__ == "__main__":
    file = Path(sys.argv[2])
    file.write_bytes(build(sys.argv[1]))
    print(f"{file}: {file.stat().st_size} bytes")
