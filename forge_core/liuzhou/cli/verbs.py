"""The verbs of Liuzhou."""

from __future__ import annotations

from forge_core.cli.games import GameVerbs
from forge_core.liuzhou.cli.analyse import analyse
from forge_core.liuzhou.cli.evaluate import evaluate
from forge_core.liuzhou.cli.film import film
from forge_core.liuzhou.cli.match import match
from forge_core.liuzhou.cli.play import play
from forge_core.liuzhou.cli.show import show
from forge_core.liuzhou.cli.train import train
from forge_core.liuzhou.cli.validate import validate

LIUZHOU = GameVerbs(
    name="liuzhou",
    title="Liuzhou",
    summary="Liuzhou, a board game for two: play, search positions, train networks, compare players.",
    verbs={
        "games and positions": (play, show, analyse, film),
        "networks": (train,),
        "players": (match, evaluate),
        "acceptance": (validate,),
    },
    benchmarks={f"liuzhou-{name}": f"forge_core.liuzhou.cli.bench_{name}" for name in ("rules", "arena")},
)
