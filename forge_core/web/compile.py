"""Compile kernels to WebAssembly object code: `python -m forge_core.web.compile MODULE` writes it to
standard output.

llvmlite, on which numba depends, can generate code for wasm32. Numba's unoptimised IR (NUMBA_OPT=0) has no
instructions of this machine's processor, so its target can be replaced before LLVM optimises it. Both
settings must be in the environment before numba is imported; `build` starts this module with them.
"""

from __future__ import annotations

import importlib
import math
import re
import struct
import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forge_core.web.exports import Export

ENVIRONMENT = {"NUMBA_OPT": "0", "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
"""Settings of numba that make its output independent of the machine"""
_TRIPLE = "wasm32-unknown-unknown"
_FEATURES = "+simd128,+bulk-memory,+sign-ext,+nontrapping-fptoint,+mutable-globals"
"""Extensions of WebAssembly that all browsers have had since 2023"""
_OPTIMISATION = 3

_RUNTIME = """
; Memory for the arrays that kernels make with np.empty, and for copies of overlapping slices: a stack
; of blocks, 512 KiB in all. Each block begins with 64 bytes: the offset of the block below it, and 1 once the
; block is free. It leaves the stack as soon as all blocks above it are free, too.
@stack = internal global [524288 x i8] zeroinitializer, align 64
@next = internal global i32 0
@last = internal global i32 -1
define ptr @NRT_Allocate(i64 %size) {
  %bytes = trunc i64 %size to i32
  %with_header = add i32 %bytes, 127
  %taken = and i32 %with_header, -64
  %here = load i32, ptr @next
  %end = add i32 %here, %taken
  %is_full = icmp ugt i32 %end, 524288
  br i1 %is_full, label %full, label %room
full:
  call void @llvm.trap()
  unreachable
room:
  %block = getelementptr i8, ptr @stack, i32 %here
  %below = load i32, ptr @last
  store i32 %below, ptr %block
  %flag = getelementptr i8, ptr %block, i32 4
  store i32 0, ptr %flag
  store i32 %here, ptr @last
  store i32 %end, ptr @next
  %memory = getelementptr i8, ptr %block, i32 64
  ret ptr %memory
}
define void @NRT_Free(ptr %memory) {
  %own_flag = getelementptr i8, ptr %memory, i32 -60
  store i32 1, ptr %own_flag
  br label %top
top:
  %last = load i32, ptr @last
  %is_empty = icmp slt i32 %last, 0
  br i1 %is_empty, label %done, label %look
look:
  %block = getelementptr i8, ptr @stack, i32 %last
  %flag = getelementptr i8, ptr %block, i32 4
  %is_free = load i32, ptr %flag
  %stays = icmp eq i32 %is_free, 0
  br i1 %stays, label %done, label %pop
pop:
  store i32 %last, ptr @next
  %below = load i32, ptr %block
  store i32 %below, ptr @last
  br label %top
done:
  ret void
}
; The result is numba's header: a reference count, two unused pointers, the address of the data, its size.
define ptr @NRT_MemInfo_alloc_aligned(i64 %size, i32 %align) {
  %with_header = add i64 %size, 64
  %info = call ptr @NRT_Allocate(i64 %with_header)
  store i64 1, ptr %info
  %destructor = getelementptr {i64, ptr, ptr, ptr, i64}, ptr %info, i32 0, i32 1
  store ptr null, ptr %destructor
  %data = getelementptr i8, ptr %info, i32 64
  %address = getelementptr {i64, ptr, ptr, ptr, i64}, ptr %info, i32 0, i32 3
  store ptr %data, ptr %address
  ret ptr %info
}
define ptr @NRT_MemInfo_alloc(i64 %size) {
  %info = call ptr @NRT_MemInfo_alloc_aligned(i64 %size, i32 64)
  ret ptr %info
}
define void @NRT_MemInfo_call_dtor(ptr %info) {
  call void @NRT_Free(ptr %info)
  ret void
}
; numba calls this function, of which WebAssembly has an instruction.
declare float @llvm.sqrt.f32(float)
define float @sqrtf(float %number) {
  %root = call float @llvm.sqrt.f32(float %number)
  ret float %root
}
; Called where an array would be too large, or where two slices differ in size, to format the error's text.
declare void @llvm.trap()
define double @log10(double %number) {
  call void @llvm.trap()
  unreachable
}
define void @PyErr_SetString(ptr %type, ptr %text) { ret void }
"""


def _double(number: float) -> str:
    """Return a number as LLVM writes it: its 64 bits in hexadecimal digits."""
    return f"0x{struct.pack('>d', number).hex().upper()}"


def _polynomial(variable: str, coefficients: Sequence[float]) -> str:
    """Return instructions that put a polynomial in %variable into %sum. coefficients: the constant first."""
    *others, last = coefficients
    lines, so_far = [], _double(last)
    for power, coefficient in reversed(list(enumerate(others))):
        name = f"%sum{power}" if power else "%sum"
        lines.append(f"  %times{power} = fmul double {so_far}, %{variable}")
        lines.append(f"  {name} = fadd double %times{power}, {_double(coefficient)}")
        so_far = name
    return "\n".join(lines)


_LOG_2 = math.log(2)
_LOG_2_HIGH = struct.unpack(">d", struct.pack(">d", _LOG_2)[:4] + bytes(4))[0]
"""log 2 in 32 bits: a whole number of up to 11 bits times it is exact"""
_LOG_2_LOW = 2.3190468138462996e-17 + (_LOG_2 - _LOG_2_HIGH)
"""the rest of log 2; the first number is what a double of log 2 lacks"""
_MATHEMATICS = f"""
declare double @llvm.nearbyint.f64(double)
; exp(x) = 2^k exp(r), with k the whole number next to x / log 2; below -708, exp(-708).
define double @exp(double %number) {{
  %is_small = fcmp olt double %number, {_double(-708.0)}
  %x = select i1 %is_small, double {_double(-708.0)}, double %number
  %quotient = fmul double %x, {_double(1 / _LOG_2)}
  %k = call double @llvm.nearbyint.f64(double %quotient)
  %high = fmul double %k, {_double(_LOG_2_HIGH)}
  %low = fmul double %k, {_double(_LOG_2_LOW)}
  %difference = fsub double %x, %high
  %r = fsub double %difference, %low
{_polynomial("r", [1 / math.factorial(n) for n in range(14)])}
  %exponent = fptosi double %k to i64
  %biased = add i64 %exponent, 1023
  %bits = shl i64 %biased, 52
  %power = bitcast i64 %bits to double
  %result = fmul double %sum, %power
  ret double %result
}}
; log(2^k m) = k log 2 + log m for positive normal numbers, with m from sqrt(1/2) to sqrt(2), and
; log m = 2 (s + s^3 / 3 + s^5 / 5 + ...) with s = (m - 1) / (m + 1).
define double @log(double %number) {{
  %bits = bitcast double %number to i64
  %above = sub i64 %bits, {struct.unpack(">q", struct.pack(">d", math.sqrt(0.5)))[0]}
  %k = ashr i64 %above, 52
  %exponent = shl i64 %k, 52
  %mantissa = sub i64 %bits, %exponent
  %m = bitcast i64 %mantissa to double
  %less = fsub double %m, {_double(1.0)}
  %more = fadd double %m, {_double(1.0)}
  %s = fdiv double %less, %more
  %square = fmul double %s, %s
{_polynomial("square", [2 / (2 * n + 1) for n in range(11)])}
  %of_m = fmul double %s, %sum
  %times = sitofp i64 %k to double
  %low = fmul double %times, {_double(_LOG_2_LOW)}
  %high = fmul double %times, {_double(_LOG_2_HIGH)}
  %rest = fadd double %of_m, %low
  %result = fadd double %high, %rest
  ret double %result
}}
"""
"""exp and log to about 1e-15: WebAssembly has no instructions for them"""


_EXCEPTION = re.compile(r"^(@\.const\.picklebuf\.\S+) = .*$", re.MULTILINE)
"""a constant of numba that describes an exception, of whose address alone kernels make use"""
_LIBRARY = {"log10", "exp", "log"}
"""functions of _RUNTIME and _MATHEMATICS that LLVM's intrinsics become, so that they must stay visible"""


def object_code(exports: Sequence[Export]) -> bytes:
    """Compile functions and all kernels that they call to one relocatable wasm32 object.

    Raises RuntimeError if numba was imported without ENVIRONMENT, or if a kernel needs a function that
    does not exist in WebAssembly.
    """
    import llvmlite.binding as llvm
    from numba import config

    if config.OPT != 0 or config.CPU_NAME != "generic":  # pyright: ignore[reportAttributeAccessIssue]
        raise RuntimeError(f"numba was imported with other settings than {ENVIRONMENT}")
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(_TRIPLE).create_target_machine(
        cpu="generic", features=_FEATURES, opt=_OPTIMISATION, reloc="static", codemodel="small"
    )
    names = {export.name for export in exports}
    whole = _module(_RUNTIME + _MATHEMATICS, machine)
    for export in exports:
        whole.link_in(_module(_intermediate(export), machine))
    # Only exports stay visible, so that LLVM may inline and drop everything else.
    for symbol in (*whole.functions, *whole.global_variables):
        if not symbol.is_declaration and symbol.name not in names | _LIBRARY:
            symbol.linkage = "internal"
    whole.verify()
    passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(_OPTIMISATION))
    passes.getModulePassManager().run(whole, passes)
    missing = [f.name for f in whole.functions if f.is_declaration and not f.name.startswith("llvm.")]
    if missing:
        raise RuntimeError(f"kernels call functions that WebAssembly does not have: {missing}")
    return machine.emit_object(whole)


def _intermediate(export: Export) -> str:
    """Return numba's unoptimised LLVM code of a function, under its exported name, without a target."""
    from numba import NumbaWarning, njit

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NumbaWarning)  # it does not cache every kernel; the cache is not kept
        compiled = njit(export.signature, error_model="numpy", nogil=True)(export.function)
    (overload,) = compiled.overloads.values()
    lines = overload.library.get_llvm_str().splitlines()
    code = "\n".join(line for line in lines if not line.startswith(("target triple", "target datalayout")))
    # A table that several kernels use may then be stored once: nothing depends on its address.
    code = code.replace(" = internal constant ", " = internal unnamed_addr constant ")
    # Texts of exceptions, which nobody reads, would name files of the machine that compiles.
    code = _EXCEPTION.sub(r"\1 = internal unnamed_addr constant i32 0", code)
    mangled = overload.fndesc.mangled_name
    return code.replace(f'"{mangled}"', export.name).replace(mangled, export.name)


def _module(code: str, machine):
    import llvmlite.binding as llvm

    module = llvm.parse_assembly(code)
    module.triple, module.data_layout = _TRIPLE, str(machine.target_data)
    return module


if __name__ == "__main__":
    found = importlib.import_module(sys.argv[1]).EXPORTS
    sys.stdout.buffer.write(object_code(found.functions))
