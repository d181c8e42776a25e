"""The verbs of Texas 42."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from forge_core.cli.games import GamePage, GameVerbs
from forge_core.texas42.cli.bid import bid
from forge_core.texas42.cli.bid_tables import bid_tables
from forge_core.texas42.cli.convergence import convergence
from forge_core.texas42.cli.deal import deal
from forge_core.texas42.cli.eq import eq
from forge_core.texas42.cli.eq_export import eq_export
from forge_core.texas42.cli.evaluate import evaluate
from forge_core.texas42.cli.export import export
from forge_core.texas42.cli.investigate import investigate
from forge_core.texas42.cli.match import match
from forge_core.texas42.cli.pictures import pictures
from forge_core.texas42.cli.play import play
from forge_core.texas42.cli.shards import shards
from forge_core.texas42.cli.solve import solve
from forge_core.texas42.cli.summary import summary
from forge_core.texas42.cli.tokenize import tokenize
from forge_core.texas42.cli.tokens_export import tokens_export
from forge_core.texas42.cli.tournament import tournament
from forge_core.texas42.cli.train import train
from forge_core.texas42.cli.train_one_hand import train_one_hand
from forge_core.texas42.cli.train_self_play import train_self_play
from forge_core.texas42.cli.view import view

if TYPE_CHECKING:
    from forge_core.files.holdings import StorePart
    from forge_core.web.pages import Page


def parts_of_stores() -> Sequence[StorePart]:
    """Import and return the kinds of data that Texas 42 keeps in a store."""
    from forge_core.texas42.cli.holdings import PARTS

    return PARTS


def _page() -> Page:
    from forge_core.texas42.web import PAGE

    return PAGE


TEXAS42 = GameVerbs(
    name="texas42",
    title="Texas 42",
    summary="Texas 42, a domino game for four: solve deals, train networks, play, bid and compare players.",
    verbs={
        "deals": (deal, solve, shards),
        "networks": (tokenize, tokens_export, train, train_one_hand, train_self_play, evaluate, export),
        "games by E[Q]": (eq, summary, view, pictures, eq_export),
        "bidding": (bid, bid_tables, investigate, convergence),
        "players": (match, tournament, play),
    },
    page=GamePage(play, _page),
    parts_of_stores=parts_of_stores,
    benchmarks={
        name: f"forge_core.texas42.cli.bench_{name}"
        for name in ("solver", "train", "worlds", "eq", "bid", "game")
    },
)
