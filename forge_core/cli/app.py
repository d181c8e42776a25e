"""All verbs of `forge`: those that every game shares, and those of each game.

To add a game, list its GameVerbs in GAMES.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from forge_core.cli.bench import bench_verb
from forge_core.cli.doctor import doctor_of
from forge_core.cli.games import add_verbs, new_app
from forge_core.cli.options import PlainSwitches
from forge_core.cli.play import add_play
from forge_core.liuzhou.cli.verbs import LIUZHOU
from forge_core.skull_king.cli.verbs import SKULL_KING
from forge_core.texas42.cli.verbs import TEXAS42

if TYPE_CHECKING:
    from forge_core.files.holdings import StorePart

GAMES = (TEXAS42, LIUZHOU, SKULL_KING)
MACHINE = "Store and machine"


def parts_of_stores() -> Sequence[StorePart]:
    """Import and return the kinds of data that games keep in a store."""
    return [part for game in GAMES for part in game.parts_of_stores()]


app = new_app("forge", "Turn games into players: solve, train, play and compare.")
assert TEXAS42.page
add_play(app, GAMES, TEXAS42.page)
shortcuts = {
    heading: tuple(verb for verb in verbs if verb is not TEXAS42.page.verb)
    for heading, verbs in TEXAS42.verbs.items()
}
add_verbs(app, shortcuts, TEXAS42.title)  # `forge deal` is `forge texas42 deal`
for game in GAMES:
    app.add_typer(game.app(), rich_help_panel="Games (forge GAME VERB)")
app.command(cls=PlainSwitches, rich_help_panel=MACHINE)(doctor_of(parts_of_stores))
app.command(cls=PlainSwitches, rich_help_panel=MACHINE)(
    bench_verb({k: v for game in GAMES for k, v in game.benchmarks.items()})
)


def print_version(is_asked: bool) -> None:
    """Print the version and exit, if `--version` was given."""
    if is_asked:
        from importlib.metadata import version

        print(f"forge {version('forge')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def forge(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Print the help if no verb is given."""
    if context.invoked_subcommand is None:
        print(context.get_help())
