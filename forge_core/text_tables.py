"""Tables of text for terminals of any width."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.style import StyleType
from rich.table import Table
from rich.text import Text

_NATURAL = 10_000
"""a width in which every table fits"""


class TextTable(Table):
    """A table without a frame that never cuts a cell.

    Where the terminal is narrower than the table, its columns move together, down to one blank between them;
    where that is not enough, each row is printed as lines `column  cell`, below one another and with an empty
    line between rows.
    """

    def __init__(self, gap: int = 3, header_style: str = "dim") -> None:
        """gap: blanks between columns."""
        super().__init__(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style=header_style)
        self.gap = gap

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Print the table, or its rows one by one."""
        for gap in range(self.gap, 0, -1):
            self.padding = (0, gap, 0, 0)
            if _natural_width(self, console, options) <= options.max_width:
                yield from super().__rich_console__(console, options)
                return
        rows = zip(*(column.cells for column in self.columns), strict=True)
        for number, cells in enumerate(rows):
            if number:
                yield Text()
            yield self._stacked(cells, console, self.rows[number].style)

    def _stacked(self, cells: tuple, console: Console, style: StyleType | None) -> Table:
        """Return the cells of a row below one another, next to the names of their columns."""
        row = Table.grid(padding=(0, min(2, self.gap), 0, 0))
        row.add_column(style=self.header_style, no_wrap=True)
        row.add_column(style=style or "", overflow="fold")
        for column, cell in zip(self.columns, cells, strict=True):
            text = console.render_str(cell) if isinstance(cell, str) else cell
            if str(text).strip():
                row.add_row(column.header, text)
        return row


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Two renderables next to each other, or below one another where the terminal is too narrow."""

    left: RenderableType
    right: RenderableType
    gap: int = 4
    """blanks between them"""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Print both."""
        widths = [_natural_width(part, console, options) for part in (self.left, self.right)]
        if sum(widths) + self.gap > options.max_width:
            yield self.left
            yield self.right
            return
        both = Table.grid(padding=(0, self.gap, 0, 0))
        both.add_row(self.left, self.right)
        yield both


def _natural_width(part: RenderableType, console: Console, options: ConsoleOptions) -> int:
    """Return the width of a renderable in an endless line."""
    return Measurement.get(console, options.update(width=_NATURAL), part).maximum
