"""What verbs answer with: text for people on a terminal, one JSON object for programs."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console
from rich.table import Table

_ENDLESS = 10_000
"""columns of a file or a pipe: nothing is broken or cut there"""


def screen() -> Console:
    """Standard output; plain where it is no terminal."""
    return _uncut(Console(highlight=False))


def notes() -> Console:
    """Standard error, for progress and remarks: standard output stays clean for a pipe."""
    return _uncut(Console(stderr=True, highlight=False))


def _uncut(console: Console) -> Console:
    if not console.is_terminal:
        console.width = _ENDLESS
    return console


def print_json(answer: dict[str, Any]) -> None:
    """One line: a JSON object."""
    sys.stdout.write(json.dumps(answer, allow_nan=False) + "\n")


def table(*columns: str, numbers: str = "") -> Table:
    """An airy table: no frame, numbers (`numbers` names their columns) to the right."""
    grid = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for column in columns:
        grid.add_column(column, justify="right" if column in numbers.split() else "left", no_wrap=True)
    return grid


def size_text(nbytes: int) -> str:
    """`1.2 MB`: decimal, as disks are sold."""
    size, units = float(nbytes), iter(("B", "kB", "MB", "GB", "TB"))
    unit = next(units)
    while size >= 1000 and unit != "TB":
        size, unit = size / 1000, next(units)
    return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"


def seconds_text(seconds: float) -> str:
    """`0.08 s`, `42 s`, `3 min 5 s`, `2 h 10 min`."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"
