"""Origins of the positions that networks of Liuzhou learnt from: generations of self-play, or live games."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forge_assets.lineage.cards import short
from forge_assets.lineage.records import Presence, Rows, Source
from forge_assets.lineage.rows import rows_of_card
from forge_assets.lineage.search import Card, Search
from forge_core.errors import ForgeError
from forge_core.files import Store
from forge_core.learning.runs import ORIGIN
from forge_core.liuzhou.settings.generation import STORED

SPLIT = "train"
"""all self-play is for learning; networks are compared in matches"""


@dataclass(frozen=True, slots=True)
class GenerationRows(Rows):
    """Positions of stored generations, described in the terms of the game."""

    def heading(self) -> str:
        """Return one line that describes the positions."""
        return f"learnt from stored self-play, data version {self.version}"

    def count_text(self, count: int) -> str:
        """Return a number of positions as text."""
        return f"{count:,} positions"

    def source_heading(self, source: Source) -> str:
        """Return one line that describes a generation."""
        return f"{source.files:,} files in {source.folder}: games {source.seeds}"


def read_rows(search: Search, card: Card) -> Rows:
    """Return the positions that a network learnt from.

    Raises KeyError, TypeError, ValueError for a bad card.
    """
    data = card["data"]
    if data["kind"] != STORED:
        return rows_of_card(card)
    root, recorded = Store(search.store or data["store"]), data[ORIGIN]["generations"]
    return GenerationRows(
        kind=data["kind"],
        version=data["version"],
        val_version=None,
        store=data["store"],
        rows={SPLIT: sum(int(of["positions"]) for of in recorded)},
        settings=data["config"],
        versions={},
        sources=tuple(_source(search, root, of) for of in recorded),
        on_disk=None,
    )


def _source(search: Search, root: Store, recorded: Mapping[str, Any]) -> Source:
    """Return a generation as a card records it, with the name of the network that played it."""
    from forge_core.liuzhou.files import FOLDER

    settings = recorded["settings"]
    player = {"network": _network_name(search, settings["weights"])} if settings["weights"] else {}
    return Source(
        split=SPLIT,
        folder=f"{FOLDER}/{recorded['generation']}",
        files=len(recorded["files"]),
        seeds=str(recorded["games"]),
        declaration="",
        fingerprint=recorded["fingerprint"],
        made={**player, **settings},
        presence=_presence(root, recorded) if search.look else None,
    )


def _network_name(search: Search, weights: str) -> str:
    """Return the registered name of the network with these weights, or its folder, or that it is unknown.

    Its own lineage is not followed: the champions of a flywheel played many of each other's generations.
    """
    try:
        folder = search.models.by_weights(weights)
        tracked = search.models.tracked(folder, weights, None) if folder else None
        name = search.models.name_of(tracked.run_id) if tracked else None
    except ForgeError:
        return "not known here"
    return name or (short(folder) if folder else "not known here")


def _presence(root: Store, recorded: Mapping[str, Any]) -> Presence | None:
    """Return the present state of the files of a generation; None where the store cannot be read."""
    from forge_core.liuzhou.files import FOLDER, GAMES, GamesKey

    digests = recorded["files"]
    try:
        keys = [GamesKey.parse(name, recorded["generation"]) for name in digests]
        found = list(GAMES.inspect(root.join(FOLDER), keys))
    except ForgeError:
        return None
    gone = [status.key.filename for status in found if status.is_missing]
    same = [
        status.key.filename
        for status in found
        if status.header and status.header.digest == digests[status.key.filename]
    ]
    return Presence(len(same), tuple(name for name in digests if name not in {*gone, *same}), tuple(gone))
