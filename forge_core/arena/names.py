"""Players by name, as the command line writes them: `random`, `playouts:256`, `search:sims=64,model=DIR`.

A game has a dictionary of kinds; the options behind the colon differ by kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from forge_core.errors import BadInput

P = TypeVar("P")

FindModel = Callable[[str, str], str]
"""(objective, the word behind `model=`) -> the folder of a network"""


@dataclass(frozen=True, slots=True)
class PlayerName:
    """The name of a player, parsed."""

    text: str
    """all of it: the name that reports print"""
    kind: str
    options: Mapping[str, str]

    def whole(self, option: str, default: int) -> int:
        """Return an option that is a whole number of at least 0. Raises BadInput."""
        text = self.options.get(option, str(default))
        if not re.fullmatch("[0-9]{1,18}", text):
            raise BadInput(f"player {self.text!r}: {option}={text} is not a whole number")
        return int(text)

    def model(self) -> str:
        """Return the folder of the network that the player needs. Raises BadInput if none is named."""
        if "model" not in self.options:
            raise BadInput(f"player {self.text!r} needs a network: write {self.kind}:model=FOLDER")
        return self.options["model"]


@dataclass(frozen=True, slots=True)
class PlayerKind(Generic[P]):
    """A kind of player, and how one is made."""

    options: tuple[str, ...]
    make: Callable[[PlayerName, str], P]
    """(its name, the device of its networks) -> the player"""
    objective: str = ""
    """what the network of its option `model` has learnt"""
    main: str | None = None
    """the option that a bare value sets: in `playouts:256`, `games`"""


def short_name(text: str, most: int) -> str:
    """Return the name of a player in at most so many characters, for a picture.

    Of the path of a network its last two parts stay; what is still too long is cut.
    """
    short = re.sub(r"[^=]*/(?=[^/]+/[^/]+$)", "", text)
    return short if len(short) <= most else f"{short[: most - 1]}…"


def parse_name(text: str, kinds: Mapping[str, PlayerKind[P]], path_kind: str | None = None) -> PlayerName:
    """Parse `KIND`, `KIND:VALUE` or `KIND:option=value,...`.

    path_kind: the kind of a name that is a path, one with a slash and no kind before a colon; the path
    is its option `model`. Raises BadInput for a kind, option or value that does not exist.
    """
    text = text.strip()
    name, _, rest = text.partition(":")
    if name not in kinds and path_kind and "/" in text:
        return PlayerName(text, path_kind, {"model": text})
    if name not in kinds:
        path = ", or the path of a network, with a slash" if path_kind else ""
        raise BadInput(f"unknown player {name!r}: use {', '.join(kinds)}{path}")
    kind, options = kinds[name], {}
    for part in rest.split(",") if rest else ():
        option, equals, value = (word.strip() for word in part.partition("="))
        if kind.main and not equals:
            option, equals, value = kind.main, "=", option
        if option not in kind.options:
            known = f"use {', '.join(kind.options)}" if kind.options else "it takes none"
            raise BadInput(f"player {text!r}: {name} has no option {option!r}; {known}")
        if not (equals and value) or option in options:
            raise BadInput(f"player {text!r}: write {option}=VALUE, once")
        options[option] = value
    return PlayerName(text, name, options)


def make_player(
    text: str,
    kinds: Mapping[str, PlayerKind[P]],
    device: str = "auto",
    find_model: FindModel | None = None,
    path_kind: str | None = None,
) -> P:
    """Return the player of a name: see `parse_name`.

    find_model: default, the word behind `model=` is the folder. Raises BadInput, and whatever its
    kind raises, such as DeviceUnavailable.
    """
    name = parse_name(text, kinds, path_kind)
    kind = kinds[name.kind]
    if find_model and "model" in name.options:
        found = find_model(kind.objective, name.options["model"])
        name = PlayerName(name.text, name.kind, {**name.options, "model": found})
    return kind.make(name, device)
