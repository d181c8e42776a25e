"""The verbs of Skull King."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forge_core.cli.games import GamePage, GameVerbs
from forge_core.skull_king.cli.bid import bid
from forge_core.skull_king.cli.deal import deal
from forge_core.skull_king.cli.evaluate import evaluate
from forge_core.skull_king.cli.film import film
from forge_core.skull_king.cli.page import page
from forge_core.skull_king.cli.play import play
from forge_core.skull_king.cli.train import train
from forge_core.skull_king.cli.view import view
from forge_core.skull_king.cli.yardstick import yardstick

if TYPE_CHECKING:
    from forge_core.web.pages import Page


def _page() -> Page:
    from forge_core.skull_king.web import PAGE

    return PAGE


SKULL_KING = GameVerbs(
    name="skull-king",
    title="Skull King",
    summary="Skull King, a game of tricks and exact bids for 2 to 8: play, advise bids, compare players.",
    verbs={
        "rounds": (play, page, view, deal, film),
        "bids": (bid,),
        "networks": (train,),
        "players": (evaluate, yardstick),
    },
    page=GamePage(page, _page),
    benchmarks={
        "skull-king": "forge_core.skull_king.cli.benchmark",
        "skull-king-train": "forge_core.skull_king.cli.bench_train",
    },
)
