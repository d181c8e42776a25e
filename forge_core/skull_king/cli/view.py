"""`forge skull-king view`: games of the page, round by round."""

from __future__ import annotations

from typing import Annotated

import typer

from forge_core.cli.filling import check_file
from forge_core.cli.options import Json
from forge_core.errors import BadInput
from forge_core.skull_king.cli.film import (
    FILM_WORLDS,
    command_note,
    notes_of,
    read_page,
    show_films,
    title_of,
)
from forge_core.skull_king.cli.options import Worlds
from forge_core.skull_king.settings.table import read_round


def view(
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="A game that you saved on the page of forge skull-king."),
    ],
    round: Annotated[
        int | None,
        typer.Option("--round", parser=read_round, metavar="N", help="Show this round only."),
    ] = None,
    worlds: Worlds = FILM_WORLDS,
    html: Annotated[
        str | None,
        typer.Option("--html", parser=read_page, metavar="FILE", help="Write a page for browsers instead."),
    ] = None,
    json: Json = False,
) -> None:
    """Show a game that you played on the page: bids and plays with the values of yours, trick by trick."""
    from forge_core.skull_king.advice.search import SearchAdviser
    from forge_core.skull_king.search import SearchSettings
    from forge_core.skull_king.web.games import open_game

    if html:
        check_file(html)
    adviser = SearchAdviser(SearchSettings(worlds)) if worlds else None
    played = open_game(file)
    films = played.films(adviser)
    if round is not None and round > len(films):
        raise BadInput(f"--round {round}: {file} has {len(films)} rounds")
    shown = films if round is None else films[round - 1 : round]
    players = ["you", *[played.others] * (played.seats - 1)]
    notes = [*notes_of(players, adviser), command_note(played.seed)]
    title = title_of(shown, played.seed, round is None)
    facts = {"seed": played.seed, "players": players}
    show_films(shown, title, notes, facts, adviser, html, json)
