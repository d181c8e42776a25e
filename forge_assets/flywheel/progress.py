"""Progress of a flywheel: an asset in Dagster's UI, and a curve in MLflow."""

from __future__ import annotations

from typing import Any

import dagster as dg

from forge_assets.flywheel.flywheel import Flywheel
from forge_assets.flywheel.state import Iteration, State
from forge_assets.games import find_model
from forge_assets.pictures import picture
from forge_assets.tracking.errors import TrackerUnusable
from forge_assets.tracking.tracker import Tracker


def progress_asset(flywheel: Flywheel, group: str) -> dg.AssetSpec:
    """Return the asset that shows the progress of a flywheel. group: asset group of its game."""
    return dg.AssetSpec(
        flywheel.name,
        group_name=group,
        deps=[dg.AssetKey.from_user_string(flywheel.assets[-1])],
        kinds={"json"},
        description="Progress of the flywheel: its state, and the strength of its champions against the "
        f"number of {flywheel.words.examples} they were trained on. Each iteration adds a materialization, "
        "each failed attempt an observation. Do not materialize this asset yourself: switch on the sensor "
        f"`{flywheel.name}` under Automation, or run `{flywheel.command} once`.",
    )


def report(flywheel: Flywheel, instance: dg.DagsterInstance, tracker: Tracker, state: State) -> str:
    """Report a state to Dagster and its curve to MLflow.

    Return the error if MLflow does not accept the curve, else "". The next report sends the whole curve.
    """
    metadata = describe(flywheel, state)
    if state.error:
        instance.report_runless_asset_event(dg.AssetObservation(flywheel.name, metadata=metadata))
        return ""
    curve = picture(flywheel.draw(state.history))
    event = dg.AssetMaterialization(flywheel.name, metadata=metadata | {"curve": curve})
    instance.report_runless_asset_event(event)
    game, _ = find_model(flywheel.objective(state.settings))
    try:
        tracker.curve(
            game.experiment,
            f"{state.settings.group}-{state.token}",
            {past.examples: flywheel.figures(past) for past in state.history},
        )
    except TrackerUnusable as error:
        return str(error)
    return ""


def champion_text(past: Iteration) -> str:
    """Return the champion's figure after an iteration, or `none`."""
    return "none" if past.champion_figure is None else f"{past.champion_figure:.3f}"


def describe(flywheel: Flywheel, state: State) -> dict[str, Any]:
    """Return the metadata that describes a state."""
    words, last = flywheel.words, state.history[-1] if state.history else None
    metadata: dict[str, Any] = {
        "state": str(state.current_phase),
        "iteration": state.iteration,
        f"next_{words.examples}": flywheel.units_text(state.units()) or "none left",
        "attempt": state.attempt,
    }
    if state.error:
        metadata["last_error"] = state.error
    if last:
        figures = flywheel.figures(last)
        metadata |= {
            "promoted": last.promoted,
            f"training_{words.examples}": last.examples,
            **{f"{name}_{words.figure_unit}": round(figure, 4) for name, figure in figures.items()},
            "why": dg.MetadataValue.md("\n".join(f"- {reason}" for reason in last.reasons)),
            "iterations": dg.MetadataValue.md(history_table(flywheel, state)),
        }
    return metadata


def history_table(flywheel: Flywheel, state: State, most: int = 50) -> str:
    """Return the last iterations as a Markdown table."""
    heading = f"| iteration | {flywheel.words.examples} | trained on | challenger | champion | |"
    rows = [
        f"| {past.number} | {flywheel.units_text(past.units)} | {past.examples:,} "
        f"| {past.challenger_figure:.3f} | {champion_text(past)} "
        f"| {'promoted' if past.promoted else 'stays'} |"
        for past in state.history[-most:]
    ]
    return "\n".join([heading, "|" + "-|" * 6, *rows])
