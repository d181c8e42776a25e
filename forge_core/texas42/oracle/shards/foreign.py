"""Plain shards made by other programs: state, V, q0..q6.

Seed and declaration are those of the file name; metadata that name others are a fault. Such shards are used
only if every row agrees with the solver.
"""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq

from forge_core.errors import StateUnreachable
from forge_core.files.parquet import Unsound, read_metadata, require
from forge_core.texas42.deals import deal_from_seed, deal_with_fixed_hand
from forge_core.texas42.keys import PUBLISHED_DECL
from forge_core.texas42.oracle.shards.records import (
    FOREIGN,
    PLAIN_TYPES,
    SCHEMA_VERSION,
    Shard,
    ShardHeader,
    ShardKey,
    count_plays,
)
from forge_core.texas42.oracle.shards.verifying import has_whole_columns, is_ascending, read_columns
from forge_core.texas42.oracle.solution import Solution
from forge_core.texas42.oracle.solver import solve
from forge_core.texas42.state import States
from forge_core.texas42.tables import Bytes

_QUERIES_COST = 16
"""states that are labelled all together in the time of one query"""
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
    """Read a plain shard and compare every row with the solver. Raises Unsound.

    The rows are returned in ascending order, with plies and weight 1. Takes 16 bytes per row, and 16 more
    per state of the deal if the file holds many of them.
    """
    header, solution = _solve_header(file, key)
    columns = read_columns(file, PLAIN_TYPES)
    state, value, q = columns["state"], columns["V"], columns["q"]
    if not is_ascending(state):
        order = np.argsort(state)
        state, value, q = state[order], value[order], q[order]
        require(is_ascending(state), "states are not strictly ascending")
    true_value, true_q = _labels(solution, state)
    if not (np.array_equal(true_value, value) and np.array_equal(true_q, q)):
        wrong = np.count_nonzero((true_value != value) | (true_q != q).any(axis=1))
        raise Unsound(f"{wrong:,} of {len(state):,} rows disagree with the solver")
    return Shard(header, state, value, q, count_plays(state), np.ones(header.rows, dtype=np.float32))


def _labels(solution: Solution, state: States) -> tuple[Bytes, Bytes]:
    """Return the true V [S] and Q [S, 7] of ascending states [S]. Raises Unsound if one cannot occur."""
    try:
        if len(state) * _QUERIES_COST < sum(solution.states_per_ply):
            return solution.query(state)
        states, value, q = solution.label_all()
        if np.array_equal(states, state):
            return value, q
        place = np.minimum(np.searchsorted(states, state), len(states) - 1)
        unknown = states[place] != state
        if unknown.any():
            solution.query(state[unknown])
        return value[place], q[place]
    except StateUnreachable as error:
        raise Unsound(str(error).partition(":")[0]) from error


def _solve_header(file: pq.ParquetFile, key: ShardKey) -> tuple[ShardHeader, Solution]:
    """Build the header: seed and declaration from the name, hands from the seed, the rest by solving."""
    metadata = read_metadata(file)
    for entry, expected in (("seed", key.seed), ("decl", key.decl), (PUBLISHED_DECL, key.decl)):
        stored = metadata.get(entry.encode(), str(expected).encode())
        wrong = f"its metadata has {entry} {stored.decode(errors='replace')}, but its name has {expected}"
        require(stored == str(expected).encode(), wrong)
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
