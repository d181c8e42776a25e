"""Solved deals on disk: one Parquet file per deal and declaration.

A shard holds states of its deal with V and Q, in team 0's frame. Its footer records which deal it is,
its four hands, and how its rows were drawn. Code that reads a shard takes the hands from it and never
deals again from the seed.

A store of one kind holds shards as `{train,val,test}/FILE`; the seed decides the split. Files are
written atomically, verified when read, and replaced only if their fingerprint differs. Plain shards
made by other programs (state, V, q0..q6) can be read too, if every row agrees with the solver; they
are never overwritten.

records (what a shard is), writing, verifying (checks that any rows must pass), foreign (plain
shards), reading, filling: each module imports only those before it.
"""

from forge_core.texas42.oracle.shards.filling import ShardReport, fill_shards, missing_shards
from forge_core.texas42.oracle.shards.reading import SHARDS, read_header, read_shard, write_shard
from forge_core.texas42.oracle.shards.records import (
    DEFAULT_ROWS,
    FOREIGN,
    SCHEMA_VERSION,
    SHARDS_VERSION,
    Rows,
    Shard,
    ShardConfig,
    ShardHeader,
    ShardKey,
    seed_keys,
    settings_made,
)
from forge_core.texas42.oracle.shards.writing import make_shard

__all__ = [
    "DEFAULT_ROWS",
    "FOREIGN",
    "SCHEMA_VERSION",
    "SHARDS",
    "SHARDS_VERSION",
    "Rows",
    "Shard",
    "ShardConfig",
    "ShardHeader",
    "ShardKey",
    "ShardReport",
    "fill_shards",
    "make_shard",
    "missing_shards",
    "read_header",
    "read_shard",
    "seed_keys",
    "settings_made",
    "write_shard",
]
