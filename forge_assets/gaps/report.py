"""The query that `gaps` answers, and its report."""

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
"""all faults that a partition can have, in the order in which they are listed"""
_MENDED = {
    *(Condition.MISSING, Condition.CORRUPT, Condition.STALE, Condition.DIFFERENT_SETTINGS),
    *(UNRECORDED, OUTDATED, DIFFERENT),
}
"""faults that a run repairs. UPSTREAM is not one: games played by an older network are still valid"""
VARYING: Mapping[str, Any] = {"settings": "of each partition"}
"""shown as the settings of an asset whose partitions have different settings"""


@dataclass(frozen=True, slots=True)
class GapQuery:
    """The partitions and files to inspect."""

    blocks: tuple[int, ...] | None = None
    """numbers of the blocks, as the game counts them; None for all blocks with data in the store or in
    Dagster"""
    assets: tuple[str, ...] = ()
    """the only assets to inspect, which must have all of `blocks`. If empty, one asset, chosen by the game,
    must have them all, and the other assets are inspected only in blocks that have data"""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """expected settings of the files, by the game's names; by default those of most files"""
    verify: bool = False
    """True to read whole files, not only footers"""


@dataclass(frozen=True, slots=True)
class Gap:
    """A partition with faults."""

    partition: str
    kinds: tuple[str, ...]
    """its faults, from FAULTS"""
    files: tuple[tuple[str, str], ...]
    """path below the store and reason, for each faulty file that exists"""
    missing: int = 0
    """number of files that do not exist"""


@dataclass(frozen=True, slots=True)
class AssetGaps:
    """The state of one asset with many partitions."""

    asset: str
    noun: str
    """plural noun for its files: shards, games, tables"""
    partitions: tuple[str, ...]
    """all inspected partitions"""
    files: int
    """number of files that should exist"""
    settings: Mapping[str, Any]
    """settings that the files should have"""
    gaps: tuple[Gap, ...]
    describe: Callable[[Sequence[str]], str] = ", ".join
    """names of partitions -> short description"""
    run_config: Mapping[str, Any] | None = None
    """configuration of a run that repairs it; None if the settings are not recorded"""

    @property
    def mendable(self) -> list[str]:
        """Partitions that a run can repair, except those blocked by a foreign file."""
        if self.run_config is None:
            return []
        return [
            gap.partition
            for gap in self.gaps
            if _MENDED & set(gap.kinds) and Condition.FOREIGN not in gap.kinds
        ]

    def by_kinds(self) -> dict[tuple[str, ...], list[Gap]]:
        """Return the gaps, grouped by their faults."""
        found: dict[tuple[str, ...], list[Gap]] = defaultdict(list)
        for gap in self.gaps:
            found[gap.kinds].append(gap)
        return dict(sorted(found.items(), key=lambda item: [FAULTS.index(fault) for fault in item[0]]))


@dataclass(frozen=True, slots=True)
class StaleAsset:
    """An asset whose files are not inspected, or a partition of one, that is not up to date."""

    asset: str
    partition: str | None
    causes: tuple[str, ...]
    """why it is stale; empty if it was never made"""

    @property
    def name(self) -> str:
        """Its name as Dagster writes it: `token_splits[train]`."""
        return self.asset if self.partition is None else f"{self.asset}[{self.partition}]"


@dataclass(frozen=True, slots=True)
class GapReport:
    """The answer to a GapQuery."""

    store: str
    blocks: tuple[int, ...] | None
    assets: tuple[AssetGaps, ...]
    others: tuple[StaleAsset, ...]
    """assets that were not inspected file by file, in the order in which they are made"""

    @property
    def stale(self) -> list[StaleAsset]:
        """Other assets that exist but should be made again."""
        return [other for other in self.others if other.causes]

    @property
    def never_made(self) -> list[StaleAsset]:
        """Other assets that were never made."""
        return [other for other in self.others if not other.causes]

    @property
    def whole(self) -> bool:
        """True if there are no gaps and nothing is stale; assets that were never made do not count."""
        return not self.stale and not any(asset.gaps for asset in self.assets)


def settings_text(settings: Mapping[str, Any]) -> str:
    """Return settings on one line: `rows 280, sample_seed 0`."""
    return ", ".join(f"{name} {value}" for name, value in settings.items()) or "unknown settings"
