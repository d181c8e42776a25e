"""Training runs of the one-hand network, whatever it learns from: their parents and their metadata."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import dagster as dg

from forge_assets.gate.networks import weights_of
from forge_assets.pictures import picture
from forge_assets.tracking.links import link_training
from forge_assets.tracking.registry import resolve_model
from forge_assets.tracking.tracker import Tracker
from forge_assets.training_runs import TrackedTraining
from forge_core.texas42.one_hand.architecture import OBJECTIVE
from forge_core.texas42.settings.one_hand import OneHandSettings
from forge_core.texas42.settings.self_play import SelfPlaySettings

if TYPE_CHECKING:
    from forge_core.learning.runs import TrainResult

S = TypeVar("S", OneHandSettings, SelfPlaySettings)


def resolve_parent(settings: S, tracker: Tracker) -> S:
    """Return settings whose init_from is a folder. Raise BadInput if there is no such model."""
    if not settings.init_from:
        return settings
    return replace(settings, init_from=resolve_model(settings.init_from, OBJECTIVE, tracker))


def describe_training(
    context: dg.AssetExecutionContext,
    training: TrackedTraining,
    result: "TrainResult",
    tracker: Tracker,
    figures: Mapping[str, Any],
    check: dg.AssetCheckResult,
) -> dg.MaterializeResult:
    """Return the materialization of a trained network; its data version is the digest of the weights.

    figures: metadata of this kind of training. check: reported next to `model_loads`.
    """
    from forge_core.texas42.one_hand.choose import load_policy

    load_policy(result.model)
    weights, last, parent = weights_of(result.model), result.points[-1], training.init_from
    metadata: dict[str, Any] = {
        "model": result.model,
        "parameters": result.parameters,
        **figures,
        "seconds": last["seconds"],
        "cpu_seconds": last["cpu_seconds"],
        "trained_on": str(training.data["version"]),
        "curve": picture(training.draw_curve(result.points)),
        **({"parent_model": parent} if parent else {}),
        **link_training(context, result.folder, tracker),
    }
    loads = dg.AssetCheckResult(check_name="model_loads", passed=True, metadata={"weights": weights})
    return dg.MaterializeResult(
        data_version=dg.DataVersion(weights), metadata=metadata, check_results=[loads, check]
    )
