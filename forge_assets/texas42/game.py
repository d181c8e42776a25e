"""The record of Texas 42: see `forge_assets.games`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from forge_assets.games import Game, GameDefinitions, RegisteredModel
from forge_assets.texas42 import versions
from forge_assets.texas42.blocks import RENAMED
from forge_assets.texas42.flywheel import FLYWHEEL
from forge_core.texas42.one_hand.architecture import OBJECTIVE as ONE_HAND
from forge_core.texas42.reference import ONE_HAND_REFERENCE, REFERENCE

if TYPE_CHECKING:
    import dagster as dg

    from forge_assets.gaps.partitioned import PartitionedAsset
    from forge_assets.gaps.report import GapQuery
    from forge_assets.lineage.records import Rows
    from forge_assets.lineage.search import Card, Search
    from forge_assets.quickstart import Quickstart
    from forge_core.files import Store


def _definitions() -> GameDefinitions:
    from forge_assets.texas42.definitions import definitions

    return definitions()


def _inspection(query: GapQuery, store: Store) -> Sequence[PartitionedAsset]:
    from forge_assets.texas42.inspection import inspection

    return inspection(query, store)


def _read_rows(search: Search, card: Card) -> Rows:
    from forge_assets.texas42.lineage import read_rows

    return read_rows(search, card)


def _register(instance: dg.DagsterInstance, partitions: Sequence[str]) -> None:
    from forge_assets.texas42.universe import register

    register(instance, partitions)


def _quickstart(quickstart: Quickstart) -> None:
    from forge_assets.texas42.quickstart import make_all

    make_all(quickstart)


_LOSSES: dict[str, Any] = {
    "headline": "decision_q_gap",
    "unit": "points lost per decision",
    "evaluate": "forge evaluate {model}",
}

_CURVES = ("decision_q_gap", "train_decision_q_gap", "train_val_gap", "decision_accuracy")
"""figures of an evaluation that MLflow shows of every network"""

TEXAS42 = Game(
    name="texas42",
    experiment="texas42-oracle",
    model_prefix="texas42-",
    models=(
        RegisteredModel(
            "qvalue",
            "texas42-oracle-qvalue",
            "oracle_model",
            "qvalue",
            REFERENCE,
            **_LOSSES,
            curves=(*_CURVES, "decision_q_mae", "decision_value_mae"),
            has_evaluation=True,
        ),
        RegisteredModel(
            "policy",
            "texas42-oracle-policy",
            "oracle_model",
            "policy",
            **_LOSSES,
            curves=(*_CURVES, "decision_value_mae"),
            has_evaluation=True,
        ),
        RegisteredModel(
            "eq",
            "texas42-eq",
            "eq_model",
            **_LOSSES,
            curves=(*_CURVES, "spread_mae", "spread_bias"),
        ),
        RegisteredModel(
            "regret",
            "texas42-regret",
            "eq_model",
            headline="decision_q_gap",
            unit="points lost per decision",
            curves=(*_CURVES, "decision_value_mae"),
            evaluate="forge match stage2:model={model} network",
        ),
        RegisteredModel(
            ONE_HAND,
            "texas42-one-hand",
            "one_hand_model",
            other_assets=("self_play_model",),
            reference=ONE_HAND_REFERENCE,
            headline="decision_q_gap",
            unit="points lost per decision",
            evaluate="forge match network:model={model} network",
        ),
    ),
    definitions=_definitions,
    network_version=versions.of_network,
    read_rows=_read_rows,
    results={
        "rows": "{:,.0f} rows",
        "step": "step {:,.0f}",
        "decision_q_gap": "{:.3f} points lost per decision",
        "points_per_deal": "{:+.2f} points per deal against the shipped network",
        "spread_mae": "{:.3f} points of error in the spread",
        "seconds": "",
        "cpu_seconds": "{:,.0f} CPU s",
    },
    partitioned=("oracle_shards", "marginalized_shards", "golden_shards", "eq_games", "bidding_results"),
    inspection=_inspection,
    register=_register,
    renamed=RENAMED,
    flywheel=FLYWHEEL,
    quickstart=_quickstart,
)
