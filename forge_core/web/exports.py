"""The functions of a WebAssembly file: their signatures, and a version of all sources they are made from."""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import EnumMeta
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np

from forge_core.kernels import PACKAGE


@dataclass(frozen=True, slots=True)
class Export:
    """A function of the WebAssembly file.

    Calls are `name(result, error, *arguments)`: two addresses of 16 spare bytes each, which numba uses
    for the returned value and for exceptions, then the arguments of `signature`. Pointers are addresses.
    """

    name: str
    function: Callable
    """plain Python that calls kernels; its global arrays become constants of the file"""
    signature: Any
    """of numba, with the type of the result"""


@dataclass(frozen=True, slots=True)
class Exports:
    """Everything that one WebAssembly file offers."""

    functions: Sequence[Export]
    layout: dict[str, int]
    """numbers that a caller needs, such as sizes in bytes; stored in the file as JSON"""

    @property
    def version(self) -> str:
        """16 hex digits that change with the code or a constant of a kernel, or with the compiler's options.

        Comments, docstrings and line breaks do not change it.
        """
        digest = hashlib.blake2b(digest_size=8)
        for name in ("exports", "compile", "build"):
            digest.update(_code((Path(__file__).parent / f"{name}.py").read_text()).encode())
        seen: set[str] = set()
        for export in self.functions:
            digest.update(f"{export.name} {export.signature}\0".encode())
            for part in _parts(export.function, seen):
                digest.update(part + b"\0")
        digest.update(json.dumps(self.layout, sort_keys=True).encode())
        return digest.hexdigest()


def _parts(function: Callable, seen: set[str]) -> Iterator[bytes]:
    """Yield the code of a function and of all functions and constants that it uses, each once."""
    name = f"{function.__module__}.{function.__qualname__}"
    if name in seen:
        return
    seen.add(name)
    yield f"{name}\n{_code(textwrap.dedent(inspect.getsource(function)))}".encode()
    for used in sorted(set(_names(function.__code__))):
        value = function.__globals__.get(used)
        # Kernels are numba dispatchers (py_func); machine instructions are numba intrinsics (_defn).
        value = getattr(value, "py_func", getattr(value, "_defn", value))
        if inspect.isfunction(value) and value.__module__.startswith(PACKAGE.name):
            yield from _parts(value, seen)
        elif isinstance(value, np.ndarray):
            yield f"{name}.{used} {value.dtype} {value.shape}".encode() + value.tobytes()
        elif isinstance(value, EnumMeta):
            yield f"{name}.{used} {[(each.name, each.value) for each in value]}".encode()  # pyright: ignore
        elif isinstance(value, (int, float, str, tuple, np.dtype)):
            yield f"{name}.{used} {value!r}".encode()


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _code(source: str) -> str:
    """Return source code without comments and docstrings, in a standard layout."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Module)):
            node.body = [line for line in node.body if not _is_text(line)] or [ast.Pass()]
    return ast.unparse(tree)


def _is_text(line: ast.stmt) -> bool:
    is_constant = isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)
    return is_constant and isinstance(line.value.value, str)  # pyright: ignore[reportAttributeAccessIssue]
