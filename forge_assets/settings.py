"""Launchpads of assets, made from settings of the core, with the names, defaults and help of the verbs."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Generic, TypeVar

import dagster as dg
from pydantic import Field, create_model

from forge_core.settings import Setting, settings_of

Settings = TypeVar("Settings")


class LaunchpadOf(dg.Config, Generic[Settings]):
    """The result of `config_of`: a subclass of dg.Config that can give back the settings."""

    def settings(self) -> Settings:
        """Return the settings that were entered. Raise BadInput for a value that cannot be read."""
        raise NotImplementedError


def config_of(kind: type[Settings], **defaults: Any) -> type[LaunchpadOf[Settings]]:
    """Return a base class for the configuration of an asset: one field for each of the settings `kind`.

    defaults: values by name of field, for fields with a different default in this asset.
    """
    made: Any = launchpad_of(kind, **defaults)
    made.settings = lambda self: read_settings(self, kind)
    return made


def launchpad_of(
    *kinds: type, leave_out: Collection[str] = (), unset: Collection[type] = (), **defaults: Any
) -> type[dg.Config]:
    """Return a base class for the configuration of an asset that has settings of several kinds.

    `read_settings` gives back those of each. leave_out: names of fields that the asset decides itself. unset:
    kinds whose fields have no value here until the user enters one; `entered_settings` gives back those.
    defaults: as in `config_of`.
    """
    of_fields: dict[str, Any] = {}
    for kind in kinds:
        for of in settings_of(kind):
            if of.name not in leave_out:
                of_fields[of.name] = _unset_field_of(of) if kind in unset else _field_of(of, defaults)
    name = "".join(kind.__name__ for kind in kinds)
    made: Any = create_model(f"{name}Launchpad", __base__=dg.Config, **of_fields)
    return made


def read_settings(launchpad: dg.Config, kind: type[Settings], **others: Any) -> Settings:
    """Return the settings of one kind that were entered, and those that the launchpad does not show.

    others: the latter, by name. Raise BadInput for a value that cannot be read.
    """
    shown = (of for of in settings_of(kind) if of.name not in others)
    return kind(**{of.name: of.read(getattr(launchpad, of.name)) for of in shown}, **others)


def entered_settings(launchpad: dg.Config, kind: type) -> dict[str, Any]:
    """Return the values that were entered for settings of a kind that `launchpad_of` left unset, by name.

    Raise BadInput for a value that cannot be read.
    """
    entered = {of: getattr(launchpad, of.name) for of in settings_of(kind)}
    return {of.name: of.read(value) for of, value in entered.items() if value is not None}


def _unset_field_of(of: Setting) -> tuple[Any, Any]:
    kind = str if of.is_text or of.choices else of.type
    return kind | None, Field(None, description=of.help)


def _type_of(of: Setting) -> Any:
    if of.is_text or (of.is_optional and of.choices):  # Dagster does not support an optional choice
        return str | None if of.is_optional else str
    return of.type


def _field_of(of: Setting, defaults: dict[str, Any]) -> tuple[Any, Any]:
    default = defaults.get(of.name, of.default)
    if of.is_text and default is not None:
        default = str(default)
    shown = "" if of.default_text is None or of.name in defaults else f" Default: {of.default_text}."
    return _type_of(of), Field(default, description=of.help + shown)
