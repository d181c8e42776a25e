"""What a store holds beside shards, and who is at work in it: by footers, manifests, names and locks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from forge_core.errors import BadInput, FileCorrupt
from forge_core.files import Store
from forge_core.learning.labelled.settings import RUNS
from forge_core.ranges import ranges_text
from forge_core.splits import Split, split_of
from forge_core.texas42.folders import (
    BIDDING_FOLDER,
    GAME_ROWS_FOLDER,
    GAMES_FOLDER,
    MATCHES_FOLDER,
    TOKENS_FOLDER,
)
from forge_core.texas42.oracle.catalog import Fault

if TYPE_CHECKING:
    from forge_core.texas42.tokens.storage import Manifest

_READERS = 8
"""files looked at at once: it is the waiting for them that takes the time"""


@dataclass(frozen=True, slots=True)
class Holding:
    """What one folder of a store holds of a split."""

    folder: str
    split: Split
    files: int
    rows: int
    """decisions of games, rows to learn from, tables, boards"""
    nbytes: int
    seeds: str
    """`0-49,100-149`; of rows of games and of boards: the fifties that they are among"""
    versions: tuple[str, ...]
    """fingerprints of settings, or of data; of boards the folders of their seatings"""

    def to_dict(self) -> dict[str, Any]:
        """JSON types, bytes and not nbytes as in the other answers."""
        record = asdict(self)
        record["bytes"] = record.pop("nbytes")
        return record


def find_holdings(root: Store) -> tuple[list[Holding], list[Fault]]:
    """Games, rows, bidding tables and boards, by folder and split; what is faulty of them.

    Of games and boards footers are read, of rows manifests, of bidding tables names alone: the
    footer of one is most of it. Raises StoreUnusable.
    """
    faults: list[Fault] = []
    there = root.folders()
    parts = [look for folder, look in _PARTS.items() if folder in there]  # others need not be imported
    return [holding for look in parts for holding in look(root, faults)], faults


def find_held(root: Store) -> list[str]:
    """Folders that a process keeps to itself: rows that are made, trainings, a flywheel turned by hand.

    Looked for below the store and where runs are kept. `forge shards` and `forge eq` hold nothing:
    several may fill one store. An object store knows no locks.
    """
    places = [Store(os.environ.get("FORGE_RUNS") or RUNS), *([] if "://" in root.url else [root])]
    found: set[str] = set()
    for place in places:
        for name in place.folders():
            one = place.join(name)
            found |= {folder.url for folder in (one, *map(one.join, one.folders())) if folder.is_held()}
    return sorted(found)


def _games(root: Store, faults: list[Fault]) -> Iterator[Holding]:
    from forge_core.texas42.dominoes import N_PLAYS
    from forge_core.texas42.eq.catalog import read_catalog

    catalog = read_catalog(root)
    faults += catalog.faults
    for split in Split:
        entries = [entry for entry in catalog.entries if entry.split is split]
        if entries:
            yield Holding(
                GAMES_FOLDER,
                split,
                files=len(entries),
                rows=N_PLAYS * len(entries),
                nbytes=sum(entry.nbytes for entry in entries),
                seeds=ranges_text(entry.header.seed for entry in entries),
                versions=tuple(sorted({entry.header.fingerprint for entry in entries})),
            )


def _rows_of_shards(root: Store, faults: list[Fault]) -> Iterator[Holding]:
    from forge_core.texas42.tokens.splits import folder_of, read_manifest

    return _rows(root, faults, folder_of, read_manifest, seeds_a_file=1)


def _rows_of_games(root: Store, faults: list[Fault]) -> Iterator[Holding]:
    from forge_core.texas42.eq.splits import SEEDS_A_FILE, folder_of, read_manifest

    return _rows(root, faults, folder_of, read_manifest, SEEDS_A_FILE)


def _rows(
    root: Store,
    faults: list[Fault],
    folder_of: Callable[[Store, Split], Store],
    read_manifest: Callable[[Store], Manifest],
    seeds_a_file: int,
) -> Iterator[Holding]:
    from forge_core.texas42.tokens.storage import MANIFEST

    for split in Split:
        folder = folder_of(root, split)
        below = folder.url.removeprefix(root.url).strip("/")
        if not folder.exists(MANIFEST):
            continue
        present = set(folder.names(".npy"))
        try:
            manifest = read_manifest(folder)
        except BadInput as error:
            faults.append(Fault(f"{below}/{MANIFEST}", str(error)))
            continue
        named = [file.name for file in manifest.files]
        lost = [name for name in named if name not in present]
        faults += [
            Fault(f"{below}/{name}", "is gone, though the manifest names it: run forge tokenize")
            for name in lost
        ]
        firsts = [file.first_seed for file in manifest.files]
        yield Holding(
            below.rpartition("/")[0],
            split,
            files=len(named),
            rows=manifest.rows,
            nbytes=_size(folder, sorted(present.intersection(named))),
            seeds=ranges_text(first + k for first in firsts for k in range(seeds_a_file)),
            versions=(manifest.hash,),
        )


def _tables(root: Store, faults: list[Fault]) -> Iterator[Holding]:
    from forge_core.texas42.bidding.records import parse_name

    for split in Split:
        folder, seeds = root.join(BIDDING_FOLDER, split), {}
        for name in folder.names():
            try:
                seeds[name] = parse_name(name)
                if (own := split_of(seeds[name])) != split:
                    raise BadInput(f"seed {seeds.pop(name)} belongs to {own}: move the file, or delete it")
            except BadInput as error:
                faults.append(Fault(f"{BIDDING_FOLDER}/{split}/{name}", str(error)))
        if seeds:
            nbytes, n = _size(folder, list(seeds)), len(seeds)
            yield Holding(BIDDING_FOLDER, split, n, n, nbytes, ranges_text(seeds.values()), ())


def _boards(root: Store, faults: list[Fault]) -> Iterator[Holding]:
    """By the splits of their blocks, all seatings together."""
    from forge_core.texas42.arena.boards import BLOCK, BLOCKS, BlockKey

    matches = root.join(MATCHES_FOLDER)
    of_split: dict[Split, list[tuple[str, str, int, int]]] = {split: [] for split in Split}
    for seating in matches.folders():
        folder = matches.join(seating)
        for name in folder.names():
            try:
                key = BlockKey.parse(name, seating)
                boards = BLOCKS.read_header(matches, key).boards
                of_split[split_of(key.first)].append((seating, name, key.first, boards))
            except BadInput as error:
                faults.append(Fault(f"{MATCHES_FOLDER}/{seating}/{name}", str(error)))
            except FileCorrupt as error:
                faults.append(Fault(f"{MATCHES_FOLDER}/{seating}/{name}", f"{error.reason}; {error.remedy}"))
    for split, files in of_split.items():
        if files:
            yield Holding(
                MATCHES_FOLDER,
                split,
                files=len(files),
                rows=sum(boards for *_, boards in files),
                nbytes=_size(matches, [f"{seating}/{name}" for seating, name, *_ in files]),
                seeds=ranges_text(first + k for _, _, first, _ in files for k in range(BLOCK)),
                versions=tuple(sorted({seating for seating, *_ in files})),
            )


_PARTS = {
    GAMES_FOLDER: _games,
    TOKENS_FOLDER: _rows_of_shards,
    GAME_ROWS_FOLDER: _rows_of_games,
    BIDDING_FOLDER: _tables,
    MATCHES_FOLDER: _boards,
}


def _size(folder: Store, names: Sequence[str]) -> int:
    with ThreadPoolExecutor(_READERS, "holdings") as pool:
        return sum(pool.map(folder.size, names))
