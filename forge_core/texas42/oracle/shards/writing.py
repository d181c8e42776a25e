"""Build the shard of a solved deal, and encode its file."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from forge_core.files.parquet import to_parquet
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

SCHEMA = pa.schema([(name, pa.from_numpy_dtype(dtype)) for name, dtype in TYPES.items()])
_COMPRESSION: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 1,
    "use_dictionary": False,
    "column_encoding": {name: "DELTA_BINARY_PACKED" if name == "state" else "PLAIN" for name in TYPES},
}
_ROW_GROUP = 1 << 20


def make_shard(solution: Solution, key: ShardKey, config: ShardConfig) -> Shard:
    """Label the rows of a solved deal that `config` selects.

    Rows are drawn with `stream(sample_seed, "rows", seed, opponent or -1, decl)`.
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


def encode_shard(shard: Shard) -> bytes:
    """Encode a shard as a file. Equal shards give equal bytes: the machine and the time have no effect."""
    q_columns = (np.ascontiguousarray(shard.q[:, slot]) for slot in range(HAND_SIZE))
    columns = (shard.state, shard.value, *q_columns, shard.ply, shard.weight)
    table = pa.Table.from_arrays([pa.array(column) for column in columns], schema=SCHEMA)
    return to_parquet(table, shard.header.to_footer(), row_group=_ROW_GROUP, **_COMPRESSION)
