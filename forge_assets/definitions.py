"""All definitions that Dagster loads: those of each game, and those that all games share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import dagster as dg

from forge_assets.games import Game, all_games
from forge_assets.resources import ComputeDevice, ShardStore
from forge_assets.retention.schedule import prune_weekly
from forge_assets.tracking.tracker import Tracker


def definitions_of(games: Sequence[Game]) -> dg.Definitions:
    """Build the definitions for a list of games."""
    parts = [game.definitions() for game in games]
    return dg.Definitions(
        assets=list(chain.from_iterable(part.assets for part in parts)),
        jobs=list(chain.from_iterable(part.jobs for part in parts)),
        schedules=[*chain.from_iterable(part.schedules for part in parts), prune_weekly],
        sensors=list(chain.from_iterable(part.sensors for part in parts)),
        resources={"store": ShardStore(), "compute": ComputeDevice(), "tracker": Tracker()},
        executor=dg.in_process_executor,
    )


defs = definitions_of(all_games())
