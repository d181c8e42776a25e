"""`forge skull-king page`: a game in a browser."""

from __future__ import annotations

from typing import Annotated

import typer

from forge_core.cli.options import read_seed
from forge_core.cli.pages import Browser, Out, Port, link_of, offer_page
from forge_core.errors import BadInput


def page(
    seed: Annotated[
        int | None,
        typer.Option("--seed", parser=read_seed, metavar="N", help="Seed of the deals (default: random)."),
    ] = None,
    others: Annotated[
        str,
        typer.Option(
            "--others",
            metavar="PLAYER",
            help="The other seats: easy, medium, hard, captain, network.",
        ),
    ] = "network",
    port: Port = 0,
    browser: Browser = True,
    out: Out = None,
) -> None:
    """Play a game of ten rounds in a browser, with hints, and with what your decisions lost."""
    from forge_core.skull_king.web import PAGE, PLAYERS

    if others not in PLAYERS:
        raise BadInput(f"--others {others}: use {', '.join(PLAYERS)}")
    link = link_of(seed=seed, others=None if others == "network" else others)
    offer_page(PAGE.files(), link, port, browser, out)
