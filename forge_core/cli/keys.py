"""Commands that a person types while a verb runs: single keys at a terminal, lines from a pipe or a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

_ARROWS = {b"[A": "up", b"[B": "down", b"[C": "right", b"[D": "left", b"OC": "right", b"OD": "left"}
"""what follows Escape when an arrow is pressed"""
_INTRODUCERS = (b"", b"[", b"O")
"""beginnings of these"""
_SOON = 0.05
"""seconds within which the other bytes of an arrow arrive; otherwise the key was Escape"""
_ENDS = ("", "\x04", "\x00")
"""the end of the input, Ctrl-D, and Ctrl-D that was pressed before the key was waited for"""
_ERASE = ("\x7f", "\b")


def commands(prompt: str) -> Iterator[str]:
    """Yield commands until the input ends: at a terminal a key, or digits up to Enter; else a line.

    Enter is the empty command, arrows are `left`, `right`, `up` and `down`. prompt: printed at a terminal
    before the digits.
    """
    if not (sys.stdin.isatty() and _has_keys()):
        for line in sys.stdin:
            yield line.strip()
        return
    while (key := _read_key()) not in _ENDS:
        if key.isdigit():
            number = _read_number(prompt, key)
            if number:
                yield number
        elif key != "escape":
            yield "" if key in "\r\n" else key


def _read_number(prompt: str, typed: str) -> str:
    """Show digits while they are typed, up to Enter, and return them; empty if another key is pressed."""
    while True:
        print(f"\r\x1b[K{prompt}{typed}", end="", flush=True)
        key = _read_key()
        if key.isdigit():
            typed += key
        elif key in _ERASE:
            typed = typed[:-1]
        else:
            print("\r\x1b[K", end="", flush=True)
            return typed if key in ("\r", "\n") else ""


def _has_keys() -> bool:
    try:
        import termios  # noqa: F401  # does not exist on Windows
    except ImportError:
        return False
    return True


def _read_key() -> str:
    """Wait for one key and return it; empty at the end of the input.

    The terminal sends keys without waiting for Enter only while this function waits, so a process that is
    stopped or killed leaves the terminal as it was.
    """
    import select
    import termios
    import tty

    place = sys.stdin.fileno()
    before = termios.tcgetattr(place)
    try:
        tty.setcbreak(place, termios.TCSANOW)  # the default would lose keys that were pressed early
        key = os.read(place, 1)
        if key == b"\x1b":
            more = b""
            while len(more) < 2 and more in _INTRODUCERS and select.select([place], [], [], _SOON)[0]:
                more += os.read(place, 1)
            key = more if len(more) == 1 and more not in _INTRODUCERS else key  # Alt and a key
            return _ARROWS.get(more, "escape" if key == b"\x1b" else key.decode(errors="replace"))
        return key.decode(errors="replace")
    finally:
        termios.tcsetattr(place, termios.TCSADRAIN, before)
