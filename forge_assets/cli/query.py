"""`forge-pipeline query`: SQL over everything that is stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_core.cli.options import Json, read_place
from forge_core.errors import BadInput
from forge_core.learning.folders import RUNS

if TYPE_CHECKING:
    import polars as pl

    from forge_assets.frames.scan import Reading
    from forge_assets.frames.tables import Places, Table

MOST_SHOWN = 100
"""rows printed on a terminal: more than a screen, far less than a store; files and --json get all"""
_DIGITS = 4
"""decimal places of printed numbers: the intervals of most figures are wider; files and --json get all"""


def query(
    sql: Annotated[
        str | None,
        typer.Argument(
            metavar="SQL",
            help='The query, such as "select decl, avg(V) from states group by decl".',
            show_default=False,
        ),
    ] = None,
    *,
    tables: Annotated[
        bool, typer.Option("--tables", help="List tables and their columns: all, or those named.")
    ] = False,
    final: Annotated[
        bool, typer.Option("--final", help="Include the sealed test split (seed % 1000 from 950 on).")
    ] = False,
    csv: Annotated[
        str | None,
        typer.Option("--csv", metavar="FILE", help="Write all rows to a CSV file; - is standard output."),
    ] = None,
    parquet: Annotated[
        str | None,
        typer.Option("--parquet", metavar="FILE", help="Write all rows to a Parquet file; - likewise."),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            "--store", parser=read_place, metavar="URL", help="Store; default: FORGE_STORE, or ./data."
        ),
    ] = None,
    runs: Annotated[str, typer.Option("--runs", metavar="DIR", help="Folder of training runs.")] = RUNS,
    json: Json = False,
) -> None:
    """Answer a question in SQL about everything that is stored: deals, states, games, bids, matches, runs."""
    from forge_assets.folders import runs_folder
    from forge_assets.frames.tables import Places, all_tables
    from forge_core.cli.filling import check_file
    from forge_core.files import Store, default_store_url

    known = list(all_tables())
    if tables:
        return _print_tables(_choose(known, (sql or "").split()), json)
    if not sql or not sql.strip():
        raise BadInput("there is no query: give one, or list the tables with --tables")
    outputs = {"--csv": csv, "--parquet": parquet, "--json": "-" if json else None}
    if len([name for name, value in outputs.items() if value is not None]) > 1:
        raise BadInput("--csv, --parquet and --json each choose where the rows go: give only one of them")
    for path in (csv, parquet):
        if path is not None:
            check_file(path)
    places = Places(Store(store or default_store_url()), runs_folder(runs))
    is_table = not (csv or parquet or json)
    rows, reading = _answer(sql, known, places, final, MOST_SHOWN + 1 if is_table else None)
    _print_remarks(known, places, reading)
    if csv:
        _write(csv, _to_csv(rows), len(rows))
    elif parquet:
        _write(parquet, _to_parquet(rows), len(rows))
    elif json:
        _print_rows(rows)
    else:
        _print_table(rows)


def _answer(
    sql: str, tables: Sequence[Table], places: Places, final: bool, most: int | None
) -> tuple[pl.DataFrame, Reading]:
    from forge_assets.frames.query import answer
    from forge_assets.frames.scan import Reading

    with _reading_bar() as advance:
        reading = Reading(final, advance)
        return answer(sql, tables, places, reading, most), reading


@contextmanager
def _reading_bar() -> Iterator[Any]:
    from forge_core.cli.screen import progress_bar

    with progress_bar("reading files", None) as move:

        def advance(done: int, total: int) -> None:
            move(completed=done, total=total)

        yield advance


def _print_remarks(tables: Sequence[Table], places: Places, reading: Reading) -> None:
    """Say on standard error what the answer leaves out."""
    from forge_core.cli.screen import notes

    remarks = []
    for name, n_sealed in reading.sealed.items():
        if n_sealed:
            files = f"{n_sealed:,} file{'s' * (n_sealed > 1)} of the sealed test split"
            remarks.append(f"{name}: left out {files} (--final includes them)")
    for table in tables:
        folders = ", ".join(table.folders)
        if table.name in reading.empty and not reading.sealed.get(table.name):
            where = f"{folders} of {places.store.url}" if folders else str(places.runs)
            remarks.append(f"{table.name}: nothing is stored in {where}")
        elif reading.chosen.get(table.name) == 0 and table.name not in reading.empty:
            remarks.append(f"{table.name}: no file in {folders} fulfils the conditions of this query")
    for remark in remarks:
        notes().print(remark, markup=False, soft_wrap=True)


def _choose(tables: Sequence[Table], names: Sequence[str]) -> Sequence[Table]:
    """Return the tables that have these names, or whose assets have them; all if no name is given."""
    by_name = {name: table for table in tables for name in (table.name, *table.assets)}
    for name in names:
        if name not in by_name:
            raise BadInput(f"there is no table {name!r}: use {', '.join(table.name for table in tables)}")
    return [by_name[name] for name in names] or tables


def _print_tables(tables: Sequence[Table], json: bool) -> None:
    from rich.text import Text

    from forge_core.cli.screen import print_json, screen, table

    if json:
        listed = [
            {
                "table": of.name,
                "rows": of.rows,
                "folders": list(of.folders),
                "assets": list(of.assets),
                "columns": [
                    {"name": c.name, "type": c.type, "meaning": c.meaning, "unit": c.unit, "sign": c.sign}
                    for c in of.columns
                ],
            }
            for of in tables
        ]
        return print_json({"tables": listed})
    for of in tables:
        grid = table("  column", "type", "meaning")
        for column in of.columns:
            cells = (f"  {column.name}", column.type, column.description)
            grid.add_row(*map(Text, cells))  # `list[int8]` would be read as markup
        assets = f" (rows of an asset: {', '.join(of.assets)})" if of.assets else ""
        screen().print(f"[bold]{of.name}[/bold]: {of.rows}{assets}")
        screen().print(grid)
        screen().print()


def _print_rows(rows: pl.DataFrame) -> None:
    from forge_core.cli.screen import print_json

    print_json({"columns": rows.columns, "rows": [list(map(_to_json, row)) for row in rows.iter_rows()]})


def _to_json(value: Any) -> Any:
    """Return a value as JSON types; numbers that JSON lacks become null."""
    if isinstance(value, list):
        return [_to_json(part) for part in value]
    if isinstance(value, float) and not isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        return {name: _to_json(part) for name, part in value.items()}
    return str(value)


def _print_table(rows: pl.DataFrame) -> None:
    from rich.markup import escape
    from rich.text import Text

    from forge_core.cli.screen import notes, screen, table

    grid = table(*map(escape, rows.columns))
    for place, dtype in enumerate(rows.dtypes):
        grid.columns[place].justify = "right" if dtype.is_numeric() else "left"
    for row in rows.head(MOST_SHOWN).iter_rows():
        grid.add_row(*(Text(_to_text(value)) for value in row))
    screen().print(grid)
    if rows.height > MOST_SHOWN:
        notes().print(f"only the first {MOST_SHOWN} rows: write all with --csv, --parquet or --json")


def _to_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.{_DIGITS}f}"
    return str(value)


def _to_csv(rows: pl.DataFrame) -> bytes:
    nested = [name for name, dtype in rows.schema.items() if dtype.is_nested()]
    if nested:
        raise BadInput(f"the column {nested[0]} holds lists, which CSV has no cells for: use --parquet")
    return rows.write_csv().encode()


def _to_parquet(rows: pl.DataFrame) -> bytes:
    import io

    sink = io.BytesIO()
    rows.write_parquet(sink)
    return sink.getvalue()


def _write(path: str, data: bytes, n_rows: int) -> None:
    """Write a file atomically, locally or by URL, and say so. path: `-` is standard output.

    Raises StoreUnusable.
    """
    import sys

    from forge_core.cli.filling import write_file
    from forge_core.cli.screen import notes

    if path == "-":
        sys.stdout.buffer.write(data)
        return
    write_file(path, data)
    notes().print(f"{path}: {n_rows:,} rows", markup=False, soft_wrap=True)
