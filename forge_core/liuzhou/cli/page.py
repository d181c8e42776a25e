"""`forge liuzhou page`: a game in a browser."""

from __future__ import annotations

from typing import Annotated

import typer

from forge_core.cli.pages import Browser, Out, OwnNetwork, Port, link_of, offer_page
from forge_core.errors import BadInput
from forge_core.ranges import read_seed


def page(
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            parser=read_seed,
            metavar="N",
            help="Seed of what players draw at random (default: random).",
        ),
    ] = None,
    side: Annotated[
        str, typer.Option("--side", metavar="COLOUR", help="Your side: black, which begins, or white.")
    ] = "black",
    opponent: Annotated[
        str,
        typer.Option(
            "--opponent",
            metavar="PLAYER",
            help="greedy or reply (they count stones), network, or search-32, search-128, search-512 (tree "
            "search with that many simulations).",
        ),
    ] = "search-128",
    model: OwnNetwork = None,
    port: Port = 0,
    browser: Browser = True,
    out: Out = None,
) -> None:
    """Play a game in a browser, with hints by tree search, and with what your decisions lost."""
    from forge_core.liuzhou.web import OPPONENTS, PAGE, SIDES, WEIGHTS

    if side not in SIDES:
        raise BadInput(f"--side {side}: use {' or '.join(SIDES)}")
    if opponent not in OPPONENTS:
        raise BadInput(f"--opponent {opponent}: use {', '.join(OPPONENTS)}")
    link = link_of(
        seed=seed,
        side=None if side == "black" else side,
        opponent=None if opponent == "search-128" else opponent,
    )
    files = PAGE.files()
    if model is not None:
        from forge_core.liuzhou.network import LiuzhouNet
        from forge_core.web.own_network import with_network

        files = with_network(PAGE, str(WEIGHTS.parent), model, LiuzhouNet)
    offer_page(files, link, port, browser, out)
