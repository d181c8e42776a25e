"""Training rows on disk: `tokenized/{train,val,test}/`, drawn from the shards of a store.

There is one file per shard (see `forge_core.files.row_store`). It holds packed labelled states and
the hands of their deal; they are encoded when read. For a batch of 1,024, that takes 0.5 ms longer
than gathering tokens from a memory map (0.9 ms instead of 0.4 ms; a training step of the smallest
network takes 140 ms) but needs 20 bytes per row instead of 442.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from forge_core.errors import BadInput, ForgeError
from forge_core.files import Store, fingerprint
from forge_core.files.arrays import read_array
from forge_core.files.catalog import keys_in
from forge_core.files.inspection import READERS
from forge_core.files.row_store import OpenRows, RowStore, SplitEmpty, hash_of
from forge_core.learning.labelled.rows import Rows
from forge_core.learning.labelled.stored import some_rows
from forge_core.ranges import check_numbers, ranges_text
from forge_core.splits import Split
from forge_core.streams import stream
from forge_core.texas42.benchmark import BENCHMARK_SEEDS, WATCHED_SEEDS
from forge_core.texas42.deals import check_deal
from forge_core.texas42.folders import TOKENS_FOLDER, shards_folder
from forge_core.texas42.oracle.shards import SHARDS, ShardKey, read_header, read_shard
from forge_core.texas42.settings.tokens import DECISION_SHARE, DEFAULT_ROWS, TokenSettings
from forge_core.texas42.tokens.rows import (
    STAGE1_SPEC,
    STORED_ROW,
    LabelledStates,
    join,
    label,
    rows_of,
    thin,
)

TOKENS_VERSION = "t1"
"""Raised when different rows are drawn, or when the file format changes"""

Source = Literal["standard", "marginalized", "both"]

_HEADER = np.dtype([("seed", "<i8"), ("opponent", "<i4"), ("decl", "i1"), ("hands", "i1", (4, 7))])
"""opponent -1 means none"""


@dataclass(frozen=True, slots=True)
class TokenConfig:
    """Settings that select the rows. Raises BadInput for invalid values."""

    source: Source = "standard"
    """kind of shards to draw from"""
    rows_per_shard: int = DEFAULT_ROWS
    """rows per shard, drawn by ply and decision (see rows.thin); smaller shards give all their rows"""
    decision_share: float = DECISION_SHARE
    sample_seed: int = 0

    @classmethod
    def of(cls, settings: TokenSettings) -> TokenConfig:
        """Return the configuration for a user's settings. Raises BadInput for invalid settings."""
        share = DECISION_SHARE if settings.decision_share is None else settings.decision_share
        return cls(settings.source, settings.rows, share, settings.sample_seed)  # pyright: ignore[reportArgumentType]

    def __post_init__(self) -> None:
        check_numbers(self)
        if self.source not in ("standard", "marginalized", "both"):
            raise BadInput(f"source {self.source!r}: use standard, marginalized or both")
        if self.rows_per_shard < 1:
            raise BadInput(f"{self.rows_per_shard} rows per shard: use at least 1")
        if not 0 <= self.decision_share <= 1:
            raise BadInput(f"decision_share {self.decision_share}: use a number from 0 to 1")

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of shards that rows are drawn from."""
        return ("standard", "marginalized") if self.source == "both" else (self.source,)

    def fingerprint_of(self, source: str) -> str:
        """Return the fingerprint of the rows drawn from a shard whose fingerprint is `source`."""
        how = {name: getattr(self, name) for name in ("rows_per_shard", "decision_share", "sample_seed")}
        return fingerprint({"tokens": TOKENS_VERSION, "source": source, **how})


@dataclass(frozen=True, slots=True)
class TokenFile:
    """A file with the rows of one shard."""

    name: str
    """`seed_00000042_decl_6.0123456789abcdef.npy`"""
    shard: str
    """file name of the shard"""
    source: str
    """fingerprint of the shard"""
    rows: int
    hash: str
    """16 hex digits: hash of the file's bytes"""

    @property
    def key(self) -> ShardKey:
        """The key of the shard: its deal and declaration."""
        return ShardKey.parse(self.shard)

    @property
    def first_seed(self) -> int:
        """The seed of the deal."""
        return self.key.seed

    @property
    def belongs_to(self) -> str:
        """The file's split, or `the benchmark`."""
        return "the benchmark" if is_held_out(self.key) else self.key.split


@dataclass(frozen=True, slots=True)
class _Task:
    """A shard to draw rows from."""

    kind: str
    key: ShardKey
    source: str
    name: str


def _list_shards(
    shards: Store, split: Split, config: TokenConfig, known: Mapping[str, TokenFile]
) -> list[_Task]:
    """Return a task for each shard that the rows of a split are drawn from.

    Raises SplitEmpty if the split has no shards, BadInput for a shard of another split, FileCorrupt for
    an unreadable one.
    """

    def task(kind: str, key: ShardKey) -> _Task:
        store = shards.join(shards_folder(kind))
        header = read_header(store, key)
        size = f"-{store.join(split).size(key.filename)}" if header.is_foreign else ""
        source = header.fingerprint + size
        stem = key.filename.removesuffix(".parquet")
        return _Task(kind, key, source, f"{stem}.{config.fingerprint_of(source)}.npy")

    found = [
        (kind, key)
        for kind in config.kinds
        for key in keys_in(SHARDS, shards.join(shards_folder(kind)), split)
    ]
    with ThreadPoolExecutor(READERS, "tokens") as pool:
        tasks = list(pool.map(lambda one: task(*one), [one for one in found if not is_held_out(one[1])]))
    if not tasks:
        kinds = " or ".join(f"{shards_folder(kind)}/{split}" for kind in config.kinds)
        if found:
            held, free = ranges_text(BENCHMARK_SEEDS[Split.VAL]), ranges_text(WATCHED_SEEDS)
            raise SplitEmpty(
                f"all shards in {kinds} of {shards.url} have seeds {held}, held out for the benchmark: "
                f"make more {split} shards with forge shards --seeds {free}"
            )
        raise SplitEmpty(f"{shards.url} has no shards in {kinds}: make some with forge shards")
    return tasks


def is_held_out(key: ShardKey) -> bool:
    """Return True for a val deal of the benchmark, which training must never use."""
    return key.split is Split.VAL and key.seed in BENCHMARK_SEEDS[Split.VAL]


def _make(shards: Store, folder: Store, config: TokenConfig, task: _Task) -> bytes:
    """Draw the rows of a shard with `stream(sample_seed, "tokens", seed, opponent or -1, decl)`."""
    shard = read_shard(shards.join(shards_folder(task.kind)), task.key)
    key, opponent = task.key, -1 if task.key.opponent is None else task.key.opponent
    draw = stream(config.sample_seed, "tokens", key.seed, opponent, key.decl)
    drawn = thin(
        label(shard.header, shard.state, shard.value, shard.q, shard.weight),
        config.rows_per_shard,
        config.decision_share,
        draw,
    )
    rows_of(drawn)  # raises BadInput if the rows are invalid
    header = np.array([(key.seed, opponent, key.decl, shard.header.hands)], dtype=_HEADER)
    rows = np.empty(len(drawn), dtype=STORED_ROW)
    for column in STORED_ROW.names or ():
        rows[column] = getattr(drawn, column)
    data = io.BytesIO()
    np.save(data, header, allow_pickle=False)
    np.save(data, rows, allow_pickle=False)
    return data.getvalue()


def _describe(task: _Task, data: bytes) -> TokenFile:
    labels = _parse_as(task.key, data)
    return TokenFile(task.name, task.key.filename, task.source, len(labels), hash_of(data))


def _parse(data: bytes, file: TokenFile) -> LabelledStates:
    return _parse_as(file.key, data)


def _parse_as(key: ShardKey, data: bytes) -> LabelledStates:
    """Return the rows in a file. Raises ValueError if the bytes are not the rows of `key`."""
    header, end = read_array(data, _HEADER)
    rows, end = read_array(data, STORED_ROW, end)
    if header.shape != (1,) or rows.ndim != 1 or end != len(data):
        raise ValueError("it is not a header followed by rows")
    try:
        deal = check_deal(header["hands"][0])
    except ForgeError as error:
        raise ValueError(f"its header is invalid ({error})") from error
    opponent = -1 if key.opponent is None else key.opponent
    if tuple(header[["seed", "opponent", "decl"]][0]) != (key.seed, opponent, key.decl):
        raise ValueError("its deal is not the one in its name")
    columns = (np.ascontiguousarray(rows[name]) for name in STORED_ROW.names or ())
    decls = np.array([key.decl], dtype=np.int8)
    return LabelledStates(deal[None], decls, np.zeros(len(rows), dtype=np.int32), *columns)


TOKEN_ROWS: RowStore[TokenConfig, TokenFile, _Task, LabelledStates] = RowStore(
    folder=TOKENS_FOLDER,
    version=TOKENS_VERSION,
    spec=STAGE1_SPEC,
    config=TokenConfig,
    file=TokenFile,
    command="forge tokenize",
    list_tasks=_list_shards,
    make=_make,
    describe=_describe,
    parse=_parse,
)


class TokenStore(OpenRows[TokenConfig, TokenFile, LabelledStates]):
    """A split on disk, opened for reading: a PackedStore."""

    spec = STAGE1_SPEC

    def __init__(self, out: Store, split: Split) -> None:
        """Open the split. out: the root of the store. Raises BadInput like `RowStore.open`."""
        super().__init__(TOKEN_ROWS, out, split)

    def read(self, number: int) -> LabelledStates:
        """Return the labelled states of a file. Raises BadInput if its bytes do not match the manifest."""
        return self.read_file(number)

    def join(self, parts: Sequence[LabelledStates]) -> LabelledStates:
        """Concatenate sets of states: see `rows.join`."""
        return join(parts)

    def unpack(self, packed: LabelledStates, files: Sequence[int]) -> Rows:
        """Return encoded rows; `deal` is the number of their file."""
        rows = rows_of(packed)
        return replace(rows, deal=np.asarray(files, dtype=np.int32)[packed.deal_of])

    def rows(self, n: int | None = None, seed: int = 0) -> Rows:
        """Return all rows, or n of them (see `some_rows`); `deal` is the number of their file."""
        return some_rows(self, n, seed)
