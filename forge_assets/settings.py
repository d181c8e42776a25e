"""Launchpads of assets, made from settings of the core, with the names, defaults and help of the verbs."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Generic, TypeVar

import dagster as dg
from pydantic import Field, create_model

from forge_core.settings import Setting, settings_of

Settings = TypeVar("Settings")


class LaunchpadOf(dg.Config, Generic[Settings]):
    """The result of `config_of`: a subclass of dg.Config that converts its values back to settings."""

    def settings(self, **others: Any) -> Settings:
        """Return the settings that were entered, together with `others`, which the launchpad does not show.

        Raise BadInput if a value cannot be parsed.
        """
        raise NotImplementedError


def config_of(
    kind: type[Settings], leave_out: Collection[str] = (), **defaults: Any
) -> type[LaunchpadOf[Settings]]:
    """Return a base class for the configuration of an asset, with one field per setting of `kind`.

    leave_out: names of settings that the asset chooses itself. defaults: the asset's own default values, by
    field name.
    """
    shown = [of for of in settings_of(kind) if of.name not in leave_out]

    def settings(self: Any, **others: Any) -> Settings:
        return kind(**{of.name: of.read(getattr(self, of.name)) for of in shown}, **others)

    of_fields: dict[str, Any] = {of.name: (_type_of(of), _field_of(of, defaults)) for of in shown}
    made: Any = create_model(f"{kind.__name__}Launchpad", __base__=dg.Config, **of_fields)
    made.settings = settings
    return made


def _type_of(of: Setting) -> Any:
    if of.is_text or (of.is_optional and of.choices):  # Dagster does not support an optional choice
        return str | None if of.is_optional else str
    return of.type


def _field_of(of: Setting, defaults: dict[str, Any]) -> Any:
    default = defaults.get(of.name, of.default)
    if of.is_text and default is not None:
        default = str(default)
    shown = "" if of.default_text is None or of.name in defaults else f" Default: {of.default_text}."
    return Field(default, description=of.help + shown)
