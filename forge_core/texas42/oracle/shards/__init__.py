"""Solved deals on disk: one Parquet file per deal and declaration, made and read here.

A shard holds states of its deal with V and Q, in team 0's frame, and says in its footer
which deal it is, its four hands, what its rows were drawn from and how. Whoever has a
shard takes the hands from it and never deals again from the seed.

A store of one kind holds them as `{train,val,test}/FILE`, by the split of the seed. They
are written whole or not at all, verified when read, and made again only where the footer
shows another fingerprint. Plain shards of other makers (state, V, q0..q6) are read too,
after a thousand of their rows agree with the solver; they are never overwritten.

records (what a shard is), writing, verifying (what must hold of anyone's rows), foreign
(plain shards), reading, filling: each uses only what stands before it.
"""

from forge_core.texas42.oracle.shards.filling import ShardReport, fill_shards, missing_shards
from forge_core.texas42.oracle.shards.foreign import N_CHECKED_ROWS
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
    "N_CHECKED_ROWS",
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
