"""Plain shards made by other programs: state, V, q0..q6, with seed and declaration in the metadata.

They are used only after a thousand of their rows agree with the solver.
"""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq

from forge_core.errors import StateUnreachable
from forge_core.files.parquet import Unsound, read_metadata, require
from forge_core.streams import stream
from forge_core.texas42.deals import deal_from_seed, deal_with_fixed_hand
from forge_core.texas42.oracle.shards.records import (
    FOREIGN,
    PLAIN_TYPES,
    SCHEMA_VERSION,
    Shard,
    ShardHeader,
    ShardKey,
)
from forge_core.texas42.oracle.shards.verifying import check_rows, has_whole_columns, read_columns
from forge_core.texas42.oracle.solution import Solution
from forge_core.texas42.oracle.solver import solve
from forge_core.texas42.tables import deal_tables

N_CHECKED_ROWS = 1_000
"""Number of rows of a plain shard that are compared with the solver"""
FOREIGN_REMEDY = "it was not made by Forge: remove it, or download it again"
"""Advice for an invalid plain shard"""


def is_plain(file: pq.ParquetFile) -> bool:
    """Return True for a shard made by another program: no Forge header, and nine columns among others.

    The columns may have any order and any width of whole numbers.
    """
    return b"schema_version" not in read_metadata(file) and has_whole_columns(file, PLAIN_TYPES)


def read_plain_header(file: pq.ParquetFile, key: ShardKey) -> ShardHeader:
    """Solve the deal of a plain shard and return the header for it. Raises Unsound."""
    return _solve_header(file, key)[0]


def read_plain(file: pq.ParquetFile, key: ShardKey) -> Shard:
    """Read and verify a plain shard: rows in ascending order, with plies and weight 1. Raises Unsound."""
    header, solution = _solve_header(file, key)
    columns = read_columns(file, PLAIN_TYPES)
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
        raise Unsound(str(error).partition(":")[0]) from error
    wrong = (true_value != value[checked]) | (true_q != q[checked]).any(axis=1)
    require(not wrong.any(), f"{wrong.sum()} of {len(checked)} rows disagree with the solver")
    ply = check_rows(state, value, q, deal_tables(solution.hands, key.decl))
    return Shard(header, state, value, q, ply, np.ones(header.rows, dtype=np.float32))


def _solve_header(file: pq.ParquetFile, key: ShardKey) -> tuple[ShardHeader, Solution]:
    """Build the header: seed and declaration from the metadata, hands from the seed, the rest by solving."""
    metadata = read_metadata(file)
    stored = metadata.get(b"seed"), metadata.get(b"decl_id", metadata.get(b"decl"))
    expected = str(key.seed).encode(), str(key.decl).encode()
    require(stored == expected, f"its metadata has seed and decl {stored}, but its name has {expected}")
    hands = deal_from_seed(key.seed)
    if key.opponent is not None:
        hands = deal_with_fixed_hand(hands[0], key.opponent)
    solution = solve(hands, key.decl, device="cpu")
    rows, most = file.metadata.num_rows, sum(solution.states_per_ply)
    require(1 <= rows <= most, f"it has {rows:,} rows, but its deal has {most:,} states")
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
