"""Triton kernels without a GPU: run interpreted, or compiled for one."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def run_interpreted(filename: str) -> None:
    """Run a file of tests with Triton's interpreter, which must be chosen before Triton is imported."""
    import triton

    if tuple(map(int, triton.__version__.split(".")[:2])) < (3, 9):
        pytest.skip("this Triton's interpreter does not work with numpy 2.4 and later; 3.9's does")
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            Path(__file__).parent / filename,
            "-q",
            "-x",
            "-p",
            "no:cacheprovider",
        ],
        env=os.environ | {"TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def compile_kernel(
    kernel: Any, capability: int, types: dict[str, str], constants: dict[str, Any], options: dict[str, Any]
) -> Any:
    """Compile a kernel for a compute capability, such as 90, and return the result with its PTX and cubin.

    types: pointer types by argument; arguments without a type that are no constants are int32.
    """
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    constants = {name: constants[name] for name in kernel.arg_names if name in constants}
    signature = {name: types.get(name, "i32") for name in kernel.arg_names} | dict.fromkeys(
        constants, "constexpr"
    )
    source = ASTSource(kernel, signature, constants)
    return triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
