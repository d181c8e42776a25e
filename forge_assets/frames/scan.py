"""A table as a lazy frame: files are listed, chosen and read when the frame is collected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import polars as pl
from polars.io.plugins import register_io_source

from forge_assets.frames.documents import read_documents
from forge_assets.frames.files import FoundFile, find_files, read_files
from forge_assets.frames.tables import Column, Documents, Files, Places, Table

_TYPES: dict[str, pl.DataType] = {
    "bool": pl.Boolean(),
    "string": pl.String(),
    "int8": pl.Int8(),
    "int16": pl.Int16(),
    "int32": pl.Int32(),
    "int64": pl.Int64(),
    "uint8": pl.UInt8(),
    "float16": pl.Float16(),
    "float32": pl.Float32(),
    "float64": pl.Float64(),
}
_BATCH = 100_000
"""rows handed on at a time, so that thousands of small files cost little"""


@dataclass(slots=True)
class Reading:
    """The state of a query while its frames are collected."""

    final: bool = False
    """include the test split"""
    advance: Callable[[int, int], None] = lambda done, total: None
    """called with the number of files read so far, and of those chosen so far"""
    sealed: dict[str, int] = field(default_factory=dict)
    """table -> number of files of the test split that were left out"""
    chosen: dict[str, int] = field(default_factory=dict)
    """table -> number of files that were read"""
    empty: set[str] = field(default_factory=set)
    """tables without any file or record, apart from those of the test split"""
    n_done: int = 0


def type_of(column: Column) -> pl.DataType:
    """Return the polars type of a column."""

    def parse(text: str) -> pl.DataType:
        if text.startswith("list["):
            return pl.List(parse(text.removeprefix("list[").removesuffix("]")))
        return _TYPES[text]

    return parse(column.type)


def schema_of(columns: tuple[Column, ...] | list[Column]) -> pl.Schema:
    """Return the polars schema of some columns."""
    return pl.Schema({column.name: type_of(column) for column in columns})


def scan(table: Table, places: Places, reading: Reading | None = None) -> pl.LazyFrame:
    """Return a table as a lazy frame; nothing is listed or read before it is collected.

    Only the columns and files that a query needs are read. Rows of the test split are left out unless
    `reading.final` is set. Collecting raises BadInput, FileCorrupt or StoreUnusable for a file that
    cannot be read.
    """
    reading = reading or Reading()
    source = table.source
    columns = list(source.columns if isinstance(source, Files) else table.columns)

    def read(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        names = [column.name for column in columns] if with_columns is None else with_columns
        if isinstance(source, Files):
            frames = _read(table.name, source, places, reading, names, predicate)
        else:
            frames = iter([_read_whole(table, source, places, reading)])
        yield from _finish(frames, schema_of(columns), names, predicate, n_rows)

    frame = register_io_source(read, schema=schema_of(columns))
    return table.view(frame) if table.view else frame


def _read(
    table: str,
    files: Files,
    places: Places,
    reading: Reading,
    names: list[str],
    predicate: pl.Expr | None,
) -> Iterator[pl.DataFrame]:
    """Yield the rows of the files that may hold rows for the predicate, with the columns that are needed."""
    found, reading.sealed[table] = find_files(files, places.store, reading.final)
    reading.empty.update([] if found else [table])
    found = _choose(files, found, predicate)
    reading.chosen[table] = len(found)
    needed = {*names, *(predicate.meta.root_names() if predicate is not None else ())}
    columns = [column for column in files.columns if column.name in needed]
    for rows in read_files(files, found, columns):
        reading.n_done += 1
        reading.advance(reading.n_done, sum(reading.chosen.values()))
        yield rows


def _read_whole(
    table: Table, source: Documents | Callable[[Places], pl.DataFrame], places: Places, reading: Reading
) -> pl.DataFrame:
    """Return all rows of a table whose files are small and few."""
    if isinstance(source, Documents):
        rows, n_sealed = read_documents(source, table.columns, places.store, reading.final)
        reading.sealed[table.name] = n_sealed
    else:
        rows = source(places)
    reading.empty.update([table.name] if rows.is_empty() else [])
    return rows


def _choose(files: Files, found: list[FoundFile], predicate: pl.Expr | None) -> list[FoundFile]:
    """Return the files that fulfil the conditions on what their names state."""
    known = [
        condition
        for condition in ([] if predicate is None else _conditions(predicate))
        if (used := condition.meta.root_names()) and set(used) <= set(files.named)
    ]
    if not known or not found:
        return found
    schema = schema_of([column for column in files.columns if column.name in files.named])
    stated = pl.DataFrame([{name: file.values[name] for name in schema} for file in found], schema=schema)
    kept = stated.select(pl.all_horizontal(known).fill_null(False).alias("kept"))["kept"]
    return [file for file, is_kept in zip(found, kept, strict=True) if is_kept]


def _conditions(predicate: pl.Expr) -> list[pl.Expr]:
    """Return the conditions that a predicate joins by AND."""
    parts = predicate.meta.pop()
    if len(parts) == 2:
        for left, right in (parts, parts[::-1]):
            if predicate.meta.eq(left & right):
                return _conditions(left) + _conditions(right)
    return [predicate]


def _finish(
    frames: Iterator[pl.DataFrame],
    schema: pl.Schema,
    names: list[str],
    predicate: pl.Expr | None,
    n_rows: int | None,
) -> Iterator[pl.DataFrame]:
    """Yield the rows that fulfil the predicate, in batches; at least one frame.

    n_rows: number of rows to take before the predicate applies; None for all.
    """
    waiting = [pl.DataFrame(schema=pl.Schema({name: schema[name] for name in names}))]
    n_waiting = n_taken = 0
    for frame in frames:
        rows = frame if n_rows is None else frame.head(n_rows - n_taken)
        n_taken += rows.height
        waiting.append((rows if predicate is None else rows.filter(predicate)).select(names))
        n_waiting += waiting[-1].height
        if n_waiting >= _BATCH:
            yield pl.concat(waiting)
            waiting, n_waiting = [], 0
        if n_taken == n_rows:
            break
    if waiting:
        yield pl.concat(waiting)
