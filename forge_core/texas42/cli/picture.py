"""A text picture of a deal: the table seen from above, seats clockwise, with seat 0 at the bottom.

Called dominoes have double frames; the number in a frame is the domino's count. Colours only repeat
what the frames show, so the picture is complete without them.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from forge_core.texas42.declarations import is_called
from forge_core.texas42.dominoes import COUNT, PIPS
from forge_core.texas42.notation import by_suit, declaration_text, domino_text

HEIGHT, WIDTH = 17, 75
_TOP, _BOTTOM, _SIDES = 1, 11, 3
_MIDDLE = 17
"""the first column of the hands of seats 0 and 2"""
_RIGHT = 62
_NAMES = ((16, _MIDDLE, 41), (2, 0, 13), (0, _MIDDLE, 41), (2, _RIGHT, 13))
"""row, column and width of each seat's name"""

_SINGLE, _DOUBLE = "╭─╮│├┤╰╯", "╔═╗║╠╣╚╝"
_ASCII = str.maketrans("╭─╮│├┤╰╯┬┼┴╔═╗║╠╣╚╝·", "+-+|+++++++#=######-")
_CALLED, _COUNT, _PLAIN, _SEAT, _QUIET = "bold yellow", "bold cyan", "", "bold", "dim"


class Canvas:
    """A grid of characters, each with a style."""

    def __init__(self) -> None:
        self.cells = [[(" ", "")] * WIDTH for _ in range(HEIGHT)]

    def put(self, row: int, column: int, text: str, style: str = "") -> None:
        """Write `text` starting at a cell."""
        self.cells[row][column : column + len(text)] = [(character, style) for character in text]

    def centre(self, row: int, column: int, width: int, text: str, style: str = "") -> None:
        """Write `text` centred in `width` cells."""
        self.put(row, column + (width - len(text)) // 2, text, style)

    def lines(self) -> list[Text]:
        """Return the rows without trailing blanks."""
        rows = [Text.assemble(*row) for row in self.cells]
        for row in rows:
            row.rstrip()
        return rows


def print_deal(
    screen: Console,
    hands: Sequence[Sequence[int]],
    title: str,
    decl: int | None = None,
    leader: int | None = None,
) -> None:
    """Print the four hands, [4][7] ids, around a table with the title on it; as lines if it is too wide."""
    if screen.width < WIDTH:
        _print_lines(screen, hands, title, decl, leader)
        return
    canvas = Canvas()
    _draw_upright(canvas, _TOP, hands[2], decl)
    _draw_lying(canvas, 0, hands[1], decl)
    _draw_lying(canvas, _RIGHT, hands[3], decl)
    _draw_upright(canvas, _BOTTOM, hands[0], decl)
    for seat, (row, column, width) in enumerate(_NAMES):
        canvas.centre(row, column, width, f"seat {seat} leads" if seat == leader else f"seat {seat}", _SEAT)
    canvas.centre(7 if decl is not None else 8, _MIDDLE, 41, title)
    if decl is not None:
        canvas.centre(8, _MIDDLE, 41, declaration_text(decl), _CALLED)
    for line in canvas.lines():
        shown = line if _speaks_unicode(screen) else line.plain.translate(_ASCII)
        screen.print(shown, soft_wrap=True)


def _print_lines(
    screen: Console, hands: Sequence[Sequence[int]], title: str, decl: int | None, leader: int | None
) -> None:
    """Print the same as the picture, a line for each seat."""
    if title:
        screen.print(title, markup=False)
    if decl is not None:
        screen.print(declaration_text(decl), style=_CALLED)
    for seat, hand in enumerate(hands):
        name = f"seat {seat} leads" if seat == leader else f"seat {seat}"
        dominoes = ", ".join(domino_text(domino) for domino in by_suit(hand, decl))
        screen.print(Text.assemble((name, _SEAT), f": {dominoes}"))


def _draw_upright(canvas: Canvas, top: int, hand: Sequence[int], decl: int | None) -> None:
    """Draw the dominoes of a hand side by side, five rows high."""
    for place, domino in enumerate(by_suit(hand, decl)):
        (a, line, b, side, c, d, e, f), style = _frame(domino, decl)
        high, low = PIPS[domino]
        count = f"{COUNT[domino] or line}".center(3, line)
        column = _MIDDLE + 6 * place
        for row, text in enumerate(
            (
                f"{a}{line * 3}{b}",
                f"{side} {high} {side}",
                f"{c}{line * 3}{d}",
                f"{side} {low} {side}",
                f"{e}{count}{f}",
            )
        ):
            canvas.put(top + row, column, text, style)
        if COUNT[domino]:
            canvas.put(top + 4, column + 1, count, _COUNT)


def _draw_lying(canvas: Canvas, column: int, hand: Sequence[int], decl: int | None) -> None:
    """Draw the dominoes of a hand on top of each other in one frame, nine rows high."""
    canvas.put(_SIDES, column, "╭───┬───╮")
    canvas.put(_SIDES + 8, column, "╰───┴───╯")
    for place, domino in enumerate(by_suit(hand, decl)):
        frame, style = _frame(domino, decl)
        high, low = PIPS[domino]
        row = _SIDES + 1 + place
        canvas.put(row, column, f"{frame[3]} {high} {frame[3]} {low} {frame[3]}", style)
        if COUNT[domino]:
            canvas.put(row, column + 10, f"{COUNT[domino]}", _COUNT)


def _frame(domino: int, decl: int | None) -> tuple[str, str]:
    called = decl is not None and is_called(domino, decl)
    return (_DOUBLE, _CALLED) if called else (_SINGLE, _PLAIN)


def _speaks_unicode(screen: Console) -> bool:
    return screen.encoding.lower().startswith("utf")
