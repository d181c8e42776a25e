"""Tables of stored evaluations: networks that a game judges by play (`forge_core.learning.evaluations`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from forge_assets.frames.tables import Column, Documents, Table, Values
from forge_core.splits import Split

NETWORK = (
    Column("weights", "string", "digest of the weights of the network"),
    Column("model", "string", "folder of the network when it was evaluated"),
)
"""first columns of every such table"""
SETTINGS = (
    Column("settings", "string", "settings of the evaluation, as JSON"),
    Column("version", "string", "version of the evaluation and of what it depends on"),
)


def evaluation_table(
    name: str,
    rows: str,
    columns: tuple[Column, ...],
    folder: str,
    asset: str,
    read: Callable[[Any], Iterable[Values]],
    is_of_asset: bool = False,
) -> Table:
    """Return a table of the evaluations in a folder of the store, which an asset writes.

    read: the results of an evaluation -> rows. Columns of NETWORK and SETTINGS are filled in, and `split`:
    test for an evaluation with the setting `final`, else val. is_of_asset: queries find the table under the
    name of the asset, too.
    """

    def read_rows(folder: str, file: str, record: Any) -> Iterator[Values]:
        from forge_core.learning.evaluations import StoredEvaluation

        found = StoredEvaluation.parse(record, file)
        shared = {
            "weights": found.weights,
            "model": found.model,
            "split": str(Split.TEST if found.settings.get("final") else Split.VAL),
            "settings": json.dumps(found.settings, sort_keys=True),
            "version": found.version,
        }
        return (shared | dict(row) for row in read(found.results))

    return Table(
        name,
        rows,
        (*NETWORK, *columns),
        Documents((folder,), read_rows, f"delete it and materialize {asset}"),
        assets={asset: {}} if is_of_asset else {},
    )


def interval(name: str, meaning: str, unit: str = "", sign: str = "") -> tuple[Column, ...]:
    """Return the columns of a mean, and of its 95 % interval over deals or openings."""
    return (
        Column(name, "float64", meaning, unit, sign),
        Column(f"{name}_low", "float64", "lower end of its 95 % interval", unit, sign),
        Column(f"{name}_high", "float64", "upper end of it", unit, sign),
    )


def spread(name: str, of: Any) -> dict[str, float]:
    """Return the values of the columns of `interval`. of: mean, low and high by name."""
    return {name: of["mean"], f"{name}_low": of["low"], f"{name}_high": of["high"]}
