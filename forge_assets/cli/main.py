"""The entry point of `forge-pipeline`."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from forge_assets.cli.flywheel import flywheel
from forge_assets.cli.gaps import gaps
from forge_assets.cli.lineage import lineage
from forge_assets.cli.prune import prune
from forge_assets.cli.tracking import TrackedLater
from forge_core.cli.main import run
from forge_core.cli.train import train

app = typer.Typer(
    name="forge-pipeline",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(help="Teach a network what every play is worth, tracked in MLflow.")(train)
app.command()(gaps)
app.command()(lineage)
app.command()(prune)
app.add_typer(flywheel)


@app.callback(invoke_without_command=True)
def forge_pipeline(context: typer.Context) -> None:
    """The pipeline from a terminal. MLFLOW_TRACKING_URI says where runs are tracked: mlruns/ by default."""
    if context.invoked_subcommand is None:
        print(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `forge-pipeline` with `arguments` (default: those of the process); the exit status."""
    return run(app, "forge-pipeline", arguments, TrackedLater())
