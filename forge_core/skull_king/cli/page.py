"""`forge skull-king page`: a game in a browser."""

from __future__ import annotations

from typing import Annotated

import typer

from forge_core.cli.pages import Browser, Out, OwnNetwork, Port, link_of, offer_page
from forge_core.errors import BadInput
from forge_core.ranges import read_seed
from forge_core.skull_king.settings.table import DEFAULT_SEATS, read_seats


def page(
    seed: Annotated[
        int | None,
        typer.Option("--seed", parser=read_seed, metavar="N", help="Seed of the deals (default: random)."),
    ] = None,
    seats: Annotated[
        int, typer.Option("--seats", parser=read_seats, metavar="N", help="Number of seats, 3 to 8.")
    ] = DEFAULT_SEATS,
    others: Annotated[
        str | None,
        typer.Option(
            "--others",
            metavar="PLAYER",
            help="The other seats: easy, medium, hard, captain, or, at four seats, network.",
            show_default="network at four seats, else captain",
        ),
    ] = None,
    model: OwnNetwork = None,
    port: Port = 0,
    browser: Browser = True,
    out: Out = None,
) -> None:
    """Play a game of ten rounds in a browser, with hints, and with what your decisions lost."""
    from forge_core.skull_king.web import FEWEST_SEATS, PAGE, PLAYERS, WEIGHTS

    if seats < FEWEST_SEATS:
        raise BadInput(f"--seats {seats}: the page draws no ghost, so use {FEWEST_SEATS} or more")
    players = PLAYERS if seats == DEFAULT_SEATS else PLAYERS[:-1]
    if others is not None and others not in players:
        raise BadInput(f"--others {others}: at {seats} seats use {', '.join(players)}")
    link = link_of(seed=seed, seats=None if seats == DEFAULT_SEATS else seats, others=others)
    files = PAGE.files()
    if model is not None:
        from forge_core.skull_king.network import BidAndPlayNet
        from forge_core.web.own_network import with_network

        files = with_network(PAGE, str(WEIGHTS.parent), model, BidAndPlayNet)
    offer_page(files, link, port, browser, out)
