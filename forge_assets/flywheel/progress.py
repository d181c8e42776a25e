"""Progress of a flywheel: an asset in Dagster's UI, and a curve in MLflow."""

from __future__ import annotations

from typing import Any

import dagster as dg

from forge_assets.flywheel.flywheel import Flywheel
from forge_assets.flywheel.state import Iteration, Phase, State
from forge_assets.flywheel.storage import folder_of
from forge_assets.flywheel.tables import ITERATIONS
from forge_assets.frames.metadata import columns_of, extent_of
from forge_assets.games import find_model
from forge_assets.pictures import picture
from forge_assets.tracking.errors import TrackerUnusable
from forge_assets.tracking.tracker import Tracker
from forge_assets.versions import PROJECT
from forge_core.files import Store


def progress_asset(flywheel: Flywheel, group: str) -> dg.AssetSpec:
    """Return the asset that shows the progress of a flywheel. group: asset group of its game."""
    return dg.AssetSpec(
        flywheel.name,
        group_name=group,
        deps=[dg.AssetKey.from_user_string(flywheel.assets[-1])],
        kinds={"json"},
        metadata=columns_of(ITERATIONS) | example_of(flywheel),
        description="Progress of the flywheel: its state, and the strength of its champions against the "
        f"number of {flywheel.words.examples} they were trained on.\n\n{flywheel.summary}\n\n"
        f"**Next step.** If this page has no event yet: {next_step(flywheel, None)} Otherwise the entry "
        "`next_step` of the last event says what to do.\n\nEach iteration adds a materialization with its "
        "curve, each failed attempt an observation. Do not materialize this asset yourself.",
    )


def example_of(flywheel: Flywheel) -> dict[str, Any]:
    """Return a picture of an earlier flywheel as metadata, for a page that has no event yet."""
    file = PROJECT / flywheel.example
    return {"example": picture(file.read_bytes())} if flywheel.example and file.is_file() else {}


def report(
    flywheel: Flywheel, instance: dg.DagsterInstance, root: Store, tracker: Tracker, state: State
) -> str:
    """Report a state to Dagster and its curve to MLflow. root: of the store that keeps the state.

    Return the error if MLflow does not accept the curve, else "". The next report sends the whole curve.
    """
    metadata = describe(flywheel, state)
    if state.error:
        instance.report_runless_asset_event(dg.AssetObservation(flywheel.name, metadata=metadata))
        return ""
    curve = picture(flywheel.draw(state.history))
    extent = extent_of(folder_of(flywheel, root), len(state.history), is_partition=False)
    event = dg.AssetMaterialization(flywheel.name, metadata=metadata | {"curve": curve} | extent)
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
        "next_step": dg.MetadataValue.md(next_step(flywheel, state)),
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


def next_step(flywheel: Flywheel, state: State | None) -> str:
    """Return what a person does next, as Markdown. state: None if there is no flywheel yet."""
    command, examples = flywheel.command, flywheel.words.examples
    go_on = f"switch on the sensor `{flywheel.name}` under Automation, or run `{command} once`"
    if state is None:
        return f"Create the flywheel with `{command} init`, then {go_on}."
    if state.current_phase is Phase.FAILED:
        return f"It has stopped: {state.error}. Fix the cause, then run `{command} reset`."
    if state.current_phase is Phase.DONE:
        return f"All {examples} have been used: {flywheel.exhausted}."
    text = f"Iteration {state.iteration} adds {examples} {flywheel.units_text(state.units())}"
    if state.settings.begin == "schedule":
        return (
            f"{text} when the schedule `{flywheel.schedule_name}` begins it: switch on schedule and sensor."
        )
    return f"{text}: {go_on}."


def announce(flywheel: Flywheel, instance: dg.DagsterInstance, state: State) -> None:
    """Show a new flywheel on the page of its asset, which would be empty until the first iteration ends."""
    event = dg.AssetObservation(flywheel.name, metadata=describe(flywheel, state))
    instance.report_runless_asset_event(event)


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
