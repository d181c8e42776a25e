"""The files behind a table: listed by name, chosen, and read with the checks of footers and pages.

No file is skipped silently: one with an invalid name, a damaged one and a foreign one end the reading with
an error that names it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from forge_core.errors import BadInput, FileCorrupt
from forge_core.splits import Split

if TYPE_CHECKING:
    import polars as pl
    import pyarrow.parquet as pq

    from forge_assets.frames.tables import Column, Files, Values
    from forge_core.files import Store

READERS = 8
"""files read at the same time: a store behind a network answers slowly, and each takes memory"""
SPLIT = "split"
"""the column that says which files are sealed"""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file of a table."""

    root: Store
    folder: str
    subfolder: str
    name: str
    values: Values
    """see `Files.parse_name`"""

    @property
    def place(self) -> Store:
        """The folder that holds it."""
        return self.root.join(self.folder, self.subfolder)


def find_files(files: Files, root: Store, final: bool) -> tuple[list[FoundFile], int]:
    """Return the files of a table in a store, and the number of sealed files that were left out.

    final: include the test split. Raises BadInput for a file that does not belong, and StoreUnusable.
    """
    found, n_sealed = [], 0
    for folder in files.folders:
        for subfolder in root.join(folder).folders():
            for name in root.join(folder, subfolder).names():
                try:
                    values = files.parse_name(folder, subfolder, name)
                except BadInput as error:
                    raise BadInput(f"{root.join(folder, subfolder).path(name)}: {error}") from error
                if values.get(SPLIT) == Split.TEST and not final:
                    n_sealed += 1
                else:
                    found.append(FoundFile(root, folder, subfolder, name, values))
    return found, n_sealed


def read_files(files: Files, found: Sequence[FoundFile], columns: Sequence[Column]) -> Iterator[pl.DataFrame]:
    """Yield the rows of each file, in order. columns: those to read.

    Raises FileCorrupt and StoreUnusable.
    """
    ahead: deque[Future[pl.DataFrame]] = deque()
    with ThreadPoolExecutor(READERS, "read") as pool:
        try:
            for file in found:
                ahead.append(pool.submit(_read, files, file, columns))
                if len(ahead) > READERS:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _read(files: Files, file: FoundFile, columns: Sequence[Column]) -> pl.DataFrame:
    from forge_core.files.parquet import UNREADABLE

    try:
        return _read_own(files, file, columns)
    except UNREADABLE as error:
        return _read_other(files, file, columns, error)


def _read_own(files: Files, file: FoundFile, columns: Sequence[Column]) -> pl.DataFrame:
    """Return the rows of a file that Forge wrote. Raises one of UNREADABLE."""
    from forge_core.files.parquet import open_footer, open_parquet

    constant = {*files.named, *files.in_header}
    stored = [column for column in columns if column.name not in constant]
    is_footer_enough = files.is_row_per_file or (not stored and files.read_rows is None)
    place = file.place
    if is_footer_enough:
        parquet = open_footer(place, file.name)
    else:
        read = None if files.read_rows else {column.name for column in stored}
        parquet = open_parquet(place.read(file.name), read)
    values = _values_of(files, file, parquet)
    if files.is_row_per_file:
        return _with_constants(None, 1, columns, values)
    if is_footer_enough:
        return _with_constants(None, parquet.metadata.num_rows, columns, values)
    rows = files.read_rows(parquet, values) if files.read_rows else _read_columns(parquet, stored)
    return _with_constants(rows, rows.height, columns, values)


def _values_of(files: Files, file: FoundFile, parquet: pq.ParquetFile) -> Values:
    """Return the values of the columns from name and footer. Raises Unsound if they contradict each other."""
    from forge_core.files.parquet import require

    header = files.read_header(parquet, file.values)
    for name, value in file.values.items():
        require(header.get(name, value) == value, f"its header has another {name} than its name")
    lacking = [name for name in files.in_header if name not in header]
    require(not lacking, f"its header lacks {''.join(lacking[:1])}")
    return {**header, **file.values, "rows": parquet.metadata.num_rows}


def _read_columns(parquet: pq.ParquetFile, columns: Sequence[Column]) -> pl.DataFrame:
    """Return columns of a file; optional lists that it lacks are null. Raises one of UNREADABLE."""
    import polars as pl

    from forge_assets.frames.scan import type_of
    from forge_core.files.parquet import require

    there = set(parquet.schema_arrow.names)
    rows = pl.DataFrame(
        pl.from_arrow(
            parquet.read([column.name for column in columns if column.name in there], use_threads=False)
        )
    )
    for column in columns:
        if column.name in there:
            found = rows.schema[column.name]
            require(found == type_of(column), f"its column {column.name} has another type than {column.type}")
        else:
            require(column.is_optional, f"it has no column {column.name}")
    return rows


def _with_constants(
    rows: pl.DataFrame | None, height: int, columns: Sequence[Column], values: Values
) -> pl.DataFrame:
    """Return the columns in order: those of `rows`, and the others with one value in all rows."""
    import polars as pl

    from forge_assets.frames.scan import type_of

    def series(column: Column) -> pl.Series:
        if rows is not None and column.name in rows.columns:
            return rows[column.name]
        one = pl.Series(column.name, [values.get(column.name)], dtype=type_of(column))
        return one.new_from_index(0, height)

    return pl.DataFrame([series(column) for column in columns])


def _read_other(files: Files, file: FoundFile, columns: Sequence[Column], error: Exception) -> pl.DataFrame:
    """Return the rows of a file that `_read_own` could not read, if its kind can read it.

    error: the reason. Raises FileCorrupt, with advice.
    """
    kind, place = files.kind(file.folder), file.place
    key = kind.parse_name(file.name, file.subfolder)
    record = kind.read(file.root.join(file.folder), key)  # raises FileCorrupt, with the exact fault
    if files.convert is None:
        reason = " ".join(str(error).split())
        raise FileCorrupt(place.path(file.name), reason, kind.remedy(place, key).remake) from error
    header, rows = files.convert(record)
    values = {**header, **file.values, "rows": rows.height}
    height = 1 if files.is_row_per_file else rows.height
    return _with_constants(None if files.is_row_per_file else rows, height, columns, values)
