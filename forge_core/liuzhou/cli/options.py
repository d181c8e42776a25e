"""Options that several verbs of Liuzhou share; readers import what they need when they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_core.errors import BadInput
from forge_core.liuzhou.settings.matches import MATCH_SIMS
from forge_core.ranges import whole

if TYPE_CHECKING:
    from forge_core.liuzhou.evaluators import Evaluator
    from forge_core.liuzhou.rules import State
    from forge_core.liuzhou.settings.search import SearchSettings

PLAYOUTS = 4
"""random games per position of a search without a network: a single one says little about a position"""
PLAYERS = "random, greedy, reply, playouts:256, network:model=DIR, search:sims=256,model=DIR"


def read_position(text: str) -> State:
    """Parse `start`, or a position in the notation of `forge liuzhou show`."""
    from forge_core.liuzhou.notation import parse_position
    from forge_core.liuzhou.rules import State

    return State() if text.strip().lower() == "start" else parse_position(text)


def read_actions(text: str) -> list[int]:
    """Parse actions separated by spaces; return their ids."""
    from forge_core.liuzhou.notation import parse_action

    return [parse_action(word) for word in text.split()]


def read_sims(text: str) -> int:
    """Parse a whole number of at least 1; the search checks its upper limit."""
    return whole(text, "--sims", least=1)


def read_picture(text: str) -> str:
    """Parse the path of a PNG file."""
    if not text.lower().endswith(".png"):
        raise BadInput(f"--picture {text!r} is not a PNG file: write a path that ends in .png")
    return text


Position = Annotated[
    Any,
    typer.Argument(
        parser=read_position,
        metavar="POSITION",
        help="start, or a position as `forge liuzhou show` prints it, in quotes.",
    ),
]
Then = Annotated[
    list | None,
    typer.Option(
        "--then",
        parser=read_actions,
        metavar="ACTIONS",
        help='Actions that follow the position, such as "c3 d3 c4".',
    ),
]
Picture = Annotated[
    str | None,
    typer.Option(
        "--picture", parser=read_picture, metavar="FILE", help="Also draw the result to this PNG file."
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="DIR",
        show_default="random games",
        help="Folder of the network that judges positions.",
    ),
]
Sims = Annotated[int, typer.Option("--sims", parser=read_sims, metavar="N", help="Simulations per position.")]
DEFAULT_SIMS = str(MATCH_SIMS)


def open_judge(model: str | None, sims: int, device: str) -> tuple[Evaluator, SearchSettings]:
    """Return the evaluator of a search, and its settings; model: folder of a network, None for random games.

    With a network, a drawn game is worth nothing; with random games, most of which are drawn, it counts by
    its stones. Raises BadInput.
    """
    from forge_core.liuzhou.settings.search import SearchSettings

    if model is None:
        from forge_core.liuzhou.evaluators import Rollouts
        from forge_core.liuzhou.players.playouts import DRAW_SCALE, DRAW_WORTH

        evaluator = Rollouts(0, PLAYOUTS, DRAW_WORTH, DRAW_SCALE)
        return evaluator, SearchSettings(sims, beta=DRAW_WORTH, draw_scale=DRAW_SCALE)
    from forge_core.liuzhou.players.network import LoadedNetwork

    return LoadedNetwork.load(model, device).evaluator, SearchSettings(sims)


def go_on(state: State, actions: list[int] | None) -> tuple[State, int | None]:
    """Return the position after some actions, and the last action. Raises BadInput for an illegal action."""
    if not actions:
        return state, None
    from forge_core.liuzhou.record import GameRecord
    from forge_core.liuzhou.state import pack, unpack

    game = GameRecord.replay(actions, pack(state))
    return unpack(game.rows[-1]), game.actions[-1]
