"""The command line of a game: its verbs, and its parts of `forge doctor` and `forge bench`.

A game defines its GameVerbs in its own `cli/`; `forge_core.cli.app` lists those of all games.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

from forge_core.cli.bench import bench_verb
from forge_core.cli.options import PlainSwitches

if TYPE_CHECKING:
    from forge_core.files.holdings import StorePart
    from forge_core.web.pages import Page


@dataclass(frozen=True, slots=True)
class GamePage:
    """The page on which a game is played in a browser."""

    verb: Callable[..., None]
    """opens the page, with options of the game"""
    load: Callable[[], Page]
    """imports and returns the page"""


@dataclass(frozen=True, slots=True)
class GameVerbs:
    """The verbs, benchmarks and store parts that a game adds to `forge`."""

    name: str
    """such as `texas42`; the verbs are then `forge texas42 VERB`"""
    title: str
    """the name for people: `Texas 42`"""
    summary: str
    """one sentence for `forge --help`"""
    verbs: Mapping[str, tuple[Callable[..., None], ...]]
    """the verbs under each heading of the help, headings in lower case"""
    page: GamePage | None = None
    """for `forge play`; its verb is one of the verbs, too"""
    parts_of_stores: Callable[[], Sequence[StorePart]] = tuple
    """imports and returns the kinds of data that the game keeps in a store, for `forge doctor`"""
    benchmarks: Mapping[str, str] = field(default_factory=dict)
    """the module that measures each subject of `forge bench` (see `forge_core.cli.bench`)"""

    def app(self) -> typer.Typer:
        """Return the verbs as a command group."""
        app = new_app(self.name, self.summary)
        add_verbs(app, self.verbs)
        if self.benchmarks:
            subjects = {name.removeprefix(f"{self.name}-"): at for name, at in self.benchmarks.items()}
            add_verbs(app, {"measurements": (bench_verb(subjects),)})
        return app


def new_app(name: str, summary: str) -> typer.Typer:
    """Return a command group without verbs; it prints its help if it is called without a verb."""
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
    """Add verbs to a command group under their headings. title: a prefix for each heading."""
    for heading, of_heading in verbs.items():
        for verb in of_heading:
            panel = f"{title}: {heading}" if title else heading[0].upper() + heading[1:]
            app.command(cls=PlainSwitches, rich_help_panel=panel)(verb)
