"""Training rows as plain arrays for other trainers: npy, npz or Parquet, with a README of the columns.

Letters: N rows, P positions, F features, A actions.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput, StoreUnusable
from forge_core.learning.labelled.rows import ILLEGAL, Rows
from forge_core.learning.spec import TokenSpec

Format = Literal["npy", "npz", "parquet"]
FORMATS: tuple[Format, ...] = get_args(Format)
README, SPEC = "README.md", "spec.json"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an export."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    """shape of the entry of one row; empty for a number"""
    meaning: str


def columns_of(spec: TokenSpec, is_estimated: bool) -> list[Column]:
    """Return the columns of rows. is_estimated: True if q is E[Q], a mean over worlds."""
    n_actions, points = (spec.n_actions,), "float32" if is_estimated else "int8"
    estimates = [
        Column("variance", "float32", n_actions, "variance of the points over the worlds, 0 where illegal"),
        Column(
            "ess", "float32", (), "effective number of worlds; the standard error is sqrt(variance / ess)"
        ),
    ]
    return [
        Column("tokens", "int8", (spec.n_positions, spec.n_features), "the input of a network"),
        Column("mask", "bool", (spec.n_positions,), "False for tokens to ignore"),
        Column("legal", "bool", n_actions, "actions that the rules allow"),
        Column(
            "q", points, n_actions, f"points of the mover's side after each action; {ILLEGAL} where illegal"
        ),
        Column("value", points, (), "the best legal q"),
        Column("target", "int64", (), "the best action; the first one if several are equally good"),
        Column("best", "bool", n_actions, "all actions that are equally good"),
        Column("weight", "float32", (), "number of positions that the row stands for"),
        Column("decl", "int8", (), "kind of game, for figures by group: in Texas 42 the declaration"),
        Column("ply", "uint8", (), "number of plays made before"),
        Column("seat", "int8", (), "absolute seat of the mover"),
        Column("deal", "int32", (), "number of the deal or game; rows of one deal are not independent"),
        Column("seed", "int64", (), "seed of the deal; the split is decided by seed % 1000"),
        *(estimates if is_estimated else []),
    ]


def arrays_of(rows: Rows, seeds: npt.NDArray[np.int64]) -> dict[str, npt.NDArray]:
    """Return the columns of N rows (arrays), by name. seeds [D]: of the deals, by number."""
    best = rows.legal & (rows.q == rows.value[:, None])
    named = ("tokens", "mask", "legal", "q", "value", "weight", "decl", "ply", "seat", "deal")
    found = {name: getattr(rows, name) for name in named}
    found |= {"target": best.argmax(axis=1), "best": best, "seed": seeds[rows.deal]}
    if rows.variance is not None:
        found |= {"variance": rows.variance, "ess": rows.ess}
    return found


@dataclass(frozen=True, slots=True)
class Part:
    """One file, or one folder of files, of an export."""

    name: str
    """such as `train`"""
    parts: Iterable[Rows]
    """the rows, in pieces that fit into memory"""
    total: int
    """N, the number of rows in all pieces"""
    seeds: npt.NDArray[np.int64]
    """[D] seeds of the deals, by number"""


def export_rows(
    parts: Iterable[Part],
    spec: TokenSpec,
    is_estimated: bool,
    folder: Path,
    form: Format,
    about: str,
    layout: str,
) -> int:
    """Write rows to a new folder, whole or not at all; return the number of bytes.

    about: Markdown about the origin of the rows. layout: text about positions and features. Raises BadInput
    if the folder exists and is not empty, StoreUnusable if it cannot be written.
    """
    if form not in FORMATS:
        raise BadInput(f"format {form!r}: use {', '.join(FORMATS)}")
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise BadInput(f"{folder} exists and is not empty: choose another folder, or move it away")
    columns = columns_of(spec, is_estimated)
    names: list[str] = []
    with _new_folder(folder) as place:
        for part in parts:
            WRITERS[form](place, part, columns)
            names.append(part.name)
        (place / SPEC).write_text(json.dumps(spec.to_dict(), indent=2))
        (place / README).write_text(_readme(columns, form, about, layout, names[0]))
        return sum(path.stat().st_size for path in place.rglob("*") if path.is_file())


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder next to `folder`, which gets its name at the end; delete it after an error."""
    folder = folder.absolute()
    temporary = folder.parent / f".{folder.name}.{os.getpid()}.tmp"
    try:
        temporary.mkdir(parents=True)
        yield temporary
        temporary.rename(folder)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if isinstance(error, OSError):
            reason = error.strerror or error
            raise StoreUnusable(f"{folder} cannot be written ({reason}): choose another folder") from error
        raise


class _Writer(Protocol):
    def __call__(self, place: Path, part: Part, columns: list[Column]) -> None:
        """Write a part of an export."""
        ...


def _pieces(part: Part, columns: list[Column]) -> Iterator[dict[str, npt.NDArray]]:
    """Yield the columns of each piece, in the types of `columns`. Raises BadInput if rows are missing."""
    n = 0
    for rows in part.parts:
        arrays = arrays_of(rows, part.seeds)
        n += len(rows)
        yield {
            column.name: np.ascontiguousarray(arrays[column.name], dtype=column.dtype) for column in columns
        }
    if n != part.total:
        raise BadInput(f"{part.name} has {n:,} rows, not {part.total:,}: another process has changed them")


def _write_npy(place: Path, part: Part, columns: list[Column]) -> None:
    """Write a folder with one .npy file per column."""
    folder = place / part.name
    folder.mkdir()
    with ExitStack() as opened:
        files = {}
        for column in columns:
            files[column.name] = opened.enter_context((folder / f"{column.name}.npy").open("wb"))
            header = {
                "descr": np.lib.format.dtype_to_descr(np.dtype(column.dtype)),
                "fortran_order": False,
                "shape": (part.total, *column.shape),
            }
            np.lib.format.write_array_header_1_0(files[column.name], header)
        for arrays in _pieces(part, columns):
            for name, array in arrays.items():
                files[name].write(array.data)


def _write_npz(place: Path, part: Part, columns: list[Column]) -> None:
    """Write one .npz file, not compressed."""
    _write_npy(place, part, columns)
    with zipfile.ZipFile(place / f"{part.name}.npz", "w", zipfile.ZIP_STORED) as archive:
        for column in columns:
            path = place / part.name / f"{column.name}.npy"
            archive.write(path, path.name)
            path.unlink()
    (place / part.name).rmdir()


def _write_parquet(place: Path, part: Part, columns: list[Column]) -> None:
    """Write one Parquet file, in which arrays are lists of fixed size, row by row."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def to_arrow(column: Column, array: npt.NDArray) -> pa.Array:
        flat = pa.array(array.reshape(-1))
        size = int(np.prod(column.shape))
        return pa.FixedSizeListArray.from_arrays(flat, size) if column.shape else flat

    kinds = {column.name: pa.from_numpy_dtype(np.dtype(column.dtype)) for column in columns}
    fields = [
        pa.field(of.name, pa.list_(kinds[of.name], int(np.prod(of.shape))) if of.shape else kinds[of.name])
        for of in columns
    ]
    schema = pa.schema(fields)
    with pq.ParquetWriter(place / f"{part.name}.parquet", schema, compression="zstd") as writer:
        for arrays in _pieces(part, columns):
            writer.write_table(
                pa.Table.from_arrays([to_arrow(of, arrays[of.name]) for of in columns], schema=schema)
            )


WRITERS: Mapping[Format, _Writer] = {"npy": _write_npy, "npz": _write_npz, "parquet": _write_parquet}

_HOW_TO_READ: Mapping[Format, str] = {
    "npy": 'tokens = numpy.load("{name}/tokens.npy", mmap_mode="r")',
    "npz": 'tokens = numpy.load("{name}.npz")["tokens"]',
    "parquet": 'table = pyarrow.parquet.read_table("{name}.parquet")\n'
    'tokens = table["tokens"].combine_chunks().flatten().to_numpy().reshape({shape})',
}


def _readme(columns: list[Column], form: Format, about: str, layout: str, name: str) -> str:
    """Return the README of an export. name: of a part, for the example."""

    def shape(column: Column, first: str = "N") -> str:
        return ", ".join([first, *map(str, column.shape)])

    lines = [f"| `{of.name}` | {of.dtype} | [{shape(of)}] | {of.meaning} |" for of in columns]
    code = _HOW_TO_READ[form].format(name=name, shape=shape(columns[0], "-1"))
    note = " In Parquet, an array is a list of fixed size, row by row." if form == "parquet" else ""
    return "\n".join(
        [
            "# Training rows",
            "",
            about,
            "",
            f"Rows are in the order of their deals: shuffle them before training.{note}",
            "",
            "| column | type | shape | meaning |",
            "|---|---|---|---|",
            *lines,
            "",
            f"`{SPEC}` has the number of values of each feature, and the positions where answers are read.",
            "",
            "```python",
            code,
            "```",
            "",
            "## Tokens",
            "```",
            layout.strip(),
            "```",
            "",
        ]
    )
