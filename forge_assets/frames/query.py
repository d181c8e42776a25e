"""SQL over the tables, answered by polars."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import chain
from pathlib import Path

import polars as pl

from forge_assets.frames.scan import Reading, scan
from forge_assets.frames.tables import Places, Table
from forge_core.errors import BadInput

_CHANGES = frozenset({"alter", "create", "delete", "drop", "insert", "replace", "truncate", "update"})
"""first words of statements that change tables; polars would answer some of them with nothing"""


def answer(
    sql: str, tables: Sequence[Table], places: Places, reading: Reading, most: int | None = None
) -> pl.DataFrame:
    """Return the rows that a query selects.

    most: number of rows to return at most. Raises BadInput for SQL that cannot be answered, for a store that
    does not exist, and what reading raises (see `scan`).
    """
    _require_question(sql)
    _require_store(_named_in(sql, tables), places)
    used = _named_in(sql, tables)
    frames = {table.name: scan(table, places, reading) for table in used or tables}
    for table in used:
        frames |= {asset: _rows_of(asset, table, frames[table.name]) for asset in table.assets}
    try:
        selected = pl.SQLContext(frames).execute(sql, eager=False)
        return (selected if most is None else selected.head(most)).collect(engine="streaming")
    except pl.exceptions.PolarsError as error:
        raise BadInput(_explain(sql, tables, error)) from error


def _rows_of(asset: str, table: Table, frame: pl.LazyFrame) -> pl.LazyFrame:
    """Return the rows of a table that an asset fills."""
    for name, values in table.assets[asset].items():
        frame = frame.filter(pl.col(name).is_in(values))
    return frame


def _require_question(sql: str) -> None:
    """Raise BadInput for a statement that would change a table."""
    first = sql.split(maxsplit=1)[0].lower() if sql.split() else ""
    if first in _CHANGES:
        raise BadInput(f"a query only reads, and {first} does not: begin it with SELECT")


def _require_store(used: Sequence[Table], places: Places) -> None:
    """Raise BadInput if a table is in a local store that does not exist."""
    store = places.store
    if store.is_local and any(table.folders for table in used) and not Path(store.url).is_dir():
        raise BadInput(
            f"there is no store at {store.url}: name its folder or URL with --store or FORGE_STORE, or fill "
            "it with make run"
        )


def _explain(sql: str, tables: Sequence[Table], error: Exception) -> str:
    """Return why a query has no answer, and the names that it may use."""
    reason = str(error).partition("\n")[0].partition("; valid columns: ")[0].rstrip(". ")
    used = _named_in(sql, tables)
    columns = {table.name: [column.name for column in table.columns] for table in used}
    known = [f"{name} has the columns {', '.join(of)}" for name, of in columns.items()]
    if not used:
        known = [f"the tables are {', '.join(table.name for table in tables)}"]
    names = chain(*columns.values(), *((table.name, *table.assets) for table in tables))
    meant = _similar(reason, names)
    return f"this query cannot be answered ({reason}{meant}): {'; '.join(known)}"


def _similar(reason: str, names: Iterable[str]) -> str:
    """Return a phrase with the name that is most like the one that was not found; empty if none is."""
    unknown = re.search(r"""(?:column|relation|named) ['"](\w+)['"]""", reason)
    lower = {name.lower(): name for name in names}
    found = get_close_matches(unknown[1].lower(), lower, 1) if unknown else []
    return f"; did you mean {lower[found[0]]}?" if found else ""


def _named_in(sql: str, tables: Sequence[Table]) -> list[Table]:
    """Return the tables that a query names, or whose assets it names; the others cost nothing then."""
    words = set(re.findall(r"\w+", sql.lower()))
    return [table for table in tables if words.intersection((table.name, *table.assets))]
