"""The command line of one game: its verbs, and its parts in `forge doctor` and `forge bench`.

A game defines a GameVerbs in its own `cli/`; `forge_core.cli.app` lists them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from forge_core.files.holdings import StorePart


@dataclass(frozen=True, slots=True)
class GameVerbs:
    """The verbs, benchmarks and store parts that a game adds to `forge`."""

    name: str
    """`texas42`: its verbs are `forge texas42 VERB`"""
    title: str
    """as people write it: `Texas 42`"""
    summary: str
    """one sentence for `forge --help`"""
    verbs: Mapping[str, tuple[Callable[..., None], ...]]
    """by the headings under which help lists them, in lower case"""
    parts_of_stores: Callable[[], Sequence[StorePart]] = tuple
    """imports the kinds of files that the game keeps in a store, for `forge doctor`"""
    benchmarks: Mapping[str, str] = field(default_factory=dict)
    """subject of `forge bench` -> module with a function `measure` (see `forge_core.cli.bench`)"""

    def app(self) -> typer.Typer:
        """Return the verbs as a command group."""
        app = new_app(self.name, self.summary)
        add_verbs(app, self.verbs)
        return app


def new_app(name: str, summary: str) -> typer.Typer:
    """Return a command group without verbs; called without one, it prints its help."""
    app = typer.Typer(
        name=name,
        help=summary,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback(invoke_without_command=True)
    def print_help(context: typer.Context) -> None:
        if context.invoked_subcommand is None:
            print(context.get_help())

    return app


def add_verbs(
    app: typer.Typer, verbs: Mapping[str, tuple[Callable[..., None], ...]], title: str = ""
) -> None:
    """Add verbs to a command group, under their headings. title: put in front of each heading."""
    for heading, of_heading in verbs.items():
        for verb in of_heading:
            panel = f"{title}: {heading}" if title else heading[0].upper() + heading[1:]
            app.command(rich_help_panel=panel)(verb)
