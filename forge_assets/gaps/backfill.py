"""The backfill that repairs exactly the partitions with gaps."""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg

from forge_assets.dagster_internals import (
    asset_graph,
    backfills_under_way,
    is_daemon_healthy,
    start_backfill,
)
from forge_assets.games import all_games
from forge_assets.gaps.report import GapReport, settings_text
from forge_assets.run_config import asset_key, default_definitions

_MENDS = "forge/mends"
"""tag of a backfill that `mend` started: its asset"""
_SILENT_S = 60.0
"""seconds without a heartbeat after which a daemon counts as stopped: it sends one every 30 s. Dagster's own
limit is half an hour"""


@dataclass(frozen=True, slots=True)
class Mending:
    """A backfill that was started or is already under way."""

    asset: str
    backfill_id: str
    partitions: int
    new: bool
    """False if an earlier backfill is still under way, so that none was started"""


def mend(
    report: GapReport, instance: dg.DagsterInstance, definitions: dg.Definitions | None = None
) -> list[Mending]:
    """Start one backfill per asset, over exactly the partitions that a run can repair."""
    graph = asset_graph(default_definitions(definitions))
    earlier = {backfill.tags.get(_MENDS): backfill.backfill_id for backfill in backfills_under_way(instance)}
    started: list[Mending] = []
    for asset in report.assets:
        partitions = asset.mendable
        if not partitions or asset.run_config is None:
            continue
        if asset.asset in earlier:
            started.append(Mending(asset.asset, earlier[asset.asset], len(partitions), new=False))
            continue
        for game in all_games():
            if asset.asset in game.partitioned:
                game.register(instance, partitions)
        backfill_id = start_backfill(
            instance,
            graph,
            asset_key(asset.asset),
            partitions,
            asset.run_config,
            tags={_MENDS: asset.asset},
            title=f"Gaps of {asset.asset}",
            description=f"{len(partitions):,} partitions with {settings_text(asset.settings)}",
        )
        started.append(Mending(asset.asset, backfill_id, len(partitions), new=True))
    return started


def is_daemon_up(instance: dg.DagsterInstance) -> bool:
    """Return True if the daemon that runs backfills has sent a heartbeat in the last minute."""
    return is_daemon_healthy(instance, "BACKFILL", _SILENT_S)
