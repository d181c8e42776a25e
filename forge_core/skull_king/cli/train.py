"""`forge skull-king train`: a network learns to bid and play from the rounds that it plays."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_core.cli.options import Device, Json, expand_settings, given
from forge_core.cli.status import Stopped
from forge_core.errors import BadInput
from forge_core.skull_king.recipes.learning import RECIPES, RUNS, LearningSettings
from forge_core.skull_king.recipes.run import RunSettings

if TYPE_CHECKING:
    from forge_core.learning.runs import TrainResult

_WITH_RESUME = {"name", "runs", "resume", "minutes", "device", "json"}
"""options that may be given with --resume; all others come from the run"""


@expand_settings
def train(
    *,
    context: typer.Context,
    run: RunSettings,
    learning: LearningSettings,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            show_default="skull-king-RECIPE",
            help="Name of the run, and of its folder.",
            rich_help_panel="Run",
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
    """Train a network to bid and play, by rounds against other players."""
    from forge_core.cli.filling import interruptible
    from forge_core.cli.screen import notes, progress_bar
    from forge_core.files import Store
    from forge_core.learning.memory import keep_freed_memory
    from forge_core.learning.runs import CHECKPOINT
    from forge_core.skull_king.train import point_text
    from forge_core.skull_king.train import train as train_network

    recipe, init_from = run.recipe, run.init_from
    if resume:
        recipe, learning, init_from, name = _read_begun(context, run.runs, name)
    else:
        learning = with_recipe(recipe, learning, given(context))
    name = f"skull-king-{recipe}" if name is None else name
    Store(run.runs).join(name)  # raises BadInput for a name that leads out of the folder
    folder, out = Path(run.runs) / name, notes()
    runs = "" if run.runs == RUNS else f" --runs {run.runs}"
    how = f"go on with {context.command_path} --resume --name {name}{runs}"
    keep_freed_memory()
    out.print(
        f"recipe {recipe}, network {learning.size}, {learning.decisions:,} decisions: {folder}", style="dim"
    )
    try:
        with (
            Store(str(folder)).held(),
            interruptible() as is_stopped,
            progress_bar("learning", learning.decisions) as move,
        ):
            result = train_network(
                learning,
                folder,
                recipe=recipe,
                device=device,
                init_from=init_from,
                resume=resume,
                minutes=minutes,
                should_stop=is_stopped,
                on_progress=lambda made: move(completed=min(made, learning.decisions)),
                on_point=lambda point: out.print(point_text(point), soft_wrap=True),
            )
    except KeyboardInterrupt:
        kept = "everything was kept" if (folder / CHECKPOINT).exists() else "nothing was kept"
        raise Stopped(f"stopped; {kept} in {folder}: {how}") from None
    print_result(result, json)
    if result.unfinished:
        out.print(f"its time is up, but decisions are left: {how}", soft_wrap=True)


def with_recipe(recipe: str, learning: LearningSettings, named: set[str]) -> LearningSettings:
    """Return the settings of a recipe, except those that the user named. learning: the user's settings."""
    own = {each.name: getattr(learning, each.name) for each in fields(learning) if each.name in named}
    return replace(RECIPES[recipe], **own)


def _read_begun(
    context: typer.Context, runs: str, name: str | None
) -> tuple[str, LearningSettings, str | None, str]:
    """Return the recipe, settings, first model and name of an existing run. Raises BadInput."""
    from forge_core.learning.runs import read_run
    from forge_core.skull_king.train import settings_from

    if name is None:
        raise BadInput("--resume needs the name of a run: add --name")
    if foreign := sorted(given(context) - _WITH_RESUME):
        option = foreign[0].replace("_", "-")
        raise BadInput(f"--resume uses the run's own settings: leave out --{option}, or start a new run")
    begun = read_run(Path(runs) / name)
    return str(begun.get("recipe")), settings_from(begun["train"]), begun["init_from"], name


def print_result(result: TrainResult, json: bool) -> None:
    """Print how far the run got, how strong its network is, and where it is."""
    from forge_core.cli.screen import print_json, screen, seconds_text

    last = result.points[-1] if result.points else None
    if json:
        answer: dict[str, Any] = {
            name: getattr(result, name)
            for name in ("folder", "model", "parameters", "device", "precision", "unfinished")
        }
        print_json({**answer, "last": last})
        return
    out = screen()
    if last:
        out.print(
            f"{result.parameters:,} parameters, {last['rows']:,} decisions, {seconds_text(last['seconds'])} "
            f"({seconds_text(last['cpu_seconds'])} of CPU) on {result.device} ({result.precision})",
            soft_wrap=True,
        )
    if result.model:
        out.print(f"{result.model}: the network", soft_wrap=True)
