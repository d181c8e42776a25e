"""Totals over the files of a catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import polars as pl

from forge_core.arena.standings import Lines
from forge_core.files.catalog import Entry
from forge_core.files.inspection import H


def totals(
    entries: Iterable[Entry[H]],
    groups: Mapping[str, Callable[[Entry[H]], str]],
    counts: Mapping[str, Callable[[H], int]],
) -> pl.DataFrame:
    """Return a row per group of files, in order of the first file of each.

    groups: the columns that define a group. counts: columns that are summed over its files. Further columns
    are `files`, `bytes`, `first_seed`, `last_seed` and `fingerprints`, the distinct ones in ascending order.
    """
    rows = [
        {
            **{name: of(entry) for name, of in groups.items()},
            **{name: count(entry.header) for name, count in counts.items()},
            "bytes": entry.nbytes,
            "seed": entry.seed,
            "fingerprint": entry.header.fingerprint,
        }
        for entry in entries
    ]
    schema = {
        **dict.fromkeys(groups, pl.String),
        **dict.fromkeys((*counts, "bytes", "seed"), pl.Int64),
        "fingerprint": pl.String,
    }
    return (
        pl.DataFrame(rows, schema=schema)
        .group_by(*groups, maintain_order=True)
        .agg(
            pl.len().alias("files"),
            pl.col(*counts, "bytes").sum(),
            pl.col("seed").min().alias("first_seed"),
            pl.col("seed").max().alias("last_seed"),
            pl.col("fingerprint").unique().sort().alias("fingerprints"),
        )
    )


def text_of(frame: pl.DataFrame, **columns: Callable[[dict[str, Any]], str]) -> Lines:
    """Return a frame as text: the titles, then one line per row. columns: title -> text of a row."""
    lines = [[text(row) for text in columns.values()] for row in frame.iter_rows(named=True)]
    return [list(columns), *lines]
