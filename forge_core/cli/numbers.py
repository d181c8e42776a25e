"""Whole numbers as one writes them: digits alone, and no more than fit in 64 bits."""

from __future__ import annotations

import re

from forge_core.errors import BadInput

WHOLE = "[0-9]{1,18}"
_MOST_ECHOED = 20


def whole(text: str | int, what: str) -> int:
    """A number of at least 0. text may be an option's default, a number already. Raises BadInput."""
    text = str(text).strip()
    if not re.fullmatch(WHOLE, text):
        raise BadInput(
            f"{what} {shortened(text)!r} is not a whole number of at least 0: use digits alone, at most 18"
        )
    return int(text)


def shortened(text: str) -> str:
    """What was typed, as far as a message repeats it."""
    return text if len(text) <= _MOST_ECHOED else f"{text[:_MOST_ECHOED]}..."
