"""`forge liuzhou show`: a position as text, as a picture, and its legal actions."""

from __future__ import annotations

from forge_core.cli.filling import write_file
from forge_core.cli.options import Json
from forge_core.liuzhou.cli.options import Picture, Position, Then, go_on


def show(
    position: Position = "start",
    then: Then = None,
    picture: Picture = None,
    json: Json = False,
) -> None:
    """Show a position: the board, who must do what, and the legal actions."""
    from forge_core.cli.screen import print_json, screen
    from forge_core.liuzhou.cli.board import print_board
    from forge_core.liuzhou.notation import action_text, position_text
    from forge_core.liuzhou.rules import legal, outcome

    state, last = go_on(position, then)
    if picture:
        from forge_core.liuzhou.pictures import draw_position

        write_file(picture, draw_position(state, last))
    actions = [action_text(action) for action in legal(state)]
    if json:
        print_json({"position": position_text(state), "outcome": outcome(state), "legal": actions})
        return
    out = screen()
    print_board(out, state, last)
    if actions:
        out.print(f"legal: {' '.join(actions)}", soft_wrap=True)
    out.print(position_text(state), soft_wrap=True, style="dim")
