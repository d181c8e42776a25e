"""The question that `gaps` answers, and its answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forge_core.files.inspection import Condition

UNRECORDED = "not recorded"
OUTDATED = "recorded under an older version"
DIFFERENT = "recorded with other settings"
UPSTREAM = "recorded before its network changed"
FAULTS = (*Condition, UNRECORDED, OUTDATED, DIFFERENT, UPSTREAM)
"""all that can be wrong with a partition, in the order in which it is listed"""
_MENDED = {
    *(Condition.MISSING, Condition.CORRUPT, Condition.STALE, Condition.DIFFERENT_SETTINGS),
    *(UNRECORDED, OUTDATED, DIFFERENT),
}
"""faults that a run repairs. Not UPSTREAM: games by an older network are still games"""
VARYING: Mapping[str, Any] = {"settings": "of each partition"}
"""settings of an asset whose partitions were made with different ones"""


@dataclass(frozen=True, slots=True)
class GapQuery:
    """The partitions and files to inspect."""

    blocks: tuple[int, ...] | None = None
    """numbers of the blocks, as the game counts them; None: of each asset, the blocks that the store or
    Dagster has anything of"""
    assets: tuple[str, ...] = ()
    """the only assets to inspect, which must have all of `blocks`. Empty: one asset, chosen by the game, must
    have all; of the others, blocks are inspected if there is anything of them"""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """of the files, as the game names them; those that are left out are those of most files"""
    verify: bool = False
    """read whole files, not only footers"""


@dataclass(frozen=True, slots=True)
class Gap:
    """A partition that is not as it should be."""

    partition: str
    kinds: tuple[str, ...]
    """its faults, of FAULTS"""
    files: tuple[tuple[str, str], ...]
    """path below the store and reason, of all faulty files that exist"""
    missing: int = 0
    """files that do not exist"""


@dataclass(frozen=True, slots=True)
class AssetGaps:
    """One asset of many partitions."""

    asset: str
    noun: str
    """plural noun for its files: shards, games, tables"""
    partitions: tuple[str, ...]
    """all that were inspected"""
    files: int
    """number of files that should exist"""
    settings: Mapping[str, Any]
    """with which the files should be made"""
    gaps: tuple[Gap, ...]
    describe: Callable[[Sequence[str]], str] = ", ".join
    """names of partitions -> a short text"""
    run_config: Mapping[str, Any] | None = None
    """of a run that repairs it; None: no record tells the settings"""

    @property
    def mendable(self) -> list[str]:
        """Partitions that a run repairs: none with the file of another maker in the way."""
        if self.run_config is None:
            return []
        return [
            gap.partition
            for gap in self.gaps
            if _MENDED & set(gap.kinds) and Condition.FOREIGN not in gap.kinds
        ]

    def by_kinds(self) -> dict[tuple[str, ...], list[Gap]]:
        """Return the gaps, grouped by equal faults."""
        found: dict[tuple[str, ...], list[Gap]] = defaultdict(list)
        for gap in self.gaps:
            found[gap.kinds].append(gap)
        return dict(sorted(found.items(), key=lambda item: [FAULTS.index(fault) for fault in item[0]]))


@dataclass(frozen=True, slots=True)
class StaleAsset:
    """Another asset, or a partition of one, that is not up to date."""

    asset: str
    partition: str | None
    causes: tuple[str, ...]
    """why it is stale; empty: it was never made"""

    @property
    def name(self) -> str:
        """Its name as Dagster writes it: `token_splits[train]`."""
        return self.asset if self.partition is None else f"{self.asset}[{self.partition}]"


@dataclass(frozen=True, slots=True)
class GapReport:
    """The answer."""

    store: str
    blocks: tuple[int, ...] | None
    assets: tuple[AssetGaps, ...]
    others: tuple[StaleAsset, ...]
    """in the order in which they are made"""

    @property
    def stale(self) -> list[StaleAsset]:
        """Other assets that were made and should be made again."""
        return [other for other in self.others if other.causes]

    @property
    def never_made(self) -> list[StaleAsset]:
        """Other assets that nobody has made yet."""
        return [other for other in self.others if not other.causes]

    @property
    def whole(self) -> bool:
        """True if there is no gap and nothing stale; assets that were never made do not count."""
        return not self.stale and not any(asset.gaps for asset in self.assets)


def settings_text(settings: Mapping[str, Any]) -> str:
    """Return settings in a line: `rows 280, sample_seed 0`."""
    return ", ".join(f"{name} {value}" for name, value in settings.items()) or "no settings that are known"
