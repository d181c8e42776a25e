"""Solved deals on disk: one Parquet file for a deal and a declaration, made and read here.

A shard holds states of its deal with V and Q, in team 0's frame, and says in its footer
which deal it is, its four hands, what its rows were drawn from and how. Whoever has a
shard takes the hands from it and never deals again from the seed.

A store of one kind holds them as `{train,val,test}/FILE`, by the split of the seed. They
are written whole or not at all, verified when read, and made again only where the footer
shows another fingerprint. Plain shards of other makers (state, V, q0..q6) are read too,
after a thousand of their rows agree with the solver; they are never overwritten.
"""

from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from math import comb
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from forge_core.device import core_count, resolve_device
from forge_core.errors import BadInput, ForgeError, ShardCorrupt, StateUnreachable, StoreUnusable
from forge_core.files import Store, fingerprint
from forge_core.streams import stream
from forge_core.texas42.deals import (
    Deal,
    Hands,
    check_deal,
    check_seed,
    deal_from_seed,
    deal_with_fixed_hand,
    marginalized_deal,
)
from forge_core.texas42.declarations import N_DECLARATIONS, NAMES, check_declaration
from forge_core.texas42.dominoes import HAND_POINTS, HAND_SIZE, N_PLAYS, N_SEATS
from forge_core.texas42.oracle.solver import ORACLE_VERSION, Solution, hardness, solve, solve_many
from forge_core.texas42.oracle.states import N_SAMPLED_PLIES, quotas
from forge_core.texas42.splits import Split, split_of
from forge_core.texas42.state import (
    ILLEGAL,
    LEADER_BIT,
    States,
    initial_state,
    is_well_formed,
    legal_slots,
    to_mover_frame,
)
from forge_core.texas42.tables import Bytes, DealTables, deal_tables

SHARDS_VERSION = "s1"
"""Raised when other rows, or other deals for the same key, come out."""
SCHEMA_VERSION = 1
"""Raised when columns or header change."""
FOREIGN = "foreign"
"""Version and fingerprint of a plain shard that someone else made"""

Rows = int | Literal["all"]
DEFAULT_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class ShardKey:
    """Which deal, under which declaration. Raises BadInput for what is none."""

    seed: int
    decl: int
    opponent: int | None = None
    """of a marginalised deal, which set of other hands; None for the deal of the seed itself"""

    def __post_init__(self) -> None:
        check_seed(self.seed)
        check_declaration(self.decl)
        if self.opponent is not None and self.opponent < 0:
            raise BadInput(f"opponent index {self.opponent} is negative: use 0, 1, 2, ...")

    @property
    def filename(self) -> str:
        """`seed_00000042_decl_6.parquet`, marginalised `seed_00000042_opp1_decl_6.parquet`."""
        opponent = "" if self.opponent is None else f"_opp{self.opponent}"
        return f"seed_{self.seed:08d}{opponent}_decl_{self.decl}.parquet"

    @property
    def split(self) -> Split:
        """Decided by the seed alone."""
        return split_of(self.seed)

    def deal(self) -> Hands:
        """The four hands. Only for making a shard: who has one takes the hands from it."""
        if self.opponent is None:
            return deal_from_seed(self.seed)
        return marginalized_deal(self.seed, self.opponent)

    @classmethod
    def parse(cls, filename: str) -> ShardKey:
        """The key of a file name. Raises BadInput for a name that no shard has."""
        match = re.fullmatch(r"seed_(\d{8,18})(?:_opp(\d{1,9}))?_decl_(\d)\.parquet", filename, re.ASCII)
        if match:
            key = cls(int(match[1]), int(match[3]), int(match[2]) if match[2] else None)
            if key.filename == filename:
                return key
        raise BadInput(f"{filename!r} is not the name of a shard: expected one like {cls(42, 6).filename}")


def seed_keys(
    seeds: Iterable[int], declarations: Literal["seed", "all"] | int, opponents: int | None = None
) -> list[ShardKey]:
    """The shards of some seeds.

    declarations: `seed` (one each, seed % 10), `all` ten, or one for all. opponents: how
    many marginalised deals of each; None for the deal of the seed. Raises BadInput.
    """
    if opponents is not None and opponents < 1:
        raise BadInput(f"{opponents} opponents make no deal: use at least 1")
    sets = [None] if opponents is None else range(opponents)
    return [
        ShardKey(seed, decl, opponent)
        for seed in seeds
        for decl in _declarations_of(seed, declarations)
        for opponent in sets
    ]


def _declarations_of(seed: int, declarations: str | int) -> Iterable[int]:
    if declarations == "seed":
        return [seed % N_DECLARATIONS]
    if declarations == "all":
        return range(N_DECLARATIONS)
    if isinstance(declarations, str):
        raise BadInput(f"declarations {declarations!r}: use seed, all or one of 0..{N_DECLARATIONS - 1}")
    return [declarations]


def parse_rows(text: str) -> Rows:
    """`all`, or a number of rows. Raises BadInput."""
    word = text.strip().lower()
    if word == "all":
        return "all"
    if word.isdecimal():
        return ShardConfig(rows=int(word)).rows
    raise BadInput(f"rows {text!r}: use a whole number, or all")


@dataclass(frozen=True, slots=True)
class ShardConfig:
    """What is written of each solved deal. Raises BadInput for too few rows."""

    rows: Rows = DEFAULT_ROWS
    """states drawn, by ply with weights (all there are where a deal has fewer); or `all`, terminals too"""
    sample_seed: int = 0
    """the draw is repeated by this seed; nothing to `all`"""

    def __post_init__(self) -> None:
        if self.rows != "all" and (type(self.rows) is not int or self.rows < N_SAMPLED_PLIES):
            raise BadInput(f"{self.rows!r} rows: use at least {N_SAMPLED_PLIES}, one a ply, or all")
        if type(self.sample_seed) is not int:
            raise BadInput(f"sample seed {self.sample_seed!r}: use a whole number")

    @property
    def fingerprint(self) -> str:
        """16 hex digits: shards of equal fingerprint and key hold the same rows."""
        return self.fingerprint_of(ORACLE_VERSION, SHARDS_VERSION)

    def fingerprint_of(self, oracle_version: str, shards_version: str) -> str:
        """The same as it is, or was, under given versions."""
        draw = {} if self.rows == "all" else {"sample_seed": self.sample_seed}
        return fingerprint({"oracle": oracle_version, "shards": shards_version, "rows": self.rows, **draw})


@dataclass(frozen=True, slots=True)
class ShardHeader:
    """What the footer of a shard says: a JSON value for each field, under its name, and a checksum."""

    schema_version: int
    seed: int
    opponent: int | None
    decl: int
    hands: Hands
    """[4][7] domino ids, ascending in each hand: the slots of the states refer to these"""
    root_value: int
    """V of the initial position, seat 0 on lead"""
    states_per_ply: list[int]
    """29 counts of reachable states, by plays made: what the rows were drawn from"""
    rows_asked: Rows
    """how the rows were chosen: `all`, or a stratified draw of so many"""
    sample_seed: int
    rows: int
    """rows of the file"""
    oracle_version: str
    shards_version: str
    fingerprint: str

    @property
    def key(self) -> ShardKey:
        """Which deal under which declaration."""
        return ShardKey(self.seed, self.decl, self.opponent)

    @property
    def is_foreign(self) -> bool:
        """Whether someone else made the file."""
        return self.fingerprint == FOREIGN


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """S states of one deal, ascending, and what they are worth in team 0's frame."""

    header: ShardHeader
    state: States
    """[S] int64 packed states, strictly ascending"""
    value: Bytes
    """[S] int8 value-to-go, points of team 0 minus team 1"""
    q: Bytes
    """[S, 7] int8 by slot of the mover, -128 illegal"""
    ply: npt.NDArray[np.uint8]
    """[S] uint8 plays made, 0..28"""
    weight: npt.NDArray[np.float32]
    """[S] float32 inverse inclusion probability: their sum is the number of states drawn from"""


_Q_NAMES = tuple(f"q{slot}" for slot in range(HAND_SIZE))
_PLAIN_TYPES = {"state": np.int64, "V": np.int8, **dict.fromkeys(_Q_NAMES, np.int8)}
_TYPES = {**_PLAIN_TYPES, "ply": np.uint8, "weight": np.float32}
_SCHEMA = pa.schema([(name, pa.from_numpy_dtype(dtype)) for name, dtype in _TYPES.items()])
_Types = dict[str, type[np.number]]
_COMPRESSION: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 1,
    "use_dictionary": False,
    "column_encoding": {name: "DELTA_BINARY_PACKED" if name == "state" else "PLAIN" for name in _TYPES},
}
_ROW_GROUP = 1 << 20
_CHUNK = 1 << 17
"""rows verified at a time"""


# --- making ------------------------------------------------------------------------------


def make_shard(solution: Solution, key: ShardKey, config: ShardConfig) -> Shard:
    """The rows that `config` asks of a solved deal, labelled.

    Rows are drawn by `stream(sample_seed, "rows", seed, opponent or -1, decl)`.
    """
    if config.rows == "all":
        state, value, q = solution.label_all()
        ply = _plies(state)
        weight = np.ones(len(state), dtype=np.float32)
    else:
        opponent = -1 if key.opponent is None else key.opponent
        draw = stream(config.sample_seed, "rows", key.seed, opponent, key.decl)
        sample = solution.sample(config.rows, draw)
        state, ply, weight = sample.state, sample.ply, sample.weight
        value, q = solution.query(state)
    header = ShardHeader(
        schema_version=SCHEMA_VERSION,
        seed=key.seed,
        opponent=key.opponent,
        decl=key.decl,
        hands=solution.hands.tolist(),
        root_value=solution.value,
        states_per_ply=list(solution.states_per_ply),
        rows_asked=config.rows,
        sample_seed=config.sample_seed,
        rows=len(state),
        oracle_version=ORACLE_VERSION,
        shards_version=SHARDS_VERSION,
        fingerprint=config.fingerprint,
    )
    return Shard(header, state, value, q, ply, weight)


def write_shard(store: Store, shard: Shard) -> int:
    """Put a shard in its place in the store of its kind, whole or not at all; its bytes.

    Equal shards give equal files: nothing of the machine or the time enters.
    Raises StoreUnusable.
    """
    data = _encode(shard)
    store.join(shard.header.key.split).write(shard.header.key.filename, data)
    return len(data)


def _encode(shard: Shard) -> bytes:
    q_columns = (np.ascontiguousarray(shard.q[:, slot]) for slot in range(HAND_SIZE))
    columns = (shard.state, shard.value, *q_columns, shard.ply, shard.weight)
    table = pa.Table.from_arrays([pa.array(column) for column in columns], schema=_SCHEMA)
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink, _SCHEMA, store_schema=False, write_page_checksum=True, **_COMPRESSION
    ) as writer:
        writer.write_table(table, row_group_size=_ROW_GROUP)
        writer.add_key_value_metadata(_header_text(shard.header))
    return sink.getvalue().to_pybytes()


def _header_text(header: ShardHeader) -> dict[str, str]:
    text = {name: json.dumps(value) for name, value in _header_values(header).items()}
    return text | {"checksum": _checksum(header)}


def _header_values(header: ShardHeader) -> dict[str, Any]:
    return {field.name: getattr(header, field.name) for field in fields(header)}


def _checksum(header: ShardHeader) -> str:
    return fingerprint(_header_values(header))


def _plies(states: States) -> npt.NDArray[np.uint8]:
    return N_PLAYS - np.bitwise_count(states & (1 << LEADER_BIT) - 1)


# --- reading -----------------------------------------------------------------------------


class _Unsound(Exception):
    """What is wrong with a file; becomes ShardCorrupt where path and remedy are known."""


def read_shard(store: Store, key_or_filename: ShardKey | str) -> Shard:
    """A shard of the store of its kind, verified.

    What is verified: header and columns; states ascending and well formed; Q legal exactly
    where the rules of play allow it with the hands of the header; all values in range; V the
    best legal Q of the team to move; counts and weights by ply; page checksums. Raises
    ShardCorrupt, with what to do, if any of it does not hold or the file is not there.
    """
    key = _as_key(key_or_filename)
    folder = _existing_folder(store, key)
    with _verdict(store, key):
        data = folder.read(key.filename)
        file = _open_parquet(data)
        claimed = file.metadata.num_rows
        _require(
            claimed <= _MOST_ROWS_A_BYTE * len(data), f"{claimed:,} rows do not fit in {len(data):,} bytes"
        )
        if _is_plain(file):
            return _read_plain(file, store, key)
        header = _parse_header(file, key)
        _require(
            header.oracle_version == ORACLE_VERSION,
            f"its values are those of oracle {header.oracle_version}, now it is {ORACLE_VERSION}",
        )
        return _verified(header, _read_columns(file, _TYPES))


def read_header(store: Store, filename: ShardKey | str) -> ShardHeader:
    """What a shard says of itself, from its footer alone.

    A plain shard of another maker says next to nothing: its deal is solved for the rest.
    Raises ShardCorrupt.
    """
    key = _as_key(filename)
    _existing_folder(store, key)
    with _verdict(store, key):
        file = _open_footer(store, key)
        if _is_plain(file):
            with _verdict(store, key, _FOREIGN_REMEDY):
                return _plain_header(file, key)[0]
        return _parse_header(file, key)


def _as_key(key_or_filename: ShardKey | str) -> ShardKey:
    return key_or_filename if isinstance(key_or_filename, ShardKey) else ShardKey.parse(key_or_filename)


def _existing_folder(store: Store, key: ShardKey) -> Store:
    folder = store.join(key.split)
    if not folder.exists(key.filename):
        path = folder.path(key.filename)
        raise ShardCorrupt(path, "there is no such shard", f"make it: {_command(store, key)}")
    return folder


@contextmanager
def _verdict(store: Store, key: ShardKey, remedy: str | None = None) -> Iterator[None]:
    """Turn whatever a damaged file provokes into ShardCorrupt."""
    try:
        yield
    except (ShardCorrupt, StoreUnusable, MemoryError):
        raise
    except (_Unsound, ForgeError, pa.ArrowException, OSError, TypeError, ValueError) as error:
        path = store.join(key.split).path(key.filename)
        remedy = remedy or f"delete it and make it again: {_command(store, key)}"
        raise ShardCorrupt(path, " ".join(str(error).split()), remedy) from error


_FOREIGN_REMEDY = "it was not made here: remove it, or fetch it again from where it came"


def _command(store: Store, key: ShardKey) -> str:
    """What makes the shard anew."""
    root, _, kind = store.url.rpartition("/")
    if kind == "shards-golden":
        return "fill golden_shards again"
    marginalized = "" if key.opponent is None else f" --marginalized --opponents {key.opponent + 1}"
    return f"forge shards --seeds {key.seed} --decl {NAMES[key.decl]}{marginalized} --out {root or '/'}"


def _require(holds: bool | np.bool_, reason: str) -> None:
    if not holds:
        raise _Unsound(reason)


_MAGIC = b"PAR1"
_FIRST_TAIL = 1 << 16
_MAX_FOOTER = 1 << 24
_THRIFT_LIMIT = 1_000_000
"""longest string and list in a footer: far above any shard's, far below what fills a memory"""
_MOST_ROWS_A_BYTE = 4
"""a shard of all states packs one row in two bytes; who claims more wants memory, not reading"""


def _open_parquet(data: bytes) -> pq.ParquetFile:
    return pq.ParquetFile(
        pa.BufferReader(data),
        thrift_string_size_limit=_THRIFT_LIMIT,
        thrift_container_size_limit=_THRIFT_LIMIT,
        page_checksum_verification=True,
    )


def _open_footer(store: Store, key: ShardKey) -> pq.ParquetFile:
    """The file as far as its footer: the last 64 KiB nearly always hold it."""
    folder = store.join(key.split)
    data = folder.tail(key.filename, _FIRST_TAIL)
    _require(len(data) >= 8 and data.endswith(_MAGIC), "it is truncated, or no Parquet file")
    length = int.from_bytes(data[-8:-4], "little") + 8
    _require(length <= _MAX_FOOTER, f"its footer claims {length:,} bytes")
    if length > len(data):
        data = folder.tail(key.filename, length)
    return _open_parquet(data)


def _is_plain(file: pq.ParquetFile) -> bool:
    """Whether it is a shard of another maker: nine columns, and no header of ours."""
    return b"schema_version" not in _metadata(file) and _has_columns(file, _PLAIN_TYPES)


def _has_columns(file: pq.ParquetFile, types: _Types) -> bool:
    found = file.schema_arrow
    return found.names == list(types) and found.types == [pa.from_numpy_dtype(t) for t in types.values()]


def _metadata(file: pq.ParquetFile) -> dict[bytes, bytes]:
    return file.metadata.metadata or {}


def _most_states(ply: int) -> int:
    """No deal has more states of a ply: all boundaries of its level, all leads and answers."""
    level, in_trick = HAND_SIZE - ply // N_SEATS, ply % N_SEATS
    return N_SEATS * comb(HAND_SIZE, level) ** N_SEATS * level**in_trick


def _parse_header(file: pq.ParquetFile, key: ShardKey) -> ShardHeader:
    """The header of our own shard, every field checked against the others and the columns."""
    metadata = _metadata(file)
    try:
        version = json.loads(metadata[b"schema_version"])
        _require(
            version == SCHEMA_VERSION,
            f"its schema is version {version!r}, this code reads {SCHEMA_VERSION}",
        )
        header = ShardHeader(
            **{field.name: json.loads(metadata[field.name.encode()]) for field in fields(ShardHeader)}
        )
    except KeyError as error:
        raise _Unsound(f"its header lacks {error.args[0].decode()}") from error
    except (ValueError, RecursionError) as error:
        raise _Unsound(f"its header does not parse ({error})") from error
    _check_header(header, key)
    _require(metadata.get(b"checksum") == _checksum(header).encode(), "its header was changed")
    _require(_has_columns(file, _TYPES), f"its columns or their types are not {', '.join(_TYPES)}")
    found = file.metadata.num_rows
    _require(found == header.rows, f"it has {found:,} rows, its header says {header.rows:,}")
    return header


def _check_header(header: ShardHeader, key: ShardKey) -> None:
    whole = (header.seed, header.decl, header.root_value, header.sample_seed, header.rows)
    _require(
        all(type(number) is int for number in whole) and type(header.opponent) in (int, type(None)),
        "its header holds something else where a whole number belongs",
    )
    _require(header.key == key, f"its header says it is {header.key.filename}")
    _require(isinstance(header.hands, list), "its hands are no list")
    _require(check_deal(header.hands).tolist() == header.hands, "its hands are not in ascending order")
    value = header.root_value
    _require(abs(value) <= HAND_POINTS and value % 2 == 0, f"a root value of {value} cannot be")
    counts = header.states_per_ply
    _require(
        isinstance(counts, list)
        and len(counts) == N_PLAYS + 1
        and counts[0] == 1
        and all(type(n) is int and 1 <= n <= _most_states(ply) for ply, n in enumerate(counts)),
        "its states per ply are more than a deal can have, or no counts",
    )
    config = ShardConfig(header.rows_asked, header.sample_seed)
    _require(
        header.fingerprint == config.fingerprint_of(header.oracle_version, header.shards_version),
        "its fingerprint is not that of its versions and settings",
    )
    expected = int(_rows_per_ply(header).sum())
    _require(header.rows == expected, f"it has {header.rows:,} rows where its draw has {expected:,}")


def _rows_per_ply(header: ShardHeader) -> npt.NDArray[np.int64]:
    """[29] rows that the header promises of each ply."""
    counts = np.array(header.states_per_ply, dtype=np.int64)
    if header.rows_asked == "all":
        return counts
    return np.append(quotas(counts[:N_SAMPLED_PLIES], header.rows_asked), 0)


_Columns = dict[str, npt.NDArray]


def _read_columns(file: pq.ParquetFile, types: _Types) -> _Columns:
    """All rows by column name, the seven q together as `q` [S, 7]."""
    rows = file.metadata.num_rows
    columns: _Columns = {name: np.empty(rows, dtype) for name, dtype in types.items()}
    q = np.empty((rows, HAND_SIZE), dtype=np.int8)
    columns |= {name: q[:, slot] for slot, name in enumerate(_Q_NAMES)}
    start = 0
    for batch in file.iter_batches(_CHUNK, use_threads=False):
        end = start + batch.num_rows
        for name, values in zip(types, batch.columns, strict=True):
            _require(values.null_count == 0, f"column {name} has empty values")
            columns[name][start:end] = values.to_numpy(zero_copy_only=False)
        start = end
    _require(start == rows, f"{start:,} of {rows:,} rows are there")
    return columns | {"q": q}


def _verified(header: ShardHeader, columns: _Columns) -> Shard:
    """The shard, if its rows hold what its header promises."""
    shard = Shard(header, columns["state"], columns["V"], columns["q"], columns["ply"], columns["weight"])
    ply = _check_rows(shard.state, shard.value, shard.q, deal_tables(check_deal(header.hands), header.decl))
    _require(np.array_equal(ply, shard.ply), "plies are not those of the states")
    promised = _rows_per_ply(header)
    counts = np.bincount(ply, minlength=N_PLAYS + 1)
    _require(np.array_equal(counts, promised), "a ply has more or fewer rows than its header promises")
    _require((shard.weight >= 1).all(), "a weight is below 1")
    total = np.bincount(ply, weights=shard.weight, minlength=N_PLAYS + 1)  # in float64
    states = np.where(promised > 0, header.states_per_ply, 0)
    _require((np.abs(total - states) <= 1e-5 * states).all(), "weights do not sum to the number of states")
    root = shard.ply == 0
    _require((shard.state[root] == initial_state()).all(), "its first position is not the initial one")
    _require(
        (shard.value[root] == header.root_value).all(), "its root value is not V of the initial position"
    )
    return shard


def _check_rows(state: States, value: Bytes, q: Bytes, tables: DealTables) -> npt.NDArray[np.uint8]:
    """What must hold of labelled states of a deal, in whatever way they were chosen; their plies [S]."""
    _require((np.diff(state) > 0).all(), "states are not strictly ascending")
    plies = np.empty(len(state), dtype=np.uint8)
    for start in range(0, len(state), _CHUNK):
        rows = slice(start, start + _CHUNK)
        plies[rows] = _check_chunk(state[rows], value[rows], q[rows], tables)
    return plies


def _check_chunk(state: States, value: Bytes, q: Bytes, tables: DealTables) -> npt.NDArray[np.uint8]:
    def require(holds: npt.NDArray[np.bool_], reason: str) -> None:
        _require(holds.all(), f"{reason} in state {int(state[np.argmin(holds)])}" if len(state) else reason)

    require(is_well_formed(state), "hands, leader and trick do not fit each other")
    ply = _plies(state)
    allowed = (legal_slots(state, tables)[:, None] >> np.arange(HAND_SIZE) & 1).astype(bool)
    require(((q != ILLEGAL) == allowed).all(axis=1), "q is not legal exactly where the rules allow a play")
    in_range = (q == ILLEGAL) | (q >= -HAND_POINTS) & (q <= HAND_POINTS)
    require(in_range.all(axis=1), f"q is outside -{HAND_POINTS}..{HAND_POINTS}")
    require((value >= -HAND_POINTS) & (value <= HAND_POINTS), f"V is outside -{HAND_POINTS}..{HAND_POINTS}")
    best = to_mover_frame(q, state).max(axis=1)
    best[ply == N_PLAYS] = 0
    require(to_mover_frame(value, state) == best, "V is not the best legal q of the team to move")
    return ply


# --- plain shards of other makers ----------------------------------------------------------

N_CHECKED_ROWS = 1_000
"""Rows of a plain shard that are solved again before any is believed."""


def _plain_header(file: pq.ParquetFile, key: ShardKey) -> tuple[ShardHeader, Solution]:
    """Seed and declaration from the metadata, hands from the seed, the rest by solving the deal."""
    metadata = _metadata(file)
    said = metadata.get(b"seed"), metadata.get(b"decl_id", metadata.get(b"decl"))
    expected = str(key.seed).encode(), str(key.decl).encode()
    _require(said == expected, f"its metadata says seed and decl {said}, its name {expected}")
    hands = deal_from_seed(key.seed)
    if key.opponent is not None:
        hands = deal_with_fixed_hand(hands[0], key.opponent)
    solution = solve(hands, key.decl, device="cpu")
    rows, most = file.metadata.num_rows, sum(solution.states_per_ply)
    _require(1 <= rows <= most, f"it has {rows:,} rows, its deal {most:,} states")
    header = ShardHeader(
        schema_version=SCHEMA_VERSION,
        seed=key.seed,
        opponent=key.opponent,
        decl=key.decl,
        hands=hands,
        root_value=solution.value,
        states_per_ply=list(solution.states_per_ply),
        rows_asked="all" if rows == most else rows,
        sample_seed=0,
        rows=rows,
        oracle_version=FOREIGN,
        shards_version=FOREIGN,
        fingerprint=FOREIGN,
    )
    return header, solution


def _read_plain(file: pq.ParquetFile, store: Store, key: ShardKey) -> Shard:
    """Its rows in ascending order, with the ply of each and weight 1."""
    with _verdict(store, key, _FOREIGN_REMEDY):
        header, solution = _plain_header(file, key)
        columns = _read_columns(file, _PLAIN_TYPES)
        state, value, q = columns["state"], columns["V"], columns["q"]
        if not (np.diff(state) > 0).all():
            order = np.argsort(state)
            state, value, q = state[order], value[order], q[order]
        checked = stream(0, "check", key.seed, key.decl).choice(
            header.rows, size=min(N_CHECKED_ROWS, header.rows), replace=False
        )
        try:
            true_value, true_q = solution.query(state[checked])
        except StateUnreachable as error:
            raise _Unsound(str(error).partition(";")[0]) from error
        wrong = (true_value != value[checked]) | (true_q != q[checked]).any(axis=1)
        _require(not wrong.any(), f"{wrong.sum()} of {len(checked)} rows disagree with the solver")
        ply = _check_rows(state, value, q, deal_tables(solution.hands, key.decl))
        return Shard(header, state, value, q, ply, np.ones(header.rows, dtype=np.float32))


# --- filling -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ShardReport:
    """What became of one shard."""

    key: ShardKey
    made: bool
    """False: it was there already, or could not be made"""
    rows: int
    states: int
    """reachable states of the deal"""
    root_value: int
    nbytes: int
    seconds: float
    """spent on it, all threads together: solving, labelling, writing"""
    device: str
    """what solved it: `cpu`, or `cuda:0 (NAME)`; empty if nothing did"""
    error: str | None = None
    """why it could not be made, and what to do; None: all is well"""


_PLANNED = 1_000
"""deals put in order, hard ones first, and handed to the solver at a time"""
_GIVE_UP_AFTER = 3
"""writes that fail one after another because of the store: the rest is not even solved"""
_ABANDONED_AFTER_S = 3600.0


def missing_shards(store: Store, keys: Iterable[ShardKey], config: ShardConfig) -> list[ShardKey]:
    """Those that are absent, whose footer is corrupt, or that hold other rows than `config` asks for.

    Footers are read, not rows. Raises StoreUnusable.
    """
    keys = list(keys)
    present = _present(store, keys)
    return [key for key in keys if not _is_filled(_find(store, key, present), config)]


def fill_shards(
    store: Store,
    keys: Iterable[ShardKey],
    config: ShardConfig | None = None,
    device: str = "auto",
    workers: int | None = None,
) -> Iterator[ShardReport]:
    """Make the shards that are missing; a report on each key, in the order they are finished.

    What is there with the same fingerprint is reported first, as not made. Of every thousand
    deals the hard ones are solved first, `workers` at once (default: one a core), while as
    many shards are labelled and written; with rows=`all` each of these holds some 30 bytes a
    state, 0.7 GB for a mean deal. A deal that fails is a report with its error, and the others
    go on; a plain shard of another maker is not overwritten, which is such an error. When
    interrupted or closed it finishes the files being written and starts no other.

    Raises BadInput, DeviceUnavailable and StoreUnusable before anything is made.
    """
    resolve_device(device)
    if workers is not None and workers < 1:
        raise BadInput(f"{workers} workers: use at least 1")
    workers = workers or core_count()
    keys = list(dict.fromkeys(keys))
    return _fill(store, keys, _present(store, keys), config or ShardConfig(), device, workers)


def _fill(
    store: Store, keys: list[ShardKey], present: _Present, config: ShardConfig, device: str, workers: int
) -> Generator[ShardReport, None, None]:
    missing: dict[ShardKey, None] = {}
    for key in keys:
        found = _find(store, key, present)
        if found == FOREIGN:
            path = store.join(key.split).path(key.filename)
            yield _failure(key, ShardCorrupt(path, "the file of another maker is in the way", _WAY_OUT))
        elif isinstance(found, ShardHeader) and _is_filled(found, config):
            yield _report(found, made=False, nbytes=store.join(key.split).size(key.filename))
        else:
            missing[key] = None
    for split in {key.split for key in missing}:
        store.join(split).sweep(_ABANDONED_AFTER_S)
    refused, outcome = 0, None
    with closing(_make_all(store, list(missing), config, device, workers)) as outcomes:
        for key, outcome in outcomes:
            del missing[key]
            yield outcome if isinstance(outcome, ShardReport) else _failure(key, outcome)
            refused = refused + 1 if isinstance(outcome, StoreUnusable) else 0
            if refused == _GIVE_UP_AFTER:
                break
    for key in missing:
        yield _failure(key, StoreUnusable(f"not tried after {refused} failed writes, the last: {outcome}"))


_WAY_OUT = "remove it, or fill another store"
_Present = dict[Split, set[str]]


def _present(store: Store, keys: list[ShardKey]) -> _Present:
    """The files there are in the splits of the keys: one listing is cheaper than many questions."""
    return {split: set(store.join(split).names(".parquet")) for split in {key.split for key in keys}}


def _find(store: Store, key: ShardKey, present: _Present) -> ShardHeader | str | None:
    """The header of what is there, FOREIGN, or None if nothing sound is."""
    if key.filename not in present[key.split]:
        return None
    try:
        with _verdict(store, key):
            file = _open_footer(store, key)
            return FOREIGN if _is_plain(file) else _parse_header(file, key)
    except ShardCorrupt:
        return None


def _is_filled(found: ShardHeader | str | None, config: ShardConfig) -> bool:
    return isinstance(found, ShardHeader) and found.fingerprint == config.fingerprint


def _make_all(
    store: Store, keys: list[ShardKey], config: ShardConfig, device: str, workers: int
) -> Generator[tuple[ShardKey, ShardReport | Exception], None, None]:
    """Solve here, label and write in threads; what became of each key, as it is finished."""
    writing: dict[Future[ShardReport], ShardKey] = {}
    pool = ThreadPoolExecutor(workers, "write")
    try:
        for key, solution in _solve_all(keys, device, workers):
            if isinstance(solution, Exception):
                yield key, solution
            else:
                writing[pool.submit(_make_one, store, solution, key, config)] = key
            yield from _finished(writing, at_most=workers)
        yield from _finished(writing, at_most=0)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _finished(
    writing: dict[Future[ShardReport], ShardKey], at_most: int
) -> Iterator[tuple[ShardKey, ShardReport | Exception]]:
    """Take out what is finished, waiting only while more than `at_most` are under way."""
    while writing:
        done, _ = wait(writing, None if len(writing) > at_most else 0, FIRST_COMPLETED)
        for future in done:
            key = writing.pop(future)
            error = future.exception()
            yield key, error if isinstance(error, Exception) else future.result()
        if not done:
            return


def _solve_all(
    keys: list[ShardKey], device: str, workers: int
) -> Iterator[tuple[ShardKey, Solution | Exception]]:
    """`solve_many`, hard deals first, where a deal that fails is handed out as its error."""
    for start in range(0, len(keys), _PLANNED):
        deals = {key: check_deal(key.deal()) for key in keys[start : start + _PLANNED]}
        waiting = deque(sorted(deals, key=lambda key: hardness(deals[key], key.decl), reverse=True))
        while waiting:
            hands, decls = [deals[key] for key in waiting], [key.decl for key in waiting]
            try:
                for solution in solve_many(hands, decls, device=device, workers=workers):
                    yield waiting.popleft(), solution
            except Exception:
                # In a batch it may have been another's fault: the first is tried alone, the rest again.
                key = waiting.popleft()
                yield key, _solve_alone(deals[key], key.decl, device)


def _solve_alone(deal: Deal, decl: int, device: str) -> Solution | Exception:
    try:
        return solve(deal, decl, device=device)
    except Exception as error:
        return error


def _make_one(store: Store, solution: Solution, key: ShardKey, config: ShardConfig) -> ShardReport:
    started = time.perf_counter()
    shard = make_shard(solution, key, config)
    nbytes = write_shard(store, shard)
    seconds = solution.seconds + time.perf_counter() - started
    return _report(shard.header, made=True, nbytes=nbytes, seconds=seconds, device=solution.device)


def _report(
    header: ShardHeader, *, made: bool, nbytes: int, seconds: float = 0.0, device: str = ""
) -> ShardReport:
    states = sum(header.states_per_ply)
    return ShardReport(header.key, made, header.rows, states, header.root_value, nbytes, seconds, device)


def _failure(key: ShardKey, error: Exception) -> ShardReport:
    reason = str(error) if isinstance(error, ForgeError) else f"{type(error).__name__}: {error}"
    return ShardReport(key, False, 0, 0, 0, 0, 0.0, "", reason)
