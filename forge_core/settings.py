"""Settings: the default and the help text of each value that a user can choose, in one place.

A group of settings is a frozen dataclass whose fields are made by `setting`. Both the options of a
verb (`forge_core.cli.options.expand_settings`) and the launchpad of an asset
(`forge_assets.settings.config_of`) are built from it and use its field names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import Field, dataclass, field, fields, is_dataclass, replace
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from forge_core.errors import BadInput

Reader = Callable[[str], Any]
"""converts a user's text to the value of a setting; raises BadInput"""

_KEY = "setting"
_METAVARS = {int: "N", float: "X", str: "NAME"}
"""the placeholder for an option's value in the help of a verb, by type"""


@dataclass(frozen=True, slots=True)
class _Words:
    """The metadata that `setting` attaches to a field."""

    help: str
    metavar: str | None
    default_text: str | None
    read: Reader | None
    panel: str | None


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: a field of a settings dataclass."""

    name: str
    type: Any
    """the annotation of the field"""
    default: Any
    help: str
    """a sentence for users"""
    metavar: str
    """the placeholder for the value in the help of a verb"""
    default_text: str | None
    """shown instead of the default if that is None or not informative"""
    reader: Reader | None
    panel: str | None
    """the heading under which the help of a verb lists the option; None for the general list"""

    @property
    def is_text(self) -> bool:
        """True if its value must be read from text; the launchpad then takes text."""
        return not all(kind in _SCALARS or get_origin(kind) is Literal for kind in _kinds(self.type))

    @property
    def is_optional(self) -> bool:
        """True if its value may be None."""
        return NoneType in _members(self.type)

    @property
    def choices(self) -> tuple[str, ...]:
        """The allowed values if its type is a Literal, otherwise empty."""
        literals = [kind for kind in _kinds(self.type) if get_origin(kind) is Literal]
        return () if self.is_text or not literals else get_args(literals[0])

    def read(self, given: Any) -> Any:
        """Convert a user's text or a launchpad value to the setting's value. Raises BadInput."""
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

    help: one or two sentences, for both the command line and the launchpad. metavar: the placeholder
    for the value in the help of a verb; by default it depends on the type. default_text: shown instead
    of the default. read: converts text to the value; required for types other than numbers, text,
    switches and Literals. panel: the heading under which the help of a verb lists the option.
    """
    return field(default=default, metadata={_KEY: _Words(help, metavar, default_text, read, panel)})


def like(settings: type, name: str, **changed: Any) -> Any:
    """Return a field with the default and the texts of the field `name` of another settings dataclass.

    changed: keyword arguments of `setting`, including the default, that differ from that field.
    """
    original = _fields(settings)[name]
    words: _Words = original.metadata[_KEY]
    default = changed.pop("default", original.default)
    return field(default=default, metadata={_KEY: replace(words, **changed)})


def has_settings(kind: Any) -> bool:
    """Return True for a dataclass with fields made by `setting`."""
    return isinstance(kind, type) and is_dataclass(kind) and any(_KEY in f.metadata for f in fields(kind))


def settings_of(kind: type) -> tuple[Setting, ...]:
    """Return the settings of a dataclass, in field order."""
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
    """Return the choice that `text` names, ignoring case. name: of the setting. Raises BadInput."""
    word = text.strip().lower()
    if word not in choices:
        raise BadInput(f"{name} {text!r}: use {' or '.join(choices)}")
    return word


_SCALARS = (bool, int, float, str)


def _fields(kind: type) -> dict[str, Field]:
    return {of.name: of for of in fields(kind) if _KEY in of.metadata}


def _members(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _kinds(hint: Any) -> tuple[Any, ...]:
    """Return the types in a hint except None; for a union of several types, `(tuple,)`: not a scalar."""
    kinds = tuple(kind for kind in _members(hint) if kind is not NoneType)
    return kinds if len(kinds) == 1 else (tuple,)
