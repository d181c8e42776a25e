"""`forge play`: the page from which every game is one click away, or the page of one game."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, get_type_hints

import typer

from forge_core.cli.games import GamePage, GameVerbs, new_app
from forge_core.cli.options import PlainSwitches, given
from forge_core.cli.pages import offer_page
from forge_core.errors import BadInput

_OF_ALL = ("port", "browser", "out")
"""options of the page of all games"""


def add_play(app: typer.Typer, games: Sequence[GameVerbs], main: GamePage) -> None:
    """Add `play`: without options of a game, the page of all games; with some, that of the main game.

    `play GAME` takes the options of that game.
    """
    pages = {game.name: game.page for game in games if game.page}
    title = next(game.title for game in games if game.page is main)
    group = new_app("play", f"Play in a browser: choose a game there, or here. {title} needs no name here.")
    for name, page in pages.items():
        group.command(name, cls=PlainSwitches)(page.verb)

    def play(context: typer.Context, **options: Any) -> None:
        named = given(context)
        written = [name for name in options if name in named]
        if context.invoked_subcommand:
            if written:
                game, first = context.invoked_subcommand, written[0]
                raise BadInput(f"--{first} is written after the game: forge play {game} --{first} ...")
        elif set(written) <= set(_OF_ALL):
            from forge_core.web.pages import door_files

            files = door_files([page.load() for page in pages.values()])
            offer_page(files, "", *(options[name] for name in _OF_ALL))
        else:
            main.verb(**options)

    hints = get_type_hints(main.verb, include_extras=True)
    own = [
        parameter.replace(annotation=hints[parameter.name], kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in inspect.signature(main.verb).parameters.values()
    ]
    first = inspect.Parameter("context", inspect.Parameter.POSITIONAL_ONLY, annotation=typer.Context)
    callback: Any = play  # Typer reads the two attributes below
    callback.__signature__ = inspect.Signature([first, *own])
    callback.__annotations__ = {parameter.name: parameter.annotation for parameter in (first, *own)}
    group.callback(invoke_without_command=True)(callback)
    app.add_typer(group, rich_help_panel="In a browser")
