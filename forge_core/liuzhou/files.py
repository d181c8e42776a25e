"""Self-play games on disk: Parquet files of whole games, one row per position, in folders of generations.

    liuzhou-games/g000/games_000000_000031.parquet

A generation is a set of games that one network, or playouts, played against itself; a file holds
GAMES_PER_FILE of them. The footer names the games, and has all settings and their fingerprint. Files
are written whole or not at all, and verified when read: every game is replayed by the rules.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from forge_core.errors import BadInput
from forge_core.files import Store, fingerprint
from forge_core.files.parquet import require, to_parquet
from forge_core.files.records import JsonHeader, MadeBySettings, RecordFile, Remedy
from forge_core.liuzhou.rules import N_ACTIONS, N_CELLS
from forge_core.liuzhou.settings.generation import GAMES_FOLDER, generation_name
from forge_core.liuzhou.state import (
    BLACK_WON,
    GOING,
    SLOTS,
    WHITE_WON,
    legal_actions,
    outcomes,
    step_rows,
)

FOLDER = GAMES_FOLDER
GAMES_PER_FILE = 32
"""few, since a killed run loses the games of its unfinished files; a file has about fifty kilobytes"""
SCHEMA_VERSION = 1
"""Raised when columns or header change."""
MOST_GENERATIONS = 1_000
"""names of generations have three digits"""

_MOST_GAMES = 1_000_000
"""games in a generation: names of files have six digits"""
_POLICY_ERROR = 2e-3
"""by which the sum of a policy may differ from 1: each of at most 64 shares is rounded to 11 bits"""
_WORDS = ("black", "white", "marked", "meta")
_COLUMNS: dict[str, pa.DataType] = {
    "game": pa.int32(),
    **dict.fromkeys(_WORDS, pa.int64()),
    "action": pa.uint8(),
    "policy": pa.list_(pa.float16()),
    "value": pa.float32(),
    "result": pa.int8(),
    "difference": pa.int8(),
}
"""type of every column of a file, in order"""


@dataclass(frozen=True, slots=True)
class GamesKey:
    """Names a file: GAMES_PER_FILE games of a generation."""

    generation: int
    first: int
    """number of its first game in the generation, a multiple of GAMES_PER_FILE"""

    @property
    def folder(self) -> str:
        """Folder of its generation: `g007`."""
        return generation_name(self.generation)

    @property
    def filename(self) -> str:
        """Name in that folder: `games_000032_000063.parquet`."""
        return f"games_{self.first:06d}_{self.first + GAMES_PER_FILE - 1:06d}.parquet"

    @property
    def games(self) -> range:
        """Numbers of its games in the generation."""
        return range(self.first, self.first + GAMES_PER_FILE)

    @classmethod
    def parse(cls, name: str, folder: str) -> Self:
        """Return the key of a file in a folder. Raises BadInput for an invalid name."""
        named = re.match(r"games_([0-9]{6})_", name)
        if named:
            key = cls(parse_generation(folder), int(named[1]))
            if key.first % GAMES_PER_FILE == 0 and key.filename == name:
                return key
        raise BadInput("its name is not that of a self-play file: delete it")


@dataclass(frozen=True, slots=True)
class GamesHeader(MadeBySettings, JsonHeader):
    """The header of a file of games, in its footer."""

    generation: int
    first: int
    positions: int
    """number of rows in the file"""
    of: int
    """planned number of games in its generation"""
    digest: str
    """see `digest_of`"""
    settings: dict[str, Any]
    """`version` of self-play, its settings, and the weights of the network"""
    fingerprint: str
    """16 hex digits of the settings"""


@dataclass(frozen=True, slots=True, eq=False)
class Games:
    """N positions of whole games, game by game, each in the order of play."""

    game: npt.NDArray[np.int32]
    """[N] number in the generation, ascending"""
    rows: npt.NDArray[np.int64]
    """[N, 4]"""
    action: npt.NDArray[np.uint8]
    """[N] the action that was played"""
    policy: npt.NDArray[np.float16]
    """[N, 64] shares of the slots of `legal_actions`, to learn from; all 0 where the search was too small
    to teach"""
    value: npt.NDArray[np.float32]
    """[N] value that the search found, in black's frame"""
    result: npt.NDArray[np.int8]
    """[N] result of the game: 1 black won, -1 white won, 0 drawn"""
    difference: npt.NDArray[np.int8]
    """[N] black's stones minus white's at the end of the game"""

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def taught(self) -> npt.NDArray[np.bool_]:
        """[N] True where there is a policy to learn from."""
        return np.any(self.policy != 0, axis=1)

    @property
    def ends(self) -> npt.NDArray[np.int64]:
        """[G] indices of the last position of each game."""
        return np.flatnonzero(np.append(np.diff(self.game) != 0, True))

    def take(self, index: Any) -> Games:
        """Return the positions at `index`: whole numbers, a slice or a mask."""
        return Games(*(getattr(self, field.name)[index] for field in fields(self)))


def parse_generation(name: str) -> int:
    """Return the number of the generation with this name. Raises BadInput for an invalid name."""
    number = int(name[1:]) if re.fullmatch(r"g[0-9]{3}", name) else -1
    if number < 0:
        raise BadInput(f"{name!r} is not a generation: use g000..{generation_name(MOST_GENERATIONS - 1)}")
    return number


def keys_of(generation: int, games: int) -> list[GamesKey]:
    """Return the keys of the files for the games of a generation; the last file is full. Raises BadInput."""
    if not 0 <= generation < MOST_GENERATIONS:
        raise BadInput(f"generation {generation}: use 0..{MOST_GENERATIONS - 1}")
    if not 1 <= games <= _MOST_GAMES:
        raise BadInput(f"{games:,} games in a generation: use 1..{_MOST_GAMES:,}")
    return [GamesKey(generation, first) for first in range(0, games, GAMES_PER_FILE)]


def write_games(root: Store, key: GamesKey, games: Games, of: int, settings: Mapping[str, Any]) -> int:
    """Write the games of a file, whole or not at all; return its size in bytes.

    root: the store's root. of: planned number of games in the generation. settings: JSON types, with the
    `version` of self-play. Equal games give equal files. Raises BadInput for games that are not those of the
    key or that the rules do not allow, FileForeign if a foreign file is in the way, and StoreUnusable.
    """
    if reason := find_fault(games, key):
        raise BadInput(f"{key.folder}/{key.filename}: {reason}; such games are not stored")
    header = GamesHeader(
        SCHEMA_VERSION,
        key.generation,
        key.first,
        len(games),
        of,
        digest_of(games),
        dict(settings),
        fingerprint(dict(settings)),
    )
    return GAMES.write(root.join(FOLDER), key, to_parquet(_table(games), header.to_footer(), **_HOW))


def read_games(root: Store, key: GamesKey) -> Games:
    """Return the games of a file, verified. root: the store's root. Raises FileCorrupt, StoreUnusable."""
    return GAMES.read(root.join(FOLDER), key)


def digest_of(games: Games) -> str:
    """Return 16 hex digits, equal for equal games: the version of what a file holds."""
    digest = hashlib.blake2b(digest_size=8)
    for field in fields(Games):
        digest.update(np.ascontiguousarray(getattr(games, field.name)).tobytes())
    return digest.hexdigest()


def find_fault(games: Games, key: GamesKey) -> str | None:
    """Return what is wrong with the games of a file, as a clause; None if nothing is.

    They must be the games of the key, complete and legal, with the right results and with policies that sum
    to 1.
    """
    ends, after = games.ends, np.zeros_like(games.rows)
    if not np.array_equal(games.game[ends], np.array(key.games)) or (np.diff(games.game) < 0).any():
        return f"its games are not {key.first}..{key.games[-1]}"
    if not _are_boards(games.rows):
        return "a position is malformed"
    legal, counts = legal_actions(games.rows)
    if not ((legal == games.action[:, None]) & (legal < N_ACTIONS)).any(axis=1).all():
        return "an action is against the rules"
    after = step_rows(games.rows, games.action)
    outcome, same = outcomes(after), np.diff(games.game) == 0
    if not (after[:-1] == games.rows[1:])[same].all():
        return "a position does not follow from the action before it"
    if (outcome[ends] == GOING).any():
        return "a game is cut off before its end"
    of_game = np.cumsum(np.append(0, ~same))
    result = (outcome == BLACK_WON).astype(np.int8) - (outcome == WHITE_WON).astype(np.int8)
    stones = np.bitwise_count(after[:, :2]).astype(np.int8)
    if not np.array_equal(games.result, result[ends][of_game]):
        return "a result is not that of its game"
    if not np.array_equal(games.difference, (stones[:, 0] - stones[:, 1])[ends][of_game]):
        return "a difference in stones is not that at the end of its game"
    if not np.isfinite(games.value).all():
        return "a value is not a number"
    return _find_policy_fault(games, counts)


def _are_boards(rows: npt.NDArray[np.int64]) -> bool:
    """Return True if rows [N, 4] may be given to the rules: the two sets of cells are disjoint."""
    words = rows[:, :3]
    return not (words >> N_CELLS).any() and not (words[:, 0] & words[:, 1]).any()


def _find_policy_fault(games: Games, counts: npt.NDArray[np.int64]) -> str | None:
    shares = games.policy.astype(np.float32)
    if not (shares >= 0).all() or shares[np.arange(SLOTS) >= counts[:, None]].any():  # nan is not >= 0
        return "a policy has negative shares, or shares of illegal actions"
    if (np.abs(shares.sum(axis=1)[games.taught] - 1) > _POLICY_ERROR).any():
        return "the shares of a policy do not sum to 1"
    return None


# --- writing ----------------------------------------------------------------------------------

_HOW = {"compression": "zstd", "use_dictionary": False}
"""neighbouring rows differ in a few bits: zstd packs their 32 bytes into four"""


def _table(games: Games) -> pa.Table:
    """Return the columns of a file; a policy is a list over the legal actions, empty if there is none."""
    _, counts = legal_actions(games.rows)
    lengths = np.where(games.taught, counts, 0)
    shares = games.policy[np.arange(SLOTS) < lengths[:, None]]
    offsets = np.append(0, np.cumsum(lengths)).astype(np.int32)
    arrays = {
        **{name: games.rows[:, place] for place, name in enumerate(_WORDS)},
        **{name: getattr(games, name) for name in ("game", "action", "value", "result", "difference")},
    }
    columns = {name: pa.array(np.ascontiguousarray(array)) for name, array in arrays.items()}
    columns["policy"] = pa.ListArray.from_arrays(pa.array(offsets), pa.array(shares))
    return pa.Table.from_arrays([columns[name] for name in _COLUMNS], schema=pa.schema(_COLUMNS.items()))


# --- reading ----------------------------------------------------------------------------------


def _parse_header(file: pq.ParquetFile, key: GamesKey) -> GamesHeader:
    header = GamesHeader.from_footer(file, SCHEMA_VERSION)
    numbers = (header.generation, header.first, header.positions, header.of)
    require(
        all(type(number) is int for number in numbers), "its header has no whole number where one belongs"
    )
    require((header.generation, header.first) == (key.generation, key.first), "its header names other games")
    require(isinstance(header.settings, dict), "its settings are no mapping")
    require(header.fingerprint == fingerprint(header.settings), "its fingerprint is not that of its settings")
    require(
        file.schema_arrow.equals(pa.schema(_COLUMNS.items())), f"its columns are not {', '.join(_COLUMNS)}"
    )
    rows = file.metadata.num_rows
    require(rows == header.positions > 0, f"it has {rows:,} rows, its header says {header.positions:,}")
    return header


def _parse(file: pq.ParquetFile, key: GamesKey, header: GamesHeader) -> Games:
    table = file.read(use_threads=False)
    require(all(column.null_count == 0 for column in table.columns), "a value is missing")
    of = {name: table.column(name).combine_chunks() for name in _COLUMNS}
    rows = np.stack([of[name].to_numpy() for name in _WORDS], axis=1)
    require(_are_boards(rows), "a position is malformed")
    lengths, shares = np.diff(of["policy"].offsets), of["policy"].flatten().to_numpy(zero_copy_only=False)
    _, counts = legal_actions(rows)
    require(bool(((lengths == 0) | (lengths == counts)).all()), "a policy has not one share per legal action")
    policy = np.zeros((len(rows), SLOTS), np.float16)
    policy[np.arange(SLOTS) < lengths[:, None]] = shares
    plain = {name: of[name].to_numpy().copy() for name in ("game", "action", "value", "result", "difference")}
    games = Games(rows=rows, policy=policy, **plain)
    reason = find_fault(games, key)
    require(reason is None, reason or "")
    require(np.array_equal(games.taught, lengths > 0), "a policy is empty")
    require(digest_of(games) == header.digest, "its games are not those that its header was written for")
    return games


def _remedy(folder: Store, key: GamesKey) -> Remedy:
    """Return the advice to play a generation again."""
    return Remedy.by(f"materialize liuzhou_self_play[{key.folder}]")


GAMES: RecordFile[GamesKey, GamesHeader, Games] = RecordFile(
    noun="file of games",
    signature=("generation", "positions", "difference"),
    most_bytes=1 << 24,  # a file takes several tens of thousands
    parse_name=GamesKey.parse,
    parse_header=_parse_header,
    parse=_parse,
    remedy=_remedy,
)
"""Its files are in FOLDER of a store."""
