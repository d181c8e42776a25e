"""Tables on terminals of any width: no figure is cut."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from forge_core.cli.screen import table

ROWS = [("captain", "+0.60 ± 0.12", "-18"), ("search:100,others=captain", "-1.25 ± 0.30", "7")]


def printed(width: int) -> str:
    grid = table("player", "points per deal", "worst", numbers="worst")
    for row in ROWS:
        grid.add_row(*row)
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=True, color_system=None, highlight=False).print(grid)
    return out.getvalue()


@pytest.mark.parametrize("width", [24, 40, 60, 80, 200])
def test_no_cell_is_cut(width):
    text = printed(width)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    joined = "".join(text.split())
    for cell in (cell for row in ROWS for cell in row):
        assert "".join(cell.split()) in joined


def test_a_wide_terminal_has_one_line_per_row():
    assert [line.rstrip() for line in printed(80).splitlines()] == [
        "player                      points per deal   worst",
        "captain                     +0.60 ± 0.12        -18",
        "search:100,others=captain   -1.25 ± 0.30          7",
    ]


def test_a_narrow_terminal_has_one_line_per_cell():
    assert [line.rstrip() for line in printed(45).splitlines()] == [
        "player           captain",
        "points per deal  +0.60 ± 0.12",
        "worst            -18",
        "",
        "player           search:100,others=captain",
        "points per deal  -1.25 ± 0.30",
        "worst            7",
    ]
