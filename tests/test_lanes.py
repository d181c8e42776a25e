"""The machine instructions used by kernels, and the folder in which kernels are cached."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from forge_core import kernels
from forge_core.float_lanes import (
    FLOATS,
    add_product,
    load_floats,
    mask_of_nonzero,
    positive_part,
    store_floats,
)
from forge_core.kernels import kernel
from forge_core.lanes import (
    LANES,
    add_to_row,
    fill_row,
    highest_bit,
    load_row,
    max_rows,
    min_rows,
    popcount,
    store_row,
    trailing_zeros,
)


@kernel
def _extremes(source, offsets, gains, low, high):
    least, most = fill_row(np.int8(127)), fill_row(np.int8(-128))
    for i in range(len(offsets)):
        row = add_to_row(load_row(source, offsets[i]), gains[i])
        least, most = min_rows(least, row), max_rows(most, row)
    store_row(low, 3, least)
    store_row(high, 3, most)


@kernel
def _positive_sum(start, factors, table, result):
    row = load_floats(start, 2)
    for i in range(len(factors)):
        row = add_product(row, factors[i], load_floats(table, i * table.shape[1] + 1))
    store_floats(result, 3, positive_part(row))


@kernel
def _mask(numbers):
    return mask_of_nonzero(load_floats(numbers, 1))


@kernel
def _count_and_place(words, counts, places):
    for i in range(len(words)):
        counts[i] = popcount(words[i])
        places[i] = trailing_zeros(words[i])


@kernel
def _highest(words, places):
    for i in range(len(words)):
        places[i] = highest_bit(words[i])


def test_the_highest_bit_of_a_word():
    words, places = np.array([1, 2, 3, 40, 1 << 62]), np.zeros(5, np.int64)
    _highest(words, places)
    assert places.tolist() == [int(w).bit_length() - 1 for w in words]


def test_rows_add_wrap_and_compare_lane_by_lane():
    rng = np.random.default_rng(0)
    source = rng.integers(-128, 128, 200).astype(np.int8)
    offsets, gains = rng.integers(0, 200 - LANES, 9), rng.integers(-128, 128, 9).astype(np.int8)
    low, high = np.zeros(LANES + 8, np.int8), np.zeros(LANES + 8, np.int8)
    _extremes(source, offsets, gains, low, high)
    rows = np.array([source[o : o + LANES] + gain for o, gain in zip(offsets, gains, strict=True)])
    np.testing.assert_array_equal(low[3 : 3 + LANES], rows.min(axis=0))
    np.testing.assert_array_equal(high[3 : 3 + LANES], rows.max(axis=0))
    assert not low[:3].any()
    assert not low[3 + LANES :].any()


def test_rows_of_float32_add_products():
    rng = np.random.default_rng(0)
    start, factors, table = (rng.normal(size=n).astype(np.float32) for n in (FLOATS + 4, 9, (9, FLOATS + 4)))
    result, expected = np.zeros(FLOATS + 6, np.float32), start[2 : 2 + FLOATS].copy()
    _positive_sum(start, factors, table, result)
    for factor, row in zip(factors, table, strict=True):
        expected += factor * row[1 : 1 + FLOATS]
    np.testing.assert_array_equal(result[3 : 3 + FLOATS], expected.clip(min=0))
    assert not result[:3].any()
    assert not result[3 + FLOATS :].any()


def test_lanes_that_are_not_zero():
    rng = np.random.default_rng(0)
    numbers = rng.choice(np.array([0.0, -0.0, 1e-40, -2.0, np.inf, np.nan], np.float32), FLOATS + 1)
    for last in (0.0, 3.0):
        numbers[-1] = last
        lanes = [number != 0 for number in numbers[1:].tolist()]
        assert _mask(numbers) == sum(1 << lane for lane, nonzero in enumerate(lanes) if nonzero)


def test_bits_of_words_of_every_size():
    for dtype in (np.uint8, np.int64, np.uint64):
        words = np.array([1, 2, 3, 40, 0x7F], dtype=dtype)
        counts, places = np.zeros(5, np.int64), np.zeros(5, np.int64)
        _count_and_place(words, counts, places)
        assert counts.tolist() == [int(w).bit_count() for w in words]
        assert places.tolist() == [(int(w) & -int(w)).bit_length() - 1 for w in words]


def test_the_kernel_cache_is_named_by_the_sources(monkeypatch, tmp_path):
    """The name depends on the kernel's file and all modules it imports, directly or not, and on nothing
    else."""
    package = tmp_path / kernels.PACKAGE.name
    (package / "sub").mkdir(parents=True)
    monkeypatch.setattr(kernels, "PACKAGE", package)
    (package / "a.py").write_text("from forge_core.sub import (\n    b,\n    c as d,\n)\nimport numpy\n")
    (package / "sub" / "b.py").write_text("    from forge_core.e import X\n")
    for name in ("sub/c", "e", "other"):
        (package / f"{name}.py").write_text("X = 1\n")
    seen = {kernels.source_hash(package / "a.py")}
    for name in ("a", "sub/b", "sub/c", "e"):
        with (package / f"{name}.py").open("a") as file:
            file.write("Y = 2\n")
        seen.add(kernels.source_hash(package / "a.py"))
    assert len(seen) == 5
    (package / "other.py").write_text("X = 2\n")
    assert kernels.source_hash(package / "a.py") in seen


def test_a_kernel_of_the_solver_depends_on_the_rules_and_not_on_the_command_line():
    sources = kernels._sources(kernels.PACKAGE / "texas42" / "oracle" / "alphabeta" / "positions.py")
    names = {path.relative_to(kernels.PACKAGE).as_posix() for path in sources}
    assert {"kernels.py", "lanes.py", "texas42/rules.py", "texas42/tables.py", "texas42/state.py"} <= names
    assert not any(name.startswith(("cli/", "learning/", "texas42/eq/")) for name in names)


def test_kernels_compile_where_no_cache_is_writable(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    code = "from forge_core.kernels import cache_folder; f = cache_folder('ab' * 8); print(f.is_dir(), f)"
    environment = os.environ | {"FORGE_KERNEL_CACHE": str(blocker / "below")}
    there, folder = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True).split()
    assert there == "True"
    assert not Path(folder).exists()  # gone with the process


def test_caches_of_old_sources_are_removed(monkeypatch, tmp_path):
    old, recent, precious = tmp_path / ("01" * 8), tmp_path / ("ab" * 8), tmp_path / "precious"
    for folder in (old, recent, precious):
        folder.mkdir()
    for folder in (old, precious):
        os.utime(folder, (0, 0))
    monkeypatch.setenv("FORGE_KERNEL_CACHE", str(tmp_path))
    assert kernels.cache_folder("cd" * 8).is_dir()
    assert not old.exists()
    assert recent.exists()
    assert precious.exists()
