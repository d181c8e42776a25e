"""The record of Texas 42: see `forge_assets.games`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from forge_assets.games import FlywheelHooks, Game, GameDefinitions, RegisteredModel
from forge_assets.texas42 import versions
from forge_assets.texas42.blocks import N_BLOCKS, block_name, block_seeds
from forge_core.texas42.reference import REFERENCE

if TYPE_CHECKING:
    from forge_assets.flywheel.state import State
    from forge_assets.flywheel.steps import Step
    from forge_assets.gaps.partitioned import PartitionedAsset
    from forge_assets.gaps.report import GapQuery
    from forge_core.files import Store


def _definitions() -> GameDefinitions:
    from forge_assets.texas42.definitions import definitions

    return definitions()


def _inspection(query: GapQuery, store: Store) -> Sequence[PartitionedAsset]:
    from forge_assets.texas42.inspection import inspection

    return inspection(query, store)


def _steps(state: State) -> list[Step]:
    from forge_assets.flywheel.steps import steps_of

    return steps_of(state)


TEXAS42 = Game(
    name="texas42",
    experiment="texas42-oracle",
    model_prefix="texas42-",
    models=(
        RegisteredModel("qvalue", "texas42-oracle-qvalue", "oracle_model", "qvalue"),
        RegisteredModel("policy", "texas42-oracle-policy", "oracle_model", "policy"),
        RegisteredModel("eq", "texas42-eq", "eq_model"),
    ),
    definitions=_definitions,
    network_version=versions.of_network,
    partitioned=("oracle_shards", "marginalized_shards", "golden_shards", "eq_games", "bidding_results"),
    inspection=_inspection,
    flywheel=FlywheelHooks(
        assets=(
            "oracle_shards",
            "golden_shards",
            "shard_catalog",
            "token_splits",
            "oracle_model",
            "oracle_model_evaluation",
            "champion",
        ),
        objectives=("qvalue", "policy"),
        reference=REFERENCE,
        version=versions.EVALUATION,
        n_blocks=N_BLOCKS,
        block_seeds=lambda block: block_seeds(block_name(block)),
        steps=_steps,
    ),
)
