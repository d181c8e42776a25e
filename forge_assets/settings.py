"""Settings of assets that are the options of a verb: the same names, one definition."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, get_args, get_type_hints

import dagster as dg
from pydantic import Field, create_model


def settings_of(verb: Callable, *names: str) -> type[dg.Config]:
    """A base of settings: the options `names` of a verb, their defaults and what `--help` says of them."""
    parameters, hints = inspect.signature(verb).parameters, get_type_hints(verb, include_extras=True)
    fields: dict[str, Any] = {}
    for name in names:
        kind, option = get_args(hints[name])[:2]
        default = "" if not isinstance(option.show_default, str) else f" Default: {option.show_default}."
        fields[name] = (kind, Field(parameters[name].default, description=f"{option.help}{default}"))
    return create_model(f"OptionsOf{verb.__name__.title()}", __base__=dg.Config, **fields)
