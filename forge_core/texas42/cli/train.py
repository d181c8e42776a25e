"""`forge train`: train a network on rows on disk, or on deals solved or played during training."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_core.cli.options import Device, Json, expand_settings, given
from forge_core.cli.status import INTERRUPTED, Stopped
from forge_core.errors import BadInput
from forge_core.learning.folders import RUNS, run_name
from forge_core.learning.labelled.settings import LiveTeachingSettings
from forge_core.texas42.folders import GAME_ROWS_FOLDER, TOKENS_FOLDER

if TYPE_CHECKING:
    from forge_core.learning.labelled.config import TrainConfig
    from forge_core.learning.labelled.rows import Rows
    from forge_core.learning.runs import Point, TrainResult
    from forge_core.texas42.sources import Source

_WITH_RESUME = {"name", "runs", "resume", "minutes", "workers", "share", "threads", "json"}
"""options allowed with --resume; all others are fixed by the run"""


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
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continue run --name from its last checkpoint with its own settings."),
    ] = False,
    minutes: Annotated[
        float | None,
        typer.Option(
            "--minutes",
            min=0,
            metavar="N",
            help="Stop after the last evaluation that fits into this time; --resume continues.",
        ),
    ] = None,
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
    from forge_core.learning.labelled.teaching import choose_model, configure, set_threads, size_name
    from forge_core.learning.ranks import rank_of
    from forge_core.texas42.sources import choose_objective, choose_source, parse_source

    if context.obj:
        context.obj.check()
    objective = choose_objective(stage, objective, settings.live)
    runs, name, init_from = settings.runs, settings.name, settings.init_from
    if resume:
        config, record, init_from, name = read_begun(context, runs, name)
        source = parse_source(record)
    else:
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
        if name is None:
            asked = {"train": config.to_dict(), "data": source.version, "init_from": init_from}
            name = run_name(source.run_stem(objective, size_name(model)), asked)
    folder, where = folder_of(runs, name), "" if runs == RUNS else f" --runs {runs}"
    makers = source.makers(settings.workers, settings.share)
    makers = 0 if fast_dev_run else makers
    rank = rank_of(config.devices)
    set_threads(settings.threads, makers, config.devices)
    how = f"continue with {context.command_path} --resume --name {name}{where}"
    with nullcontext() if rank else notes().status("preparing rows"):
        rows, val_rows = source.open(makers, settings.share)
        sample = source.sample()
    try:
        result = run(
            config,
            source,
            rows,
            val_rows,
            folder,
            init_from,
            sample=sample,
            resume=resume,
            fast_dev_run=fast_dev_run,
            minutes=minutes,
            progress=not json,
            tracking=context.obj,
        )
    except KeyboardInterrupt:
        if rank:  # the first process prints
            sys.exit(INTERRUPTED)
        raise Stopped(f"stopped; {what_is_kept(folder, how, fast_dev_run)}") from None
    finally:
        if hasattr(rows, "close"):
            rows.close()  # pyright: ignore[reportAttributeAccessIssue]
    if rank:  # the first process prints
        return
    print_result(result, json)
    if result.unfinished:
        notes().print(f"time ran out before the last step: {how}", soft_wrap=True)


def folder_of(runs: str, name: str) -> Path:
    """Return the folder of a run. Raises BadInput for an invalid name."""
    from forge_core.files import Store

    Store(runs).join(name)
    return Path(runs) / name


def read_begun(
    context: typer.Context, runs: str, name: str | None
) -> tuple[TrainConfig, dict[str, Any], str | None, str]:
    """Return the configuration, data, initial model and name of an existing run. Raises BadInput."""
    from forge_core.learning.labelled.config import TrainConfig
    from forge_core.learning.runs import read_run

    if name is None:
        raise BadInput("--resume needs the name of a run: add --name")
    if foreign := sorted(given(context) - _WITH_RESUME):
        option = foreign[0].replace("_", "-")
        raise BadInput(f"--resume uses the run's own settings: leave out --{option}, or start a new run")
    begun = read_run(folder_of(runs, name))
    return TrainConfig.from_dict(begun["train"]), begun["data"], begun["init_from"], name


def what_is_kept(folder: Path, how: str, fast_dev_run: bool) -> str:
    """Return a sentence about what was saved of a stopped run, and how to continue it."""
    from forge_core.learning.runs import CHECKPOINT

    if fast_dev_run:
        return "a fast dev run saves nothing"
    if (folder / CHECKPOINT).exists():
        return f"everything up to the last evaluation is saved in {folder}: {how}"
    return "nothing is saved before the first evaluation: run the same command again"


def run(
    config: TrainConfig,
    source: Source,
    rows: Any,
    val_rows: Rows,
    folder: Path,
    init_from: str | None,
    *,
    progress: bool,
    **how: Any,
) -> TrainResult:
    """Train with a progress bar on a terminal and a line per evaluation. how: arguments of `teach`."""
    from forge_core.cli.screen import notes
    from forge_core.learning.labelled.metrics import evaluate_random
    from forge_core.learning.labelled.teaching import point_text, teach
    from forge_core.learning.ranks import rank_of

    out = notes()
    if not rank_of(config.devices):
        baseline = evaluate_random(val_rows.q, val_rows.legal)["decision_q_gap"]
        out.print(
            f"{config.model}: {folder}; random play loses {baseline:.2f} points per decision",
            style="dim",
            soft_wrap=True,
        )

    def print_point(point: Point) -> None:
        out.print(point_text(point), soft_wrap=True)

    return teach(
        config,
        rows,
        val_rows,
        folder,
        source.record,
        init_from,
        progress=out.is_terminal and progress,
        on_point=print_point,
        **how,
    )


def print_result(result: TrainResult, json: bool) -> None:
    """Print the best evaluation and the path of the network."""
    from forge_core.cli.screen import print_json, screen, seconds_text
    from forge_core.learning.labelled.metrics import TRAIN_FIGURE, TRAIN_VAL_GAP

    if json:
        print_json(
            {
                "folder": result.folder,
                "model": result.model,
                "parameters": result.parameters,
                "device": result.device,
                "precision": result.precision,
                "stopped_early": result.stopped_early,
                "unfinished": result.unfinished,
                "best": result.best,
            }
        )
        return
    best, last = result.best, result.points[-1]
    out = screen()
    out.print(
        f"{result.parameters:,} parameters, {last['rows']:,} rows, {seconds_text(last['seconds'])} "
        f"on {result.device} ({result.precision}){'; stopped early' if result.stopped_early else ''}",
        soft_wrap=True,
    )
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
