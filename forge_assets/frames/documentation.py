"""The tables as Markdown: `python -m forge_assets.frames.documentation > docs/tables.md`."""

from __future__ import annotations

from collections.abc import Iterator

from forge_assets.frames.tables import Table, all_tables

_HEADING = """# Tables

All tables that [queries](queries.md) can use, as `forge-pipeline query --tables` lists them. This page is
made by `python -m forge_assets.frames.documentation > docs/tables.md`; a test compares it with the code.
"""


def markdown() -> str:
    """Return all tables with their columns."""
    tables = list(all_tables())
    contents = "\n".join(f"- [`{table.name}`](#{table.name}): {table.rows}" for table in tables)
    return "\n".join([_HEADING, contents, *("\n".join(_describe(table)) for table in tables)])


def _describe(table: Table) -> Iterator[str]:
    yield f"\n## {table.name}"
    folders = ", ".join(f"`{folder}/`" for folder in table.folders) or "the folder of training runs"
    assets = ", ".join(f"`{asset}`" for asset in table.assets)
    yield f"A row is {table.rows}. Stored in {folders}{f'; rows of an asset: {assets}' if assets else ''}.\n"
    yield "| column | type | meaning |\n|---|---|---|"
    for column in table.columns:
        yield f"| `{column.name}` | {column.type} | {column.description.replace('|', '&#124;')} |"


if __name__ == "__main__":
    print(markdown())
