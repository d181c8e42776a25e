"""Whole numbers as one writes them: `7`, `0-49`, `0-9,900-919`."""

from __future__ import annotations

from collections.abc import Iterable


def ranges_text(numbers: Iterable[int]) -> str:
    """Numbers -> `0-9,900-919`, ascending, each once; empty for none."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{first}" if first == last else f"{first}-{last}" for first, last in runs)


def numbers_of(text: str) -> list[int]:
    """What `ranges_text` wrote -> the numbers. Raises ValueError for what it did not write."""
    numbers: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers
