"""The gate of games whose networks are judged by play, with the figures that MLflow has of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import dagster as dg

from forge_assets.games import all_games
from forge_assets.gate.cards import ModelCard
from forge_assets.gate.champion import IS_CHAMPION, hold_gate
from forge_assets.gate.networks import LoadedNetwork, load_network
from forge_assets.lineage.models import ModelFinder
from forge_assets.tracking.errors import mlflow_errors
from forge_assets.tracking.tracker import Tracker

if TYPE_CHECKING:
    from forge_core.gate import Ruling
    from forge_core.learning.networks.network import Network

N = TypeVar("N", bound="Network")


def gate_by_play(
    context: dg.AssetExecutionContext,
    objective: str,
    challenger: LoadedNetwork[N],
    tracker: Tracker,
    *,
    judge: Callable[[str, str | None], Ruling],
    figure: str,
    name: str,
    digits: int = 4,
    describe: Callable[[LoadedNetwork[N], Ruling, str], ModelCard],
) -> dg.MaterializeResult:
    """Hold the gate of a game whose networks are judged by play; return its materialization.

    judge: folders of the challenger and of the champion (None if there is none) -> ruling; it is not called
    if the challenger is the champion. figure: name in MLflow of the figure that both networks had in their
    evaluation; the ruling gets it as `NAME` and `champion_NAME`, with so many digits. describe, errors: as
    for `hold_gate`, and those of `judge`.
    """
    from forge_core.gate import Ruling

    def load(folder: str) -> LoadedNetwork[N]:
        return load_network(folder, "cpu", type(challenger.network))

    def rule(challenger: LoadedNetwork[N], holder: LoadedNetwork[N] | None) -> Ruling:
        contenders = {name: challenger} | ({f"champion_{name}": holder} if holder else {})
        known = {label: recorded_figure(tracker, each.weights, figure) for label, each in contenders.items()}
        figures = {label: round(value, digits) for label, value in known.items() if value is not None}
        if holder and holder.weights == challenger.weights:
            return Ruling(False, (IS_CHAMPION,), figures)
        ruling = judge(challenger.path, holder.path if holder else None)
        return Ruling(ruling.promoted, ruling.reasons, figures | ruling.figures)

    return hold_gate(context, objective, challenger, tracker, load=load, judge=rule, describe=describe)


def recorded_figure(tracker: Tracker, weights: str, name: str) -> float | None:
    """Return the last figure of a name that the run of a network has; None: it was not tracked, or has none.

    Raises TrackerUnusable.
    """
    models = ModelFinder(tracker, all_games())
    found, client = models.tracked(None, weights, None), models.client()
    if found is None or client is None:
        return None
    with mlflow_errors(tracker.address()):
        return client.get_run(found.run_id).data.metrics.get(name)
