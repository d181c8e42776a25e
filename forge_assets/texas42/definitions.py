"""Dagster definitions of Texas 42."""

from __future__ import annotations

from forge_assets.automation import catalog_sensor
from forge_assets.flywheel.progress import progress_asset
from forge_assets.flywheel.sensor import automate
from forge_assets.games import GameDefinitions
from forge_assets.texas42 import groups
from forge_assets.texas42.bidding_results import bidding_results
from forge_assets.texas42.champion import champion
from forge_assets.texas42.eq_catalog import eq_catalog
from forge_assets.texas42.eq_games import eq_games
from forge_assets.texas42.eq_model import eq_model, eq_model_onnx
from forge_assets.texas42.eq_token_splits import eq_token_splits
from forge_assets.texas42.flywheel import FLYWHEEL
from forge_assets.texas42.match_results import match_results
from forge_assets.texas42.one_hand_model import one_hand_model
from forge_assets.texas42.oracle_model import oracle_model, oracle_model_evaluation, oracle_model_onnx
from forge_assets.texas42.oracle_shards import golden_shards, marginalized_shards, oracle_shards
from forge_assets.texas42.play_page import play_page
from forge_assets.texas42.self_play_model import self_play_model
from forge_assets.texas42.shard_catalog import shard_catalog
from forge_assets.texas42.token_splits import token_splits
from forge_assets.texas42.universe import seed_blocks_sensor


def definitions() -> GameDefinitions:
    """Return all assets of the game, and the jobs, schedules and sensors that automate them."""
    flywheel = automate(FLYWHEEL)
    return GameDefinitions(
        assets=(
            oracle_shards,
            marginalized_shards,
            golden_shards,
            shard_catalog,
            token_splits,
            oracle_model,
            oracle_model_evaluation,
            oracle_model_onnx,
            eq_games,
            eq_catalog,
            eq_token_splits,
            eq_model,
            eq_model_onnx,
            one_hand_model,
            self_play_model,
            bidding_results,
            match_results,
            champion,
            play_page,
            progress_asset(FLYWHEEL, groups.FLYWHEEL),
        ),
        jobs=(flywheel.job,),
        schedules=(flywheel.schedule,),
        sensors=(
            flywheel.sensor,
            seed_blocks_sensor,
            catalog_sensor("shards", shard_catalog),
            catalog_sensor("games", eq_catalog),
        ),
    )
