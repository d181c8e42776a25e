"""`forge liuzhou validate`: the acceptance criteria, each with its value, limit and result."""

from __future__ import annotations

import json as json_library
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_core.cli.options import Device, expand_settings, given
from forge_core.errors import ForgeError
from forge_core.liuzhou.settings.validation import QUICK, ValidationSettings

if TYPE_CHECKING:
    from rich.console import Console


@expand_settings
def validate(
    *,
    context: typer.Context,
    settings: ValidationSettings,
    quick: Annotated[
        bool, typer.Option("--quick", help="Take about a minute: few positions, one process, one thread.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with status 2 if a criterion fails.")
    ] = False,
    json: Annotated[
        str | None,
        typer.Option("--json", metavar="FILE", help="Also write the report here; - prints it instead."),
    ] = None,
    device: Device = "auto",
) -> None:
    """Compare the search arena with the published designs at equal evaluations, and judge the criteria.

    A criterion that was not measured, such as one that needs a GPU, neither passes nor fails.
    """
    from forge_core.cli.filling import check_file, place_of
    from forge_core.cli.screen import notes, print_json, progress_bar, screen
    from forge_core.liuzhou.validate import failures
    from forge_core.liuzhou.validate import validate as measure
    from forge_core.liuzhou.validate.validator import steps_of

    if json and json != "-":
        check_file(json)
    if quick:
        entered = {name: value for name, value in asdict(settings).items() if name in given(context)}
        settings = replace(QUICK, **entered)
    out = notes()
    with progress_bar("validating", steps_of(settings)) as move:

        def begin(part: str) -> None:
            move(0, last=part)
            if not out.is_terminal:
                out.print(part)

        report = measure(settings, device, move, begin)
    if json == "-":
        print_json(report)
    else:
        print_report(screen(), report)
    if json and json != "-":
        store, name = place_of(json)
        store.write(name, (json_library.dumps(report, indent=2, allow_nan=False) + "\n").encode())
    if strict and (failed := failures(report["criteria"])):
        raise ForgeError(f"{len(failed)} of the criteria failed: {', '.join(failed)}")


def print_report(out: Console, report: dict[str, Any]) -> None:
    """Print the speed of each design, then the criteria."""
    from forge_core.cli.screen import table

    config = report["config"]
    out.print(
        f"{report['device']}; network {config['network']}, {config['dtype']}; {config['sims']} simulations, "
        f"{config['games']} positions at once; medians of {config['repeats']} repeats",
        soft_wrap=True,
    )
    out.print()
    grid = table(
        "design", "processes", "threads", "positions/s", "evaluations/s", "spread", "outside network",
        numbers="processes threads positions/s evaluations/s spread",
    )  # fmt: skip
    for name, figures in report["summary"].items():
        mode, processes, threads = name.split("/")
        outside = figures["outside_network"]
        grid.add_row(
            mode.replace("_", " "),
            processes,
            threads,
            f"{figures['positions_per_s']:,.0f}",
            f"{figures['evaluations_per_s']:,.0f}",
            f"{figures['spread']:.0%}",
            "" if outside is None else f"{outside:.1%}",
        )
    out.print(grid)
    out.print()
    grid = table("criterion", "value", "limit", "result", numbers="value limit")
    for name, record in report["criteria"].items():
        value = record["value"]
        shown = f"{value:.3g}" if isinstance(value, int | float) else ""
        grid.add_row(name.replace("_", " "), shown, record["limit"], record["result"])
    out.print(grid)
