"""Training rows as described by a network's card alone, which is enough for most games."""

from __future__ import annotations

from forge_assets.lineage.records import Rows
from forge_assets.lineage.search import Card


def rows_of_card(card: Card) -> Rows:
    """Return the rows that a card describes. Raise KeyError, TypeError or ValueError for a bad card."""
    data, rows = card["data"], card.get("results", {}).get("rows")
    return Rows(
        kind=data["kind"],
        version=data["version"],
        val_version=data.get("val_version"),
        store=data.get("store"),
        rows={"train": int(rows)} if rows else {},
        settings=data.get("config", {}),
        versions=data.get("versions", {}),
        sources=(),
        on_disk=None,
    )
