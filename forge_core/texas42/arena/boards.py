"""Boards: the results of deals that two sides have played, and their files.

For each seating, a store has a folder named after the seating's fingerprint, with a Parquet file for each
block of seeds. Swapping the sides gives another seating, so a match of B against A finds the boards of A
against B. Files are written atomically, and verified when they are read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from forge_core.errors import BadInput
from forge_core.files import Store, fingerprint
from forge_core.files.inspection import Provenance
from forge_core.files.parquet import read_metadata, require, to_parquet
from forge_core.files.records import RecordFile, Remedy
from forge_core.splits import BLOCK_SIZE
from forge_core.texas42.arena.duplicate import Conditions
from forge_core.texas42.auction import marks_of
from forge_core.texas42.dominoes import HAND_POINTS, N_PLAYS
from forge_core.texas42.folders import MATCHES_FOLDER
from forge_core.texas42.games import Games, replay
from forge_core.texas42.keys import BlockKey, block_name
from forge_core.texas42.players import AnyPlayer

MATCH_VERSION = "m2"
"""Increased when the same players and conditions would give different games, or when columns change."""

_SCHEMA = pa.schema(
    [
        ("seed", pa.int64()),
        ("decl", pa.int8()),
        ("bid", pa.int16()),
        ("points", pa.int8()),
        ("plays", pa.list_(pa.int8())),
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class Boards:
    """The results of D deals played by one seating, in ascending order of seed."""

    seed: npt.NDArray[np.int64]
    """[D]"""
    decl: npt.NDArray[np.int8]
    """[D]"""
    bid: npt.NDArray[np.int16]
    """[D]"""
    points: npt.NDArray[np.int8]
    """[D] points taken by the bidding side, 0..42"""
    plays: npt.NDArray[np.int8]
    """[D, 28] domino ids in order of play"""

    def __len__(self) -> int:
        return len(self.seed)

    @property
    def made(self) -> npt.NDArray[np.bool_]:
        """[D] True where the contract is made."""
        return self.points >= np.minimum(self.bid, HAND_POINTS)

    @property
    def marks(self) -> npt.NDArray[np.int64]:
        """[D] The marks that the contract is worth."""
        return np.array([marks_of(bid) for bid in self.bid.tolist()], dtype=np.int64)

    @classmethod
    def of(cls, seeds: Sequence[int], games: Games) -> Boards:
        """Return the boards of finished games."""
        seen = games.seen
        points = seen.points[:, 0].astype(np.int8)
        return cls(np.array(seeds, dtype=np.int64), seen.decl, seen.bid, points, seen.plays)

    @classmethod
    def join(cls, parts: Sequence[Boards]) -> Boards:
        """Merge several sets of boards, which have no seeds in common, in order of seed."""
        columns = [np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(cls)]
        return cls(*columns).take(columns[0].argsort())

    @classmethod
    def none(cls) -> Boards:
        """Return an empty set of boards."""
        empty, plays = np.zeros(0, dtype=np.int8), np.zeros((0, N_PLAYS), dtype=np.int8)
        return cls(empty.astype(np.int64), empty, empty.astype(np.int16), empty, plays)

    def take(self, index) -> Boards:
        """Return the boards at `index`: whole numbers or a mask."""
        return Boards(*(getattr(self, column.name)[index] for column in fields(self)))

    def of_seeds(self, seeds: Sequence[int]) -> Boards:
        """Return the boards whose seeds are among `seeds`."""
        return self.take(np.isin(self.seed, np.array(seeds, dtype=np.int64)))


@dataclass(frozen=True, slots=True, eq=False)
class Seating:
    """The bidding player (seats 0 and 2), the defending player, and the conditions of the match."""

    bidders: AnyPlayer
    defenders: AnyPlayer
    conditions: Conditions
    settings: dict[str, Any] = field(init=False)
    """everything its boards depend on apart from the seed of the deal, as JSON types"""

    def __post_init__(self) -> None:
        settings = {
            "version": MATCH_VERSION,
            "bidders": self.bidders.describe(),
            "defenders": self.defenders.describe(),
            "conditions": self.conditions.to_dict(),
        }
        object.__setattr__(self, "settings", settings)

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the settings, 16 hex digits, which names the folder of its boards."""
        return fingerprint(self.settings)

    def folder(self, store: Store) -> Store:
        """Return the folder of its boards."""
        return store.join(MATCHES_FOLDER, self.fingerprint)


@dataclass(frozen=True, slots=True)
class BlockHeader:
    """The footer of a block of boards."""

    settings: dict[str, Any]
    """the settings of its seating"""
    boards: int

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the settings, 16 hex digits."""
        return fingerprint(self.settings)

    @property
    def provenance(self) -> Provenance:
        """The version of the match, with the fingerprint in place of the settings."""
        return Provenance(str(self.settings.get("version")), {"settings": self.fingerprint})

    @property
    def is_current(self) -> bool:
        """True if the current code would play the same games."""
        return self.settings.get("version") == MATCH_VERSION


def read_block(store: Store, seating: Seating, seed: int) -> Boards:
    """Return the stored boards of the block that contains a seed; empty if there are none.

    Verifies the settings and columns, and that the plays are legal and score the stored points. Raises
    FileCorrupt, StoreUnusable.
    """
    matches, key = store.join(MATCHES_FOLDER), BlockKey.of(seating.fingerprint, seed)
    if not matches.join(key.folder).exists(key.filename):
        return Boards.none()
    return replace(BLOCKS, parse=partial(_parse, seating)).read(matches, key)


def write_block(store: Store, seating: Seating, boards: Boards) -> None:
    """Write the boards of one block to the store. Equal boards give equal files.

    Raises FileForeign if a foreign file has this name, and StoreUnusable.
    """
    ends = np.arange(len(boards) + 1, dtype=np.int32) * N_PLAYS
    plays = pa.ListArray.from_arrays(pa.array(ends), pa.array(boards.plays.reshape(-1)))
    columns = [pa.array(getattr(boards, name)) for name in _SCHEMA.names[:-1]]
    table = pa.Table.from_arrays([*columns, plays], schema=_SCHEMA)
    footer = {"settings": json.dumps(seating.settings, sort_keys=True)}
    key = BlockKey.of(seating.fingerprint, int(boards.seed[0]))
    BLOCKS.write(store.join(MATCHES_FOLDER), key, to_parquet(table, footer, compression="zstd"))


def _parse_header(file: pq.ParquetFile, key: BlockKey) -> BlockHeader:
    require(file.schema_arrow.equals(_SCHEMA), f"its columns are not {', '.join(_SCHEMA.names)}")
    rows = file.metadata.num_rows
    require(rows <= BLOCK_SIZE, f"it has {rows:,} rows, but a block has {BLOCK_SIZE} seeds")
    settings = json.loads(read_metadata(file)[b"settings"])
    require(isinstance(settings, dict), "its settings are not a JSON object")
    header = BlockHeader(settings, rows)
    require(header.fingerprint == key.folder, "its settings do not match the name of its folder")
    return header


def _parse(seating: Seating, file: pq.ParquetFile, key: BlockKey, header: BlockHeader) -> Boards:
    table = file.read(use_threads=False)
    require(all(column.null_count == 0 for column in table.columns), "a value is missing")
    seeds, decl, bid, points = (table.column(name).to_numpy() for name in _SCHEMA.names[:-1])
    plays = table.column("plays").combine_chunks()
    require(bool((np.diff(plays.offsets) == N_PLAYS).all()), f"a game does not have {N_PLAYS} plays")
    boards = Boards(seeds, decl, bid, points, plays.flatten().to_numpy().reshape(-1, N_PLAYS))
    _check(boards, seating.conditions, key.filename)
    return boards


def _check(boards: Boards, conditions: Conditions, name: str) -> None:
    seeds = boards.seed.tolist()
    require(
        all(seed >= 0 and block_name(seed) == name for seed in seeds),
        "a seed is outside the range in the file name",
    )
    require(bool((np.diff(boards.seed) > 0).all()), "its seeds are not ascending")
    games = conditions.deal(seeds)
    require(np.array_equal(games.seen.decl, boards.decl), "a declaration does not match the conditions")
    require(np.array_equal(games.seen.bid, boards.bid), "a bid does not match the conditions")
    for after in replay(games, boards.plays):
        games = after
    require(np.array_equal(games.seen.points[:, 0], boards.points), "its points do not match its plays")


def _refuse(file: pq.ParquetFile, key: BlockKey, header: BlockHeader) -> Boards:
    raise BadInput("boards can only be read for a seating: call read_block")


BLOCKS: RecordFile[BlockKey, BlockHeader, Boards] = RecordFile(
    noun="block",
    signature=("settings", "plays"),
    most_bytes=1 << 20,  # a file takes a few thousand
    parse_name=BlockKey.parse,
    parse_header=_parse_header,
    parse=_refuse,
    remedy=lambda folder, key: Remedy("play the match", "delete it and play the match again"),
)
"""Files of boards; their place is MATCHES_FOLDER of a store."""
