"""`forge liuzhou train`: a network learns from the games that it plays against itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_core.cli.options import Device, Json, expand_settings, given, read_place
from forge_core.cli.status import Stopped
from forge_core.errors import BadInput
from forge_core.liuzhou.settings.learning import RUNS, LearningSettings
from forge_core.liuzhou.settings.run import RunSettings
from forge_core.liuzhou.settings.selfplay import SelfPlaySettings

if TYPE_CHECKING:
    from forge_core.learning.runs import TrainResult
    from forge_core.liuzhou.train import Plan

_WITH_RESUME = {"name", "runs", "resume", "minutes", "json"}
"""options that may be given with --resume; all others come from the run"""


@expand_settings
def train(
    *,
    context: typer.Context,
    learning: LearningSettings,
    self_play: SelfPlaySettings,
    run: RunSettings,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            show_default="liuzhou-SIZE",
            help="Name of the run, and of its folder.",
            rich_help_panel="Run",
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            parser=read_place,
            metavar="URL",
            help="Root of the store of stored generations; default: FORGE_STORE, or ./data.",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continue the run --name from its last checkpoint, with its settings."),
    ] = False,
    minutes: Annotated[
        float | None,
        typer.Option("--minutes", min=0, metavar="N", help="Stop after N minutes; --resume continues."),
    ] = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Train a network on nothing but the games that it plays against itself."""
    from forge_core.cli.filling import interruptible
    from forge_core.cli.screen import notes, progress_bar
    from forge_core.files import Store
    from forge_core.learning.memory import keep_freed_memory
    from forge_core.learning.runs import CHECKPOINT
    from forge_core.liuzhou.train import point_text, run_training

    if resume:
        plan, init_from, name = read_begun(context, run.runs, name, device)
    else:
        plan, init_from = plan_of(run, learning, self_play, store, device), run.init_from
    learning, runs = plan.learning, run.runs
    name = f"liuzhou-{learning.size}" if name is None else name
    Store(runs).join(name)  # raises BadInput for a name that leads out of the folder
    folder, out = Path(runs) / name, notes()
    elsewhere = "" if runs == RUNS else f" --runs {runs}"
    how = f"continue with {context.command_path} --resume --name {name}{elsewhere}"
    keep_freed_memory()
    out.print(f"network {learning.size}, {learning.positions:,} positions: {folder}", style="dim")
    try:
        with (
            Store(str(folder)).held(),
            interruptible() as is_stopped,
            progress_bar("learning", learning.positions) as move,
        ):
            result = run_training(
                plan,
                folder,
                device=device,
                init_from=init_from,
                resume=resume,
                minutes=minutes,
                should_stop=is_stopped,
                on_progress=lambda played: move(completed=min(played, learning.positions)),
                on_point=lambda point: out.print(point_text(point), soft_wrap=True),
            )
    except KeyboardInterrupt:
        kept = "everything was kept" if (folder / CHECKPOINT).exists() else "nothing was kept"
        raise Stopped(f"stopped; {kept} in {folder}: {how}") from None
    print_result(result, json)
    if result.unfinished:
        out.print(f"its time is up, but positions are left: {how}", soft_wrap=True)


def plan_of(
    run: RunSettings, learning: LearningSettings, self_play: SelfPlaySettings, store: str | None, device: str
) -> Plan:
    """Return the plan of a run. store: root of the store of stored generations. Raises BadInput."""
    from forge_core.device import resolve_device
    from forge_core.files import Store, default_store_url
    from forge_core.liuzhou.stored import plan_stored
    from forge_core.liuzhou.train import plan_live

    if run.source == "stored":
        return plan_stored(Store(store or default_store_url()), learning, run.last)
    return plan_live(self_play, learning, resolve_device(device), run.init_from)


def read_begun(
    context: typer.Context, runs: str, name: str | None, device: str
) -> tuple[Plan, str | None, str]:
    """Return the plan, first model and name of an existing run. Raises BadInput."""
    from forge_core.learning.runs import read_run
    from forge_core.liuzhou.settings.generation import STORED
    from forge_core.liuzhou.stored import last_generation
    from forge_core.liuzhou.train import settings_from

    if name is None:
        raise BadInput("--resume needs the name of a run: add --name")
    if foreign := sorted(given(context) - _WITH_RESUME):
        option = foreign[0].replace("_", "-")
        raise BadInput(f"--resume uses the run's own settings: leave out --{option}, or start a new run")
    stored = read_run(Path(runs) / name)
    self_play, learning = settings_from(stored["train"])
    data, init_from = stored["data"], stored["init_from"]
    run = RunSettings(init_from=init_from)
    if data["kind"] == STORED:
        run = RunSettings("stored", last_generation(data), init_from)
    return plan_of(run, learning, self_play, data.get("store"), device), init_from, name


def print_result(result: TrainResult, json: bool) -> None:
    """Print how far the run got, and where the network is."""
    from forge_core.cli.screen import print_json, screen, seconds_text

    if json:
        answer: dict[str, Any] = {
            name: getattr(result, name)
            for name in ("folder", "model", "parameters", "device", "precision", "unfinished")
        }
        print_json({**answer, "last": result.points[-1] if result.points else None})
        return
    out = screen()
    if result.points:
        last = result.points[-1]
        out.print(
            f"{result.parameters:,} parameters, {last['rows']:,} positions, {seconds_text(last['seconds'])} "
            f"({seconds_text(last['cpu_seconds'])} of CPU) on {result.device} ({result.precision})",
            soft_wrap=True,
        )
    if result.model:
        out.print(f"{result.model}: the network", soft_wrap=True)
