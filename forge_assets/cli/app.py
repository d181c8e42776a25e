"""The Typer app of `forge-pipeline`."""

from __future__ import annotations

import typer

from forge_assets.cli.fetch import fetch
from forge_assets.cli.flywheel import flywheel_verbs
from forge_assets.cli.gaps import gaps
from forge_assets.cli.lineage import lineage
from forge_assets.cli.migrate import migrate
from forge_assets.cli.prune import prune
from forge_assets.cli.query import query
from forge_assets.games import all_games
from forge_core.texas42.cli.train import train

app = typer.Typer(
    name="forge-pipeline",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(help="Train a network to predict the value of every play, tracked in MLflow.")(train)
app.command()(gaps)
app.command()(lineage)
app.command()(query)
app.command()(fetch)
app.command()(prune)
app.command()(migrate)
for game in all_games():
    if game.flywheel:
        app.add_typer(flywheel_verbs(game.flywheel))


@app.callback(invoke_without_command=True)
def forge_pipeline(context: typer.Context) -> None:
    """Run the pipeline from a terminal. Training is tracked at MLFLOW_TRACKING_URI, by default in mlruns/."""
    if context.invoked_subcommand is None:
        print(context.get_help())
