"""The record that registers Liuzhou: see `forge_assets.games`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from forge_assets.games import Game, GameDefinitions, RegisteredModel
from forge_assets.liuzhou import versions
from forge_assets.liuzhou.flywheel import FLYWHEEL
from forge_assets.liuzhou.names import SIZES, objective_of
from forge_core.liuzhou.reference import REFERENCE
from forge_core.liuzhou.settings.network import DEFAULT_SIZE

if TYPE_CHECKING:
    from forge_assets.gaps.partitioned import PartitionedAsset
    from forge_assets.gaps.report import GapQuery
    from forge_assets.lineage.records import Rows
    from forge_assets.lineage.search import Card, Search
    from forge_assets.quickstart import Quickstart
    from forge_core.files import Store


def _definitions() -> GameDefinitions:
    from forge_assets.liuzhou.definitions import definitions

    return definitions()


def _inspection(query: GapQuery, store: Store) -> Sequence[PartitionedAsset]:
    from forge_assets.liuzhou.inspection import inspection

    return inspection(query, store)


def _read_rows(search: Search, card: Card) -> Rows:
    from forge_assets.liuzhou.lineage import read_rows

    return read_rows(search, card)


def _quickstart(quickstart: Quickstart) -> None:
    from forge_assets.liuzhou.quickstart import make_all

    make_all(quickstart)


def _model(size: str) -> RegisteredModel:
    reference = REFERENCE if size == DEFAULT_SIZE else None
    return RegisteredModel(
        objective_of(size),
        objective_of(size),
        "liuzhou_model",
        size,
        reference,
        evaluate="forge liuzhou evaluate {model}",
        has_evaluation=True,
    )


LIUZHOU = Game(
    name="liuzhou",
    experiment="liuzhou",
    model_prefix="liuzhou-",
    models=tuple(map(_model, SIZES)),
    definitions=_definitions,
    network_version=versions.of_network,
    read_rows=_read_rows,
    results={
        "rows": "{:,.0f} positions",
        "step": "step {:,.0f}",
        "loss": "loss {:.3f}",
        "drawn": "{:.0%} of the games drawn",
        "seconds": "",
        "cpu_seconds": "{:,.0f} CPU s",
    },
    partitioned=("liuzhou_self_play",),
    inspection=_inspection,
    flywheel=FLYWHEEL,
    quickstart=_quickstart,
)
