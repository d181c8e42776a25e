"""An outline of nested lines, and its drawing as a tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text and the lines nested below it."""

    text: str
    below: tuple[Line, ...] = ()


def draw(line: Line, indent: str = "", last: bool | None = None) -> Iterator[str]:
    """Yield the lines of an outline, drawn as a tree.

    indent: prefix of each line. last: True if this is the last line of its branch; None for the root.
    """
    yield line.text if last is None else f"{indent}{'└─ ' if last else '├─ '}{line.text}"
    deeper = "" if last is None else f"{indent}{'   ' if last else '│  '}"
    for place, child in enumerate(line.below, start=1):
        yield from draw(child, deeper, place == len(line.below))
