"""The evaluation of a network in MLflow: figures, pictures and report in the run of its training."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from forge_assets.tracking.notes import NOTE, describe_network
from forge_assets.tracking.registry import ModelRegistry
from forge_assets.tracking.tracker import Tracker
from forge_core.files import fingerprint


def track_evaluation(
    context: dg.AssetExecutionContext,
    tracker: Tracker,
    objective: str,
    path: str,
    *,
    figures: Mapping[str, float],
    pictures: Mapping[str, bytes],
    report: Mapping[str, Any],
    unit: str,
    compare: Callable[[], Mapping[str, float]],
    loss: float | None,
    measure: str,
) -> None:
    """Add an evaluation to the run of a network, if it was tracked, and propose the network as challenger.

    path: folder of the network. figures: by their names in MLflow. pictures: name -> PNG. unit, compare: the
    figure by which a person compares networks, and those of players by name; see `describe_network`. loss:
    lower is better; None if this evaluation chooses no challenger. measure: what the loss measures; losses of
    other measures are not compared. Raises TrackerUnusable.
    """
    run = tracker.reopen(Path(path).parent)
    if not run:
        return
    run.metrics(figures)
    for name, png in pictures.items():
        run.file(f"plots/{name}.png", png)
    run.file("evaluation.json", json.dumps(report, indent=1).encode())
    tags = {"dagster.run_id": context.run.run_id, "dagster.asset": context.asset_key.to_user_string()}
    note = describe_network(objective, path, unit, compare(), tags)
    run.tag({"dagster.evaluation_run_id": context.run.run_id, NOTE: note})
    if loss is not None:
        ModelRegistry(tracker).propose(run, objective, loss, measure, note)


def version_of_evaluation(
    weights: str, settings: Mapping[str, Any], figures: Mapping[str, float]
) -> dg.DataVersion:
    """Return the data version of an evaluation: another one for other weights, settings or figures.

    weights: digest of the network's weights. figures: without times, which differ from run to run.
    """
    known = {"weights": weights, "settings": dict(settings), "figures": dict(figures)}
    return dg.DataVersion(fingerprint(known))
