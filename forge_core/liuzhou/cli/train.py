"""`forge liuzhou train`: a network learns from the games that it plays against itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_core.cli.options import Device, Json, expand_settings, given
from forge_core.cli.status import Stopped
from forge_core.errors import BadInput
from forge_core.liuzhou.settings.learning import RUNS, LearningSettings
from forge_core.liuzhou.settings.selfplay import SelfPlaySettings

if TYPE_CHECKING:
    from forge_core.learning.runs import Point, TrainResult

_WITH_RESUME = {"name", "runs", "resume", "minutes", "json"}
"""options that may be given with --resume; all others come from the run"""


@expand_settings
def train(
    *,
    context: typer.Context,
    learning: LearningSettings,
    self_play: SelfPlaySettings,
    init_from: Annotated[
        str | None,
        typer.Option(
            "--init-from",
            metavar="PATH",
            help="Model to start from, of the same size; it plays from the first game.",
            rich_help_panel="Network",
        ),
    ] = None,
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
    runs: Annotated[
        str,
        typer.Option("--runs", metavar="DIR", help="Folder of all runs.", rich_help_panel="Run"),
    ] = RUNS,
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
    from forge_core.liuzhou.train import train as train_live

    if resume:
        learning, self_play, init_from, name = read_begun(context, runs, name)
    name = f"liuzhou-{learning.size}" if name is None else name
    Store(runs).join(name)  # raises BadInput for a name that leads out of the folder
    folder, out = Path(runs) / name, notes()
    how = (
        f"go on with {context.command_path} --resume --name {name}{'' if runs == RUNS else f' --runs {runs}'}"
    )
    keep_freed_memory()
    out.print(f"network {learning.size}, {learning.positions:,} positions: {folder}", style="dim")
    try:
        with (
            Store(str(folder)).held(),
            interruptible() as is_stopped,
            progress_bar("self-play", learning.positions) as move,
        ):
            result = train_live(
                self_play,
                learning,
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


def read_begun(
    context: typer.Context, runs: str, name: str | None
) -> tuple[LearningSettings, SelfPlaySettings, str | None, str]:
    """Return the settings, first model and name of an existing run. Raises BadInput."""
    from forge_core.learning.runs import read_run
    from forge_core.liuzhou.train import settings_from

    if name is None:
        raise BadInput("--resume needs the name of a run: add --name")
    if foreign := sorted(given(context) - _WITH_RESUME):
        option = foreign[0].replace("_", "-")
        raise BadInput(f"--resume uses the run's own settings: leave out --{option}, or start a new run")
    begun = read_run(Path(runs) / name)
    self_play, learning = settings_from(begun["train"])
    return learning, self_play, begun["init_from"], name


def point_text(point: Point) -> str:
    """Return an evaluation of the curve as a readable line."""
    return (
        f"{point['rows']:>9,} positions  {point['cpu_seconds']:>6,.0f} CPU s  loss {point['loss']:.3f}  "
        f"{point['games']:>5,.0f} games: {point['black_won']:.0%} black, {point['white_won']:.0%} white, "
        f"{point['drawn']:.0%} drawn, {point['plies']:.0f} plies, lead {point['lead']:.1f}  "
        f"{point['evaluations_per_s']:,.0f} evaluations/s"
    )


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
