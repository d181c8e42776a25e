"""Output of verbs: text for people on a terminal, one JSON object for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from forge_core.cli.status import Stopped
from forge_core.text_tables import TextTable

_ENDLESS = 10_000
"""width of files and pipes, where lines are neither wrapped nor cut"""


def screen() -> Console:
    """Return a console for standard output; plain text if it is not a terminal."""
    return _uncut(Console(highlight=False))


def notes() -> Console:
    """Return a console for standard error, for progress and remarks that do not belong in a pipe."""
    return _uncut(Console(stderr=True, highlight=False))


def _uncut(console: Console) -> Console:
    if not console.is_terminal:
        console.width = _ENDLESS
    return console


@contextmanager
def progress_bar(text: str, total: float | None, *, counted: bool = True) -> Iterator[Callable[..., None]]:
    """Show a progress bar if standard error is a terminal; yield the function that moves it.

    text: the label of the bar. total: the amount of work, or None if the first call will set it.
    counted: show `3/10` next to the bar instead of a percentage. The function takes `advance` (the
    amount of work just done, by default 1), or `completed` and `total`, and also `last`, a text shown
    after the bar.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    console = notes()
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=32),
        MofNCompleteColumn() if counted else TaskProgressColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[last]}", style="dim"),
        console=console,
        disable=not console.is_terminal or total == 0,
        transient=True,
    )
    task = bar.add_task(text, total=total, last="")

    def move(advance: float | None = 1, **changes: Any) -> None:
        bar.update(task, advance=None if "completed" in changes else advance, **changes)

    with bar:
        yield move


@contextmanager
def playing(games: int, fewer: str) -> Iterator[Callable[..., None]]:
    """Show a progress bar while games are played; yield its `advance`. Ctrl-C ends the verb.

    fewer: how to play fewer games, such as `pairs with --pairs`. Raises Stopped.
    """
    try:
        with progress_bar(f"playing {games:,} games", games) as move:
            yield move
    except KeyboardInterrupt:
        raise Stopped(f"stopped; nothing was kept: play fewer {fewer}") from None


def print_json(answer: dict[str, Any]) -> None:
    """Print a JSON object on one line."""
    sys.stdout.write(json.dumps(answer, allow_nan=False) + "\n")


def table(*columns: str, numbers: str = "", gap: int = 3) -> TextTable:
    """Return a table. numbers: names of the columns to align right, by spaces. gap: see TextTable."""
    grid = TextTable(gap)
    for column in columns:
        grid.add_column(column, justify="right" if column in numbers.split() else "left", no_wrap=True)
    return grid


def size_text(nbytes: int) -> str:
    """Return a size as text in decimal units: `1.2 MB`."""
    size, units = float(nbytes), iter(("B", "kB", "MB", "GB", "TB"))
    unit = next(units)
    while size >= 1000 and unit != "TB":
        size, unit = size / 1000, next(units)
    return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"


def seconds_text(seconds: float) -> str:
    """Return a duration as text: `0.08 s`, `42 s`, `3 min 5 s` or `2 h 10 min`."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"
