"""The WebAssembly file of a game called from Python by wasmtime, with numpy arrays as arguments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from forge_core.web.build import origin_of

wasmtime = pytest.importorskip("wasmtime")


class WasmHost:
    """One instance of a WebAssembly file; arrays are copied into its memory and back.

    `thread` has the addresses of the records that kernels of Texas 42 need: search, sight and memory.
    """

    def __init__(self, file: Path) -> None:
        self.store = wasmtime.Store()
        module = wasmtime.Module.from_file(self.store.engine, str(file))
        assert not module.imports  # it needs nothing from its host
        self.exports = wasmtime.Instance(self.store, module, []).exports(self.store)
        self.memory = self.exports["memory"]
        self.top = self.exports["__heap_base"].value(self.store)
        self.result, self.error = self.allocate(16), self.allocate(16)
        layout = origin_of(file.read_bytes())["layout"]
        sizes = (layout.get(f"{name}_bytes") for name in ("search", "sight", "memory"))
        self.thread = [self.put(np.zeros(size, np.uint8)) for size in sizes if size]

    def allocate(self, size: int) -> int:
        address = (self.top + 63) & ~63
        self.top = address + size
        missing = self.top - self.memory.data_len(self.store)
        if missing > 0:
            self.memory.grow(self.store, missing // 65536 + 1)
        return address

    def put(self, array: npt.NDArray) -> int:
        address = self.allocate(array.nbytes)
        self.memory.write(self.store, np.ascontiguousarray(array).tobytes(), address)
        return address

    def get(self, address: int, array: npt.NDArray) -> npt.NDArray:
        """Return the memory at an address as an array of the same type and shape."""
        found = self.memory.read(self.store, address, address + array.nbytes)
        return np.frombuffer(found, array.dtype).reshape(array.shape)

    def call(self, name: str, *arguments: npt.NDArray | int) -> list[npt.NDArray]:
        """Call an export; return its array arguments as it left them. Whole numbers are passed on."""
        first = self.top
        places = [self.put(each) if isinstance(each, np.ndarray) else each for each in arguments]
        self.exports[name](self.store, self.result, self.error, *places)
        after = [
            self.get(place, each)
            for place, each in zip(places, arguments, strict=True)
            if isinstance(each, np.ndarray)
        ]
        self.top = first
        return after

    @property
    def returned(self) -> int:
        """The number that the last call returned."""
        return int(self.get(self.result, np.zeros(1, np.int64))[0])
