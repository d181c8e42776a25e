"""`forge train`: a network from rows on disk, or from deals solved while it learns."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from forge_core.cli.options import Device, Json, given, read_seed
from forge_core.cli.status import Stopped
from forge_core.errors import BadInput

if TYPE_CHECKING:
    from forge_core.files import Store
    from forge_core.learning.labelled.config import TrainConfig
    from forge_core.learning.labelled.rows import Rows, RowSource
    from forge_core.learning.networks.sizes import ModelConfig
    from forge_core.learning.runs import Point, TrainResult
    from forge_core.splits import Split

DEFAULT_SIZE, DEFAULT_STEPS = "817k", 10_000
WATCHED_ROWS, WATCHED_ROWS_PER_DEAL = 40_000, 600
"""validation rows of a store, and of each deal solved for them"""

_WITH_RESUME = {"name", "runs", "resume", "minutes", "workers", "threads", "json"}
"""options that --resume leaves free; all others are the run's own"""


class Follower(Protocol):
    """Who hears of a run as it goes, such as a tracker."""

    def point(self, point: Point) -> None:
        """An evaluation."""

    def finish(self, result: TrainResult) -> None:
        """The end, if it is reached."""


class Tracking(Protocol):
    """What `context.obj` may be: it follows every run that is kept."""

    def follow(
        self, config: TrainConfig, folder: Path, data: Mapping[str, Any], init_from: str | None, resume: bool
    ) -> AbstractContextManager[Follower]:
        """From the beginning of a run, or of its resumption, to its end."""
        ...


def train(
    context: typer.Context,
    data: Annotated[
        str | None,
        typer.Option(
            "--data", metavar="DIR", help="Root of a store with tokenized/; stage 2: tokenized-eq/."
        ),
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Fresh rows: deals solved while it learns.")] = False,
    objective: Annotated[
        str | None,
        typer.Option(
            "--objective",
            metavar="NAME",
            show_default="qvalue; stage 2: eq",
            help="qvalue: points; policy: which to play; eq: points expected, and their variance.",
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option("--size", metavar="NAME", show_default=DEFAULT_SIZE, help="73k, 817k or 3.3m."),
    ] = None,
    layers: Annotated[int | None, typer.Option("--layers", metavar="N", help="Instead of --size.")] = None,
    heads: Annotated[int | None, typer.Option("--heads", metavar="N", help="Instead of --size.")] = None,
    width: Annotated[int | None, typer.Option("--width", metavar="N", help="Instead of --size.")] = None,
    stage: Annotated[
        int, typer.Option("--stage", metavar="N", help="1: who sees all hands; 2: its own and the plays.")
    ] = 1,
    batch_size: Annotated[int, typer.Option("--batch-size", metavar="N", help="Rows a step.")] = 1024,
    steps: Annotated[
        int | None,
        typer.Option("--steps", metavar="N", show_default=str(DEFAULT_STEPS), help="Steps to take."),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", metavar="N", help="Instead of --steps: passes over --data.")
    ] = None,
    lr: Annotated[
        float | None,
        typer.Option("--lr", metavar="RATE", help="Learning rate at its peak; default: by width."),
    ] = None,
    evaluate_every: Annotated[
        int | None,
        typer.Option("--evaluate-every", metavar="N", help="Steps; default: twenty evaluations."),
    ] = None,
    patience: Annotated[
        int | None, typer.Option("--patience", metavar="N", help="Stop after N evaluations no better.")
    ] = None,
    idle_weight: Annotated[
        float,
        typer.Option("--idle-weight", metavar="W", help="Weight of a row with nothing to decide, beside 1."),
    ] = 1.0,
    precision: Annotated[
        str, typer.Option("--precision", metavar="NAME", help="auto, 32, 16-mixed or bf16-mixed.")
    ] = "auto",
    compile: Annotated[
        bool, typer.Option("--compile", help="By torch.compile; the first steps take minutes.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", help="Processes that make live rows; default: 1.")
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option("--threads", metavar="N", help="torch's on a CPU; default: cores less workers."),
    ] = None,
    seed: Annotated[
        int,
        typer.Option("--seed", parser=read_seed, metavar="N", help="Of the first weights and of the rows."),
    ] = 0,
    init_from: Annotated[
        str | None,
        typer.Option("--init-from", metavar="PATH", help="A model to start from; gives the size too."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="The run is runs/NAME; default: by its settings."),
    ] = None,
    runs: Annotated[str, typer.Option("--runs", metavar="DIR", help="Where runs are kept.")] = "runs",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint of --name, as it was begun.")
    ] = False,
    minutes: Annotated[
        float | None,
        typer.Option(
            "--minutes", min=0, metavar="N", help="Stop at an evaluation before they are over; then --resume."
        ),
    ] = None,
    fast_dev_run: Annotated[
        bool, typer.Option("--fast-dev-run", help="One step and one evaluation; nothing is kept.")
    ] = False,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Teach a network what every play is worth."""
    from forge_core.cli.screen import notes

    objective = choose_objective(stage, objective)
    if resume:
        config, record, init_from, name = read_begun(context, runs, name)
    else:
        model = choose_model(size, layers, heads, width, objective, init_from)
        record = describe_data(data, live, batch_size, seed, stage)
        name = name if name is not None else f"texas42-{objective}-{size_name(model)}-{record['kind']}"
        config = make_config(model, record, steps, epochs, lr, evaluate_every, patience, idle_weight)
        config = with_settings(config, precision, compile, seed, device)
    folder, where = folder_of(runs, name), "" if runs == "runs" else f" --runs {runs}"
    if workers is not None and record["kind"] != "live":
        raise BadInput("--workers belongs to --live, and rows of --data are there already: leave it out")
    makers = (1 if workers is None else workers) if record["kind"] == "live" and not fast_dev_run else 0
    set_threads(threads, makers)
    with notes().status("preparing rows"):
        source, val_rows = open_rows(record, makers)
    how = f"go on with {context.command_path} --resume --name {name}{where}"
    try:
        result = run(
            config,
            source,
            val_rows,
            folder,
            record,
            init_from,
            resume=resume,
            fast_dev_run=fast_dev_run,
            minutes=minutes,
            json=json,
            tracking=context.obj,
        )
    except KeyboardInterrupt:
        raise Stopped(f"stopped; {what_is_kept(folder, how, fast_dev_run)}") from None
    finally:
        if hasattr(source, "close"):
            source.close()  # pyright: ignore[reportAttributeAccessIssue]
    print_result(result, json)
    if result.unfinished:
        notes().print(f"its time is over, not its steps: {how}", soft_wrap=True)


def folder_of(runs: str, name: str) -> Path:
    """Where a run is kept. Raises BadInput for a name that leads elsewhere."""
    from forge_core.files import Store

    Store(runs).join(name)
    return Path(runs) / name


def what_is_kept(folder: Path, how: str, fast_dev_run: bool) -> str:
    """Of a run that was stopped, and how to go on with it."""
    from forge_core.learning.runs import CHECKPOINT

    if fast_dev_run:
        return "nothing is kept of a fast dev run"
    if (folder / CHECKPOINT).exists():
        return f"all up to the last evaluation is kept in {folder}: {how}"
    return "nothing is kept before the first evaluation: run the same command again"


def run(
    config: TrainConfig,
    source: RowSource,
    val_rows: Rows,
    folder: Path,
    record: dict[str, Any],
    init_from: str | None,
    *,
    resume: bool = False,
    fast_dev_run: bool = False,
    minutes: float | None = None,
    json: bool = False,
    tracking: Tracking | None = None,
) -> TrainResult:
    """Train under a progress bar, a line an evaluation. Raises StoreUnusable while another trains there."""
    from forge_core.cli.screen import notes
    from forge_core.files import Store
    from forge_core.learning.labelled.metrics import evaluate_random
    from forge_core.learning.labelled.train import train

    out = notes()
    baseline = evaluate_random(val_rows.q, val_rows.legal)["decision_q_gap"]
    out.print(
        f"{config.model}: {folder}; random play loses {baseline:.2f} points a decision",
        style="dim",
        soft_wrap=True,
    )

    def say(point: Point) -> None:
        out.print(
            f"step {point['step']:>8,}  {point['rows']:>12,} rows  {point['cpu_seconds']:>7,.0f} CPU s  "
            f"loss {point['loss']:.4f}  points lost a decision [bold]{point['decision_q_gap']:.3f}[/bold]",
            soft_wrap=True,
        )
        if follower:
            follower.point(point)

    kept = not fast_dev_run
    kept_track = tracking.follow(config, folder, record, init_from, resume) if tracking and kept else None
    alone = Store(str(folder)).held() if kept else nullcontext()
    with alone, kept_track or nullcontext() as follower:
        result = train(
            config,
            source,
            val_rows,
            folder,
            data=record,
            init_from=init_from,
            resume=resume,
            fast_dev_run=fast_dev_run,
            minutes=minutes,
            progress=out.is_terminal and not json,
            on_point=say,
        )
        if follower:
            follower.finish(result)
    return result


def choose_objective(stage: int, objective: str | None) -> str:
    """What a network of a stage learns, unless something else is asked of it."""
    if stage not in (1, 2):
        raise BadInput(f"stage {stage}: use 1 or 2")
    if stage == 1 and objective == "eq":
        raise BadInput("who sees all hands has nothing to expect: objective eq is for --stage 2")
    return objective or ("qvalue" if stage == 1 else "eq")


def choose_model(
    size: str | None,
    layers: int | None,
    heads: int | None,
    width: int | None,
    objective: str,
    init_from: str | None = None,
) -> ModelConfig:
    """A named size; or one's own, hidden then being twice the width; or that of the model to start from."""
    from dataclasses import replace

    from forge_core.learning.networks.sizes import SIZES, ModelConfig

    own = (layers, heads, width)
    if any(own):
        if size or not all(own):
            raise BadInput("a size of your own takes --layers, --heads and --width together, and no --size")
        return ModelConfig(width or 0, layers or 0, heads or 0, 2 * (width or 0), objective)
    if init_from and not size:
        from forge_core.learning.checkpoints import load_model

        return replace(load_model(init_from).config, objective=objective)
    name = (size or DEFAULT_SIZE).lower()
    if name not in SIZES:
        raise BadInput(f"size {size!r}: use {', '.join(SIZES)}, or --layers, --heads and --width")
    return replace(SIZES[name], objective=objective)


def size_name(model: ModelConfig) -> str:
    """`73k`; or `w96`, by the width of a network without a name."""
    from dataclasses import replace

    from forge_core.learning.networks.sizes import SIZES

    sizes = {replace(config, objective=model.objective): name for name, config in SIZES.items()}
    return sizes.get(model, f"w{model.width}")


def describe_data(data: str | None, live: bool, batch_size: int, seed: int, stage: int = 1) -> dict[str, Any]:
    """Which rows a run learns from and is judged by: JSON types, enough to open them again.

    origin: where they came from; it follows from their version and is no part of the question.
    """
    from dataclasses import asdict

    if stage == 2 and data is None:
        raise BadInput("stage 2 learns from games: play some with forge eq, tokenize them, give --data DIR")
    if live == (data is not None):
        raise BadInput("rows come from --data DIR or are made --live: give one of them")
    if live:
        from forge_core.texas42.tokens.live import LiveConfig

        config = LiveConfig(seed=seed, batch_size=batch_size)
        origin = {"versions": config.versions()}
        return {"kind": "live", "config": asdict(config), "version": config.fingerprint, "origin": origin}
    from forge_core.files import Store
    from forge_core.splits import Split

    store, kind = Store(data or ""), "stored" if stage == 1 else "games"
    opened = store_of(kind)
    rows = {split: opened(store, split) for split in (Split.TRAIN, Split.VAL)}
    manifests = {split: of_split.manifest for split, of_split in rows.items()}
    return {
        "kind": kind,
        "store": store.url,
        "batch_size": batch_size,
        "seed": seed,
        "rows": manifests[Split.TRAIN].rows,
        "version": manifests[Split.TRAIN].hash,
        "val_version": manifests[Split.VAL].hash,
        "origin": origin_of(kind, store, rows),
    }


def origin_of(kind: str, store: Store, rows: Mapping[Split, Any]) -> dict[str, Any]:
    """Where rows on disk came from: see `tokens.origins` and `eq.origins`. rows: opened, by split."""
    if kind == "games":
        from forge_core.texas42.eq.origins import origin_of_games

        return origin_of_games(store, rows.values())
    from forge_core.texas42.tokens.origins import origin_of_rows

    return origin_of_rows(store, [of_split.manifest for of_split in rows.values()])


def store_of(kind: str) -> Any:
    """The class that opens rows on disk: of kind `stored`, which is stage 1, or `games`."""
    if kind == "games":
        from forge_core.texas42.eq.splits import GameRowStore

        return GameRowStore
    from forge_core.texas42.tokens.splits import TokenStore

    return TokenStore


def make_config(
    model: ModelConfig,
    record: dict[str, Any],
    steps: int | None,
    epochs: int | None,
    lr: float | None,
    evaluate_every: int | None,
    patience: int | None,
    idle_weight: float,
) -> TrainConfig:
    """How long and how fast."""
    from forge_core.learning.labelled.config import Recipe, TrainConfig, learning_rate_for

    if epochs is not None:
        if steps is not None or record["kind"] == "live":
            raise BadInput("--epochs counts passes over --data: leave out --steps and --live")
        steps = epochs * (record["rows"] // record["batch_size"])
    recipe = Recipe(
        steps=DEFAULT_STEPS if steps is None else steps,
        learning_rate=learning_rate_for(model) if lr is None else lr,
        forced_row_weight=idle_weight,
    )
    every = max(1, recipe.steps // 20) if evaluate_every is None else evaluate_every
    return TrainConfig(model=model, recipe=recipe, evaluate_every=every, patience=patience)


def with_settings(config: TrainConfig, precision: str, compile: bool, seed: int, device: str) -> TrainConfig:
    """Where and how precisely."""
    from dataclasses import replace

    return replace(config, precision=precision, compile=compile, seed=seed, device=device)


def read_begun(
    context: typer.Context, runs: str, name: str | None
) -> tuple[TrainConfig, dict[str, Any], str | None, str]:
    """A run that was begun: its configuration, data, first model and name."""
    from forge_core.learning.labelled.config import TrainConfig
    from forge_core.learning.runs import read_run

    if name is None:
        raise BadInput("--resume goes on with a run: say which by --name")
    if foreign := sorted(given(context) - _WITH_RESUME):
        option = foreign[0].replace("_", "-")
        raise BadInput(f"--resume goes on as the run was begun: leave out --{option}, or begin another run")
    begun = read_run(folder_of(runs, name))
    return TrainConfig.from_dict(begun["train"]), begun["data"], begun["init_from"], name


def open_rows(record: dict[str, Any], workers: int) -> tuple[RowSource, Rows]:
    """The rows that `describe_data` described: a source, and those to judge by."""
    if record["kind"] == "live":
        from forge_core.learning.labelled.rows import concatenate
        from forge_core.texas42.tokens.golden import golden_rows, watched_keys
        from forge_core.texas42.tokens.live import LiveConfig, LiveSource

        source = LiveSource(LiveConfig(**record["config"]), workers)
        return source, concatenate(list(golden_rows(watched_keys(), rows_per_deal=WATCHED_ROWS_PER_DEAL)))
    from forge_core.files import Store
    from forge_core.learning.labelled.stored import StoredSource
    from forge_core.splits import Split

    opened, store = store_of(record["kind"]), Store(record["store"])
    train_rows, val_rows = (opened(store, split) for split in (Split.TRAIN, Split.VAL))
    for rows, version in ((train_rows, record["version"]), (val_rows, record["val_version"])):
        if rows.manifest.hash != version:
            raise BadInput(f"{rows.folder.url} has changed since the run was begun: begin another run")
    source = StoredSource(train_rows, record["batch_size"], record["seed"])
    return source, val_rows.rows(min(WATCHED_ROWS, len(val_rows)))


def set_threads(threads: int | None, makers: int) -> None:
    """torch's threads: what is asked, or the cores that no maker of rows needs."""
    import torch

    if threads is not None and threads < 1:
        raise BadInput(f"{threads} threads compute nothing: use at least 1")
    torch.set_num_threads(threads or max(1, len(os.sched_getaffinity(0)) - makers))


def print_result(result: TrainResult, json: bool) -> None:
    """The best evaluation, and where it is kept."""
    from forge_core.cli.screen import print_json, screen, seconds_text

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
        f"best at step {best['step']:,}: {best['decision_q_gap']:.3f} points lost a decision", soft_wrap=True
    )
    if result.model:
        out.print(f"{result.model}: compare it with forge evaluate {result.model}", soft_wrap=True)
