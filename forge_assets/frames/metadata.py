"""Metadata of the tables that assets fill, under names that Dagster's UI knows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from forge_assets.frames.tables import Table
    from forge_core.files import Store

COLUMN_SCHEMA = "dagster/column_schema"
ROW_COUNT, PARTITION_ROW_COUNT = "dagster/row_count", "dagster/partition_row_count"
"""rows of a whole table, and of one partition"""
URI = "dagster/uri"


def columns_of(table: Table) -> dict[str, Any]:
    """Return the metadata of an asset's definition: the columns of its table, as they are documented."""
    columns = [dg.TableColumn(column.name, column.type, column.description) for column in table.columns]
    return {COLUMN_SCHEMA: dg.TableSchema(columns), "forge/table": table.name}


def extent_of(place: Store, rows: int, *, is_partition: bool = True) -> dict[str, Any]:
    """Return the metadata of a materialization: where its rows are, and how many. place: their folder."""
    uri = Path(place.url).as_uri() if place.url.startswith("/") else place.url
    return {PARTITION_ROW_COUNT if is_partition else ROW_COUNT: rows, URI: uri}
