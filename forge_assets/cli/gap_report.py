"""Output of a GapReport: text for people, and JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from forge_core.files.inspection import Condition

if TYPE_CHECKING:
    from dagster import DagsterInstance
    from rich.console import Console

    from forge_assets.gaps.backfill import Mending
    from forge_assets.gaps.report import AssetGaps, GapReport, StaleAsset

MOST_SHOWN = 10
"""number of faulty files listed per asset; --json lists all"""


def print_report(report: GapReport, verified: bool) -> None:
    """Print a line per asset with its faults below it, then the other assets that are stale or never made.

    verified: True if whole files were read, not only footers.
    """
    from forge_core.cli.screen import screen

    out = screen()
    out.print(f"[bold]{'store':<22}[/bold]", end="")
    out.print(report.store, markup=False, soft_wrap=True)
    for of in report.assets:
        print_asset(out, of, verified)
    for names, causes in by_causes(report):
        out.print(f"[bold yellow]{'stale':<22}[/bold yellow]", end="")
        out.print(f"{names}: {causes}", markup=False, soft_wrap=True)
    if report.never_made:
        out.print(f"[bold]{'never made':<22}[/bold]", end="")
        out.print(names_text(report.never_made), markup=False, soft_wrap=True)


def print_asset(out: Console, of: AssetGaps, verified: bool) -> None:
    """Print the number of partitions without faults, and the faults of the others."""
    from forge_assets.gaps.report import settings_text

    wrong = len(of.gaps)
    style = "bold red" if wrong else "bold green"
    footers = "" if verified else " (footers checked)"
    out.print(f"[{style}]{of.asset:<22}[/{style}]", end="")
    sound = f"{len(of.partitions) - wrong:,} of {len(of.partitions):,} partitions are up to date"
    files = f"{of.files:,} {of.noun}, {settings_text(of.settings)}{footers}"
    out.print(f"{sound}: {of.describe(of.partitions)}; {files}", markup=False, soft_wrap=True)
    for kinds, alike in of.by_kinds().items():
        n_files = sum(gap.missing + len(gap.files) for gap in alike)
        counted = f", {n_files:,} {of.noun if n_files > 1 else of.noun.removesuffix('s')}" if n_files else ""
        partitions = of.describe([gap.partition for gap in alike])
        out.print(f"  {', '.join(kinds)}: ", end="", style="red", markup=False)
        plural = "" if len(alike) == 1 else "s"
        out.print(f"{len(alike):,} partition{plural}{counted}: {partitions}", markup=False, soft_wrap=True)
    faults = [fault for gap in of.gaps for fault in gap.files]
    for path, reason in faults[:MOST_SHOWN]:
        out.print(f"    {path}: {reason}", markup=False, soft_wrap=True, style="dim")
    if len(faults) > MOST_SHOWN:
        out.print(f"    and {len(faults) - MOST_SHOWN:,} more: --json lists all", style="dim")


def by_causes(report: GapReport) -> list[tuple[str, str]]:
    """Group the stale assets by their causes; return the names and the causes of each group."""
    alike: dict[tuple[str, ...], list[StaleAsset]] = {}
    for stale in report.stale:
        alike.setdefault(stale.causes, []).append(stale)
    return [(names_text(of_all), "; ".join(causes)) for causes, of_all in alike.items()]


def names_text(others: Sequence[StaleAsset]) -> str:
    """Return the names on one line: `shard_catalog, token_splits (train, val)`."""
    partitions: dict[str, list[str]] = {}
    for other in others:
        partitions.setdefault(other.asset, []).extend(filter(None, [other.partition]))
    return ", ".join(f"{asset} ({', '.join(of)})" if of else asset for asset, of in partitions.items())


def print_what_to_do(
    report: GapReport, started: Sequence[Mending], mend: bool, instance: DagsterInstance
) -> None:
    """Print the next steps, one per line. mend: True if --mend was given."""
    from forge_assets.gaps.backfill import is_daemon_up
    from forge_assets.gaps.report import UPSTREAM
    from forge_core.cli.screen import screen

    out = screen()

    def say(line: str) -> None:
        out.print(line, markup=False, soft_wrap=True)

    if report.whole:
        if report.assets:
            say("nothing is missing of what was inspected")
        else:
            say("no files were inspected, since none were ever made: name those to expect with --blocks")
        return
    out.print()
    for mending in started:
        what = f"{mending.partitions:,} partitions of {mending.asset}"
        if mending.new:
            say(f"backfill {mending.backfill_id} repairs {what}: watch it in Dagster under Runs, Backfills")
        else:
            say(f"backfill {mending.backfill_id} of {mending.asset} is still running: no other was started")
    if started and is_daemon_up(instance):
        say("the daemon runs it")
    elif started:
        say("no daemon is running: make ui starts one, which runs the backfill")
    for of in report.assets:
        if of.mendable and not mend:
            say(f"{of.asset}: to repair {len(of.mendable):,} partitions, repeat the command with --mend")
        left = [gap for gap in of.gaps if gap.partition not in set(of.mendable)]
        if left and of.run_config is None:
            say(f"{of.asset}: no run has recorded the settings to use: materialize it in Dagster")
        elif any(Condition.FOREIGN in gap.kinds for gap in left):
            say(f"{of.asset}: move the foreign files away first; they are never overwritten")
        if any(UPSTREAM in gap.kinds for gap in left):
            say(f"{of.asset}: to play with the new network, materialize these partitions in Dagster")
    if report.stale:
        names = names_text(report.stale)
        say(f"then rematerialize these in Dagster, in this order (Assets, Materialize stale): {names}")


def as_record(report: GapReport, started: Sequence[Mending]) -> dict[str, Any]:
    """Return the record that `--json` prints."""
    from dataclasses import asdict

    from forge_core.ranges import ranges_text

    return {
        "store": report.store,
        "blocks": None if report.blocks is None else ranges_text(report.blocks),
        "whole": report.whole,
        "assets": {
            of.asset: {
                "partitions": len(of.partitions),
                of.noun: of.files,
                "settings": dict(of.settings),
                "gaps": [
                    {
                        "partition": gap.partition,
                        "kinds": list(gap.kinds),
                        "missing": gap.missing,
                        "files": dict(gap.files),
                    }
                    for gap in of.gaps
                ],
                "mendable": len(of.mendable),
            }
            for of in report.assets
        },
        "stale": {stale.name: list(stale.causes) for stale in report.stale},
        "never_made": [other.name for other in report.never_made],
        "backfills": [asdict(mending) for mending in started],
    }
