"""Definitions of Skull King for Dagster."""

from __future__ import annotations

from forge_assets.flywheel.progress import progress_asset
from forge_assets.flywheel.sensor import automate
from forge_assets.games import GameDefinitions
from forge_assets.skull_king.benchmark import skull_king_benchmark
from forge_assets.skull_king.champion import skull_king_champion
from forge_assets.skull_king.evaluation import skull_king_evaluation
from forge_assets.skull_king.flywheel import FLYWHEEL
from forge_assets.skull_king.names import GROUP
from forge_assets.skull_king.policy import skull_king_policy


def definitions() -> GameDefinitions:
    """Return all assets of the game, and the jobs, schedules and sensors that automate them."""
    flywheel = automate(FLYWHEEL)
    return GameDefinitions(
        assets=(
            skull_king_policy,
            skull_king_evaluation,
            skull_king_champion,
            skull_king_benchmark,
            progress_asset(FLYWHEEL, GROUP),
        ),
        jobs=(flywheel.job,),
        schedules=(flywheel.schedule,),
        sensors=(flywheel.sensor,),
    )
