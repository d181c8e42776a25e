"""Recorded games on disk: one Parquet file per game, with 28 rows, one per decision.

A store of games holds them as `{train,val,test}/seed_00000042_decl_2.parquet`; the seed decides the
split. The footer records the four hands, all settings and their fingerprint. Files are written
atomically, and verified when read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from forge_core.errors import BadInput, StoreUnusable
from forge_core.files import Store
from forge_core.files.parquet import require, to_parquet
from forge_core.files.records import JsonHeader, MadeBySettings, RecordFile, Remedy
from forge_core.splits import Split
from forge_core.texas42.deals import Hands, check_deal, check_leader
from forge_core.texas42.declarations import NAMES
from forge_core.texas42.dominoes import HAND_SIZE, N_DOMINOES, N_PLAYS, N_SEATS
from forge_core.texas42.eq.policies import MODES
from forge_core.texas42.eq.records import KINDS, LAYOUT, Decisions, GameRecord, fingerprint_of
from forge_core.texas42.folders import GAMES_FOLDER
from forge_core.texas42.games import check_bid
from forge_core.texas42.oracle.shards import ShardKey
from forge_core.texas42.tokens.encoder import Tokens
from forge_core.texas42.tokens.transcript import N_FEATURES, N_POSITIONS, TRANSCRIPT_VERSION

SCHEMA_VERSION = 1
"""Raised when columns or header change"""

_CODES = {"exploration_mode": MODES, "oracle": KINDS}
"""columns stored as words; records hold them as indices into these lists"""
_COLUMNS: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {
    "seed": (np.int64, ()),
    "decl": (np.int8, ()),
    "step": (np.int8, ()),
    "player": LAYOUT["player"],
    "transcript_tokens": (np.int8, (N_POSITIONS, N_FEATURES)),
    "transcript_length": (np.int8, ()),
    **{name: LAYOUT[name] for name in ("e_q_mean", "e_q_var", "legal_mask", "p_make", "e_q_pdf")},
    "bid": (np.int16, ()),
    "bidder": (np.int8, ()),
    **{field.name: LAYOUT[field.name] for field in fields(Decisions)},  # earlier keys keep their positions
}
"""Type and shape of every column of a file, in order; lists are stored flat"""


@dataclass(frozen=True, slots=True)
class GameHeader(MadeBySettings, JsonHeader):
    """The header of a game, stored in its footer."""

    seed: int
    decl: int
    leader: int
    bidder: int
    bid: int
    hands: Hands
    settings: dict[str, Any]
    fingerprint: str
    """see `fingerprint_of`"""
    transcript_version: str

    @property
    def key(self) -> ShardKey:
        """The key of the game: its deal and declaration."""
        return ShardKey(self.seed, self.decl)


def write_game(store: Store, record: GameRecord) -> int:
    """Write a game atomically to a store of games; return its size in bytes.

    Equal games give equal files. Raises BadInput for a game that has no seed, has illegal plays, has
    plays that differ from its actions, or has settings that are not JSON types; also StoreUnusable.
    """
    return GAMES.write(store, record.key, _encode(record))


def read_game(store: Store, name: ShardKey | str) -> GameRecord:
    """Read a game from a store and verify it. name: its key or its file name.

    The checks: header and columns; the plays against the rules; legal slots and stored tokens against
    both; finite numbers where required; page checksums. `check_game` checks the meaning of the
    numbers. Raises FileCorrupt, with advice, and BadInput for a name that is not that of a game.
    """
    return GAMES.read(store, _as_key(name))


def open_game(path: str) -> GameRecord:
    """Read a game by the path or URL of its file, wherever it is; otherwise like `read_game`."""
    folder, slash, name = path.rpartition("/")
    return GAMES.read_from(Store(folder or slash or "."), _as_key(name))


def find_games(
    path: str, final: bool = False, *, on_sealed: Callable[[int], None] | None = None
) -> list[str]:
    """Return the games under a path, as paths for `open_game`, sorted by split and seed.

    path: a file, a folder of games, a store of games, or a root with eq-games/. Games of the test split
    are sealed and left out unless `final` is set. on_sealed: called with the number of games that were
    left out, if there are any. Raises BadInput for a name that is not that of a game, for the file of a
    sealed game, or if nothing is found.
    """
    if path.endswith(".parquet"):
        _check_name(path)
        if not final and _as_key(path.rpartition("/")[2]).split is Split.TEST:
            raise BadInput(f"{path} belongs to the test split, which is sealed: use a train or val game")
        return [path]
    place = Store(path)
    splits = [place.join(*above, split) for above in ((), (GAMES_FOLDER,)) for split in Split]
    try:
        names = [(folder, name) for folder in (place, *splits) for name in folder.names(".parquet")]
    except StoreUnusable as error:
        if not isinstance(error.__cause__, NotADirectoryError):
            raise
        raise BadInput(f"{path} is not a recorded game: use a .parquet file made by forge eq") from error
    found = [(folder, _as_key(name)) for folder, name in names]
    open_to_all = [(folder, key) for folder, key in found if final or key.split != Split.TEST]
    if not open_to_all:
        sealed = f" except {len(found):,} in the test split, which are sealed" if found else ""
        raise BadInput(f"{place.url} has no games{sealed}: make some with forge eq, or name another place")
    if on_sealed and len(found) > len(open_to_all):
        on_sealed(len(found) - len(open_to_all))
    return [folder.path(key.filename) for folder, key in open_to_all]


def read_header(store: Store, name: ShardKey | str) -> GameHeader:
    """Return the header of a game, reading only its footer. Raises FileCorrupt, BadInput."""
    return GAMES.read_header(store, _as_key(name))


def missing_games(
    store: Store, keys: Iterable[ShardKey], fingerprint: str, *, verify: bool = False
) -> list[ShardKey]:
    """Return the keys whose games are missing, damaged, foreign, or made with another fingerprint.

    Reads the footers and, with verify, also the rows. Raises StoreUnusable.
    """
    return GAMES.missing(store, keys, fingerprint, verify=verify)


def _check_name(path: str) -> None:
    """Raise BadInput if a path does not end with the name of a game, and say whether there is such a file."""
    folder, slash, name = path.rpartition("/")
    try:
        ShardKey.parse(name)
    except BadInput as error:
        if not Store(folder or slash or ".").exists(name):
            raise BadInput(f"{path}: there is no such file; name a game that forge eq recorded") from error
        raise BadInput(
            f"{path} does not have the name of a recorded game: give it the one that forge eq wrote, "
            f"such as {ShardKey(900, 0).filename}"
        ) from error


def _as_key(name: ShardKey | str) -> ShardKey:
    key = name if isinstance(name, ShardKey) else ShardKey.parse(name)
    if key.opponent is not None:
        raise BadInput(f"{key.filename} is a marginalized deal: use a game dealt from its own seed")
    return key


def _remedy(folder: Store, key: ShardKey) -> Remedy:
    """Return the command that plays a game again."""
    command = f"forge eq --seeds {key.seed} --decl {NAMES[key.decl]} with the settings of this store"
    return Remedy.by(command)


# --- writing ----------------------------------------------------------------------------------


def _encode(record: GameRecord) -> bytes:
    header = GameHeader(
        schema_version=SCHEMA_VERSION,
        seed=int(record.key.seed),
        decl=int(record.decl),
        leader=int(record.leader),
        bidder=int(record.bidder),
        bid=int(record.bid),
        hands=np.asarray(record.hands).tolist(),
        settings=record.settings,
        fingerprint=record.fingerprint,
        transcript_version=TRANSCRIPT_VERSION,
    )
    columns = _columns(header, record.decisions, record.transcripts())
    if not np.array_equal(record.hands[columns["player"], columns["action_taken"]], record.plays):
        raise BadInput(
            f"seed {record.seed}: action_taken does not match plays: record the same plays in both"
        )
    arrays = [_to_arrow(name, columns[name]) for name in _COLUMNS if name in columns]
    table = pa.Table.from_arrays(arrays, schema=_schema(columns))
    return to_parquet(table, header.to_footer(), compression="zstd", use_dictionary=list(_CODES))


def _columns(header: GameHeader, decisions: Decisions, transcript: Tokens) -> dict[str, npt.NDArray]:
    """Return every column of the file by name, [28, ...]."""
    everywhere = {name: getattr(header, name) for name in ("seed", "decl", "bid", "bidder")}
    columns = {
        **{name: np.full(N_PLAYS, value, _COLUMNS[name][0]) for name, value in everywhere.items()},
        "step": np.arange(N_PLAYS, dtype=np.int8),
        "transcript_tokens": transcript.tokens,
        "transcript_length": transcript.mask.sum(axis=1, dtype=np.int8),
        **{field.name: getattr(decisions, field.name) for field in fields(Decisions)},
    }
    return {name: column for name, column in columns.items() if column is not None}


def _schema(names: Iterable[str]) -> pa.Schema:
    def type_of(name: str) -> pa.DataType:
        dtype, shape = _COLUMNS[name]
        plain = pa.string() if name in _CODES else pa.from_numpy_dtype(dtype)
        return pa.list_(plain) if shape else plain

    return pa.schema([(name, type_of(name)) for name in _COLUMNS if name in set(names)])


def _to_arrow(name: str, column: npt.NDArray) -> pa.Array:
    dtype, shape = _COLUMNS[name]
    column = np.ascontiguousarray(column, dtype=dtype)
    if column.shape != (N_PLAYS, *shape):
        raise BadInput(f"{name} of a game has shape {list(column.shape)}: use {[N_PLAYS, *shape]}")
    if name in _CODES:
        return pa.array([_CODES[name][code] for code in column])
    values = pa.array(column.reshape(-1))
    if not shape:
        return values
    offsets = np.arange(N_PLAYS + 1, dtype=np.int32) * (column.size // N_PLAYS)
    return pa.ListArray.from_arrays(pa.array(offsets), values)


# --- reading ----------------------------------------------------------------------------------


def _parse_header(file: pq.ParquetFile, key: ShardKey) -> GameHeader:
    """Parse the header of a game; check its fields against each other, and the columns by name and size."""
    header = GameHeader.from_footer(file, SCHEMA_VERSION)
    whole = (header.seed, header.decl, header.leader, header.bidder, header.bid)
    require(all(type(n) is int for n in whole), "a number in its header is not a whole number")
    require(header.key == key, f"its header belongs to {header.key.filename}")
    check_leader(header.leader)
    check_leader(header.bidder)
    check_bid(header.bid)
    require(isinstance(header.hands, list), "its hands are not a list")
    require(check_deal(header.hands).tolist() == header.hands, "its hands are not in ascending order")
    require(isinstance(header.settings, dict), "its settings are not a mapping")
    made = fingerprint_of(header.settings)
    require(header.fingerprint == made, "its fingerprint does not match its settings")
    _check_size(file)
    return header


def _check_size(file: pq.ParquetFile) -> None:
    """Check that the file has the columns of a game, of the right length, before any is unpacked."""
    names = [name for name in _COLUMNS if name != "e_q_pdf" or name in file.schema_arrow.names]
    require(
        file.schema_arrow.equals(_schema(names)), f"its columns or their types are not {', '.join(names)}"
    )
    rows, groups = file.metadata.num_rows, file.metadata.num_row_groups
    require(
        (rows, groups) == (N_PLAYS, 1), f"it has {rows:,} rows in {groups:,} row groups, not {N_PLAYS} in one"
    )
    group = file.metadata.row_group(0)
    for place, name in enumerate(names):
        found, expected = group.column(place).num_values, N_PLAYS * int(np.prod(_COLUMNS[name][1]))
        require(found == expected, f"column {name} has {found:,} values, not {expected:,}")


def _read_columns(file: pq.ParquetFile) -> dict[str, npt.NDArray]:
    """Return all columns by name, [28, ...]. Raises Unsound."""
    table = file.read(use_threads=False)
    return {name: _to_numpy(name, table.column(name).combine_chunks()) for name in table.column_names}


def _to_numpy(name: str, column: pa.Array) -> npt.NDArray:
    dtype, shape = _COLUMNS[name]
    values = column
    if shape:
        require(column.null_count == 0, f"column {name} has empty values")
        require(
            bool((np.diff(column.offsets) == np.prod(shape)).all()),
            f"lists of column {name} differ in length",
        )
        values = column.flatten()
    require(values.null_count == 0, f"column {name} has empty values")
    if name in _CODES:
        words = values.to_pylist()
        require(set(words) <= set(_CODES[name]), f"column {name} has words other than {_CODES[name]}")
        return np.array([_CODES[name].index(word) for word in words], dtype=dtype)
    return values.to_numpy(zero_copy_only=False).reshape(N_PLAYS, *shape).copy()


def _parse(file: pq.ParquetFile, key: ShardKey, header: GameHeader) -> GameRecord:
    """Build the game from its rows, and check them against the header."""
    columns = _read_columns(file)
    always = {name: columns[name] for name in LAYOUT if name != "e_q_pdf"}
    decisions = Decisions(e_q_pdf=columns.get("e_q_pdf"), **always)
    player, slot = decisions.player, decisions.action_taken
    require(((player >= 0) & (player < N_SEATS)).all(), f"a player is outside 0..{N_SEATS - 1}")
    require(((slot >= 0) & (slot < HAND_SIZE)).all(), f"an action is outside 0..{HAND_SIZE - 1}")
    hands = check_deal(header.hands)
    plays = hands[player, slot]
    require(len(np.unique(plays)) == N_DOMINOES, "a domino is played twice")
    record = GameRecord(
        seed=header.seed,
        decl=header.decl,
        leader=header.leader,
        bidder=header.bidder,
        bid=header.bid,
        hands=hands,
        plays=plays,
        decisions=decisions,
        settings=header.settings,
    )
    transcript = record.transcripts()
    require((transcript.legal == decisions.legal_mask).all(), "its legal slots do not follow the rules")
    derived = {
        name: column for name, column in _columns(header, decisions, transcript).items() if name not in LAYOUT
    }
    if header.transcript_version != TRANSCRIPT_VERSION:
        del derived["transcript_tokens"]  # they are computed from the record
    for name, column in derived.items():
        require(np.array_equal(columns[name], column), f"column {name} does not match its game")
    for name, (dtype, shape) in LAYOUT.items():
        if dtype is np.float32 and name in columns:
            must = decisions.legal_mask if shape == (HAND_SIZE,) else True
            require((np.isfinite(columns[name]) == must).all(), f"{name} is not finite where it must be")
    return record


GAMES: RecordFile[ShardKey, GameHeader, GameRecord] = RecordFile(
    noun="game",
    signature=("schema_version", "transcript_version"),
    most_bytes=1 << 24,  # a game takes tens of kilobytes
    parse_name=lambda name, folder: _as_key(name),
    parse_header=_parse_header,
    parse=_parse,
    remedy=_remedy,
)
