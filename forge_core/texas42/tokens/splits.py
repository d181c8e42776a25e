"""Training rows on disk: `tokenized/{train,val,test}/`, drawn from the shards of a store.

A split is a folder with one file a shard and a manifest, which says what is in it and is
replaced in one step when all files are written. A file holds labelled states, packed, and
the hands of its deal; they are encoded when they are read. That takes 0.5 ms more a batch
of 1,024 than gathering tokens from a memory map (0.9 against 0.4, where a training step of
the smallest network takes 140), and 20 bytes a row instead of 442. The name of a file ends
in the fingerprint of what it was made from and how: what is there need not be made again,
and what is made never overwrites what someone is reading.

Train, val and test are kept apart by the seed in every name, which is checked when files
are written, when a manifest is opened and when a file is read.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput, ForgeError
from forge_core.files import Store, fingerprint
from forge_core.learning.spec import Rows, TokenSpec
from forge_core.streams import stream
from forge_core.texas42.deals import check_deal
from forge_core.texas42.oracle.shards import ShardKey, read_header, read_shard
from forge_core.texas42.splits import Split
from forge_core.texas42.tokens.golden import GOLDEN_SEEDS
from forge_core.texas42.tokens.rows import (
    DECISION_SHARE,
    STAGE1_SPEC,
    LabelledStates,
    join,
    label,
    reweigh,
    rows_of,
    thin,
)

TOKENS_VERSION = "t1"
"""Raised when other rows are drawn, or files look different."""

MANIFEST = "manifest.json"
Source = Literal["standard", "marginalized", "both"]

_HEADER = np.dtype([("seed", "<i8"), ("opponent", "<i4"), ("decl", "i1"), ("hands", "i1", (4, 7))])
"""opponent -1: none"""
_ROW = np.dtype([("state", "<i8"), ("value", "i1"), ("q", "i1", (7,)), ("weight", "<f4")])


@dataclass(frozen=True, slots=True)
class TokenConfig:
    """Which rows are kept. Raises BadInput for none."""

    source: Source = "standard"
    """shards of which kind"""
    rows_per_shard: int = 10_000
    """chosen by ply and decision (see rows.thin); a shard with fewer gives all"""
    decision_share: float = DECISION_SHARE
    sample_seed: int = 0

    def __post_init__(self) -> None:
        if self.source not in ("standard", "marginalized", "both"):
            raise BadInput(f"source {self.source!r}: use standard, marginalized or both")
        if self.rows_per_shard < 1:
            raise BadInput(f"{self.rows_per_shard} rows a shard: use at least 1")
        if not 0 <= self.decision_share <= 1:
            raise BadInput(f"decision_share {self.decision_share}: use a share from 0 to 1")

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of shards that rows come from."""
        return ("standard", "marginalized") if self.source == "both" else (self.source,)

    def fingerprint_of(self, source: str) -> str:
        """Of the rows drawn from a shard of fingerprint `source`."""
        how = {name: getattr(self, name) for name in ("rows_per_shard", "decision_share", "sample_seed")}
        return fingerprint({"tokens": TOKENS_VERSION, "source": source, **how})


@dataclass(frozen=True, slots=True)
class TokenFile:
    """The rows of one shard."""

    name: str
    """`seed_00000042_decl_6.0123456789abcdef.npy`"""
    shard: str
    """file name of the shard"""
    source: str
    """fingerprint of the shard"""
    rows: int
    hash: str
    """16 hex digits of the file's bytes"""

    @property
    def key(self) -> ShardKey:
        """Which deal, under which declaration."""
        return ShardKey.parse(self.shard)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a split holds."""

    version: str
    split: Split
    spec: TokenSpec
    config: TokenConfig
    files: tuple[TokenFile, ...]
    """by name"""

    @property
    def rows(self) -> int:
        """Rows of all files."""
        return sum(file.rows for file in self.files)

    @property
    def hash(self) -> str:
        """16 hex digits, equal for equal rows: the version of the data."""
        files = [[file.name, file.hash] for file in self.files]
        return fingerprint({"encoder": self.spec.version, "files": files})

    def to_json(self) -> bytes:
        """The manifest as it is stored."""
        record = {
            "version": self.version,
            "split": self.split,
            "spec": self.spec.to_dict(),
            "config": asdict(self.config),
            "rows": self.rows,
            "hash": self.hash,
            "files": [asdict(file) for file in self.files],
        }
        return json.dumps(record, indent=1).encode()


@dataclass(frozen=True, slots=True)
class _Task:
    """A shard whose rows are to be drawn."""

    kind: str
    key: ShardKey
    source: str
    name: str


@dataclass(frozen=True, slots=True)
class TokenPlan:
    """What `tokenize` has to do."""

    split: Split
    kept: tuple[TokenFile, ...]
    """there already"""
    tasks: tuple[_Task, ...]
    """to be made"""
    dropped: tuple[str, ...]
    """files whose shard is gone, has changed, or was asked for otherwise"""


def folder_of(store: Store, split: Split) -> Store:
    """Where a store keeps a split."""
    return store.join("tokenized", split)


def plan_tokens(shards: Store, out: Store, split: Split, config: TokenConfig | None = None) -> TokenPlan:
    """Compare the shards of a store with the rows drawn from them. Both are roots of stores.

    Raises BadInput for a split without shards, or one that a shard does not belong to;
    ShardCorrupt for a shard that cannot be read.
    """
    config = config or TokenConfig()
    folder = folder_of(out, split)
    tasks = _list_shards(shards, split, config)
    present = set(folder.names(".npy"))
    known = {file.name: file for file in _known_files(folder)}
    there = [task for task in tasks if task.name in present]
    with ThreadPoolExecutor(_READERS, "tokens") as pool:  # files of a run that was interrupted are read
        kept = pool.map(lambda task: known.get(task.name) or _describe(folder, task), there)
        kept = tuple(file for file in kept if file)
    wanted, sound = {task.name for task in tasks}, {file.name for file in kept}
    return TokenPlan(
        split,
        kept,
        tuple(task for task in tasks if task.name not in sound),
        tuple(sorted(present - wanted)),
    )


def tokenize(
    shards: Store,
    out: Store,
    split: Split,
    config: TokenConfig | None = None,
    workers: int | None = None,
    on_file: Callable[[TokenFile], None] = lambda file: None,
) -> Manifest:
    """Bring the rows of a split up to date with the shards; what is there is not made again.

    shards, out: roots of stores. `on_file` hears of each file as it is written. When
    interrupted the old manifest stays, and so do the new files, which the next call finds.
    Raises as `plan_tokens`; of several bad shards the first, when all others are done.
    """
    config = config or TokenConfig()
    plan = plan_tokens(shards, out, split, config)
    folder = folder_of(out, split)
    folder.sweep(_ABANDONED_AFTER_S)
    made, failed = [], []
    with ThreadPoolExecutor(workers or len(os.sched_getaffinity(0)), "tokens") as pool:
        try:
            for answer in pool.map(lambda task: _attempt(shards, folder, task, config), plan.tasks):
                if isinstance(answer, TokenFile):
                    made.append(answer)
                    on_file(answer)
                else:
                    failed.append(answer)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if failed:
        raise failed[0]
    files = tuple(sorted((*plan.kept, *made), key=lambda file: file.name))
    manifest = Manifest(TOKENS_VERSION, split, STAGE1_SPEC, config, files)
    data = manifest.to_json()
    if not (folder.exists(MANIFEST) and folder.read(MANIFEST) == data):
        folder.write(MANIFEST, data)
    for name in plan.dropped:
        folder.delete(name)
    return manifest


_READERS = 8
"""Headers read at once: it is the waiting for files that takes the time."""
_ABANDONED_AFTER_S = 3600.0


def _list_shards(shards: Store, split: Split, config: TokenConfig) -> list[_Task]:
    """Every shard that the split is to be drawn from, with the file it becomes."""

    def task(kind: str, filename: str) -> _Task | None:
        key, store = ShardKey.parse(filename), shards.join(f"shards-{kind}")
        if key.split != split:
            path = store.join(split).path(filename)
            raise BadInput(f"{path}: seed {key.seed} belongs to {key.split}: move the shard, or delete it")
        if is_held_out(key):
            return None
        header = read_header(store, filename)
        size = f"-{store.join(split).size(filename)}" if header.is_foreign else ""
        source = header.fingerprint + size
        stem = filename.removesuffix(".parquet")
        return _Task(kind, key, source, f"{stem}.{config.fingerprint_of(source)}.npy")

    names = [
        (kind, filename)
        for kind in config.kinds
        for filename in shards.join(f"shards-{kind}", split).names(".parquet")
    ]
    with ThreadPoolExecutor(_READERS, "tokens") as pool:
        tasks = [found for found in pool.map(lambda name: task(*name), names) if found]
    if not tasks:
        kinds = " or ".join(f"shards-{kind}/{split}" for kind in config.kinds)
        raise BadInput(f"{shards.url} has no shards in {kinds} to draw from: make some with forge shards")
    return tasks


def is_held_out(key: ShardKey) -> bool:
    """Whether a deal of val is kept for the benchmark, and so from the val that training looks at."""
    return key.split is Split.VAL and key.seed in GOLDEN_SEEDS[Split.VAL]


def _attempt(shards: Store, folder: Store, task: _Task, config: TokenConfig) -> TokenFile | ForgeError:
    try:
        return _make(shards, folder, task, config)
    except ForgeError as error:
        return error


def _make(shards: Store, folder: Store, task: _Task, config: TokenConfig) -> TokenFile:
    """Draw and write the rows of a shard, by `stream(sample_seed, "tokens", seed, opponent or -1, decl)`."""
    shard = read_shard(shards.join(f"shards-{task.kind}"), task.key)
    key, opponent = task.key, -1 if task.key.opponent is None else task.key.opponent
    draw = stream(config.sample_seed, "tokens", key.seed, opponent, key.decl)
    drawn = thin(
        label(shard.header, shard.state, shard.value, shard.q, shard.weight),
        config.rows_per_shard,
        config.decision_share,
        draw,
    )
    rows_of(drawn)  # refuses what would teach nonsense
    header = np.array([(key.seed, opponent, key.decl, shard.header.hands)], dtype=_HEADER)
    rows = np.empty(len(drawn), dtype=_ROW)
    for column in ("state", "value", "q", "weight"):
        rows[column] = getattr(drawn, column)
    data = io.BytesIO()
    np.save(data, header, allow_pickle=False)
    np.save(data, rows, allow_pickle=False)
    folder.write(task.name, data.getvalue())
    return TokenFile(task.name, key.filename, task.source, len(rows), _hash(data.getvalue()))


def _describe(folder: Store, task: _Task) -> TokenFile | None:
    """A file that no manifest names yet; None if it is damaged, and so to be made again."""
    data = folder.read(task.name)
    try:
        labels = _parse(data, task.key)
    except ValueError:
        return None
    return TokenFile(task.name, task.key.filename, task.source, len(labels), _hash(data))


def _parse(data: bytes, key: ShardKey) -> LabelledStates:
    """The rows of a file. Raises ValueError for what is none of `key`."""
    try:
        stream_of = io.BytesIO(data)
        header = np.load(stream_of, allow_pickle=False)
        rows = np.load(stream_of, allow_pickle=False)
        deal = check_deal(header["hands"][0])
    except (EOFError, OSError, IndexError, ForgeError) as error:
        raise ValueError(f"it does not parse ({error})") from error
    opponent = -1 if key.opponent is None else key.opponent
    if header.dtype != _HEADER or rows.dtype != _ROW or rows.ndim != 1:
        raise ValueError("its columns are not those of rows")
    if tuple(header[["seed", "opponent", "decl"]][0]) != (key.seed, opponent, key.decl):
        raise ValueError("it holds another deal than its name says")
    columns = (np.ascontiguousarray(rows[name]) for name in ("state", "value", "q", "weight"))
    decls = np.array([key.decl], dtype=np.int8)
    return LabelledStates(deal[None], decls, np.zeros(len(rows), dtype=np.int32), *columns)


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def _known_files(folder: Store) -> tuple[TokenFile, ...]:
    """What the manifest names; nothing if there is none, or one that this code does not read."""
    try:
        return read_manifest(folder).files
    except BadInput:
        return ()


def read_manifest(folder: Store) -> Manifest:
    """The manifest of the folder of a split, as it is written. Raises BadInput."""
    path = folder.path(MANIFEST)
    if not folder.exists(MANIFEST):
        raise BadInput(f"{path} is not there: make it with forge tokenize")
    try:
        record = json.loads(folder.read(MANIFEST))
        manifest = Manifest(
            record["version"],
            Split(record["split"]),
            TokenSpec.from_dict(record["spec"]),
            TokenConfig(**record["config"]),
            tuple(TokenFile(**file) for file in record["files"]),
        )
        said = record["rows"], record["hash"]
    except (ValueError, KeyError, TypeError, AttributeError, BadInput) as error:
        raise BadInput(f"{path} is no manifest ({error}): make it again with forge tokenize") from error
    if said != (manifest.rows, manifest.hash):
        raise BadInput(f"{path} disagrees with itself about rows or hash: make it again with forge tokenize")
    return manifest


class TokenStore:
    """A split on disk, opened for reading."""

    def __init__(self, out: Store, split: Split) -> None:
        """out: the root of the store.

        Raises BadInput for a split that is empty or not there, that names a deal of another
        split or one that is held out, or that is of another version of the encoder or the files.
        """
        self.split = Split(split)
        self.folder = folder_of(out, self.split)
        self.manifest = read_manifest(self.folder)
        path = self.folder.path(MANIFEST)
        if self.manifest.version != TOKENS_VERSION:
            versions = f"version {self.manifest.version}, this code reads {TOKENS_VERSION}"
            raise BadInput(f"{path} is of {versions}: make it again with forge tokenize")
        STAGE1_SPEC.check_same(self.manifest.spec, path)
        if self.manifest.split != self.split:
            raise BadInput(f"{path} is of the {self.manifest.split} split: it must lie in its own folder")
        for file in self.manifest.files:
            if file.key.split != self.split or is_held_out(file.key):
                where = "the benchmark" if is_held_out(file.key) else file.key.split
                raise BadInput(
                    f"{path} names seed {file.key.seed}, which belongs to {where}: it must not be used as "
                    f"{self.split}; make it again with forge tokenize"
                )
        if not self.manifest.rows:
            raise BadInput(f"{path} names no rows: make shards with forge shards, then forge tokenize")
        self.files = self.manifest.files

    def __len__(self) -> int:
        """Rows of all files."""
        return self.manifest.rows

    def labels(self, number: int) -> LabelledStates:
        """The labelled states of a file, its bytes compared with the manifest. Raises BadInput."""
        file = self.files[number]
        path, remedy = self.folder.path(file.name), "delete it, then run forge tokenize"
        if not self.folder.exists(file.name):
            raise BadInput(f"{path} is gone, though the manifest names it: run forge tokenize")
        data = self.folder.read(file.name)
        if _hash(data) != file.hash:
            raise BadInput(f"{path} is damaged: {remedy}")
        try:
            labels = _parse(data, file.key)
        except ValueError as error:
            raise BadInput(f"{path} is damaged: {error}; {remedy}") from error
        return labels

    def rows(self, n: int | None = None, seed: int = 0) -> Rows:
        """All rows, or n of them: as many of each file as of another, by `stream(seed, "subset", file)`.

        Weights grow by what a row of its file then stands for. `deal` is the number of the file.
        """
        parts = []
        for number, file in enumerate(self.files):
            share = file.rows if n is None else n // len(self.files) + (number < n % len(self.files))
            if share:
                labels = self.labels(number)
                kept = stream(seed, "subset", number).permutation(file.rows)[:share]
                kept.sort()
                labels = labels.take(kept)
                parts.append((number, reweigh(labels, file.rows / len(kept))))
        if not parts:
            raise BadInput(f"{n} rows: ask for at least 1, or for all")
        return _rows_of_files(join([labels for _, labels in parts]), [number for number, _ in parts])


def _rows_of_files(labels: LabelledStates, numbers: list[int] | npt.NDArray) -> Rows:
    """Rows, with `deal` the number of their file."""
    rows = rows_of(labels)
    return replace(rows, deal=np.asarray(numbers, dtype=np.int32)[labels.deal_of])


class StoredSource:
    """A RowSource over a split: every epoch all rows once, in another order.

    An epoch permutes the files; `BLOCK` files that follow each other form a block, whose
    rows are permuted together. So a block, some 13 MB, is all that is held, and any batch
    is found from its number. What does not fill a last batch is left out, each epoch else.
    """

    spec = STAGE1_SPEC
    BLOCK = 64

    def __init__(self, store: TokenStore, batch_size: int = 1024, seed: int = 0) -> None:
        """Raises BadInput if the split does not fill a batch."""
        if not 1 <= batch_size <= len(store):
            raise BadInput(
                f"batch size {batch_size:,} of {len(store):,} rows in {store.folder.url}: "
                "use 1 to that many, or make more shards"
            )
        self.store, self.batch_size, self.seed = store, batch_size, seed
        self._rows = np.array([file.rows for file in store.files], dtype=np.int64)
        self._order: tuple[int, npt.NDArray, npt.NDArray] | None = None
        self._blocks: dict[tuple[int, int], LabelledStates] = {}

    def __len__(self) -> int:
        """Batches of an epoch."""
        return len(self.store) // self.batch_size

    def batch(self, k: int) -> Rows:
        """The rows of batch k; batch len(self) is the first of the second epoch."""
        if k < 0:
            raise BadInput(f"batch {k}: batches are numbered 0, 1, 2, ...")
        epoch, place = divmod(k, len(self))
        files, block_ends = self._files(epoch)
        start, stop = place * self.batch_size, (place + 1) * self.batch_size
        first, last = np.searchsorted(block_ends, [start, stop - 1], side="right")
        parts, numbers = [], []
        for block in range(int(first), int(last) + 1):
            begin = int(block_ends[block - 1]) if block else 0
            rows = self._block(epoch, block)
            parts.append(rows.take(slice(max(start - begin, 0), stop - begin)))
            numbers.append(files[block * self.BLOCK : (block + 1) * self.BLOCK])
        self._blocks = {key: rows for key, rows in self._blocks.items() if key == (epoch, int(last))}
        return _rows_of_files(join(parts), np.concatenate(numbers))

    def batches(self, start: int = 0, part: int = 0, parts: int = 1) -> Iterator[Rows]:
        """The batches of steps start, start + 1, ... for one of `parts` that train together."""
        if not 0 <= part < parts:
            raise BadInput(f"part {part} of {parts}: use 0..{parts - 1}")
        step = start
        while True:
            yield self.batch(step * parts + part)
            step += 1

    def __reduce__(self):  # what crosses into another process holds no rows
        return type(self), (self.store, self.batch_size, self.seed)

    def _files(self, epoch: int) -> tuple[npt.NDArray, npt.NDArray]:
        """The files in the order `stream(seed, "epoch", epoch)`, and the row each block ends before."""
        if self._order is None or self._order[0] != epoch:
            files = stream(self.seed, "epoch", epoch).permutation(len(self._rows))
            ends = np.cumsum(self._rows[files])
            self._order = epoch, files, np.append(ends[self.BLOCK - 1 : -1 : self.BLOCK], ends[-1])
        return self._order[1:]

    def _block(self, epoch: int, block: int) -> LabelledStates:
        """The rows of a block in order: `stream(seed, "epoch", epoch, "block", block)`."""
        if (epoch, block) not in self._blocks:
            files = self._files(epoch)[0][block * self.BLOCK : (block + 1) * self.BLOCK]
            rows = join([self.store.labels(int(number)) for number in files])
            order = stream(self.seed, "epoch", epoch, "block", block).permutation(len(rows))
            self._blocks[epoch, block] = rows.take(order)
        return self._blocks[epoch, block]
