"""`forge bench`: check correctness first, then print the figures with device and sizes.

Each subject is a module `bench_NAME` in a game's `cli/` with a function `measure(seeds, device)`, which
raises AssertionError if the results are wrong, then measures and returns a Benchmark. The game lists
its subjects in its GameVerbs.
"""

# No `from __future__ import annotations`: the annotations of the verb refer to variables of its function.
import math
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Annotated

import typer

from forge_core.cli.figures import Benchmark
from forge_core.cli.options import Device, Json
from forge_core.cli.status import FAILED
from forge_core.errors import BadInput
from forge_core.ranges import parse_seeds


def bench_verb(subjects: Mapping[str, str]) -> Callable[..., None]:
    """Return the verb `bench`. subjects: the measuring module of each subject, by name."""
    names = ", ".join(subjects)

    def read_subject(text: str) -> str:
        if text not in subjects:
            raise BadInput(f"there is no benchmark {text!r}: use {names}")
        return text

    def bench(
        subject: Annotated[
            str, typer.Argument(parser=read_subject, metavar="SUBJECT", help=f"One of: {names}.")
        ],
        seeds: Annotated[
            list,
            typer.Option(
                "--seeds",
                parser=parse_seeds,
                metavar="LIST",
                help="Seeds of the deals or random games that are measured: 7, 0-49 or 0-9,900-919.",
            ),
        ] = "0-19",  # pyright: ignore[reportArgumentType]  (read by its parser)
        device: Device = "cpu",
        json: Json = False,
    ) -> None:
        """Check that a part of Forge is correct, then measure its speed.

        The exit status is 1 if a figure is outside its limits.
        """
        from forge_core.cli.screen import notes, print_json

        with notes().status(f"measuring {subject}"):
            benchmark: Benchmark = import_module(subjects[subject]).measure(seeds, device)
        if json:
            print_json(benchmark.to_dict())
        else:
            print_benchmark(benchmark)
        if any(figure.is_over or figure.is_under for figure in benchmark.figures):
            raise typer.Exit(FAILED)

    return bench


def print_benchmark(benchmark: Benchmark) -> None:
    """Print the conditions, the assertions that held, and the figures."""
    from forge_core.cli.screen import screen, table

    out = screen()
    for name, text in benchmark.conditions.items():
        out.print(f"[bold]{name:<10}[/bold]{text}", soft_wrap=True)
    for assertion in benchmark.held:
        out.print(f"[green]{'correct':<10}[/green]{assertion}", soft_wrap=True)
    published = ["published"] if any(figure.published for figure in benchmark.figures) else []
    grid = table("", "measured", "", "at least", "at most", "", *published, numbers="measured")
    for place in (3, 4):
        grid.columns[place].justify = "right"
    for figure in benchmark.figures:
        limits = ("" if limit is None else f"{limit:g}" for limit in (figure.least, figure.limit))
        remark = "over" if figure.is_over else "under" if figure.is_under else ""
        style = "red" if remark else ""
        value = "NaN" if math.isnan(figure.value) else f"{figure.value:.3g}"
        beside = [figure.published] if published else []
        grid.add_row(figure.name, value, figure.unit, *limits, remark, *beside, style=style)
    out.print()
    out.print(grid)
