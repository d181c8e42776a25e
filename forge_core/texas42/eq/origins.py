"""Provenance of stage 2 rows: their games, seeds, settings, and the network that evaluated the worlds.

The format is that of `tokens.origins` for rows drawn from shards; a game identifies the network that
evaluated its worlds by a digest of the weights.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from forge_core.errors import FileCorrupt, ForgeError
from forge_core.files import Store
from forge_core.files.inspection import READERS
from forge_core.texas42.eq.files import read_header
from forge_core.texas42.eq.splits import GameRowStore
from forge_core.texas42.oracle.shards import ShardKey
from forge_core.texas42.tokens.inferences import INFERENCES_VERSION
from forge_core.texas42.tokens.origins import group
from forge_core.texas42.tokens.transcript import TRANSCRIPT_VERSION


def origin_of_games(root: Store, stores: Iterable[GameRowStore]) -> dict[str, Any]:
    """Return the provenance of packed games like `origin_of_rows`; made: the settings of each fingerprint."""
    stores = list(stores)
    splits: dict[str, Any] = {}
    found: dict[str, tuple[str, ShardKey]] = {}
    for rows in stores:
        folder = rows.manifest.config.games
        with ThreadPoolExecutor(READERS, "origins") as pool:
            packed = list(pool.map(rows.identities, range(len(rows.files))))
        files = [(folder, settings, key) for of_file in packed for key, settings in of_file]
        splits[rows.split] = {
            "rows": rows.manifest.rows,
            "sources": [asdict(source) for source in group(files)],
        }
        for place, settings, key in files:
            found.setdefault(settings, (place, key))
    made: dict[str, Any] = {}
    for settings, (place, key) in sorted(found.items()):
        try:
            made[settings] = read_header(root.join(place), key).settings
        except ForgeError:
            continue
    return {
        "splits": splits,
        "drawn": asdict(stores[0].manifest.config),
        "made": made,
        "versions": {
            "rows": stores[0].manifest.version,
            "transcript": TRANSCRIPT_VERSION,
            "inferences": INFERENCES_VERSION,
        },
    }


def fingerprint_of_game(folder: Store, key: ShardKey) -> str | None:
    """Return the fingerprint of a game's settings; None if the file is damaged."""
    try:
        return read_header(folder, key).fingerprint
    except FileCorrupt:
        return None
