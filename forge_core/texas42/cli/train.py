"""`forge train`: train a network on rows on disk, or on deals solved or played during training."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_core.cli.options import Device, Json, expand_settings
from forge_core.cli.status import INTERRUPTED, Stopped
from forge_core.cli.training import (
    Minutes,
    Resume,
    folder_of,
    how_to_continue,
    read_begun,
    record_of,
    summary_of,
)
from forge_core.learning.folders import run_name
from forge_core.learning.labelled.settings import LiveTeachingSettings
from forge_core.texas42.folders import GAME_ROWS_FOLDER, TOKENS_FOLDER

if TYPE_CHECKING:
    from forge_core.learning.labelled.config import TrainConfig
    from forge_core.learning.runs import Point, TrainResult
    from forge_core.texas42.sources import Source


@dataclass(frozen=True, slots=True)
class Plan:
    """A run whose rows have not been opened."""

    config: TrainConfig
    source: Source
    init_from: str | None
    name: str


@expand_settings
def train(
    *,
    context: typer.Context,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help=f"Root of a store with rows in {TOKENS_FOLDER}/, or for stage 2 in {GAME_ROWS_FOLDER}/.",
        ),
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(
            "--objective",
            metavar="NAME",
            show_default="qvalue; for stage 2 eq, with --live regret",
            help="Target of the network: qvalue (points of each play), policy (the best play), regret (plays "
            "that lose few points on average, from values with large errors) or eq (the points that one "
            "player can expect, and their variance).",
        ),
    ] = None,
    stage: Annotated[
        int,
        typer.Option(
            "--stage",
            metavar="N",
            help="1: the network sees all four hands. 2: it sees one hand and the plays so far.",
        ),
    ] = 1,
    settings: LiveTeachingSettings,
    resume: Resume = False,
    minutes: Minutes = None,
    fast_dev_run: Annotated[
        bool, typer.Option("--fast-dev-run", help="Run one step and one evaluation, and save nothing.")
    ] = False,
    device: Device = "auto",
    devices: Annotated[
        int,
        typer.Option(
            "--devices",
            metavar="N",
            help="Devices that train together: each takes its own batches and makes its own live rows, and "
            "their gradients are averaged, as in a batch that is N times as large.",
        ),
    ] = 1,
    json: Json = False,
) -> None:
    """Train a network that predicts the value of every play."""
    from forge_core.cli.screen import notes
    from forge_core.learning.ranks import rank_of

    if context.obj:
        context.obj.check()
    if resume:
        plan = plan_begun(context, settings)
    else:
        plan = plan_new(settings, data, stage, objective, device, devices)
    folder, how = folder_of(settings.runs, plan.name), how_to_continue(context, settings.runs, plan.name)
    is_first = not rank_of(plan.config.devices)  # of the processes that train together; it prints
    try:
        result = run(
            plan,
            folder,
            settings,
            progress=not json,
            resume=resume,
            fast_dev_run=fast_dev_run,
            minutes=minutes,
            tracking=context.obj,
        )
    except KeyboardInterrupt:
        if is_first:
            raise Stopped(f"stopped; {what_is_kept(folder, how, fast_dev_run, plan.config)}") from None
        sys.exit(INTERRUPTED)
    if is_first:
        print_result(result, json)
        if result.unfinished:
            notes().print(f"time ran out before the last step: {how}", soft_wrap=True)


def plan_new(
    settings: LiveTeachingSettings,
    data: str | None,
    stage: int,
    objective: str | None,
    device: str,
    devices: int,
) -> Plan:
    """Return the plan of a new run. Arguments: options of the verb. Raises BadInput, DeviceUnavailable."""
    from forge_core.learning.labelled.teaching import choose_model, configure, size_name
    from forge_core.texas42.sources import choose_objective, choose_source

    objective, init_from = choose_objective(stage, objective, settings.live), settings.init_from
    model = choose_model(settings, objective, init_from)
    source = choose_source(
        data,
        settings.live,
        settings.batch_size,
        settings.seed,
        stage,
        settings.rows_per_deal,
        settings.workers,
        settings.share,
    )
    config = configure(settings, model, source.steps_of, device, devices)
    asked = {"train": config.to_dict(), "data": source.version, "init_from": init_from}
    name = settings.name or run_name(source.run_stem(objective, size_name(model)), asked)
    return Plan(config, source, init_from, name)


def plan_begun(context: typer.Context, settings: LiveTeachingSettings) -> Plan:
    """Return the plan of an existing run. Raises BadInput."""
    from forge_core.learning.labelled.config import TrainConfig
    from forge_core.texas42.sources import parse_source

    begun, name = read_begun(context, settings.runs, settings.name, also=("share", "threads"))
    source = parse_source(begun["data"])
    return Plan(TrainConfig.from_dict(begun["train"]), source, begun["init_from"], name)


def what_is_kept(folder: Path, how: str, fast_dev_run: bool, config: TrainConfig) -> str:
    """Return a sentence about what was saved of a stopped run, and how to continue it."""
    from forge_core.learning.runs import CHECKPOINT

    if fast_dev_run:
        return "a fast dev run saves nothing"
    if (folder / CHECKPOINT).exists():
        return f"everything up to the last evaluation is saved in {folder}: {how}"
    steps, first = config.recipe.steps, min(config.evaluate_every, config.recipe.steps)
    return (
        f"no step is kept, since a run is first saved at its first evaluation, after step {first:,} of "
        f"{steps:,}: start again, and evaluate more often with a smaller --evaluate-every"
    )


def run(
    plan: Plan,
    folder: Path,
    settings: LiveTeachingSettings,
    *,
    progress: bool,
    fast_dev_run: bool,
    **how: Any,
) -> TrainResult:
    """Train with a progress bar on a terminal and a line per evaluation. how: arguments of `teach`."""
    from forge_core.cli.screen import notes
    from forge_core.learning.labelled.job import TrainingJob
    from forge_core.learning.labelled.metrics import evaluate_random
    from forge_core.learning.labelled.teaching import point_text, set_threads, teach
    from forge_core.learning.ranks import rank_of

    config, source, out = plan.config, plan.source, notes()
    makers = source.makers(settings.workers, settings.share)  # refuses both for stored rows
    makers = 0 if fast_dev_run else makers
    set_threads(settings.threads, makers, config.devices)
    is_first = not rank_of(config.devices)
    with out.status("preparing rows") if is_first else nullcontext():
        rows, val_rows = source.open(makers, settings.share)
        job = TrainingJob(
            config, rows, val_rows, folder, source.record, plan.init_from, sample=source.sample()
        )
    if is_first:
        baseline = evaluate_random(val_rows.q, val_rows.legal)["decision_q_gap"]
        where = "a fast dev run, which saves nothing" if fast_dev_run else str(folder)
        out.print(
            f"{config.model}: {where}; random play loses {baseline:.2f} points per decision",
            style="dim",
            soft_wrap=True,
        )

    def print_point(point: Point) -> None:
        out.print(point_text(point), soft_wrap=True)

    try:
        return teach(
            job,
            fast_dev_run=fast_dev_run,
            progress=out.is_terminal and progress,
            on_point=print_point,
            **how,
        )
    finally:
        if hasattr(rows, "close"):
            rows.close()  # pyright: ignore[reportAttributeAccessIssue]


def print_result(result: TrainResult, json: bool) -> None:
    """Print the best evaluation and the path of the network."""
    from forge_core.cli.screen import print_json, screen
    from forge_core.learning.labelled.metrics import TRAIN_FIGURE, TRAIN_VAL_GAP

    best = result.best
    if json:
        print_json({**record_of(result), "stopped_early": result.stopped_early, "best": best})
        return
    out = screen()
    early = "; stopped early" if result.stopped_early else ""
    out.print(f"{summary_of(result, 'rows')}{early}", soft_wrap=True)
    out.print(
        f"best at step {best['step']:,}: {best['decision_q_gap']:.3f} points lost per decision",
        soft_wrap=True,
    )
    if TRAIN_VAL_GAP in best:
        out.print(
            f"on sampled training rows {best[TRAIN_FIGURE]:.3f}: the gap between train and val is "
            f"{best[TRAIN_VAL_GAP]:+.3f}",
            soft_wrap=True,
        )
    if result.model:
        out.print(f"saved {result.model}; evaluate it with forge evaluate {result.model}", soft_wrap=True)
