"""`forge shards`: solved deals on disk, without Dagster: the same files, and only those that are missing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from forge_core.cli.filling import check_writable, interruptible, print_plan, require_persistent_store
from forge_core.cli.options import Device, Json, Seeds, Workers, read_place
from forge_core.cli.status import BAD_INPUT, FAILED, Stopped
from forge_core.errors import BadInput
from forge_core.ranges import whole
from forge_core.texas42.cli.options import read_declaration, read_sample_seed

if TYPE_CHECKING:
    from forge_core.files import Store
    from forge_core.texas42.oracle.shards import Rows, ShardConfig, ShardKey, ShardReport

DEFAULT_ROWS = "50000"
"""as DEFAULT_ROWS of the shards says, which takes long to import"""
DEFAULT_OPPONENTS, MOST_OPPONENTS = 3, 1_000
MOST_SHARDS = 10_000_000
"""in one command"""


def read_rows(text: str) -> Rows:
    """A whole number of at least 1, or `all`."""
    name = text.strip().lower()
    return "all" if name == "all" else whole(name, "rows")


def read_opponents(text: str) -> int:
    """A whole number, 1..MOST_OPPONENTS."""
    opponents = whole(text, "opponents")
    if opponents < 1:
        raise BadInput(f"{opponents} opponents make no deal: use at least 1")
    if opponents > MOST_OPPONENTS:
        raise BadInput(f"{opponents} opponents of a seed: use at most {MOST_OPPONENTS:,}")
    return opponents


def read_declarations(text: str) -> Literal["seed", "all"] | int:
    """`seed`, `all`, or one declaration."""
    name = text.strip().lower()
    return name if name in ("seed", "all") else read_declaration(text)  # pyright: ignore[reportReturnType]


def shards(
    seeds: Seeds,
    out: Annotated[
        str,
        typer.Option("--out", parser=read_place, metavar="DIR", help="Root of the store: a folder or URL."),
    ],
    rows: Annotated[
        str, typer.Option("--rows", parser=read_rows, metavar="N", help="States drawn from a deal; or all.")
    ] = DEFAULT_ROWS,
    decl: Annotated[
        str,
        typer.Option(
            "--decl",
            parser=read_declarations,
            metavar="NAME",
            help="seed (seed % 10 decides), all ten, or one by name or number.",
        ),
    ] = "seed",
    marginalized: Annotated[
        bool, typer.Option("--marginalized", help="Seat 0's hand against several deals of the rest.")
    ] = False,
    opponents: Annotated[
        int | None,
        typer.Option(
            "--opponents",
            parser=read_opponents,
            metavar="N",
            show_default=str(DEFAULT_OPPONENTS),
            help="How many, with --marginalized.",
        ),
    ] = None,
    sample_seed: Annotated[
        int,
        typer.Option(
            "--sample-seed", parser=read_sample_seed, metavar="N", help="Another number draws other states."
        ),
    ] = 0,
    device: Device = "auto",
    workers: Workers = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read what is there whole, not only its footer.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is missing; make nothing.")] = False,
    json: Json = False,
) -> None:
    """Solve deals and write a shard of each; those already there are not made again."""
    from forge_core.cli.screen import notes
    from forge_core.files import Store
    from forge_core.texas42.oracle.shards import (
        MARGINALIZED,
        SHARDS,
        STANDARD,
        ShardConfig,
        missing_shards,
        seed_keys,
    )

    if opponents is not None and not marginalized:
        raise BadInput("--opponents belongs to marginalised deals: add --marginalized")
    n_opponents = (opponents or DEFAULT_OPPONENTS) if marginalized else None
    n_wanted = len(seeds) * (10 if decl == "all" else 1) * (n_opponents or 1)
    if n_wanted > MOST_SHARDS:
        raise BadInput(f"{n_wanted:,} shards are more than {MOST_SHARDS:,}: ask for fewer at a time")
    config = ShardConfig(rows=rows, sample_seed=sample_seed)  # pyright: ignore[reportArgumentType]
    store = Store(out).join(MARGINALIZED if marginalized else STANDARD)
    require_persistent_store(store)
    keys = seed_keys(seeds, decl, n_opponents)  # pyright: ignore[reportArgumentType]
    with notes().status("looking what is there"):
        missing = missing_shards(store, keys, config, verify=verify)
    if dry_run:
        print_plan(SHARDS, store, len(keys), missing, json)
        return
    if missing:
        check_writable(store)
    started = time.perf_counter()
    reports, stopped = fill(store, missing, config, device, workers, verify)
    print_summary(store, len(keys), len(missing), reports, time.perf_counter() - started, stopped, json)
    if stopped:
        to_go = len(missing) - sum(report.error is None for report in reports)
        raise Stopped(f"stopped with {to_go:,} shards to go: run the same command again to go on")
    if any(report.error for report in reports):
        raise typer.Exit(BAD_INPUT if any(report.refused for report in reports) else FAILED)


def fill(
    store: Store,
    missing: list[ShardKey],
    config: ShardConfig,
    device: str,
    workers: int | None,
    verify: bool,
) -> tuple[list[ShardReport], bool]:
    """Make the missing shards under a progress bar; their reports, and whether Ctrl-C cut it short."""
    from forge_core.texas42.oracle.shards import fill_shards, missing_shards

    reports: list[ShardReport] = []
    with interruptible() as interrupted, progress(len(missing)) as advance:
        making = fill_shards(store, missing, config, device=device, workers=workers, verify=verify)
        for report in making:
            reports.append(report)
            advance(report)
            if interrupted():
                break
        making.close()  # waits for what is being written
        if len(reports) < len(missing):
            reported = {report.key for report in reports}
            to_go = set(missing_shards(store, missing, config, verify=verify))
            late = [key for key in missing if key not in reported and key not in to_go]
            reports += [replace(report, made=True) for report in fill_shards(store, late, config, "cpu")]
    return reports, len(reports) < len(missing)


@contextmanager
def progress(total: int) -> Iterator[Callable[[ShardReport], None]]:
    """A bar on a terminal, nothing elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from forge_core.cli.screen import notes

    console = notes()
    bar = Progress(
        TextColumn("solving"),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[last]}", style="dim"),
        console=console,
        disable=not (console.is_terminal and total),
        transient=True,
    )
    task = bar.add_task("", total=total, last="")
    with bar:
        yield lambda report: bar.update(task, advance=1, last=report.key.filename)


def print_summary(
    store: Store,
    n_wanted: int,
    n_missing: int,
    reports: list[ShardReport],
    seconds: float,
    stopped: bool,
    json: bool,
) -> None:
    """What was made, what was there, what failed and why."""
    from forge_core.cli.screen import print_json, seconds_text, size_text

    made = [report for report in reports if report.made and not report.error]
    failed = {report.key.filename: report.error for report in reports if report.error}
    there = n_wanted - n_missing + sum(not report.made and not report.error for report in reports)
    rows, states = sum(report.rows for report in made), sum(report.states for report in made)
    nbytes = sum(report.nbytes for report in made)
    replaced = sum(report.replaced for report in made)
    devices = ", ".join(sorted({report.device for report in made if report.device}))
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
                "rows": rows,
                "states": states,
                "bytes": nbytes,
                "seconds": round(seconds, 3),
                "deals_per_second": round(len(made) / seconds, 3),
                "device": devices,
            }
        )
        return
    counts = f"{len(made):,} made, {there:,} there before, {len(failed):,} failed, of {n_wanted:,} shards"
    print(f"{store.url}: {counts}")
    if made:
        print(
            f"{rows:,} rows of {states:,} states, {size_text(nbytes)}, in {seconds_text(seconds)}: "
            f"{len(made) / seconds:.1f} deals/s{devices and f' on {devices}'}"
        )
    if replaced:
        print(f"{replaced:,} of them replaced shards of another configuration")
    for filename, reason in failed.items():
        print(f"forge: {filename}: {reason}", file=sys.stderr)
