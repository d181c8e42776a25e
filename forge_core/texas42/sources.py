"""Sources of training rows: fresh deals, stored rows of shards, or recorded games.

A source can be described (its `record` is `data` in the config.json of a run and in model cards)
and opened. `choose_source` makes one from what a user asks for, `parse_source` from a record.
Nothing here takes time to import.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from forge_core.errors import BadInput

if TYPE_CHECKING:
    from forge_core.files import Store
    from forge_core.learning.labelled.rows import Rows, RowSource
    from forge_core.learning.spec import TokenSpec
    from forge_core.splits import Split

WATCHED_ROWS, WATCHED_ROWS_PER_DEAL = 40_000, 600
"""rows of val that training is watched by: of a store, and of each deal that is solved for live training"""


@dataclass(frozen=True, slots=True)
class Source(ABC):
    """Rows that a network learns from, and rows of val that it is watched by."""

    kind: ClassVar[str]
    """the name of the source in records"""
    stage: ClassVar[int]
    """1: rows that show all four hands; 2: rows that show one hand and the plays"""
    noun: ClassVar[str]
    """the files that rows were made from, in the plural; for live rows the deals"""
    is_live: ClassVar[bool] = False
    """True if rows are made during training, without end"""

    record: Mapping[str, Any]
    """JSON types, enough to open the same rows again: kind, version, ...; origin says where the rows came
    from, follows from their version and is no part of the question"""

    @property
    def version(self) -> str:
        """A digest of the rows, or of the settings that they are made with."""
        return self.record["version"]

    def run_name(self, objective: str, size: str) -> str:
        """Return a name for a run: what is learnt, by a network of which size, from which rows."""
        return f"texas42-{objective}-{size}-{self.kind}"

    @classmethod
    @abstractmethod
    def spec(cls) -> TokenSpec:
        """The tokens of the rows."""

    @abstractmethod
    def open(self, makers: int) -> tuple[RowSource, Rows]:
        """Return the rows to learn from and the rows to watch by. makers: processes that make live rows.

        Raises BadInput if stored rows have changed.
        """

    @abstractmethod
    def steps_of(self, epochs: int) -> int:
        """Return the steps of as many passes over the rows. Raises BadInput for rows without end."""

    @abstractmethod
    def makers(self, workers: int | None) -> int:
        """Return the processes that make rows if a user asks for `workers`. Raises BadInput."""


class LiveRows(Source):
    """Fresh rows: deals are dealt, played and solved during training."""

    __slots__ = ()
    kind: ClassVar[str] = "live"
    stage: ClassVar[int] = 1
    noun: ClassVar[str] = "deals"
    is_live: ClassVar[bool] = True

    @classmethod
    def describe(cls, batch_size: int, seed: int) -> LiveRows:
        """Return the source of batches of one size; another seed gives other rows."""
        from forge_core.texas42.tokens.live import LiveConfig

        config = LiveConfig(seed=seed, batch_size=batch_size)
        origin = {"versions": config.versions()}
        return cls(
            {"kind": cls.kind, "config": asdict(config), "version": config.fingerprint, "origin": origin}
        )

    @classmethod
    def spec(cls) -> TokenSpec:
        """The tokens of Stage 1."""
        from forge_core.texas42.tokens.rows import STAGE1_SPEC

        return STAGE1_SPEC

    def open(self, makers: int) -> tuple[RowSource, Rows]:
        """Return endless rows, and rows of deals that are solved here. With no makers, this process makes
        the rows."""
        from forge_core.learning.labelled.rows import concatenate
        from forge_core.texas42.tokens.golden import golden_rows, watched_keys
        from forge_core.texas42.tokens.live import LiveConfig, LiveSource

        source = LiveSource(LiveConfig(**self.record["config"]), makers)
        return source, concatenate(list(golden_rows(watched_keys(), rows_per_deal=WATCHED_ROWS_PER_DEAL)))

    def steps_of(self, epochs: int) -> int:
        """Raises BadInput: fresh rows have no end to pass."""
        raise BadInput("epochs count passes over stored rows, and fresh rows have no end: use steps")

    def makers(self, workers: int | None) -> int:
        """One process if nothing else is asked for."""
        return 1 if workers is None else workers


class StoredRows(Source):
    """Rows that lie on disk, by split."""

    __slots__ = ()

    @classmethod
    def describe(cls, store: Store, batch_size: int, seed: int) -> StoredRows:
        """Return the source of the rows in a store as they are now. Raises BadInput where there are none."""
        from forge_core.splits import Split

        rows = cls.find(store)
        train, val = rows[Split.TRAIN].manifest, rows[Split.VAL].manifest
        return cls(
            {
                "kind": cls.kind,
                "store": store.url,
                "batch_size": batch_size,
                "seed": seed,
                "rows": train.rows,
                "version": train.hash,
                "val_version": val.hash,
                "origin": cls.origin_of(store, rows),
            }
        )

    @classmethod
    def find(cls, store: Store) -> dict[Split, Any]:
        """Return the rows of train and val that lie in a store. Raises BadInput where there are none."""
        from forge_core.splits import Split

        return {split: cls.open_split(store, split) for split in (Split.TRAIN, Split.VAL)}

    @classmethod
    @abstractmethod
    def open_split(cls, store: Store, split: Split) -> Any:
        """Return the rows of a split, with their manifest. Raises BadInput where there are none."""

    @classmethod
    @abstractmethod
    def origin_of(cls, store: Store, rows: Mapping[Split, Any]) -> dict[str, Any]:
        """Return which files the rows were made from, JSON types. rows: opened, by split."""

    def open(self, makers: int) -> tuple[RowSource, Rows]:
        """Return the rows as they were described."""
        from forge_core.files import Store
        from forge_core.learning.labelled.stored import StoredSource
        from forge_core.splits import Split

        record, found = self.record, self.find(Store(self.record["store"]))
        train, val = found[Split.TRAIN], found[Split.VAL]
        for rows, version in ((train, record["version"]), (val, record["val_version"])):
            if rows.manifest.hash != version:
                raise BadInput(f"{rows.folder.url} has changed since the run was begun: begin another run")
        return StoredSource(train, record["batch_size"], record["seed"]), val.rows(
            min(WATCHED_ROWS, len(val))
        )

    def steps_of(self, epochs: int) -> int:
        """Batches that all rows fill, times the passes."""
        return epochs * (self.record["rows"] // self.record["batch_size"])

    def makers(self, workers: int | None) -> int:
        """None: the rows are there."""
        if workers is not None:
            raise BadInput("workers make fresh rows, and these rows are stored: leave workers out")
        return 0


class ShardRows(StoredRows):
    """Rows drawn from solved deals: they show all four hands."""

    __slots__ = ()
    kind: ClassVar[str] = "stored"
    stage: ClassVar[int] = 1
    noun: ClassVar[str] = "shards"

    @classmethod
    def spec(cls) -> TokenSpec:
        """The tokens of Stage 1."""
        from forge_core.texas42.tokens.rows import STAGE1_SPEC

        return STAGE1_SPEC

    @classmethod
    def open_split(cls, store: Store, split: Split) -> Any:
        """Return the TokenStore of a split."""
        from forge_core.texas42.tokens.splits import TokenStore

        return TokenStore(store, split)

    @classmethod
    def origin_of(cls, store: Store, rows: Mapping[Split, Any]) -> dict[str, Any]:
        """See `tokens.origins.origin_of_rows`."""
        from forge_core.texas42.tokens.origins import origin_of_rows

        return origin_of_rows(store, [of_split.manifest for of_split in rows.values()])


class GameRows(StoredRows):
    """Rows of recorded games: they show what the player to move saw, and what it expected."""

    __slots__ = ()
    kind: ClassVar[str] = "games"
    stage: ClassVar[int] = 2
    noun: ClassVar[str] = "games"

    @classmethod
    def spec(cls) -> TokenSpec:
        """The tokens of Stage 2."""
        from forge_core.texas42.tokens.transcript import STAGE2_SPEC

        return STAGE2_SPEC

    @classmethod
    def open_split(cls, store: Store, split: Split) -> Any:
        """Return the GameRowStore of a split."""
        from forge_core.texas42.eq.splits import GameRowStore

        return GameRowStore(store, split)

    @classmethod
    def origin_of(cls, store: Store, rows: Mapping[Split, Any]) -> dict[str, Any]:
        """See `eq.origins.origin_of_games`."""
        from forge_core.texas42.eq.origins import origin_of_games

        return origin_of_games(store, rows.values())


SOURCES: dict[str, type[Source]] = {source.kind: source for source in (LiveRows, ShardRows, GameRows)}
"""by the names in records"""

STORED: dict[int, type[StoredRows]] = {source.stage: source for source in (ShardRows, GameRows)}
"""sources on disk, by stage"""


def source_kind(kind: str) -> type[Source]:
    """Return the class of a source by its name in records. Raises BadInput."""
    if kind not in SOURCES:
        raise BadInput(f"rows of kind {kind!r}: this code knows {', '.join(SOURCES)}")
    return SOURCES[kind]


def parse_source(record: Mapping[str, Any]) -> Source:
    """Return the source of a record, as config.json and model cards have it. Raises BadInput."""
    return source_kind(record["kind"])(record)


def choose_source(data: str | None, live: bool, batch_size: int, seed: int, stage: int = 1) -> Source:
    """Return the source that a user asks for. data: the root of a store; else live. Raises BadInput."""
    from forge_core.files import Store

    if stage == GameRows.stage and data is None:
        raise BadInput("stage 2 learns from games: play some with forge eq, tokenize them, give --data DIR")
    if live == (data is not None):
        raise BadInput("rows come from --data DIR or are made --live: give one of them")
    if live:
        return LiveRows.describe(batch_size, seed)
    return STORED[stage].describe(Store(data or ""), batch_size, seed)


def choose_objective(stage: int, objective: str | None) -> str:
    """Return the objective of a network of a stage; None: the usual one. Raises BadInput."""
    if stage not in STORED:
        raise BadInput(f"stage {stage}: use 1 or 2")
    if stage == 1 and objective == "eq":
        raise BadInput("a network that sees all hands has nothing to expect: objective eq is for --stage 2")
    return objective or ("qvalue" if stage == 1 else "eq")
