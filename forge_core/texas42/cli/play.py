"""`forge play`: play Texas 42 in a browser, as a game to seven marks."""

from __future__ import annotations

from typing import Annotated

import typer

from forge_core.cli.pages import Browser, Out, Port, link_of, offer_page
from forge_core.errors import BadInput
from forge_core.ranges import read_seed
from forge_core.texas42.cli.options import read_declaration


def play(
    seed: Annotated[
        int | None,
        typer.Option("--seed", parser=read_seed, metavar="N", help="Seed of the deal (default: random)."),
    ] = None,
    decl: Annotated[
        int | None,
        typer.Option(
            "--decl",
            parser=read_declaration,
            metavar="NAME",
            help="Play one hand, in which you bid 30 with this trump (default: hold an auction).",
        ),
    ] = None,
    opponents: Annotated[
        str | None,
        typer.Option(
            "--opponents",
            metavar="LEVEL",
            help="Players of the other seats: heuristic (fixed rules), network (one pass of a network of one "
            "hand), exact (E[Q] by the solver) or strongest (playouts by that network in deals that fit how "
            "the others played).",
            show_default="exact; network with a --model of one hand",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="DIR|ONNX",
            help="Your network. One of one hand plays in the other seats (network and strongest). Of another "
            "kind, the page shows what it would play and what that costs; npm fetches its runtime once.",
        ),
    ] = None,
    onnxruntime: Annotated[
        str | None,
        typer.Option(
            "--onnxruntime", metavar="DIR", help="Folder of the npm package onnxruntime-web, with --model."
        ),
    ] = None,
    port: Port = 0,
    browser: Browser = True,
    out: Out = None,
) -> None:
    """Play Texas 42 in a browser: auction, hands with hints, marks to seven, and the cost of every play."""
    from forge_core.cli.screen import notes
    from forge_core.texas42.web import DEFAULT_LEVEL
    from forge_core.texas42.web.folder import page_files, sees_one_hand

    if opponents is None and model is not None and sees_one_hand(model):
        opponents = "network"
    link = _link(seed, decl, opponents or DEFAULT_LEVEL)
    if onnxruntime is not None and model is None:
        raise BadInput("--onnxruntime needs --model: without a network, nothing uses it")
    with notes().status("preparing the page"):
        files = page_files(model, onnxruntime)
    offer_page(files, link, port, browser, out)


def _link(seed: int | None, decl: int | None, opponents: str) -> str:
    """Return the part of the address that names the hand. Raises BadInput for contradictory options."""
    from forge_core.texas42.declarations import NAMES
    from forge_core.texas42.web import DEFAULT_LEVEL, LEVELS

    if opponents not in LEVELS:
        raise BadInput(f"--opponents {opponents}: use {', '.join(LEVELS)}")
    if seed is None and decl is not None:
        raise BadInput("--decl needs --seed: the declaration is that of one deal")
    return link_of(
        seed=seed,
        decl=None if decl is None else NAMES[decl],
        opponents=None if opponents == DEFAULT_LEVEL else opponents,
    )
