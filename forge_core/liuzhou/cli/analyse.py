"""`forge liuzhou analyse`: what a tree search finds in a position."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from forge_core.cli.filling import check_file, write_file
from forge_core.cli.options import Device, Json
from forge_core.errors import BadInput
from forge_core.liuzhou.cli.options import (
    DEFAULT_SIMS,
    Model,
    Picture,
    Position,
    Sims,
    Then,
    go_on,
    open_judge,
)

if TYPE_CHECKING:
    from forge_core.liuzhou.analysis import Analysis


def analyse(
    position: Position = "start",
    then: Then = None,
    model: Model = None,
    sims: Sims = DEFAULT_SIMS,  # pyright: ignore[reportArgumentType]  (read by its parser)
    picture: Picture = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Search a position, and show visits, value and prior of its legal actions."""
    from forge_core.cli.screen import print_json, screen
    from forge_core.liuzhou.analysis import analyse as search
    from forge_core.liuzhou.cli.board import print_board
    from forge_core.liuzhou.notation import position_text
    from forge_core.liuzhou.state import pack

    state, last = go_on(position, then)
    if picture:
        check_file(picture)
    evaluator, settings = open_judge(model, sims, device)
    begun = time.perf_counter()
    [found] = search(pack(state)[None], evaluator, settings, device)
    seconds = time.perf_counter() - begun
    if found is None:
        raise BadInput(f"the game is over in {position_text(state)}: there is nothing to search")
    if picture:
        from forge_core.liuzhou.pictures import draw_position

        write_file(picture, draw_position(state, last, found))
    if json:
        print_json(
            {
                "position": position_text(state),
                "value": found.value,
                "sims": sims,
                "model": model,
                "device": device,
                "seconds": round(seconds, 3),
                "actions": [option.to_dict() for option in found.options],
            }
        )
        return
    out = screen()
    print_board(out, state, last)
    out.print()
    print_options(found)


def print_options(found: Analysis) -> None:
    """Print a line per action, the most visited first."""
    from forge_core.cli.screen import screen, table

    grid = table("action", "visits", "share", "q", "prior", numbers="visits share q prior")
    for option in found.options:
        q = "" if option.q is None else f"{option.q:+.3f}"
        grid.add_row(option.text, f"{option.visits:,}", f"{option.share:.1%}", q, f"{option.prior:.1%}")
    out = screen()
    out.print(grid)
    out.print(f"value {found.value:+.3f}; it and q are for the player to move, −1 to 1", style="dim")
