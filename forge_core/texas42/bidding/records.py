"""Bidding tables on disk: one Parquet file per seed, with one row for seat 0's hand in the seed's deal.

The files are `{train,val,test}/seed_00000042.parquet`, by the split of the seed. They are written
atomically, verified when they are read, and made again only if they are damaged or their fingerprint
differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from forge_core.errors import BadInput
from forge_core.files import Store, fingerprint
from forge_core.files.filling import fill
from forge_core.files.inspection import Provenance
from forge_core.files.parquet import read_metadata, require, to_parquet
from forge_core.files.records import RecordFile, Remedy
from forge_core.ranges import check_numbers
from forge_core.texas42.bidding.playouts import Playout, open_playout
from forge_core.texas42.bidding.table import (
    ALL,
    BIDDING_VERSION,
    BIDS,
    BidTable,
    check_extent,
    play_out,
)
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.dominoes import HAND_POINTS
from forge_core.texas42.keys import TableKey
from forge_core.texas42.settings.bidding import DEFAULT_PLAYOUT, DEFAULT_SAMPLES

SCHEMA_VERSION = 1
"""Increased when columns or footer change; a footer without a version has version 1."""

_CELLS = tuple(product(ALL, BIDS))
_SCHEMA = pa.schema(
    [
        ("seed", pa.int64()),
        ("hand", pa.list_(pa.int8())),
        ("playout", pa.string()),
        ("playout_version", pa.string()),
        ("sees_all", pa.bool_()),
        ("bidding_version", pa.string()),
        ("n", pa.int32()),  # deals requested; with ci_width a declaration may have fewer
        ("ci_width", pa.float64()),
        *((f"points_{decl}", pa.list_(pa.int8())) for decl in ALL),
        *(
            (f"{name}_{decl}_{bid}", pa.float32())
            for name in ("pmake", "ci_low", "ci_high")
            for decl, bid in _CELLS
        ),
    ]
)


@dataclass(frozen=True, slots=True)
class BiddingConfig:
    """The settings with which tables are made. Raises BadInput for invalid samples or ci_width."""

    playout: Playout = field(default_factory=lambda: open_playout(DEFAULT_PLAYOUT))
    samples: int = DEFAULT_SAMPLES
    ci_width: float | None = None
    """stop a declaration early once its intervals are this narrow: see `play_out`"""

    def __post_init__(self) -> None:
        check_numbers(self)
        check_extent(self.samples, self.ci_width)

    @property
    def fingerprint(self) -> str:
        """16 hex digits; files with equal fingerprints and seeds are equal."""
        return _fingerprint(
            self.playout.name, self.playout.version, BIDDING_VERSION, self.samples, self.ci_width
        )


def bid_seed(seed: int, config: BiddingConfig, advance: Callable[[int], None] | None = None) -> BidTable:
    """Play out seat 0's hand in the deal of a seed; the playout deals are drawn with the same seed."""
    hand = deal_from_seed(seed)[0]
    return play_out(hand, config.playout, config.samples, seed, ci_width=config.ci_width, advance=advance)


@dataclass(frozen=True, slots=True)
class TableHeader:
    """The header of a stored table."""

    fingerprint: str
    """see `BiddingConfig.fingerprint`"""
    version: str = ""
    """the version of the algorithm; it is stored in the row, so it is empty if only the footer was read"""

    @property
    def provenance(self) -> Provenance:
        """The version, with the fingerprint in place of the settings."""
        return Provenance(self.version, {"settings": self.fingerprint})

    @property
    def is_current(self) -> bool:
        """False if the row is known to have another version."""
        return self.version in ("", BIDDING_VERSION)


def write_table(store: Store, table: BidTable, config: BiddingConfig) -> int:
    """Write a table to the store atomically, and return the size of the file in bytes.

    Equal tables give equal files. Raises FileForeign if a foreign file has this name,
    StoreUnusable, and BadInput if the hand is not seat 0's in the deal of the seed, or if the table was
    not made with `config`.
    """
    made_by = (table.playout, table.playout_version, table.samples)
    if made_by != (config.playout.name, config.playout.version, config.samples):
        raise BadInput(
            f"the table was made with different settings ({made_by}): play it out with those of the store"
        )
    if list(table.hand) != deal_from_seed(table.seed)[0]:
        raise BadInput(f"the hand is not seat 0's in the deal of seed {table.seed}: store only such hands")
    return TABLES.write(store, TableKey(table.seed), _encode(table, config))


def read_table(store: Store, seed: int) -> BidTable:
    """Read the table of a seed and verify its columns, its hand, its points and all derived columns.

    Raises FileCorrupt, with advice on what to do, if the table is missing or damaged.
    """
    return TABLES.read(store, TableKey(seed))


def missing_seeds(
    store: Store, seeds: Iterable[int], config: BiddingConfig, *, verify: bool = False
) -> list[int]:
    """Return the seeds whose table is missing, damaged, foreign, or made with settings other than `config`.

    verify: read whole tables rather than only their footers. Raises StoreUnusable.
    """
    keys = [TableKey(seed) for seed in seeds]
    return [key.seed for key in TABLES.missing(store, keys, config.fingerprint, verify=verify)]


def fill_tables(
    store: Store,
    seeds: Iterable[int],
    config: BiddingConfig,
    advance: Callable[[int], None] | None = None,
    *,
    verify: bool = False,
) -> Iterator[BidTable]:
    """Make the missing tables one by one, read each back and yield it.

    advance: called with numbers of deals as they are played out. verify: see `missing_seeds`. Raises the
    errors of `write_table` and `read_table`; FileForeign is raised only at the end.
    """

    def play(keys: Sequence[TableKey]) -> Iterator[tuple[TableKey, BidTable]]:
        for key in keys:
            yield key, bid_seed(key.seed, config, advance)

    def write(key: TableKey, table: BidTable) -> BidTable:
        write_table(store, table, config)
        return read_table(store, key.seed)

    keys = [TableKey(seed) for seed in seeds]
    with closing(fill(TABLES, store, keys, config.fingerprint, play, write, verify=verify)) as outcomes:
        for outcome in outcomes:
            if outcome.error:
                raise outcome.error
            if outcome.made:
                yield outcome.made


def _encode(table: BidTable, config: BiddingConfig) -> bytes:
    row = {
        "seed": table.seed,
        "hand": table.hand,
        "playout": table.playout,
        "playout_version": table.playout_version,
        "sees_all": table.sees_all,
        "bidding_version": BIDDING_VERSION,
        "n": table.samples,
        "ci_width": config.ci_width,
        **{f"points_{decl}": table.points[decl] for decl in ALL},
        **_derived(table),
    }
    arrays = [pa.array([row[name]], type=_SCHEMA.field(name).type) for name in _SCHEMA.names]
    return to_parquet(
        pa.Table.from_arrays(arrays, schema=_SCHEMA),
        {"fingerprint": config.fingerprint, "schema_version": str(SCHEMA_VERSION)},
        write_statistics=False,
        use_dictionary=False,
        compression="none",
    )


def _derived(table: BidTable) -> dict[str, float]:
    """Return P(make) and its interval by column name, rounded to float32; NaN, 0 and 1 if not played."""
    low, high = table.interval
    columns = {"pmake": table.p_make, "ci_low": low, "ci_high": high}
    return {
        f"{name}_{decl}_{bid}": float(np.float32(values[decl, BIDS.index(bid)]))
        for name, values in columns.items()
        for decl, bid in _CELLS
    }


def _parse_header(file: pq.ParquetFile, key: TableKey) -> TableHeader:
    """Return the header in the footer, after checking schema, columns and number of rows."""
    metadata = read_metadata(file)
    schema = metadata.get(b"schema_version", b"1").decode()
    require(
        schema == str(SCHEMA_VERSION),
        f"its schema has version {schema}, but this code reads version {SCHEMA_VERSION}",
    )
    require(file.schema_arrow.equals(_SCHEMA), "its columns or their types are not those of a bidding table")
    require(file.metadata.num_rows == 1, f"it has {file.metadata.num_rows:,} rows instead of one")
    return TableHeader(metadata[b"fingerprint"].decode())


def _parse_versioned_header(file: pq.ParquetFile, key: TableKey) -> TableHeader:
    """Return the header, including the version, which is in the row."""
    header = _parse_header(file, key)
    version = file.read(["bidding_version"], use_threads=False).column(0)[0].as_py()
    return replace(header, version=str(version))


def _parse(file: pq.ParquetFile, key: TableKey, header: TableHeader) -> BidTable:
    row = file.read(use_threads=False).to_pylist()[0]
    empty = [name for name, value in row.items() if value is None and name != "ci_width"]
    require(not empty, f"column {empty[0] if empty else ''} is empty")
    require(row["seed"] == key.seed, f"its seed is {row['seed']}, which contradicts its name")
    require(row["hand"] == deal_from_seed(key.seed)[0], "its hand is not seat 0's in the deal of its seed")
    version = f"it has version {row['bidding_version']}, but this code reads {BIDDING_VERSION}"
    require(row["bidding_version"] == BIDDING_VERSION, version)
    made = _fingerprint(
        *(row[name] for name in ("playout", "playout_version", "bidding_version", "n", "ci_width"))
    )
    require(header.fingerprint == made, "its fingerprint does not match its row")
    points = tuple(np.array(row[f"points_{decl}"], dtype=np.int8) for decl in ALL)
    for of_decl in points:
        require(len(of_decl) <= row["n"], f"it has {len(of_decl)} deals although {row['n']} were requested")
        require(((of_decl >= 0) & (of_decl <= HAND_POINTS)).all(), f"it has points outside 0..{HAND_POINTS}")
        full = row["ci_width"] is not None or len(of_decl) in (0, row["n"])
        require(full, f"it has {len(of_decl)} deals for a declaration instead of {row['n']}")
    table = BidTable(
        hand=tuple(row["hand"]),
        seed=key.seed,
        samples=row["n"],
        playout=row["playout"],
        playout_version=row["playout_version"],
        sees_all=row["sees_all"],
        points=points,
    )
    for name, value in _derived(table).items():
        require(np.array_equal(row[name], value, equal_nan=True), f"column {name} does not match its points")
    return table


def _fingerprint(playout: str, version: str, bidding_version: str, samples: int, width: float | None) -> str:
    return fingerprint(
        {
            "playout": playout,
            "playout_version": version,
            "bidding": bidding_version,
            "samples": samples,
            "ci_width": width,
        }
    )


TABLES: RecordFile[TableKey, TableHeader, BidTable] = RecordFile(
    noun="table",
    signature=("fingerprint", "bidding_version"),
    most_bytes=1 << 24,
    parse_name=lambda name, folder: TableKey.parse(name),
    parse_header=_parse_header,
    parse=_parse,
    remedy=lambda folder, key: Remedy.by(
        f"forge bid-tables --seeds {key.seed} with the settings of this store"
    ),
)
VERSIONED_TABLES = replace(TABLES, parse_header=_parse_versioned_header, header_needs_rows=True)
"""The same files, with headers that include the version of the row."""
