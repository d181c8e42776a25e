"""`forge eq`: play games by E[Q], from what each hand can know; only missing games are played."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from forge_core.cli.filling import (
    interruptible,
    print_left,
    print_plan,
    require_persistent_store,
    take_first,
)
from forge_core.cli.options import Device, DryRun, Json, Limit, Out, Seeds, expand_settings
from forge_core.cli.status import FAILED, Stopped
from forge_core.errors import BadInput, StoreUnusable
from forge_core.texas42.cli.options import Declarations
from forge_core.texas42.dominoes import N_PLAYS
from forge_core.texas42.folders import GAMES_FOLDER
from forge_core.texas42.settings.games import GameSettings

if TYPE_CHECKING:
    from forge_core.files import Store
    from forge_core.texas42.eq import GameConfig, Oracle
    from forge_core.texas42.eq.filling import GameReport
    from forge_core.texas42.oracle.shards import ShardKey


@expand_settings
def eq(
    *,
    seeds: Seeds,
    out: Out,
    decl: Declarations = "seed",
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="PATH", help="Folder of the network for a model or hybrid oracle."),
    ] = None,
    settings: GameSettings,
    device: Device = "auto",
    limit: Limit = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Play deals by E[Q] and store each game; replace existing games of other settings only."""
    from forge_core.cli.screen import notes
    from forge_core.files import Store
    from forge_core.texas42.eq.configuration import configure, open_oracle_of
    from forge_core.texas42.eq.files import GAMES, missing_games
    from forge_core.texas42.eq.filling import fingerprint_for
    from forge_core.texas42.games import check_bid
    from forge_core.texas42.oracle.shards import seed_keys

    config = configure(settings)
    if settings.batch < 1:
        raise BadInput(f"batch {settings.batch}: use at least 1")
    check_bid(settings.bid)
    store = Store(out).join(GAMES_FOLDER)
    require_persistent_store(store)
    judge = open_oracle_of(settings, model, device)
    keys = seed_keys(seeds, decl)  # pyright: ignore[reportArgumentType]
    with notes().status("looking for existing games"):
        missing = missing_games(store, keys, fingerprint_for(judge, config, settings.bid))
    if dry_run:
        print_plan(GAMES, store, len(keys), missing, json, "played", [key.seed for key in missing], limit)
        return
    if missing:
        store.check_writable()
    begun, asked = time.perf_counter(), take_first(GAMES, store, missing, limit)
    reports, refused = play(store, asked, judge, config, settings.bid, settings.batch, device)
    stopped = refused is None and len(reports) < len(asked)
    print_summary(store, len(keys), len(missing), reports, time.perf_counter() - begun, stopped, json)
    if refused:
        raise refused
    print_left(len(missing) - len(asked), GAMES.noun, json)
    if stopped:
        to_go = len(asked) - sum(report.error is None for report in reports)
        raise Stopped(f"stopped with {to_go:,} games left: run the same command again to continue")
    if any(report.error for report in reports):
        raise typer.Exit(FAILED)


def play(
    store: Store,
    missing: list[ShardKey],
    oracle: Oracle,
    config: GameConfig,
    bid: int,
    batch: int,
    device: str,
) -> tuple[list[GameReport], StoreUnusable | None]:
    """Play the missing games with a progress bar, until Ctrl-C or until the store refuses a file.

    Returns the reports of the games that were tried, and the error of the store, if any.
    """
    from forge_core.cli.screen import progress_bar
    from forge_core.texas42.eq.filling import fill_games

    reports: list[GameReport] = []
    bar = progress_bar(f"playing {len(missing):,} games", len(missing), counted=False)
    with interruptible() as interrupted, bar as move:

        def on_step(step: int) -> None:
            together = min(batch, len(missing) - len(reports))
            move(together / N_PLAYS)

        try:
            for report in fill_games(store, missing, oracle, config, bid, batch, device, on_step=on_step):
                reports.append(report)
                if interrupted() and len(reports) % batch == 0:  # all games of the batch have been written
                    break
        except StoreUnusable as error:
            return reports, error
    return reports, None


def print_summary(
    store: Store,
    n_wanted: int,
    n_missing: int,
    reports: list[GameReport],
    seconds: float,
    stopped: bool,
    json: bool,
) -> None:
    """Print how many games were played, existed before, or failed, and the reasons for failures."""
    from forge_core.cli.screen import print_json, seconds_text, size_text

    made = [report for report in reports if report.made]
    failed = {report.key.filename: report.error for report in reports if report.error}
    there = n_wanted - n_missing
    replaced = sum(report.replaced for report in made)
    questions, nbytes = sum(r.questions for r in made), sum(r.nbytes for r in made)
    if json:
        print_json(
            {
                "store": store.url,
                "wanted": n_wanted,
                "made": len(made),
                "replaced": replaced,
                "there": there,
                "failed": failed,
                "stopped": stopped,
                "worlds": questions,
                "bytes": nbytes,
                "seconds": round(seconds, 3),
                "games_per_second": round(len(made) / seconds, 3),
            }
        )
        return
    print(f"{n_wanted:,} games in {store.url}: {len(made):,} played, {there:,} kept, {len(failed):,} failed")
    if made:
        print(
            f"{N_PLAYS * len(made):,} decisions, {questions:,} worlds, {size_text(nbytes)} in "
            f"{seconds_text(seconds)}: {len(made) / seconds:.2f} games/s"
        )
    if replaced:
        print(f"{replaced:,} of them replaced games that were faulty or made with other settings")
    for filename, reason in failed.items():
        print(f"forge: {filename}: {reason}", file=sys.stderr)
