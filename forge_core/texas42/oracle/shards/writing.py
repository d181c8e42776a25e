"""Making a shard of a solved deal, and putting it in its place."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from forge_core.files import Store
from forge_core.streams import stream
from forge_core.texas42.dominoes import HAND_SIZE
from forge_core.texas42.oracle.shards.records import (
    SCHEMA_VERSION,
    SHARDS_VERSION,
    TYPES,
    Shard,
    ShardConfig,
    ShardHeader,
    ShardKey,
    count_plays,
)
from forge_core.texas42.oracle.solution import Solution
from forge_core.texas42.oracle.solver import ORACLE_VERSION

_SCHEMA = pa.schema([(name, pa.from_numpy_dtype(dtype)) for name, dtype in TYPES.items()])
_COMPRESSION: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 1,
    "use_dictionary": False,
    "column_encoding": {name: "DELTA_BINARY_PACKED" if name == "state" else "PLAIN" for name in TYPES},
}
_ROW_GROUP = 1 << 20


def make_shard(solution: Solution, key: ShardKey, config: ShardConfig) -> Shard:
    """The rows that `config` asks of a solved deal, labelled.

    Rows are drawn by `stream(sample_seed, "rows", seed, opponent or -1, decl)`.
    """
    if config.rows == "all":
        state, value, q = solution.label_all()
        ply = count_plays(state)
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
    data = encode_shard(shard)
    store.join(shard.header.key.split).write(shard.header.key.filename, data)
    return len(data)


def encode_shard(shard: Shard) -> bytes:
    """The file of a shard."""
    q_columns = (np.ascontiguousarray(shard.q[:, slot]) for slot in range(HAND_SIZE))
    columns = (shard.state, shard.value, *q_columns, shard.ply, shard.weight)
    table = pa.Table.from_arrays([pa.array(column) for column in columns], schema=_SCHEMA)
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink, _SCHEMA, store_schema=False, write_page_checksum=True, **_COMPRESSION
    ) as writer:
        writer.write_table(table, row_group_size=_ROW_GROUP)
        writer.add_key_value_metadata(header_text(shard.header))
    return sink.getvalue().to_pybytes()


def header_text(header: ShardHeader) -> dict[str, str]:
    """What the footer holds: every field as JSON under its name, and the checksum of all."""
    text = {name: json.dumps(value) for name, value in header.values().items()}
    return text | {"checksum": header.checksum}
