"""SQL over the tables, answered by polars."""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

from forge_assets.frames.scan import Reading, scan
from forge_assets.frames.tables import Places, Table
from forge_core.errors import BadInput


def answer(
    sql: str, tables: Sequence[Table], places: Places, reading: Reading, most: int | None = None
) -> pl.DataFrame:
    """Return the rows that a query selects.

    most: number of rows to return at most. Raises BadInput for SQL that cannot be answered, and what reading
    raises (see `scan`).
    """
    frames = {table.name: scan(table, places, reading) for table in _named_in(sql, tables) or tables}
    try:
        selected = pl.SQLContext(frames).execute(sql, eager=False)
        return (selected if most is None else selected.head(most)).collect(engine="streaming")
    except pl.exceptions.PolarsError as error:
        raise BadInput(_explain(sql, tables, error)) from error


def _explain(sql: str, tables: Sequence[Table], error: Exception) -> str:
    """Return why a query has no answer, and the names that it may use."""
    reason = str(error).partition("\n")[0].rstrip(". ")
    used = _named_in(sql, tables)
    names = [f"{table.name} has the columns {', '.join(c.name for c in table.columns)}" for table in used]
    if not used:
        names = [f"the tables are {', '.join(table.name for table in tables)}"]
    return f"this query cannot be answered ({reason}): {'; '.join(names)}"


def _named_in(sql: str, tables: Sequence[Table]) -> list[Table]:
    """Return the tables whose names occur in a query; the others cost nothing then."""
    words = set(re.findall(r"\w+", sql))
    return [table for table in tables if table.name in words]
