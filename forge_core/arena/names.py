"""Player names as users write them: `random`, `playouts:256`, `search:sims=64,model=DIR`.

Each game has a dictionary of player kinds; the options after the colon depend on the kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Generic, TypeVar

from forge_core.errors import BadInput, ModelMissing
from forge_core.learning.folders import ALIASES, fetch_text

P = TypeVar("P")

FindModel = Callable[[str, str], str]
"""returns the folder of a network, given an objective and the text after `model=`"""


@dataclass(frozen=True, slots=True)
class PlayerName:
    """A parsed player name."""

    text: str
    """the whole name, as reports show it"""
    kind: str
    options: Mapping[str, str]
    noun: str = "player"
    """the noun for what is named, in errors"""

    def whole(self, option: str, default: int) -> int:
        """Return the value of an option as a whole number of at least 0. Raises BadInput."""
        text = self.options.get(option, str(default))
        if not re.fullmatch("[0-9]{1,18}", text):
            raise BadInput(f"{self.noun} {self.text!r}: {option}={text} is not a whole number of at least 0")
        return int(text)

    def model(self) -> str:
        """Return the folder of the player's network. Raises BadInput if the name has no option `model`."""
        if "model" not in self.options:
            raise BadInput(f"{self.noun} {self.text!r} needs a network: write {self.kind}:model=FOLDER")
        return self.options["model"]


@dataclass(frozen=True, slots=True)
class PlayerKind(Generic[P]):
    """A kind of player: its options, and the function that makes one."""

    options: tuple[str, ...]
    make: Callable[[PlayerName, str], P]
    """makes a player, given its name and the device for its networks"""
    objective: str = ""
    """the objective of the network that its option `model` names"""
    main: str | None = None
    """the option that a bare value sets; in `playouts:256` it is `games`"""


def short_name(text: str, most: int) -> str:
    """Shorten a player's name to at most `most` characters, for a picture.

    A network's path is shortened to its last two parts first; a name that is still too long is cut.
    """
    short = re.sub(r"[^=]*/(?=[^/]+/[^/]+$)", "", text)
    return short if len(short) <= most else f"{short[: most - 1]}…"


def parse_name(
    text: str, kinds: Mapping[str, PlayerKind[P]], path_kind: str | None = None, noun: str = "player"
) -> PlayerName:
    """Parse `KIND`, `KIND:VALUE` or `KIND:option=value,...`.

    The folder of a network (the option `model`) may contain commas: it ends where another option begins.
    path_kind: the kind to use if `text` is the path of a network (it contains a slash and does not start
    with a kind); the path becomes its option `model`. noun: see PlayerName. Raises BadInput for an unknown
    kind, option or value.
    """
    text = text.strip()
    name, _, rest = text.partition(":")
    if name not in kinds and path_kind and "/" in text:
        return PlayerName(text, path_kind, {"model": text}, noun)
    if name not in kinds and name in ALIASES:
        raise BadInput(fetch_text(name))
    if name not in kinds:
        path = ", or the path of a network (with a slash)" if path_kind else ""
        meant = get_close_matches(name, kinds, 1)
        hint = f"did you mean {meant[0]}? Use" if meant else "use"
        raise BadInput(f"unknown {noun} {name!r}: {hint} {', '.join(kinds)}{path}")
    kind, options = kinds[name], {}
    for part in _options_of(rest, kind.options):
        option, equals, value = (word.strip() for word in part.partition("="))
        if kind.main and not equals:
            option, equals, value = kind.main, "=", option
        if option not in kind.options:
            raise BadInput(_unknown_option(text, noun, name, option, kind.options))
        if not (equals and value) or option in options:
            raise BadInput(f"{noun} {text!r}: write {option}=VALUE exactly once")
        options[option] = value
    return PlayerName(text, name, options, noun)


def _unknown_option(text: str, noun: str, name: str, option: str, known: Sequence[str]) -> str:
    """Return the error for an option that a kind does not have."""
    use = f"use {', '.join(known)}" if known else "it takes none"
    return f"{noun} {text!r}: {name} has no option {option!r}; {use}"


def split_names(text: str) -> list[str]:
    """Split players at blanks, except for those between double quotes: `hard "my models/sk"`.

    Raises BadInput if a quotation mark is not closed.
    """
    if text.count('"') % 2:
        raise BadInput(f"{text!r}: close the quotation mark around the name with blanks")
    return [name.replace('"', "") for name in re.findall(r'(?:[^\s"]|"[^"]*")+', text)]


def _options_of(text: str, known: Sequence[str]) -> list[str]:
    """Split options at their commas, except for those in the folder of a network."""
    parts: list[str] = []
    for part in text.split(",") if text else ():
        option = part.partition("=")[0].strip()
        begins = option in known and "=" in part
        if parts and not begins and parts[-1].partition("=")[0].strip() == "model":
            parts[-1] += f",{part}"
        else:
            parts.append(part)
    return parts


def make_player(
    text: str,
    kinds: Mapping[str, PlayerKind[P]],
    device: str = "auto",
    find_model: FindModel | None = None,
    path_kind: str | None = None,
    noun: str = "player",
) -> P:
    """Return the player with this name; see `parse_name` for its form.

    find_model: by default the text after `model=` is the folder itself. Raises BadInput, also for an
    unknown option that was read as a part of a folder with commas, and the errors of the kind's `make`,
    such as DeviceUnavailable.
    """
    name = parse_name(text, kinds, path_kind, noun)
    kind = kinds[name.kind]
    if find_model and "model" in name.options:
        found = find_model(kind.objective, name.options["model"])
        name = replace(name, options={**name.options, "model": found})
    try:
        return kind.make(name, device)
    except ModelMissing as error:
        if option := re.fullmatch(r".*,\s*(\w+)\s*=.*", name.options.get("model", "")):
            unknown = _unknown_option(text, noun, name.kind, option[1], kind.options)
            raise BadInput(f"{unknown}; if the comma belongs to the folder, {error}") from None
        raise
