"""Figures of networks that earlier runs have recorded in MLflow, by the digest of their weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from forge_assets.games import all_games
from forge_assets.gate.champion import IS_CHAMPION
from forge_assets.gate.networks import LoadedNetwork
from forge_assets.lineage.models import ModelFinder
from forge_assets.tracking.errors import mlflow_errors
from forge_assets.tracking.tracker import Tracker

if TYPE_CHECKING:
    from forge_core.gate import Ruling


def rule(
    challenger: LoadedNetwork[Any],
    holder: LoadedNetwork[Any] | None,
    *,
    tracker: Tracker,
    figure: str,
    name: str,
    judge: Callable[[str, str | None], Ruling],
    digits: int = 4,
) -> Ruling:
    """Rule on a challenger by play, and add the recorded figures of both networks: `NAME`, `champion_NAME`.

    figure: its name in MLflow. judge: folders of the challenger and of the champion (None if there is none)
    -> ruling; it is not called if the challenger is the champion. digits: of the figures. Raises
    TrackerUnusable, and what `judge` raises.
    """
    from forge_core.gate import Ruling

    contenders = {name: challenger} | ({f"champion_{name}": holder} if holder else {})
    known = {label: recorded_figure(tracker, each.weights, figure) for label, each in contenders.items()}
    figures = {label: round(value, digits) for label, value in known.items() if value is not None}
    if holder and holder.weights == challenger.weights:
        return Ruling(False, (IS_CHAMPION,), figures)
    ruling = judge(challenger.path, holder.path if holder else None)
    return Ruling(ruling.promoted, ruling.reasons, figures | ruling.figures)


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
