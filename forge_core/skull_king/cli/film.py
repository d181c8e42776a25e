"""`forge skull-king film`: rounds as text or as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_core.cli.filling import check_file, write_file
from forge_core.cli.options import Device, Json, expand_settings
from forge_core.errors import BadInput
from forge_core.skull_king.cli.options import DEFAULT_OTHERS, Others, Round, Seed, open_others, read_worlds
from forge_core.skull_king.settings.players import PLAYERS
from forge_core.skull_king.settings.table import TableSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from forge_core.arena.players import Player
    from forge_core.skull_king.advice.record import Adviser
    from forge_core.skull_king.film import RoundFilm

FILM_WORLDS = 50
"""worlds per advised decision: a round has up to eleven"""


def read_page(text: str) -> str:
    """Return the path of a page. Raises BadInput."""
    if not text.endswith((".html", ".htm")):
        raise BadInput(f"--html {text!r} is not a page: write a path that ends in .html")
    return text


@expand_settings
def film(
    *,
    seed: Seed = 0,
    round: Round = "6",  # pyright: ignore[reportArgumentType]  (read by its parser)
    game: Annotated[bool, typer.Option("--game", help="Film all ten rounds instead of one.")] = False,
    player: Annotated[
        str, typer.Option("--player", metavar="NAME", help=f"Player of North (N): {PLAYERS}.")
    ] = "captain",
    others: Others = DEFAULT_OTHERS,
    worlds: Annotated[
        int | None,
        typer.Option(
            "--worlds",
            parser=read_worlds,
            metavar="N",
            show_default=f"{FILM_WORLDS}, or 0 for a network",
            help="Worlds of the search that values the bids and plays of North; 0: no search. Without a "
            "search, a network states its own expectations.",
        ),
    ] = None,
    table: TableSettings,
    html: Annotated[
        str | None,
        typer.Option("--html", parser=read_page, metavar="FILE", help="Write a page for browsers instead."),
    ] = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Play a round and write it down: the bids and plays of North (N) with their values, trick by trick."""
    from forge_core.skull_king.film import film_round
    from forge_core.skull_king.game import SkullKingGame
    from forge_core.skull_king.players import make_player
    from forge_core.skull_king.rules import N_ROUNDS

    if html:
        check_file(html)
    played = SkullKingGame(table.seats, table.chosen)
    players = [make_player(player, device), *open_others(others, table.seats, device)]
    adviser = adviser_of(players[0], worlds)
    rounds = range(1, N_ROUNDS + 1) if game else [round]
    films = [film_round(played, players, seed, each, adviser) for each in rounds]
    title = title_of(films, seed, game)
    notes = [*notes_of([each.name for each in players], adviser), command_note(seed)]
    facts = {"seed": seed, "players": [each.name for each in players]}
    show_films(films, title, notes, facts, adviser, html, json)


def show_films(
    films: Sequence[RoundFilm],
    title: str,
    notes: Sequence[str],
    facts: Mapping[str, Any],
    adviser: Adviser | None,
    html: str | None,
    json: bool,
) -> None:
    """Print rounds as text or JSON, or write them as a page.

    notes: sentences about the players and values; the last one, about the deals, is on pages only. facts:
    the first entries of the JSON object.
    """
    from forge_core.cli.screen import print_json, screen, size_text
    from forge_core.skull_king.film import LEGEND, film_text, films_page

    totals = [sum(points) for points in zip(*(film.points for film in films), strict=True)]
    size = 0
    if html:
        page = films_page(films, title, list(notes)).encode()
        size = len(page)
        write_file(html, page)
    if json:
        print_json(
            {
                **facts,
                "values": adviser.describe() if adviser else None,
                "rounds": [film.to_dict() | {"lines": film_text(film).splitlines()} for film in films],
                "points": totals,
                **({"path": html, "bytes": size} if html else {}),
            }
        )
        return
    out = screen()
    is_one = len(films) == 1
    scores = f"Scores: {' '.join(f'{n:+d}' for n in totals)}."
    if html:
        n = "1 round" if is_one else f"{len(films)} rounds. {scores}"
        out.print(f"{html}: {size_text(size)}, {n}", soft_wrap=True)
        return
    for each in films:
        out.print(film_text(each), soft_wrap=True, markup=False)
        if not is_one:
            out.print()
    out.print(LEGEND, style="dim", soft_wrap=True, markup=False)
    out.print(" ".join([*notes[:-1], *([] if is_one else [scores])]), style="dim", soft_wrap=True)


def adviser_of(player: Player, worlds: int | None) -> Adviser | None:
    """Return the adviser of seat N: a search if `worlds` asks for one, else the network that plays there.

    worlds: None for FILM_WORLDS where no network plays; 0 for no search.
    """
    if not worlds and player.describe().get("player") == "network":
        from forge_core.skull_king.advice.network import NetworkAdviser
        from forge_core.skull_king.players.network import NetworkPlayer

        assert isinstance(player, NetworkPlayer)
        return NetworkAdviser(player)
    if worlds == 0:
        return None
    from forge_core.skull_king.advice.search import SearchAdviser
    from forge_core.skull_king.search import SearchSettings

    return SearchAdviser(SearchSettings(FILM_WORLDS if worlds is None else worlds))


def notes_of(players: Sequence[str], adviser: Adviser | None) -> list[str]:
    """Return sentences that say who plays, and what the values rest on."""
    others = ", ".join(dict.fromkeys(players[1:]))
    notes = [f"N is {players[0]}, the others {others}."]
    return [*notes, f"v: {adviser.note}."] if adviser else notes


def title_of(films: Sequence[RoundFilm], seed: int, game: bool) -> str:
    """Return the title of a page."""
    return f"Skull King, {'game' if game else f'round {films[0].number} of game'} {seed}"


def command_note(seed: int) -> str:
    """Return a sentence that says where the deals come from."""
    from forge_core.splits import split_of

    return f"The deals are those of seed {seed}, of the {split_of(seed)} split."
