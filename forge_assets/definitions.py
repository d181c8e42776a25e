"""All definitions that Dagster loads: those of each game, and those that all games share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import dagster as dg

from forge_assets.games import Game, all_games
from forge_assets.resources import ComputeDevice, ShardStore
from forge_assets.retention.schedule import prune_weekly
from forge_assets.tracking.tracker import Tracker


def _described(game: Game, asset: dg.AssetsDefinition | dg.AssetSpec) -> dg.AssetsDefinition | dg.AssetSpec:
    """Add the entries by which the UI finds and filters the assets of a game: owner and tags."""

    def described(spec: dg.AssetSpec) -> dg.AssetSpec:
        return spec.merge_attributes(owners=[f"team:{game.name}"], tags={"game": game.name})

    return described(asset) if isinstance(asset, dg.AssetSpec) else asset.map_asset_specs(described)


def definitions_of(games: Sequence[Game]) -> dg.Definitions:
    """Build the definitions for a list of games."""
    parts = [game.definitions() for game in games]
    pairs = zip(games, parts, strict=True)
    assets = [_described(game, asset) for game, part in pairs for asset in part.assets]
    return dg.Definitions(
        assets=dg.with_source_code_references(assets),
        jobs=list(chain.from_iterable(part.jobs for part in parts)),
        schedules=[*chain.from_iterable(part.schedules for part in parts), prune_weekly],
        sensors=list(chain.from_iterable(part.sensors for part in parts)),
        resources={"store": ShardStore(), "compute": ComputeDevice(), "tracker": Tracker()},
        executor=dg.in_process_executor,
    )


defs = definitions_of(all_games())
