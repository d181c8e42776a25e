"""The verb `train` of games whose networks learn from their own play, see `forge_core.learning.loop`."""

from __future__ import annotations

from collections.abc import Callable
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

Resume = Annotated[
    bool,
    typer.Option("--resume", help="Continue the run --name from its last checkpoint, with its settings."),
]
Minutes = Annotated[
    float | None,
    typer.Option("--minutes", min=0, metavar="N", help="Stop after N minutes; --resume continues."),
]

_WITH_RESUME = {"name", "runs", "resume", "minutes", "device", "workers", "json"}
"""options that may be given with --resume, since the network does not depend on them; all others come from
the run"""


def read_begun(context: typer.Context, runs: str, name: str | None) -> tuple[dict[str, Any], str]:
    """Return the config.json and the name of the run to resume. Raises BadInput."""
    from forge_core.learning.runs import read_run

    if name is None:
        raise BadInput("--resume needs the name of a run: add --name")
    if foreign := sorted(given(context) - _WITH_RESUME):
        option = foreign[0].replace("_", "-")
        raise BadInput(f"--resume uses the run's own settings: leave out --{option}, or start a new run")
    return read_run(Path(runs) / name), name


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
) -> None:
    """Train in the folder of a run with a progress bar, and print the result. Ctrl-C keeps everything.

    train: starts or continues the run in a folder. title: printed first, with the folder. amount, unit: what
    is played in the whole run, such as 1,500,000 and `positions`. Raises Stopped, BadInput.
    """
    from forge_core.cli.filling import interruptible
    from forge_core.cli.screen import notes, progress_bar
    from forge_core.files import Store
    from forge_core.learning.loop import Watch
    from forge_core.learning.memory import keep_freed_memory
    from forge_core.learning.runs import CHECKPOINT

    Store(runs).join(name)  # raises BadInput for a name that leads out of the folder
    folder, out = Path(runs) / name, notes()
    elsewhere = "" if runs == RUNS else f" --runs {runs}"
    how = f"continue with {context.command_path} --resume --name {name}{elsewhere}"
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
    if result.unfinished:
        out.print(f"its time is up, but {unit} are left: {how}", soft_wrap=True)


def print_result(result: TrainResult, unit: str, json: bool) -> None:
    """Print how far the run got, and where the network is."""
    from forge_core.cli.screen import print_json, screen, seconds_text

    last = result.points[-1] if result.points else None
    if json:
        names = ("folder", "model", "parameters", "device", "precision", "unfinished")
        print_json({**{name: getattr(result, name) for name in names}, "last": last})
        return
    out = screen()
    if last:
        out.print(
            f"{result.parameters:,} parameters, {last['rows']:,} {unit}, {seconds_text(last['seconds'])} "
            f"({seconds_text(last['cpu_seconds'])} of CPU) on {result.device} ({result.precision})",
            soft_wrap=True,
        )
    if result.model:
        out.print(f"{result.model}: the network", soft_wrap=True)
