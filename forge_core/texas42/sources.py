"""Sources of training rows: fresh deals, rows stored from shards, or recorded games.

A source can be described (its `record` becomes `data` in a run's config.json and in model cards)
and opened. `choose_source` builds one from user settings, `parse_source` from a record. This
module is cheap to import.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from forge_core.errors import BadInput
from forge_core.learning.labelled.settings import LIVE_ROWS_PER_DEAL

if TYPE_CHECKING:
    from forge_core.files import Store
    from forge_core.learning.labelled.rows import Rows, RowSource
    from forge_core.learning.spec import TokenSpec
    from forge_core.splits import Split
    from forge_core.texas42.tokens.live_source import ChunkConfig

WATCHED_ROWS, WATCHED_ROWS_PER_DEAL = 40_000, 600
"""val rows for evaluation during training: the total from a store, and the number per deal solved for live
training"""
SAMPLED_ROWS = 10_000
"""training rows on which a network is evaluated, too: their standard error is twice that of WATCHED_ROWS, and
they cost a quarter as much"""


@dataclass(frozen=True, slots=True)
class Source(ABC):
    """Rows to train on, and val rows to evaluate on during training."""

    kind: ClassVar[str]
    """the name of the source in records"""
    stage: ClassVar[int]
    """1: rows show all four hands; 2: rows show one hand and the plays"""
    noun: ClassVar[str]
    """plural noun for the files that the rows come from; for live rows, deals"""
    is_live: ClassVar[bool] = False
    """True if rows are generated during training, without end"""

    record: Mapping[str, Any]
    """description in JSON types, enough to reopen the same rows: kind, version, ...; `origin` records where
    the rows came from (it follows from the version and does not identify the source)"""

    @property
    def version(self) -> str:
        """Digest of the rows, or of the settings that generate them."""
        return self.record["version"]

    def run_stem(self, objective: str, size: str) -> str:
        """Return the beginning of a run's name: the objective, the network size and the kind of rows."""
        return f"texas42-{objective}-{size}-{self.kind}"

    @classmethod
    @abstractmethod
    def spec(cls) -> TokenSpec:
        """Return the token spec of the rows."""

    @abstractmethod
    def open(self, makers: int, share: str | None = None) -> tuple[RowSource, Rows]:
        """Return the training rows and the val rows. makers: number of processes that generate live rows.
        share: folder in which runs share them.

        Raises BadInput if stored rows have changed, StoreUnusable if the folder cannot be written.
        """

    def sample(self) -> Rows | None:
        """Return training rows that can be compared with the val rows; None for live rows, which are new at
        each step, so that no network can memorize them."""
        return None

    @abstractmethod
    def steps_of(self, epochs: int) -> int:
        """Return the number of steps in `epochs` passes over the rows. Raises BadInput for live rows."""

    @abstractmethod
    def makers(self, workers: int | None, share: str | None = None) -> int:
        """Return the number of processes that make rows. Raises BadInput for either option on stored rows."""


class EndlessRows(Source):
    """Fresh rows, made from new deals during training."""

    __slots__ = ()
    noun: ClassVar[str] = "deals"
    is_live: ClassVar[bool] = True

    @classmethod
    @abstractmethod
    def config_kind(cls) -> type[ChunkConfig]:
        """Return the class of the configuration."""

    @classmethod
    @abstractmethod
    def choose_config(cls, batch_size: int, seed: int, rows_per_deal: int | None) -> ChunkConfig:
        """Return the configuration for the user's settings. Raises BadInput for invalid ones."""

    @staticmethod
    @abstractmethod
    def val_rows() -> Rows:
        """Make the val rows, the same ones for all runs."""

    @classmethod
    def describe(cls, batch_size: int, seed: int, rows_per_deal: int | None = None) -> Self:
        """Return a live source with this batch size; a different seed gives different rows."""
        config = cls.choose_config(batch_size, seed, rows_per_deal)
        origin = {"versions": config.versions()}
        return cls(
            {"kind": cls.kind, "config": asdict(config), "version": config.fingerprint, "origin": origin}
        )

    @classmethod
    def spec(cls) -> TokenSpec:
        """Return the token spec of the rows."""
        return cls.config_kind().spec

    def open(self, makers: int, share: str | None = None) -> tuple[RowSource, Rows]:
        """Return an endless stream of training rows, and val rows made on the fly. With makers=0 this
        process generates the training rows itself."""
        from forge_core.files import Store
        from forge_core.texas42.tokens.live_source import LiveSource

        shared = None if share is None else Store(share)
        source = LiveSource(self.config_kind()(**self.record["config"]), makers, shared)
        if shared:
            shared.check_writable()
        return source, self.val_rows()

    def steps_of(self, epochs: int) -> int:
        """Raise BadInput, because live rows never end."""
        raise BadInput("epochs count passes over stored rows, but live rows never end: use steps")

    def makers(self, workers: int | None, share: str | None = None) -> int:
        """Return `workers`, or 1 if it is None."""
        return 1 if workers is None else workers


class LiveRows(EndlessRows):
    """Fresh rows that show all four hands: deals are dealt, played and solved during training."""

    __slots__ = ()
    kind: ClassVar[str] = "live"
    stage: ClassVar[int] = 1

    @classmethod
    def config_kind(cls) -> type[ChunkConfig]:
        """Return the class of the configuration."""
        from forge_core.texas42.tokens.live import LiveConfig

        return LiveConfig

    @classmethod
    def choose_config(cls, batch_size: int, seed: int, rows_per_deal: int | None) -> ChunkConfig:
        """Return the configuration for the user's settings. Raises BadInput for invalid ones."""
        from forge_core.texas42.tokens.live import LiveConfig

        rows = LIVE_ROWS_PER_DEAL if rows_per_deal is None else rows_per_deal
        return LiveConfig.of(seed, batch_size, rows)

    @staticmethod
    def val_rows() -> Rows:
        """Solve val deals, and return some rows of each."""
        from forge_core.learning.labelled.rows import concatenate
        from forge_core.texas42.tokens.golden import golden_rows, watched_keys

        return concatenate(list(golden_rows(watched_keys(), rows_per_deal=WATCHED_ROWS_PER_DEAL)))


class LiveDecisions(EndlessRows):
    """Fresh rows that show one hand: deals are played, and their decisions valued by playouts, during
    training."""

    __slots__ = ()
    kind: ClassVar[str] = "live-decisions"
    stage: ClassVar[int] = 2

    @classmethod
    def config_kind(cls) -> type[ChunkConfig]:
        """Return the class of the configuration."""
        from forge_core.texas42.tokens.live_decisions import LiveDecisionConfig

        return LiveDecisionConfig

    @classmethod
    def choose_config(cls, batch_size: int, seed: int, rows_per_deal: int | None) -> ChunkConfig:
        """Return the configuration for the user's settings. Raises BadInput for invalid ones."""
        from forge_core.texas42.tokens.live_decisions import LiveDecisionConfig

        if rows_per_deal is not None:
            raise BadInput(
                "--rows-per-deal has no effect with --stage 2, where each decision of a deal is a row: leave "
                "it out"
            )
        return LiveDecisionConfig.of(seed, batch_size)

    @staticmethod
    def val_rows() -> Rows:
        """Play val deals, and return their decisions."""
        from forge_core.texas42.tokens.live_decisions import val_rows

        return val_rows(WATCHED_ROWS)


class StoredRows(Source):
    """Rows stored on disk, by split."""

    __slots__ = ()

    @classmethod
    def describe(cls, store: Store, batch_size: int, seed: int) -> Self:
        """Return a source for the rows now in a store. Raises BadInput if there are none."""
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
        """Return the train and val rows in a store. Raises BadInput if there are none."""
        from forge_core.splits import Split

        return {split: cls.open_split(store, split) for split in (Split.TRAIN, Split.VAL)}

    @classmethod
    @abstractmethod
    def open_split(cls, store: Store, split: Split) -> Any:
        """Return the rows of a split, with their manifest. Raises BadInput if there are none."""

    @classmethod
    @abstractmethod
    def origin_of(cls, store: Store, rows: Mapping[Split, Any]) -> dict[str, Any]:
        """Describe the files that the rows were made from, in JSON types. rows: opened rows by split."""

    def open(self, makers: int, share: str | None = None) -> tuple[RowSource, Rows]:
        """Return the rows described by the record. Raises BadInput if they have changed since."""
        from forge_core.learning.labelled.stored import StoredSource
        from forge_core.splits import Split

        record, found = self.record, self.open_both()
        train, val = found[Split.TRAIN], found[Split.VAL]
        return StoredSource(train, record["batch_size"], record["seed"]), val.rows(
            min(WATCHED_ROWS, len(val))
        )

    def sample(self) -> Rows:
        """Return training rows that were drawn like the val rows. Raises BadInput if there are none."""
        from forge_core.files import Store
        from forge_core.splits import Split

        train = self.open_split(Store(self.record["store"]), Split.TRAIN)
        return train.rows(min(SAMPLED_ROWS, len(train)))

    def open_both(self) -> dict[Split, Any]:
        """Return the train and val rows of the record. Raises BadInput if they have changed since."""
        from forge_core.files import Store
        from forge_core.splits import Split

        found = self.find(Store(self.record["store"]))
        for split, version in ((Split.TRAIN, "version"), (Split.VAL, "val_version")):
            if found[split].manifest.hash != self.record[version]:
                raise BadInput(
                    f"{found[split].folder.url} has changed since the run started: start a new run"
                )
        return found

    def steps_of(self, epochs: int) -> int:
        """Return the number of full batches in the rows, times the number of passes."""
        return epochs * (self.record["rows"] // self.record["batch_size"])

    def makers(self, workers: int | None, share: str | None = None) -> int:
        """Return 0, because stored rows need no processes."""
        refuse_live_settings(workers=workers, share=share)
        return 0


class ShardRows(StoredRows):
    """Rows drawn from solved deals; they show all four hands."""

    __slots__ = ()
    kind: ClassVar[str] = "stored"
    stage: ClassVar[int] = 1
    noun: ClassVar[str] = "shards"

    @classmethod
    def spec(cls) -> TokenSpec:
        """Return the stage 1 token spec."""
        from forge_core.texas42.tokens.rows import STAGE1_SPEC

        return STAGE1_SPEC

    @classmethod
    def open_split(cls, store: Store, split: Split) -> Any:
        """Return the TokenStore of a split."""
        from forge_core.texas42.tokens.splits import TokenStore

        return TokenStore(store, split)

    @classmethod
    def origin_of(cls, store: Store, rows: Mapping[Split, Any]) -> dict[str, Any]:
        """Return the provenance of the rows: see `tokens.origins.origin_of_rows`."""
        from forge_core.texas42.tokens.origins import origin_of_rows

        return origin_of_rows(store, [of_split.manifest for of_split in rows.values()])


class GameRows(StoredRows):
    """Rows from recorded games; they show what the player to move saw and the values it estimated."""

    __slots__ = ()
    kind: ClassVar[str] = "games"
    stage: ClassVar[int] = 2
    noun: ClassVar[str] = "games"

    @classmethod
    def spec(cls) -> TokenSpec:
        """Return the stage 2 token spec."""
        from forge_core.texas42.tokens.inferences import STAGE2_SPEC

        return STAGE2_SPEC

    @classmethod
    def open_split(cls, store: Store, split: Split) -> Any:
        """Return the GameRowStore of a split."""
        from forge_core.texas42.eq.splits import GameRowStore

        return GameRowStore(store, split)

    @classmethod
    def origin_of(cls, store: Store, rows: Mapping[Split, Any]) -> dict[str, Any]:
        """Return the provenance of the rows: see `eq.origins.origin_of_games`."""
        from forge_core.texas42.eq.origins import origin_of_games

        return origin_of_games(store, rows.values())


class OneHandRows(GameRows):
    """Rows from recorded games for the network of `one_hand`, which reads features instead of tokens."""

    __slots__ = ()
    kind: ClassVar[str] = "one-hand"


SOURCES: dict[str, type[Source]] = {
    source.kind: source for source in (LiveRows, LiveDecisions, ShardRows, GameRows, OneHandRows)
}
"""source classes by their kind in records"""

STORED: dict[int, type[StoredRows]] = {source.stage: source for source in (ShardRows, GameRows)}
"""classes of stored sources, by stage"""
LIVE: dict[int, type[EndlessRows]] = {source.stage: source for source in (LiveRows, LiveDecisions)}
"""classes of live sources, by stage"""


def source_kind(kind: str) -> type[Source]:
    """Return the source class for a kind in a record. Raises BadInput for an unknown kind."""
    if kind not in SOURCES:
        raise BadInput(f"unknown kind of rows {kind!r}: use one of {', '.join(SOURCES)}")
    return SOURCES[kind]


def parse_source(record: Mapping[str, Any]) -> Source:
    """Return the source described by a record in config.json or a model card. Raises BadInput if unknown."""
    return source_kind(record["kind"])(record)


def choose_source(
    data: str | None,
    live: bool,
    batch_size: int,
    seed: int,
    stage: int = 1,
    rows_per_deal: int | None = None,
    workers: int | None = None,
    share: str | None = None,
) -> Source:
    """Return the source for the user's settings. data: the root of a store, or None if live is set.
    rows_per_deal, workers, share: only with live, see LiveTeachingSettings.

    Raises BadInput if the settings conflict.
    """
    from forge_core.files import Store

    if stage == GameRows.stage and data is None and not live:
        raise BadInput(
            "--stage 2 needs a source of rows: pass --live; or play games with forge eq, tokenize them, and "
            "pass --data DIR"
        )
    if live == (data is not None):
        raise BadInput("training needs one source of rows: pass either --data DIR or --live")
    if live:
        return LIVE[stage].describe(batch_size, seed, rows_per_deal)
    refuse_live_settings(rows_per_deal=rows_per_deal, workers=workers, share=share)
    return STORED[stage].describe(Store(data or ""), batch_size, seed)


def refuse_live_settings(**given: Any) -> None:
    """Raise BadInput if a setting is given that needs live rows. given: by name, None if it is left out."""
    for name, value in given.items():
        if value is not None:
            option = name.replace("_", "-")
            raise BadInput(f"--{option} needs --live and has no effect on stored rows: leave it out")


def choose_objective(stage: int, objective: str | None, live: bool = False) -> str:
    """Return the objective for a stage; None means its default. live: True for live rows.

    Raises BadInput if they do not match.
    """
    if stage not in STORED:
        raise BadInput(f"stage {stage}: use 1 or 2")
    if stage == 1 and objective == "eq":
        raise BadInput("--objective eq needs --stage 2: a stage 1 network sees all hands")
    if stage == 2 and live:
        if objective in ("eq", "policy"):
            raise BadInput(
                f"--objective {objective} needs values that are means over worlds, but with --stage 2 --live "
                "each is of a single one: use regret or qvalue"
            )
        return objective or "regret"
    return objective or ("qvalue" if stage == 1 else "eq")
