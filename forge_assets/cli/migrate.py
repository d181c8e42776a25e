"""`forge-pipeline migrate`: rename the partitions that earlier versions named otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from forge_core.cli.options import Json

if TYPE_CHECKING:
    import dagster as dg


def migrate(json: Json = False) -> None:
    """Rename partitions in Dagster's records, where an earlier version named them otherwise.

    Everything that was materialized stays so. Let backfills end and stop Dagster first. Run it once; to
    repeat it does no harm.
    """
    from forge_assets.dagster_internals import rename_partitions
    from forge_assets.games import all_games
    from forge_assets.resources import find_instance
    from forge_core.cli.screen import notes, print_json

    with find_instance() as instance:
        renamed: dict[str, int] = {}
        with notes().status("renaming partitions"):
            for game in all_games():
                game.register(instance, ())
                if game.renamed:
                    renamed[game.name] = rename_partitions(instance, game.renamed)
                    game.register(instance, sorted(_partitions(instance, game.partitioned)))
    if json:
        print_json({"renamed": renamed})
        return
    for game, number in renamed.items():
        print(f"{game}: {number:,} events renamed" if number else f"{game}: all names are current")


def _partitions(instance: dg.DagsterInstance, assets: Iterable[str]) -> set[str]:
    """Return all partitions of assets that are recorded."""
    from forge_assets.run_config import asset_key

    return {name for asset in assets for name in instance.get_materialized_partitions(asset_key(asset))}
