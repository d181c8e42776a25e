"""`forge bench`: correct first, then the figure, with device and sizes.

A subject is a module here, `bench_NAME.py`, with a function `measure` that raises AssertionError
unless what must hold does, measures, and returns a Benchmark. List it in SUBJECTS.
"""

from __future__ import annotations

from dataclasses import asdict
from importlib import import_module
from typing import Annotated

import typer

from forge_core.cli.figures import Benchmark
from forge_core.cli.options import Device, Json, Seeds
from forge_core.cli.status import FAILED
from forge_core.errors import BadInput

SUBJECTS = ("solver", "train", "worlds", "eq", "bid", "game")


def read_subject(text: str) -> str:
    """A name in SUBJECTS."""
    if text not in SUBJECTS:
        raise BadInput(f"no benchmark of {text!r}: use {', '.join(SUBJECTS)}")
    return text


def bench(
    subject: Annotated[
        str, typer.Argument(parser=read_subject, metavar="SUBJECT", help=f"Of: {', '.join(SUBJECTS)}.")
    ],
    seeds: Seeds = "0-19",  # pyright: ignore[reportArgumentType]  (read by its parser)
    device: Device = "cpu",
    json: Json = False,
) -> None:
    """Measure a part of Forge, after asserting that it is right. Exit 1 if a figure is over its limit."""
    from forge_core.cli.screen import notes, print_json

    module = import_module(f"forge_core.texas42.cli.bench_{subject}")
    with notes().status(f"measuring: {subject}"):
        benchmark: Benchmark = module.measure(seeds, device)
    if json:
        print_json(asdict(benchmark))
    else:
        print_benchmark(benchmark)
    if any(figure.is_over for figure in benchmark.figures):
        raise typer.Exit(FAILED)


def print_benchmark(benchmark: Benchmark) -> None:
    """The conditions, what held, the figures."""
    from forge_core.cli.screen import screen, table

    out = screen()
    for name, text in benchmark.conditions.items():
        out.print(f"[bold]{name:<10}[/bold]{text}", soft_wrap=True)
    for assertion in benchmark.held:
        out.print(f"[green]{'correct':<10}[/green]{assertion}", soft_wrap=True)
    grid = table("", "measured", "", "at most", "", numbers="measured at most")
    grid.columns[3].justify = "right"
    for figure in benchmark.figures:
        limit = "" if figure.limit is None else f"{figure.limit:g}"
        style, remark = ("red", "over") if figure.is_over else ("", "")
        grid.add_row(figure.name, f"{figure.value:.3g}", figure.unit, limit, remark, style=style)
    out.print()
    out.print(grid)
