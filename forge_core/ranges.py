"""Whole numbers as users write them: one, `7`, or many, `0-49` and `0-9,900-919`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from forge_core.errors import BadInput

WHOLE = "[0-9]{1,18}"
"""pattern of a whole number: 18 digits fit in 64 bits"""
MOST_NUMBERS = 1_000_000
"""in one list: more than that is a typing error, or work to be cut into pieces"""
_MOST_ECHOED = 20
"""characters of a user's text that an error message repeats"""


def whole(text: str | int, name: str) -> int:
    """Return the number that `text` writes, at least 0. name: what it counts. Raises BadInput."""
    text = str(text).strip()
    if not re.fullmatch(WHOLE, text):
        raise BadInput(
            f"{name} {shortened(text)!r} is not a whole number of at least 0: use digits alone, at most 18"
        )
    return int(text)


def parse_seeds(text: str, noun: str = "seeds") -> list[int]:
    """Return the numbers of `0-9,900-919`, ascending, each once. noun: what they are. Raises BadInput."""
    numbers: set[int] = set()
    for part in text.replace(" ", "").split(","):
        match = re.fullmatch(rf"({WHOLE})(?:-({WHOLE}))?", part)
        if match is None:
            raise BadInput(f"{shortened(text)!r} names no {noun}: write 7, 0-49 or 0-9,900-919")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise BadInput(f"{noun} {part} run backwards: write {last}-{first}")
        if len(numbers) + last - first >= MOST_NUMBERS:
            raise BadInput(f"{shortened(text)} is more than {MOST_NUMBERS:,} {noun}: ask for fewer at a time")
        numbers.update(range(first, last + 1))
    return sorted(numbers)


def parse_blocks(text: str) -> list[int]:
    """Return the numbers of blocks of seeds of `0-9,18`, as `parse_seeds` does."""
    return parse_seeds(text, "blocks")


def ranges_text(numbers: Iterable[int]) -> str:
    """Return `0-9,900-919` for numbers, ascending, each once; empty for none."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{first}" if first == last else f"{first}-{last}" for first, last in runs)


def numbers_of(text: str) -> list[int]:
    """Return the numbers that `ranges_text` wrote. Raises ValueError for any other text."""
    numbers: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers


def shortened(text: str) -> str:
    """Return as much of a user's text as an error message repeats."""
    return text if len(text) <= _MOST_ECHOED else f"{text[:_MOST_ECHOED]}..."
