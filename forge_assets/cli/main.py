"""The entry point of `forge-pipeline`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from forge_assets.cli.tracking import DeferredTracker
from forge_core.cli.main import run

if TYPE_CHECKING:
    import typer


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `forge-pipeline` with `arguments` (default: those of the process); return the exit status."""

    def app() -> typer.Typer:
        from forge_assets.cli.app import app_for

        return app_for(sys.argv[1:] if arguments is None else arguments)

    return run(app, "forge-pipeline", arguments, DeferredTracker())
