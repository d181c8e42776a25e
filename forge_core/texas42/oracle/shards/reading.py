"""Read, verify and write the shards of a store."""

from __future__ import annotations

from math import comb

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from forge_core.files import Store
from forge_core.files.parquet import open_footer, read_metadata, require
from forge_core.files.records import OtherMaker, RecordFile, Remedy
from forge_core.texas42.deals import check_deal
from forge_core.texas42.declarations import NAMES
from forge_core.texas42.dominoes import HAND_POINTS, HAND_SIZE, N_PLAYS, N_SEATS
from forge_core.texas42.folders import GOLDEN_SHARDS
from forge_core.texas42.keys import PUBLISHED_DECL
from forge_core.texas42.oracle.sampling import N_SAMPLED_PLIES, quotas
from forge_core.texas42.oracle.shards.foreign import FOREIGN_REMEDY, is_plain, read_plain, read_plain_header
from forge_core.texas42.oracle.shards.records import (
    SCHEMA_VERSION,
    TYPES,
    Shard,
    ShardConfig,
    ShardHeader,
    ShardKey,
)
from forge_core.texas42.oracle.shards.verifying import check_rows, has_columns, read_columns
from forge_core.texas42.oracle.shards.writing import encode_shard
from forge_core.texas42.oracle.solver import ORACLE_VERSION
from forge_core.texas42.state import initial_state
from forge_core.texas42.tables import deal_tables


def write_shard(store: Store, shard: Shard) -> int:
    """Write a shard atomically to the store of its kind; return its size in bytes.

    Raises FileForeign if a foreign file is in the way, StoreUnusable if the store cannot be written.
    """
    return SHARDS.write(store, shard.header.key, encode_shard(shard))


def read_shard(store: Store, key_or_filename: ShardKey | str) -> Shard:
    """Read a shard from the store of its kind, and verify it.

    The checks: header and columns; states ascending and well formed; Q legal exactly where the rules
    allow a play from the header's hands; all values in range; V the mover's best legal Q; counts and
    weights by ply; page checksums. Raises FileCorrupt, with advice, if a check fails or the file is
    missing.
    """
    return SHARDS.read(store, _as_key(key_or_filename))


def read_header(store: Store, key_or_filename: ShardKey | str) -> ShardHeader:
    """Return the header of a shard, reading only its footer.

    A plain shard from another program has almost no header, so its deal is solved to make one. Raises
    FileCorrupt.
    """
    return SHARDS.read_header(store, _as_key(key_or_filename))


def _as_key(key_or_filename: ShardKey | str) -> ShardKey:
    return key_or_filename if isinstance(key_or_filename, ShardKey) else ShardKey.parse(key_or_filename)


def _remedy(folder: Store, key: ShardKey) -> Remedy:
    """Return the command that makes a shard again. folder: the folder of its split."""
    root, _, kind = folder.url.rpartition("/")[0].rpartition("/")
    if kind == GOLDEN_SHARDS:
        return Remedy()
    marginalized = "" if key.opponent is None else f" --marginalized --opponents {key.opponent + 1}"
    command = f"forge shards --seeds {key.seed} --decl {NAMES[key.decl]}{marginalized} --out {root or '/'}"
    try:  # the settings of the damaged file, if its footer is still readable
        header = _parse_header(open_footer(folder, key.filename), key)
    except Exception:
        return Remedy.by(f"{command} with the --rows and --sample-seed of this store")
    return Remedy.by(f"{command} --rows {header.rows_asked} --sample-seed {header.sample_seed}")


def _most_states(ply: int) -> int:
    """Return an upper bound on the states of a ply: all boundaries of its level, all leads and answers."""
    level, in_trick = HAND_SIZE - ply // N_SEATS, ply % N_SEATS
    return N_SEATS * comb(HAND_SIZE, level) ** N_SEATS * level**in_trick


def _parse_header(file: pq.ParquetFile, key: ShardKey) -> ShardHeader:
    """Parse the header of a shard, and check its fields against each other and the columns."""
    header = ShardHeader.from_footer(file, SCHEMA_VERSION)
    _check_header(header, key)
    repeated = read_metadata(file).get(PUBLISHED_DECL.encode(), str(header.decl).encode())
    require(repeated == str(header.decl).encode(), "its header has two different declarations")
    require(has_columns(file, TYPES), f"its columns or their types are not {', '.join(TYPES)}")
    found = file.metadata.num_rows
    require(found == header.rows, f"it has {found:,} rows, but its header says {header.rows:,}")
    return header


def _check_header(header: ShardHeader, key: ShardKey) -> None:
    whole = (header.seed, header.decl, header.root_value, header.sample_seed, header.rows)
    require(
        all(type(number) is int for number in whole) and type(header.opponent) in (int, type(None)),
        "a number in its header is not a whole number",
    )
    require(header.key == key, f"its header belongs to {header.key.filename}")
    require(isinstance(header.hands, list), "its hands are not a list")
    require(check_deal(header.hands).tolist() == header.hands, "its hands are not in ascending order")
    value = header.root_value
    require(abs(value) <= HAND_POINTS and value % 2 == 0, f"its root value {value} is impossible")
    counts = header.states_per_ply
    require(
        isinstance(counts, list)
        and len(counts) == N_PLAYS + 1
        and counts[0] == 1
        and all(type(n) is int and 1 <= n <= _most_states(ply) for ply, n in enumerate(counts)),
        "its states per ply are not counts, or more than a deal can have",
    )
    config = ShardConfig(header.rows_asked, header.sample_seed)
    require(
        header.fingerprint == config.fingerprint_of(header.oracle_version, header.shards_version),
        "its fingerprint does not match its versions and settings",
    )
    expected = int(_rows_per_ply(header).sum())
    require(header.rows == expected, f"it has {header.rows:,} rows, but its settings give {expected:,}")


def _rows_per_ply(header: ShardHeader) -> npt.NDArray[np.int64]:
    """Return [29] the number of rows of each ply, according to the header."""
    counts = np.array(header.states_per_ply, dtype=np.int64)
    if header.rows_asked == "all":
        return counts
    return np.append(quotas(counts[:N_SAMPLED_PLIES], header.rows_asked), 0)


def _parse(file: pq.ParquetFile, key: ShardKey, header: ShardHeader) -> Shard:
    """Read the rows of a shard and check them against its header."""
    require(
        header.is_current,
        f"its values come from oracle version {header.oracle_version}, not {ORACLE_VERSION}",
    )
    columns = read_columns(file, TYPES)
    shard = Shard(header, columns["state"], columns["V"], columns["q"], columns["ply"], columns["weight"])
    ply = check_rows(shard.state, shard.value, shard.q, deal_tables(check_deal(header.hands), header.decl))
    require(np.array_equal(ply, shard.ply), "its plies do not match its states")
    promised = _rows_per_ply(header)
    counts = np.bincount(ply, minlength=N_PLAYS + 1)
    require(np.array_equal(counts, promised), "a ply has more or fewer rows than its header implies")
    require((shard.weight >= 1).all(), "a weight is below 1")
    total = np.bincount(ply, weights=shard.weight, minlength=N_PLAYS + 1)  # in float64
    states = np.where(promised > 0, header.states_per_ply, 0)
    require((np.abs(total - states) <= 1e-5 * states).all(), "weights do not sum to the number of states")
    root = shard.ply == 0
    require((shard.state[root] == initial_state()).all(), "its first state is not the initial one")
    require((shard.value[root] == header.root_value).all(), "its root value is not V of the initial state")
    return shard


SHARDS: RecordFile[ShardKey, ShardHeader, Shard] = RecordFile(
    noun="shard",
    signature=("schema_version", "shards_version"),
    most_bytes=1 << 30,  # a shard with all states takes about 0.15 GB
    parse_name=lambda name, folder: ShardKey.parse(name),
    parse_header=_parse_header,
    parse=_parse,
    remedy=_remedy,
    other_maker=OtherMaker(is_plain, read_plain_header, read_plain, FOREIGN_REMEDY),
)
"""Shards as record files; a store is the folder of one kind, such as `shards-standard`."""
