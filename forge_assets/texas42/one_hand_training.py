"""Training runs of the one-hand network, whatever it learns from: their metadata."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from forge_assets.gate.networks import weights_of
from forge_assets.pictures import picture
from forge_assets.tracking.links import link_training
from forge_assets.tracking.tracker import Tracker
from forge_assets.training_runs import TrackedTraining

if TYPE_CHECKING:
    from forge_core.learning.runs import TrainResult


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
