"""Definitions of Liuzhou for Dagster."""

from __future__ import annotations

from forge_assets.flywheel.progress import progress_asset
from forge_assets.flywheel.sensor import automate
from forge_assets.games import GameDefinitions
from forge_assets.liuzhou.champion import liuzhou_champion
from forge_assets.liuzhou.evaluation import liuzhou_evaluation
from forge_assets.liuzhou.flywheel import FLYWHEEL
from forge_assets.liuzhou.model import liuzhou_model
from forge_assets.liuzhou.names import GROUP
from forge_assets.liuzhou.self_play import liuzhou_self_play
from forge_assets.liuzhou.validation import liuzhou_validation


def definitions() -> GameDefinitions:
    """Return all assets of the game, and the jobs, schedules and sensors that automate them."""
    flywheel = automate(FLYWHEEL)
    return GameDefinitions(
        assets=(
            liuzhou_self_play,
            liuzhou_model,
            liuzhou_evaluation,
            liuzhou_champion,
            liuzhou_validation,
            progress_asset(FLYWHEEL, GROUP),
        ),
        jobs=(flywheel.job,),
        schedules=(flywheel.schedule,),
        sensors=(flywheel.sensor,),
    )
