"""Parts of the verbs that train: --resume, runs of `forge_core.learning.loop`, and results."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_core.cli.options import given
from forge_core.cli.status import Stopped
from forge_core.errors import BadInput
from forge_core.learning.folders import RUNS

if TYPE_CHECKING:
    from forge_core.learning.loop import Watch
    from forge_core.learning.runs import Point, TrainResult

ROOT = Path(__file__).parents[2]
"""of the project"""
Resume = Annotated[
    bool,
    typer.Option("--resume", help="Continue the run --name from its last checkpoint, with its settings."),
]
Minutes = Annotated[
    float | None,
    typer.Option(
        "--minutes",
        min=0,
        metavar="N",
        help="Stop after N minutes, but not before the first evaluation or iteration; --resume continues.",
    ),
]

WITH_RESUME = {"name", "runs", "resume", "minutes", "workers", "json"}
"""options that may be given with --resume to any of the verbs, since the network does not depend on them; all
others come from the run"""


def folder_of(runs: str, name: str) -> Path:
    """Return the folder of a run. Raises BadInput for a name that leads out of `runs`."""
    from forge_core.files import Store

    Store(runs).join(name)
    return Path(runs) / name


def how_to_continue(context: typer.Context, runs: str, name: str) -> str:
    """Return a clause that names the command which continues a run."""
    elsewhere = "" if runs == RUNS else f" --runs {runs}"
    return f"continue with {context.command_path} --resume --name {name}{elsewhere}"


def read_begun(
    context: typer.Context, runs: str, name: str | None, also: Collection[str] = ("device",)
) -> tuple[dict[str, Any], str]:
    """Return the config.json and the name of the run to resume. Raises BadInput.

    also: options of this verb that may be given besides WITH_RESUME.
    """
    from forge_core.learning.runs import read_run

    if name is None:
        raise BadInput("--resume needs the name of a run: add --name")
    if foreign := sorted(given(context) - {*WITH_RESUME, *also}):
        option = foreign[0].replace("_", "-")
        raise BadInput(f"--resume uses the run's own settings: leave out --{option}, or start a new run")
    return read_run(folder_of(runs, name)), name


def train_in_folder(
    context: typer.Context,
    train: Callable[[Path, Watch], TrainResult],
    *,
    title: str,
    runs: str,
    name: str,
    amount: int,
    unit: str,
    minutes: float | None,
    point_text: Callable[[Point], str],
    json: bool,
    page: str,
    reference: str,
) -> None:
    """Train in the folder of a run with a progress bar, and print the result. Ctrl-C keeps everything.

    train: starts or continues the run in a folder. title: printed first, with the folder. amount, unit: what
    is played in the whole run, such as 1,500,000 and `positions`. page: of the game, as in `forge play PAGE`;
    it runs networks of the shape of `reference`, a folder. Raises Stopped, BadInput.
    """
    from forge_core.cli.filling import interruptible
    from forge_core.cli.screen import notes, progress_bar
    from forge_core.files import Store
    from forge_core.learning.checkpoints import has_shape_of
    from forge_core.learning.loop import Watch
    from forge_core.learning.memory import keep_freed_memory
    from forge_core.learning.runs import CHECKPOINT

    folder, how, out = folder_of(runs, name), how_to_continue(context, runs, name), notes()
    keep_freed_memory()
    out.print(f"{title}: {folder}", style="dim")
    try:
        with (
            Store(str(folder)).held(),
            interruptible() as is_stopped,
            progress_bar("learning", amount) as move,
        ):
            watch = Watch(
                minutes=minutes,
                should_stop=is_stopped,
                on_progress=lambda played: move(completed=min(played, amount)),
                on_point=lambda point: out.print(point_text(point), soft_wrap=True),
            )
            result = train(folder, watch)
    except KeyboardInterrupt:
        kept = "everything was kept" if (folder / CHECKPOINT).exists() else "nothing was kept"
        raise Stopped(f"stopped; {kept} in {folder}: {how}") from None
    print_result(result, unit, json)
    if result.model and has_shape_of(result.model, str(ROOT / reference)):
        out.print(f"play against it: forge play {page} --model {result.model}", soft_wrap=True)
    if result.unfinished:
        out.print(f"its time is up, but {unit} are left: {how}", soft_wrap=True)


def print_result(result: TrainResult, unit: str, json: bool) -> None:
    """Print how far the run got, and where the network is."""
    from forge_core.cli.screen import print_json, screen

    if json:
        print_json({**record_of(result), "last": result.points[-1] if result.points else None})
        return
    out = screen()
    if result.points:
        out.print(summary_of(result, unit), soft_wrap=True)
    if result.model:
        out.print(f"{result.model}: the network", soft_wrap=True)


def record_of(result: TrainResult) -> dict[str, Any]:
    """Return what programs read of any run, JSON types by name."""
    names = ("folder", "model", "parameters", "device", "precision", "unfinished")
    return {name: getattr(result, name) for name in names}


def summary_of(result: TrainResult, unit: str) -> str:
    """Return a line about the whole run: its network, how much it learnt from, its time and its machine."""
    from forge_core.cli.screen import seconds_text

    last = result.points[-1]
    return (
        f"{result.parameters:,} parameters, {last['rows']:,} {unit}, {seconds_text(last['seconds'])} "
        f"({seconds_text(last['cpu_seconds'])} of CPU) on {result.device} ({result.precision})"
    )
