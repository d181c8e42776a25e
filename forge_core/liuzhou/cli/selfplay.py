"""`forge liuzhou selfplay`: games that a network, or playouts, play against themselves, kept in a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from forge_core.cli.options import Device, Json, Out, expand_settings
from forge_core.cli.status import FAILED, Stopped
from forge_core.liuzhou.settings.generation import GenerationSettings
from forge_core.liuzhou.settings.selfplay import SelfPlaySettings
from forge_core.ranges import whole

if TYPE_CHECKING:
    from forge_core.files import Store
    from forge_core.liuzhou.recording import Played


def read_generation(text: str) -> int:
    """The number of a generation."""
    return whole(text, "generation")


@expand_settings
def selfplay(
    *,
    generation: Annotated[
        int,
        typer.Option("--generation", parser=read_generation, metavar="N", help="Number of the generation."),
    ],
    out: Out,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", metavar="DIR", show_default="random playouts", help="Folder of the network that plays."
        ),
    ] = None,
    settings: GenerationSettings,
    self_play: SelfPlaySettings,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Play a generation of games and store each file of them; replace files of other settings only."""
    from forge_core.cli.filling import check_place
    from forge_core.cli.screen import progress_bar
    from forge_core.files import Store
    from forge_core.learning.memory import keep_freed_memory
    from forge_core.liuzhou.files import keys_of
    from forge_core.liuzhou.recording import play_generation

    root, keys = Store(out), keys_of(generation, settings.count)
    check_place(root)
    keep_freed_memory()
    try:
        with progress_bar(f"playing {settings.count:,} games", len(keys)) as move:
            played = play_generation(
                root, generation, settings, self_play, model, device, on_file=lambda report: move(1)
            )
    except KeyboardInterrupt:
        raise Stopped(
            "stopped; files already written are complete: run the same command again to continue"
        ) from None
    print_summary(root, generation, played, json)
    if any(report.error for report in played.reports):
        raise typer.Exit(FAILED)


def print_summary(root: Store, generation: int, played: Played, json: bool) -> None:
    """Print what was played, what the store holds of the generation, and what could not be made."""
    from dataclasses import asdict

    from forge_core.cli.screen import notes, print_json, screen, seconds_text, size_text
    from forge_core.liuzhou.files import FOLDER
    from forge_core.liuzhou.generations import Summary, read_generation
    from forge_core.liuzhou.settings.generation import generation_name

    failed = {report.key.filename: report.error for report in played.reports if report.error}
    made = sum(report.made for report in played.reports)
    summary = Summary.of(read_generation(root, generation)) if len(failed) < len(played.reports) else None
    nbytes = sum(report.nbytes for report in played.reports)
    folder = root.join(FOLDER, generation_name(generation)).url
    if json:
        print_json(
            {
                "folder": folder,
                "files": len(played.reports),
                "made": made,
                "bytes": nbytes,
                "seconds": round(played.seconds, 3),
                "evaluations": played.evaluations,
                "share_of_bare": played.share_of_bare,
                "device": played.device,
                "settings": played.settings,
                "games": asdict(summary) if summary else None,
                "failed": failed,
            }
        )
        return
    for name, reason in failed.items():
        notes().print(f"{name}: {reason}", markup=False, soft_wrap=True)
    if summary is None:
        return
    out = screen()
    out.print(
        f"{summary.games:,} games, {summary.positions:,} positions, {size_text(nbytes)}: "
        f"{summary.black_won:,} won by black, {summary.white_won:,} by white, {summary.drawn:,} drawn; "
        f"{summary.plies:.0f} plies, lead {summary.lead:.1f}",
        soft_wrap=True,
    )
    done = f"{seconds_text(played.seconds)}, {pace_text(played)}" if played.seconds else "nothing to play"
    out.print(f"{folder}: {made} of {len(played.reports)} files made; {done}", soft_wrap=True)


def pace_text(played: Played) -> str:
    """Return the speed of play, and that of the network alone next to it."""
    share = played.share_of_bare
    if share is None:  # playouts evaluate nothing
        return f"{played.positions / played.seconds:,.0f} positions/s on {played.device}"
    pace = f"{played.evaluations / played.seconds:,.0f} evaluations/s on {played.device}"
    return f"{pace}, {share:.0%} of the network's forward pass alone"
