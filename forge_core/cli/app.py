"""The verbs of `forge`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from forge_core.cli.bench import bench
from forge_core.cli.doctor import doctor_of
from forge_core.texas42.cli.bid import bid
from forge_core.texas42.cli.convergence import convergence
from forge_core.texas42.cli.deal import deal
from forge_core.texas42.cli.eq import eq
from forge_core.texas42.cli.eq_export import eq_export
from forge_core.texas42.cli.evaluate import evaluate
from forge_core.texas42.cli.export import export
from forge_core.texas42.cli.investigate import investigate
from forge_core.texas42.cli.match import match
from forge_core.texas42.cli.pictures import pictures
from forge_core.texas42.cli.shards import shards
from forge_core.texas42.cli.solve import solve
from forge_core.texas42.cli.summary import summary
from forge_core.texas42.cli.tokenize import tokenize
from forge_core.texas42.cli.train import train
from forge_core.texas42.cli.view import view

if TYPE_CHECKING:
    from forge_core.files.holdings import StorePart


def parts_of_stores() -> Sequence[StorePart]:
    """Import what the games keep in a store."""
    from forge_core.texas42.cli.holdings import PARTS

    return PARTS


app = typer.Typer(
    name="forge",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for verb in (
    deal,
    solve,
    shards,
    tokenize,
    train,
    evaluate,
    export,
    eq,
    summary,
    view,
    pictures,
    eq_export,
    bid,
    investigate,
    convergence,
    match,
    doctor_of(parts_of_stores),
    bench,
):
    app.command()(verb)


def print_version(asked: bool) -> None:
    """What `--version` does."""
    if asked:
        from importlib.metadata import version

        print(f"forge {version('forge')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def forge(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """From deals of Texas 42 to players: an exact solver says what every move of a deal is worth."""
    if context.invoked_subcommand is None:
        print(context.get_help())
