"""`forge shards`: solve deals and store missing shards, without Dagster but with the same files."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from forge_core.cli.filling import (
    interruptible,
    print_left,
    print_plan,
    require_persistent_store,
    take_first,
)
from forge_core.cli.options import Device, DryRun, Json, Limit, Out, Seeds, Workers, expand_settings, given
from forge_core.cli.status import BAD_INPUT, FAILED, Stopped
from forge_core.errors import BadInput
from forge_core.texas42.cli.options import Declarations
from forge_core.texas42.folders import MARGINALIZED_SHARDS, STANDARD_SHARDS
from forge_core.texas42.settings.shards import MarginalizedSettings

if TYPE_CHECKING:
    from forge_core.files import Store
    from forge_core.texas42.oracle.shards import ShardConfig, ShardKey, ShardReport

MOST_SHARDS = 10_000_000
"""maximum number of shards in one command; more is a typing error"""


@expand_settings
def shards(
    *,
    context: typer.Context,
    seeds: Seeds,
    out: Out,
    decl: Declarations = "seed",
    marginalized: Annotated[
        bool,
        typer.Option(
            "--marginalized",
            help="Solve several deals per seed, in which seat 0 keeps its hand and the rest is dealt again.",
        ),
    ] = False,
    settings: MarginalizedSettings,
    device: Device = "auto",
    workers: Workers = None,
    limit: Limit = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Solve deals and write a shard for each; replace existing shards of other settings only."""
    from forge_core.cli.screen import notes
    from forge_core.files import Store
    from forge_core.texas42.oracle.shards import SHARDS, ShardConfig, missing_shards, seed_keys

    if "opponents" in given(context) and not marginalized:
        raise BadInput("--opponents applies only to marginalized deals: add --marginalized")
    n_opponents = settings.opponents if marginalized else None
    n_wanted = len(seeds) * (10 if decl == "all" else 1) * (n_opponents or 1)
    if n_wanted > MOST_SHARDS:
        raise BadInput(f"{n_wanted:,} shards are more than {MOST_SHARDS:,}: use fewer seeds at a time")
    config = ShardConfig(settings.rows, settings.sample_seed)
    store = Store(out).join(MARGINALIZED_SHARDS if marginalized else STANDARD_SHARDS)
    require_persistent_store(store)
    keys = seed_keys(seeds, decl, n_opponents)  # pyright: ignore[reportArgumentType]
    with notes().status("looking for existing shards"):
        missing = missing_shards(store, keys, config, verify=settings.verify)
    if dry_run:
        print_plan(SHARDS, store, len(keys), missing, json, seeds=[k.seed for k in missing], limit=limit)
        return
    if missing:
        store.check_writable()
    started, asked = time.perf_counter(), take_first(SHARDS, store, missing, limit)
    reports, stopped = fill(store, asked, config, device, workers, settings.verify)
    print_summary(store, len(keys), len(missing), reports, time.perf_counter() - started, stopped, json)
    print_left(len(missing) - len(asked), SHARDS.noun, json)
    if stopped:
        to_go = len(asked) - sum(report.error is None for report in reports)
        raise Stopped(f"stopped with {to_go:,} shards left: run the same command again to continue")
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
    """Make the missing shards with a progress bar; return their reports, and True if stopped by Ctrl-C."""
    from forge_core.cli.screen import progress_bar
    from forge_core.texas42.oracle.shards import fill_shards, missing_shards

    reports: list[ShardReport] = []
    with interruptible() as interrupted, progress_bar("solving", len(missing)) as move:
        making = fill_shards(store, missing, config, device=device, workers=workers, verify=verify)
        for report in making:
            reports.append(report)
            move(last=report.key.filename)
            if interrupted():
                break
        making.close()  # waits for the shards being written
        if len(reports) < len(missing):
            reported = {report.key for report in reports}
            to_go = set(missing_shards(store, missing, config, verify=verify))
            late = [key for key in missing if key not in reported and key not in to_go]
            reports += [replace(report, made=True) for report in fill_shards(store, late, config, "cpu")]
    return reports, len(reports) < len(missing)


def print_summary(
    store: Store,
    n_wanted: int,
    n_missing: int,
    reports: list[ShardReport],
    seconds: float,
    stopped: bool,
    json: bool,
) -> None:
    """Print how many shards were made, existed before, or failed, and the reasons for failures."""
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
    counts = f"{len(made):,} made, {there:,} kept, {len(failed):,} failed"
    print(f"{n_wanted:,} shards in {store.url}: {counts}")
    if made:
        print(
            f"{rows:,} rows of {states:,} states, {size_text(nbytes)} in {seconds_text(seconds)}: "
            f"{len(made) / seconds:.1f} deals/s{devices and f' on {devices}'}"
        )
    if replaced:
        print(f"{replaced:,} of them replaced shards made with other versions or settings")
    for filename, reason in failed.items():
        print(f"forge: {filename}: {reason}", file=sys.stderr)
