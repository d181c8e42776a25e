"""The verbs of Liuzhou."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from forge_core.cli.games import GamePage, GameVerbs
from forge_core.liuzhou.cli.analyse import analyse
from forge_core.liuzhou.cli.evaluate import evaluate
from forge_core.liuzhou.cli.film import film
from forge_core.liuzhou.cli.match import match
from forge_core.liuzhou.cli.page import page
from forge_core.liuzhou.cli.play import play
from forge_core.liuzhou.cli.selfplay import selfplay
from forge_core.liuzhou.cli.show import show
from forge_core.liuzhou.cli.train import train
from forge_core.liuzhou.cli.validate import validate

if TYPE_CHECKING:
    from forge_core.files.holdings import StorePart
    from forge_core.web.pages import Page


def _parts_of_stores() -> Sequence[StorePart]:
    from forge_core.liuzhou.cli.holdings import PARTS

    return PARTS


def _page() -> Page:
    from forge_core.liuzhou.web import PAGE

    return PAGE


LIUZHOU = GameVerbs(
    name="liuzhou",
    title="Liuzhou",
    summary="Liuzhou, a board game for two: play, search positions, train networks, compare players.",
    verbs={
        "games and positions": (play, page, show, analyse, film),
        "networks": (selfplay, train),
        "players": (match, evaluate),
        "acceptance": (validate,),
    },
    page=GamePage(page, _page),
    parts_of_stores=_parts_of_stores,
    benchmarks={f"liuzhou-{name}": f"forge_core.liuzhou.cli.bench_{name}" for name in ("rules", "arena")},
)
