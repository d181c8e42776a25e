"""Tables and their columns: the one place where a column's type, meaning, unit and sign are written down."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from forge_core.errors import BadInput

if TYPE_CHECKING:
    import polars as pl
    import pyarrow.parquet as pq

    from forge_core.files import Store
    from forge_core.files.records import RecordFile

Values = Mapping[str, Any]
"""values of columns that are the same in all rows of a file, by column"""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    name: str
    type: str
    """`int8`, `float32`, `bool`, `string`, or `list[...]` of one of them"""
    meaning: str
    unit: str = ""
    """`points`, `bytes`, ...; empty if the values are names, numbers of things, or shares of 1"""
    sign: str = ""
    """whose advantage is positive, for values that have a sign"""
    is_optional: bool = False
    """True if some files lack it; it is null there"""

    @property
    def description(self) -> str:
        """Meaning, unit and sign as one text."""
        notes = "; ".join(filter(None, (self.unit and f"in {self.unit}", self.sign)))
        return f"{self.meaning} ({notes})" if notes else self.meaning


@dataclass(frozen=True, slots=True)
class Files:
    """The record files that hold a table, as FOLDER/SUBFOLDER/NAME in a store."""

    folders: Sequence[str]
    columns: Sequence[Column]
    """columns of the files, before `Table.view`; those in `named` come first"""
    named: Sequence[str]
    """columns whose values follow from the place of a file. Conditions on them choose files before any
    file is opened"""
    parse_name: Callable[[str, str, str], Values]
    """folder, subfolder, name -> values of the `named` columns; with a key `split`, files of the test split
    are sealed. Raises BadInput for any other file"""
    in_header: Sequence[str]
    """columns whose values are in the footer"""
    read_header: Callable[[pq.ParquetFile, Values], Values]
    """footer, values from the name -> values of `in_header`, and perhaps others. Raises Unsound"""
    kind: Callable[[str], RecordFile]
    """folder -> its kind of file, which names the fault of a file that this module cannot read"""
    is_row_per_file: bool = False
    """True if the header of a file is the only row; such tables never read more than footers"""
    read_rows: Callable[[pq.ParquetFile, Values], pl.DataFrame] | None = None
    """file, values from the name -> the other columns, if they are not simply columns of the file. Raises
    Unsound"""
    convert: Callable[[Any], tuple[Values, pl.DataFrame]] | None = None
    """a record -> header and rows, for files of another maker that `kind` can read"""


@dataclass(frozen=True, slots=True)
class Documents:
    """The JSON files that hold a table, as FOLDER/NAME or FOLDER/SUBFOLDER/NAME in a store."""

    folders: Sequence[str]
    read_rows: Callable[[str, str, Any], Iterable[Values]]
    """folder, name of the file, content -> rows, by column; rows with the split `test` are sealed. Raises
    AttributeError, BadInput, KeyError, TypeError or ValueError for a damaged file"""
    remake: str
    """what writes a damaged file again: `materialize token_splits`"""
    has_subfolders: bool = False
    """True if the files are in a subfolder for each split"""


@dataclass(frozen=True, slots=True)
class Places:
    """The places whose content the tables show."""

    store: Store
    runs: Path
    """folder of training runs"""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: files of a store, or a function that returns all rows."""

    name: str
    rows: str
    """what one row is: `a stored state of a solved deal`"""
    columns: tuple[Column, ...]
    source: Files | Documents | Callable[[Places], pl.DataFrame]
    view: Callable[[pl.LazyFrame], pl.LazyFrame] | None = None
    """adds or aggregates columns of the files; None if they are the columns of the table"""
    assets: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    """names of the assets that fill it -> values of columns in the rows of each; all rows if there are none.
    Queries may use these names, too"""

    @property
    def folders(self) -> Sequence[str]:
        """Folders of its files in the store; empty if it is not made of files of the store."""
        return self.source.folders if isinstance(self.source, Files | Documents) else ()


LISTS = (
    "forge_assets.texas42.tables:TABLES",
    "forge_assets.liuzhou.tables:TABLES",
    "forge_assets.skull_king.tables:TABLES",
    "forge_assets.frames.runs:TABLES",
    "forge_assets.flywheel.tables:TABLES",
)
"""Location of each list of tables; their names are unique. These are not imports, because the lists import
this module, and no records of games, which take longer to import than a query of a small store."""


def all_tables() -> Iterator[Table]:
    """Yield the tables of all games, and those of training runs and flywheels."""
    for tables in map(resolve_name, LISTS):
        yield from tables


def find_table(name: str) -> Table:
    """Return the table of this name. Raises BadInput if there is none."""
    tables = {table.name: table for table in all_tables()}
    if name not in tables:
        raise BadInput(f"there is no table {name!r}: use {', '.join(tables)}")
    return tables[name]
