"""The Typer app of `forge-pipeline`."""

from __future__ import annotations

from collections.abc import Sequence
from pkgutil import resolve_name

import typer

from forge_core.cli.options import PlainSwitches

VERBS = {
    "train": "forge_core.texas42.cli.train:train",
    "gaps": "forge_assets.cli.gaps:gaps",
    "lineage": "forge_assets.cli.lineage:lineage",
    "query": "forge_assets.cli.query:query",
    "fetch": "forge_assets.cli.fetch:fetch",
    "prune": "forge_assets.cli.prune:prune",
    "migrate": "forge_assets.cli.migrate:migrate",
}
"""Verbs, and where each is defined. These are names, not imports: all modules together take 0.1 s."""
_HELP = {"train": "Train a network to predict the value of every play, tracked in MLflow."}
"""help texts that differ from the docstring of the verb"""


def app_for(arguments: Sequence[str]) -> typer.Typer:
    """Return the app with the verb that the arguments begin with, or with all verbs for other arguments."""
    verb = arguments[0] if arguments else ""
    app = typer.Typer(
        name="forge-pipeline",
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(forge_pipeline)
    for name in [verb] if verb in VERBS else VERBS:
        app.command(name, cls=PlainSwitches, help=_HELP.get(name))(resolve_name(VERBS[name]))
    if verb not in VERBS:
        _add_flywheels(app)
    return app


def _add_flywheels(app: typer.Typer) -> None:
    from forge_assets.cli.flywheel import flywheel_verbs
    from forge_assets.games import all_games

    for game in all_games():
        if game.flywheel:
            app.add_typer(flywheel_verbs(game.flywheel))


def forge_pipeline(context: typer.Context) -> None:
    """Run the pipeline from a terminal. Training is tracked at MLFLOW_TRACKING_URI, by default in mlruns/."""
    if context.invoked_subcommand is None:
        print(context.get_help())
