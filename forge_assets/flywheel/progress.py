"""How far a flywheel is, told where people look: the asset `flywheel` in Dagster's UI, and MLflow."""

from __future__ import annotations

from typing import Any

import dagster as dg

from forge_assets.flywheel.state import Iteration, State, seeds_of
from forge_assets.pictures import picture
from forge_assets.texas42.champion import champion
from forge_assets.texas42.game import TEXAS42
from forge_assets.texas42.oracle_shards import GROUP
from forge_assets.tracking.errors import TrackerUnusable
from forge_assets.tracking.tracker import Tracker

flywheel_progress = dg.AssetSpec(
    "flywheel",
    group_name=GROUP,
    deps=[champion],
    kinds={"json"},
    description="How far the flywheel is: its state, and what its champions lose a decision by the seeds "
    "they learnt from. An event here ends each iteration; one that failed is an observation. Nothing to "
    "materialize: switch on the sensor `flywheel` under Automation, or run forge-pipeline flywheel once.",
)


def tell(instance: dg.DagsterInstance, tracker: Tracker, state: State) -> str:
    """Report a state, and the curve to MLflow; a remark if MLflow could not be told: it will be next time."""
    metadata = describe(state)
    if state.error:
        instance.report_runless_asset_event(dg.AssetObservation("flywheel", metadata=metadata))
        return ""
    from forge_core.learning.labelled.pictures import draw_progress

    curve = draw_progress(
        [past.seeds for past in state.history],
        [past.challenger_q_gap for past in state.history],
        [past.champion_q_gap for past in state.history],
        benchmark="golden val",
        amount_label="training seeds so far",
    )
    event = dg.AssetMaterialization("flywheel", metadata=metadata | {"curve": picture(curve)})
    instance.report_runless_asset_event(event)
    try:
        tracker.curve(
            TEXAS42.experiment,
            f"{state.settings.group}-{state.token}",
            {past.seeds: figures_of(past) for past in state.history},
        )
    except TrackerUnusable as error:
        return str(error)
    return ""


def figures_of(past: Iteration) -> dict[str, float]:
    """The curve of an iteration: of the challenger, and of the champion if there is one."""
    figures = {"challenger_q_gap": past.challenger_q_gap, "champion_q_gap": past.champion_q_gap}
    return {name: figure for name, figure in figures.items() if figure is not None}


def champion_text(past: Iteration) -> str:
    """What the champion loses a decision, or `none` where there is none."""
    return "none" if past.champion_q_gap is None else f"{past.champion_q_gap:.3f}"


def describe(state: State) -> dict[str, Any]:
    """What there is to say of a flywheel."""
    last = state.history[-1] if state.history else None
    return {
        "state": str(state.standing),
        "iteration": state.iteration,
        "next_seeds": seeds_of(state.range()) or "none left",
        "attempt": state.attempt,
        **({"last_error": state.error} if state.error else {}),
        **(
            {
                "promoted": last.promoted,
                "training_seeds": last.seeds,
                **{f"{name}_points": round(figure, 4) for name, figure in figures_of(last).items()},
                "why": dg.MetadataValue.md("\n".join(f"- {reason}" for reason in last.reasons)),
                "iterations": dg.MetadataValue.md(history_table(state)),
            }
            if last
            else {}
        ),
    }


def history_table(state: State, most: int = 50) -> str:
    """The last iterations as a Markdown table."""
    lines = ["| iteration | seeds | learnt from | challenger | champion | |", "|" + "-|" * 6]
    lines += [
        f"| {past.number} | {seeds_of(list(past.blocks))} | {past.seeds:,} | {past.challenger_q_gap:.3f} "
        f"| {champion_text(past)} | {'promoted' if past.promoted else 'stays'} |"
        for past in state.history[-most:]
    ]
    return "\n".join(lines)
