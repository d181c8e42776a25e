"""Checks on the rows of a shard, regardless of which program made it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from forge_core.files.parquet import require
from forge_core.texas42.dominoes import HAND_POINTS, HAND_SIZE, N_PLAYS
from forge_core.texas42.oracle.shards.records import Q_NAMES, Types, count_plays
from forge_core.texas42.state import ILLEGAL, States, is_well_formed, legal_slots, to_mover_frame
from forge_core.texas42.tables import Bytes, DealTables

Columns = dict[str, npt.NDArray]

_CHUNK = 1 << 17
"""rows verified at a time"""


def has_columns(file: pq.ParquetFile, types: Types) -> bool:
    """Return True if the file has exactly the columns of a shard: names, types and order."""
    found = file.schema_arrow
    return found.names == list(types) and found.types == [pa.from_numpy_dtype(t) for t in types.values()]


def has_whole_columns(file: pq.ParquetFile, types: Types) -> bool:
    """Return True if the file has each column once, with whole numbers of any width, in any order.

    It may have other columns too.
    """
    found = file.schema_arrow
    return all(found.names.count(name) == 1 and pa.types.is_integer(found.field(name).type) for name in types)


def read_columns(file: pq.ParquetFile, types: Types) -> Columns:
    """Read all rows as arrays by column name, with q0..q6 combined as `q` [S, 7].

    Columns of other widths are converted. Raises Unsound, also for a number that does not fit.
    """
    rows = file.metadata.num_rows
    columns: Columns = {name: np.empty(rows, dtype) for name, dtype in types.items()}
    q = np.empty((rows, HAND_SIZE), dtype=np.int8)
    columns |= {name: q[:, slot] for slot, name in enumerate(Q_NAMES)}
    start = 0
    for batch in file.iter_batches(_CHUNK, columns=list(types), use_threads=False):
        end = start + batch.num_rows
        for name, dtype in types.items():
            values = batch.column(name)
            require(values.null_count == 0, f"column {name} has empty values")
            numbers = values.to_numpy(zero_copy_only=False)
            if numbers.dtype != dtype and len(numbers):
                limits = np.iinfo(np.dtype(dtype).name)
                fits = limits.min <= int(numbers.min()) and int(numbers.max()) <= limits.max
                require(fits, f"column {name} has numbers outside {limits.min}..{limits.max}")
            columns[name][start:end] = numbers
        start = end
    require(start == rows, f"it has {start:,} of its {rows:,} rows")
    return columns | {"q": q}


def is_ascending(state: States) -> bool:
    """Return True if the states [S] are strictly ascending."""
    return bool((state[1:] > state[:-1]).all())


def check_rows(state: States, value: Bytes, q: Bytes, tables: DealTables) -> npt.NDArray[np.uint8]:
    """Check labelled states of a deal, regardless of how they were drawn; return their plies [S].

    state: [S] int64; value: [S] int8 and q: [S, 7] int8, in team 0's frame. Raises Unsound.
    """
    require(is_ascending(state), "states are not strictly ascending")
    plies = np.empty(len(state), dtype=np.uint8)
    for start in range(0, len(state), _CHUNK):
        rows = slice(start, start + _CHUNK)
        plies[rows] = _check_chunk(state[rows], value[rows], q[rows], tables)
    return plies


def _check_chunk(state: States, value: Bytes, q: Bytes, tables: DealTables) -> npt.NDArray[np.uint8]:
    def require_all(holds: npt.NDArray[np.bool_], reason: str) -> None:
        require(holds.all(), f"{reason} in state {int(state[np.argmin(holds)])}" if len(state) else reason)

    require_all(is_well_formed(state), "hands, leader and trick are inconsistent")
    ply = count_plays(state)
    allowed = (legal_slots(state, tables)[:, None] >> np.arange(HAND_SIZE) & 1).astype(bool)
    require_all(
        ((q != ILLEGAL) == allowed).all(axis=1), "the legal slots of Q differ from those of the rules"
    )
    in_range = (q == ILLEGAL) | (q >= -HAND_POINTS) & (q <= HAND_POINTS)
    require_all(in_range.all(axis=1), f"Q is outside -{HAND_POINTS}..{HAND_POINTS}")
    require_all(
        (value >= -HAND_POINTS) & (value <= HAND_POINTS), f"V is outside -{HAND_POINTS}..{HAND_POINTS}"
    )
    best = to_mover_frame(q, state).max(axis=1)
    best[ply == N_PLAYS] = 0
    require_all(to_mover_frame(value, state) == best, "V is not the best legal Q of the mover")
    return ply
