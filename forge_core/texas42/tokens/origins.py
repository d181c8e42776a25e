"""Provenance of rows: their shards and seeds, the draw, and the versions.

Model cards include it, so it is small: seeds are ranges. A manifest's hash identifies the same
information, but reveals it only while the files exist.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from forge_core.errors import FileCorrupt, FileForeign, ForgeError
from forge_core.files import Store
from forge_core.files.inspection import READERS
from forge_core.files.row_store import Manifest
from forge_core.ranges import numbers_of, ranges_text
from forge_core.splits import Split
from forge_core.texas42.declarations import N_DECLARATIONS
from forge_core.texas42.folders import MARGINALIZED_SHARDS, STANDARD_SHARDS
from forge_core.texas42.oracle.shards import FOREIGN, SHARDS, ShardKey, seed_keys
from forge_core.texas42.tokens.splits import TokenConfig, TokenFile


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """Files with equal settings that the rows of a split were drawn from, listed by seed."""

    folder: str
    """relative to the store's root: `shards-standard`, `shards-marginalized`, `eq-games`"""
    fingerprint: str
    decl: int | None
    """None: each seed has its own declaration, seed % 10"""
    opponent: int | None
    """for marginalized deals, the index of the other hands"""
    seeds: str
    """ranges such as `0-49,100-149`"""
    files: int

    def keys(self) -> list[ShardKey]:
        """Return the keys of all files."""
        seeds = numbers_of(self.seeds)
        own = seed_keys(seeds, "seed" if self.decl is None else self.decl)
        return own if self.opponent is None else [ShardKey(k.seed, k.decl, self.opponent) for k in own]


@dataclass(frozen=True, slots=True)
class Presence:
    """The current state of the files that rows were made from."""

    unchanged: int
    changed: tuple[str, ...]
    """names of files that are damaged, or have since been made with different settings"""
    gone: tuple[str, ...]


def origin_of_rows(root: Store, manifests: Iterable[Manifest[TokenConfig, TokenFile]]) -> dict[str, Any]:
    """Return the provenance of rows drawn from shards, in JSON types. root: the store of the shards.

    splits: rows and `SourceFiles` of each split; drawn: the configuration; made: the settings behind
    each fingerprint, if the store still has a shard with it; versions: those of the algorithms.
    """
    manifests = list(manifests)
    splits: dict[str, Any] = {}
    found: dict[str, tuple[str, ShardKey]] = {}
    for manifest in manifests:
        files = [(_folder(file.key), file.source, file.key) for file in manifest.files]
        splits[manifest.split] = {"rows": manifest.rows, "sources": [asdict(s) for s in group(files)]}
        for folder, source, key in files:
            found.setdefault(source, (folder, key))
    made = {source: _settings(root.join(folder), key) for source, (folder, key) in sorted(found.items())}
    return {
        "splits": splits,
        "drawn": asdict(manifests[0].config),
        "made": {source: settings for source, settings in made.items() if settings},
        "versions": {"tokens": manifests[0].version, "encoder": manifests[0].spec.version},
    }


def group(files: Iterable[tuple[str, str, ShardKey]]) -> list[SourceFiles]:
    """Group files, given as (folder, fingerprint, key), into SourceFiles with equal settings."""
    seeds: dict[tuple[str, str, int | None, int | None], list[int]] = defaultdict(list)
    for folder, fingerprint, key in files:
        decl = None if key.decl == key.seed % N_DECLARATIONS else key.decl
        seeds[folder, fingerprint, decl, key.opponent].append(key.seed)
    return [
        SourceFiles(*of_all, ranges_text(members), len(members))
        for of_all, members in sorted(seeds.items(), key=lambda item: tuple(map(str, item[0])))
    ]


Reader = Callable[[Store, ShardKey], str | None]
"""Returns the fingerprint of a file in a folder of a store, or None if the file is damaged"""


class SourceIndex:
    """Index of the source files as they are now. Each folder and footer is read once."""

    def __init__(self, root: Store, readers: Mapping[str, Reader]) -> None:
        """root: the store's root; readers: for each folder, the function that reads a fingerprint."""
        self.root, self.readers = root, readers
        self._names: dict[tuple[str, Split], set[str]] = {}
        self._found: dict[tuple[str, ShardKey], str | None] = {}

    def look(self, split: Split, sources: SourceFiles) -> Presence:
        """Compare the source files of a split with their recorded fingerprint. Raises StoreUnusable."""
        folder, place = self.root.join(sources.folder), sources.folder
        if (place, split) not in self._names:
            self._names[place, split] = set(folder.join(split).names(".parquet"))
        names, keys = self._names[place, split], sources.keys()
        there = [key for key in keys if key.filename in names]
        unread = [key for key in there if (place, key) not in self._found]
        with ThreadPoolExecutor(READERS, "origins") as pool:
            for key, its in zip(unread, pool.map(partial(self.readers[place], folder), unread), strict=True):
                self._found[place, key] = its
        changed = [key.filename for key in there if self._found[place, key] != sources.fingerprint]
        gone = [key.filename for key in keys if key.filename not in names]
        return Presence(len(there) - len(changed), tuple(changed), tuple(gone))


def fingerprint_of_shard(folder: Store, key: ShardKey) -> str | None:
    """Return the fingerprint used in manifests (for a foreign shard, with its size); None if damaged."""
    try:
        return SHARDS.read_own_header(folder, key).fingerprint
    except FileForeign:
        return f"{FOREIGN}-{folder.join(key.split).size(key.filename)}"
    except FileCorrupt:
        return None


def _folder(key: ShardKey) -> str:
    return STANDARD_SHARDS if key.opponent is None else MARGINALIZED_SHARDS


def _settings(folder: Store, key: ShardKey) -> Mapping[str, Any] | None:
    """Return the settings behind a shard's fingerprint; None if the shard is missing, damaged or foreign."""
    try:
        header = SHARDS.read_own_header(folder, key)
    except ForgeError:
        return None
    draw = {"rows": header.rows_asked, "sample_seed": header.sample_seed}
    return {**draw, "oracle": header.oracle_version, "shards": header.shards_version}
