"""Options shared by the verbs of all games, and options made from settings.

A reader converts the text of an option to its value, or raises BadInput. Readers import what they need
when they are called.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, get_type_hints

import typer
from typer.core import TyperCommand

from forge_core.errors import BadInput
from forge_core.ranges import parse_seeds, whole
from forge_core.settings import Setting, has_settings, settings_of


def expand_settings(verb: Callable[..., None]) -> Callable[..., None]:
    """Return a version of `verb` for Typer that has one option for each setting.

    Each parameter annotated with a settings dataclass (see `forge_core.settings`) is replaced by one
    option per field, named after the field with hyphens; the verb still receives the dataclass. Other
    parameters do not change.
    """
    hints = get_type_hints(verb, include_extras=True)
    groups = {name: kind for name, kind in hints.items() if has_settings(kind)}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(verb).parameters.values():
        if parameter.name in groups:
            parameters += [_parameter(of) for of in settings_of(groups[parameter.name])]
        else:
            parameters.append(
                parameter.replace(annotation=hints[parameter.name], kind=inspect.Parameter.KEYWORD_ONLY)
            )

    @wraps(verb)
    def run(**options: Any) -> None:
        for name, kind in groups.items():
            options[name] = kind(**{of.name: options.pop(of.name) for of in settings_of(kind)})
        verb(**options)

    expanded: Any = run  # Typer reads the two attributes below
    expanded.__signature__ = inspect.Signature(parameters)
    expanded.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _parameter(of: Setting) -> inspect.Parameter:
    """Return the keyword parameter and option for a setting; if the setting has a reader, it takes text."""
    is_switch, is_read = of.type is bool, of.reader is not None or bool(of.choices)
    name = of.name.replace("_", "-")

    def parser(text: str) -> Any:
        return of.read(text)

    option = typer.Option(
        f"--{name}/--no-{name}" if is_switch and of.default else f"--{name}",
        help=of.help,
        show_default=of.default_text or True,
        metavar=None if is_switch else of.metavar,
        parser=parser if is_read else None,
        rich_help_panel=of.panel,
    )
    kind = (str | None if of.is_optional else str) if is_read else of.type
    default = str(of.default) if is_read and of.default is not None else of.default
    return inspect.Parameter(
        of.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option]
    )


class PlainSwitches(TyperCommand):
    """A verb whose help shows no `<bool>` next to a switch, which takes no value."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, with an empty metavar for switches."""
        found = super().get_params(ctx)
        for parameter in found:
            if getattr(parameter, "is_flag", False):
                parameter.metavar = ""
        return found


def read_device(text: str) -> str:
    """Resolve `auto`, `cpu`, `cuda` or `cuda:N`. Raises BadInput, DeviceUnavailable."""
    from forge_core.device import resolve_device

    return resolve_device(text)


def read_workers(text: str) -> int:
    """Parse a number of workers, at least 1. Raises BadInput."""
    return whole(text, "workers", least=1)


def read_limit(text: str) -> int:
    """Parse a number of files, at least 1. Raises BadInput."""
    return whole(text, "limit", least=1)


def read_place(text: str) -> str:
    """Return the folder or URL of a store. Raises BadInput if empty, which would mean the current folder."""
    if not text.strip():
        raise BadInput("the folder or URL of the store is empty: name one")
    return text


Seeds = Annotated[
    list,
    typer.Option(
        "--seeds", parser=parse_seeds, metavar="LIST", help="Seeds of the deals: 7, 0-49 or 0-9,900-919."
    ),
]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        parser=read_device,
        metavar="NAME",
        help="Device to compute on: auto (CUDA if available), cpu, cuda or cuda:N.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        parser=read_workers,
        metavar="N",
        show_default="one per core",
        help="Number of deals solved in parallel on a CPU.",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print which files are missing and would be made, but make none.")
]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit",
        parser=read_limit,
        metavar="N",
        show_default="all",
        help="Make at most N of the missing files; the same command then makes the next ones.",
    ),
]
Out = Annotated[
    str,
    typer.Option("--out", parser=read_place, metavar="DIR", help="Root of the store: a folder or URL."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")]


def given(context: typer.Context) -> set[str]:
    """Return the names of the parameters that were given on the command line."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source and source.name == "COMMANDLINE"}
