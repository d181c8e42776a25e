"""Settings: a default and a help text for each value that a user may choose, written once.

A group of settings is a frozen dataclass whose fields are made by `setting`. The options of a
verb (`forge_core.cli.options.expand_settings`) and the launchpad of an asset
(`forge_assets.settings.config_of`) are both built from it, under the names of the fields.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import Field, dataclass, field, fields, is_dataclass, replace
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from forge_core.errors import BadInput

Reader = Callable[[str], Any]
"""text of a user -> the value of a setting; raises BadInput"""

_KEY = "setting"
_METAVARS = {int: "N", float: "X", str: "NAME"}
"""what help prints for the value of an option, by its type"""


@dataclass(frozen=True, slots=True)
class _Words:
    """The metadata that `setting` adds to a field."""

    help: str
    metavar: str | None
    default_text: str | None
    read: Reader | None
    panel: str | None


@dataclass(frozen=True, slots=True)
class Setting:
    """A field of a dataclass of settings."""

    name: str
    type: Any
    """as annotated"""
    default: Any
    help: str
    """a sentence for users"""
    metavar: str
    """stands for the value in the help of a verb"""
    default_text: str | None
    """shown in place of the default, where that is None or says little"""
    reader: Reader | None
    panel: str | None
    """heading under which the help of a verb lists it; None: among the other options"""

    @property
    def is_text(self) -> bool:
        """True if only its reader makes a value: the launchpad then takes text."""
        return not all(kind in _SCALARS or get_origin(kind) is Literal for kind in _kinds(self.type))

    @property
    def is_optional(self) -> bool:
        """True if None is a value of it."""
        return NoneType in _members(self.type)

    @property
    def choices(self) -> tuple[str, ...]:
        """The values that it may have, if these are a Literal; else empty."""
        literals = [kind for kind in _kinds(self.type) if get_origin(kind) is Literal]
        return () if self.is_text or not literals else get_args(literals[0])

    def read(self, given: Any) -> Any:
        """The value for what a user gave: text, or a value of the launchpad. Raises BadInput."""
        if given is None or (self.reader is None and not self.choices):
            return given
        return self.reader(str(given)) if self.reader else read_choice(str(given), self.name, self.choices)


def setting(
    default: Any,
    help: str,
    *,
    metavar: str | None = None,
    default_text: str | None = None,
    read: Reader | None = None,
    panel: str | None = None,
) -> Any:
    """Return a dataclass field that users can set.

    help: one sentence or two, for both the command line and the launchpad. metavar: stands for
    the value in the help of a verb; by default chosen by the type. default_text: shown in place
    of the default. read: makes the value of text; needed for types other than numbers, text,
    switches and Literals. panel: the heading under which a verb lists it.
    """
    return field(default=default, metadata={_KEY: _Words(help, metavar, default_text, read, panel)})


def like(settings: type, name: str, **changed: Any) -> Any:
    """Return a field with the default and the words of the field `name` of other settings.

    changed: the default, or arguments of `setting` by name, where they differ.
    """
    original = _fields(settings)[name]
    words: _Words = original.metadata[_KEY]
    default = changed.pop("default", original.default)
    return field(default=default, metadata={_KEY: replace(words, **changed)})


def has_settings(kind: Any) -> bool:
    """True for a dataclass with fields made by `setting`."""
    return isinstance(kind, type) and is_dataclass(kind) and any(_KEY in f.metadata for f in fields(kind))


def settings_of(kind: type) -> tuple[Setting, ...]:
    """The settings of a dataclass, in the order of its fields."""
    hints = get_type_hints(kind)
    found = []
    for name, of in _fields(kind).items():
        words: _Words = of.metadata[_KEY]
        types = _kinds(hints[name])
        metavar = words.metavar or _METAVARS.get(types[0], "NAME")
        found.append(
            Setting(
                name,
                hints[name],
                of.default,
                words.help,
                metavar,
                words.default_text,
                words.read,
                words.panel,
            )
        )
    return tuple(found)


def read_choice(text: str, name: str, choices: Sequence[str]) -> str:
    """One of `choices`, in any case of letters. name: of the setting. Raises BadInput."""
    word = text.strip().lower()
    if word not in choices:
        raise BadInput(f"{name.replace('_', ' ')} {text!r}: use {' or '.join(choices)}")
    return word


_SCALARS = (bool, int, float, str)


def _fields(kind: type) -> dict[str, Field]:
    return {of.name: of for of in fields(kind) if _KEY in of.metadata}


def _members(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _kinds(hint: Any) -> tuple[Any, ...]:
    """The types of a hint without None; of a union of several types only a tuple that is no scalar."""
    kinds = tuple(kind for kind in _members(hint) if kind is not NoneType)
    return kinds if len(kinds) == 1 else (tuple,)
