"""Whole numbers as users write them: a single number `7`, a range `0-49`, or a list `0-9,900-919`; and as
Python passes them."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Iterable
from dataclasses import fields
from numbers import Real
from typing import Any

from forge_core.errors import BadInput

WHOLE = "[0-9]{1,18}"
"""the pattern of a whole number; 18 digits fit in 64 bits"""
MOST_NUMBERS = 1_000_000
"""maximum length of a list; a longer one is a typing error or should be split"""
_MOST_ECHOED = 20
"""maximum number of characters of a user's text that an error message repeats"""


def whole(text: str | int, name: str, least: int = 0) -> int:
    """Parse a whole number of at least `least`. name: of the value, for the error. Raises BadInput."""
    text = str(text).strip()
    if not re.fullmatch(WHOLE, text):
        raise BadInput(
            f"{name} {shortened(text)!r} is not a whole number of at least 0: use only digits, at most 18"
        )
    if int(text) < least:
        raise BadInput(f"{name} {int(text)}: use at least {least}")
    return int(text)


def read_seed(text: str) -> int:
    """Parse a seed, a whole number of at least 0. Raises BadInput."""
    return whole(text, "seed")


def list_parts(text: str, signs: str = "-") -> list[str]:
    """Split a list at its commas and blanks; blanks next to a comma or to one of `signs` do not count.

    `0 - 9, 12 15` has the parts `0-9`, `12` and `15`. A missing part is an empty text.
    """
    return re.split(r",|\s+", re.sub(rf"\s*([,{re.escape(signs)}])\s*", r"\1", text.strip()))


def as_integer(number: Any) -> int | None:
    """Return a number that Python code passed as an int; None unless it is whole.

    Integers of any library count, and floats without a fraction; booleans and texts do not.
    """
    if isinstance(number, (bool, str)) or type(number).__name__ in ("bool_", "bool"):
        return None
    try:
        return operator.index(number)
    except TypeError:
        return int(number) if isinstance(number, float) and number.is_integer() else None


def integers(numbers: Iterable[Any], name: str) -> list[int]:
    """Return numbers that Python code passed as a list of ints. name: of the list, for the error.

    Raises BadInput unless each of them is whole, as in `as_integer`.
    """
    if not isinstance(numbers, Iterable):
        raise BadInput(f"{name} {numbers!r}: give a list of whole numbers")
    items = list(numbers)
    try:
        return list(map(operator.index, items))
    except TypeError:  # whole floats are accepted too, but take longer
        found = [as_integer(item) for item in items]
    if None in found:
        raise BadInput(f"{name} {items}: give whole numbers")
    return [number for number in found if number is not None]


def check_numbers(record: Any) -> None:
    """Raise BadInput if a field of a dataclass that is annotated as a number holds none, NaN or a fraction.

    Only fields whose annotation is `int` or `float`, possibly with None, are checked; numbers of other
    libraries become Python's. Python code can pass anything; what a user types is checked as it is read.
    """
    for each in fields(record):
        kinds, value = {*str(each.type).split(" | ")}, getattr(record, each.name)
        if not kinds <= {"int", "float", "None"} or (value is None and "None" in kinds):
            continue
        if "float" not in kinds:
            number, wanted = None if isinstance(value, float) else as_integer(value), "a whole number"
        else:
            number, wanted = _as_number(value), "a number"
        if number is None:
            raise BadInput(f"{each.name} {value!r}: use {wanted}")
        if type(number) is not type(value):
            object.__setattr__(record, each.name, number)  # the record may be frozen


def _as_number(value: Any) -> int | float | None:
    """Return a number as Python's; None for NaN and for all that is no real number."""
    if isinstance(value, bool) or not isinstance(value, Real) or math.isnan(value):
        return None
    return value if type(value) is int else float(value)


def parse_seeds(text: str, noun: str = "seeds") -> list[int]:
    """Parse `0-9,900-919` or `0-9 900-919`: return the numbers, ascending and without duplicates.

    noun: what the numbers are, for errors. Raises BadInput.
    """
    numbers: set[int] = set()
    for part in list_parts(text):
        match = re.fullmatch(rf"({WHOLE})(?:-({WHOLE}))?", part)
        if match is None:
            raise BadInput(f"cannot read {noun} from {shortened(text)!r}: write 7, 0-49 or 0-9,900-919")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise BadInput(f"{noun} {part}: the first number is larger than the last; write {last}-{first}")
        if len(numbers) + last - first >= MOST_NUMBERS:
            raise BadInput(f"{shortened(text)} is more than {MOST_NUMBERS:,} {noun}: use fewer at a time")
        numbers.update(range(first, last + 1))
    return sorted(numbers)


def parse_blocks(text: str) -> list[int]:
    """Parse the numbers of seed blocks, such as `0-9,18`, as `parse_seeds` does."""
    return parse_seeds(text, "blocks")


def ranges_text(numbers: Iterable[int]) -> str:
    """Return numbers as text such as `0-9,900-919`, sorted and without duplicates; empty for no numbers."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{first}" if first == last else f"{first}-{last}" for first, last in runs)


def numbers_of(text: str) -> list[int]:
    """Return the numbers in a text that `ranges_text` wrote. Raises ValueError for any other text."""
    numbers: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers


def shortened(text: str) -> str:
    """Shorten a user's text for an error message."""
    return text if len(text) <= _MOST_ECHOED else f"{text[:_MOST_ECHOED]}..."
