"""`make run`: the first steps of every game, run by Dagster in this process.

Each game's record names its steps. Their runs are recorded in the instance of DAGSTER_HOME, where the UI
shows them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

import dagster as dg
from rich.console import Console

from forge_assets.dagster_internals import failure_reason, has_old_partitions
from forge_assets.in_process import materialize_here
from forge_assets.renaming import OLD_NAMES
from forge_assets.run_config import op_name
from forge_assets.uis import SILENCE, dagster_url
from forge_core.errors import BadInput, ForgeError


class RunFailed(Exception):
    """A run failed; the reason has been printed to the terminal."""


@dataclass(frozen=True, slots=True)
class Quickstart:
    """A sequence of runs in a terminal: it materializes assets and prints the results."""

    console: Console
    instance: dg.DagsterInstance

    def make(
        self,
        asset: str,
        tags: Mapping[str, str] | None = None,
        settings: Mapping[str, Any] | None = None,
        waiting: str = "",
    ) -> list[dict[str, Any]]:
        """Materialize an asset; return the metadata of each materialization.

        tags: run tags that name a partition or a range. waiting: what the step does, shown while it works.
        Raise RunFailed if the run fails.
        """
        with at_work(self.console, f"{asset}: {waiting}" if waiting else asset):
            result = materialize_here(asset, self.instance, tags, settings)
        if not result.success:
            self._print_failure(result)
            raise RunFailed
        events = result.asset_materializations_for_node(op_name(asset))
        return [{name: entry.value for name, entry in event.metadata.items()} for event in events]

    def title(self, text: str) -> None:
        """Print the heading of a part."""
        self.console.print()
        self.console.rule(f"[bold]{text}", align="left", style="dim")

    def print(self, text: Any, **style: Any) -> None:
        """Print to the terminal without wrapping lines."""
        self.console.print(text, soft_wrap=True, **style)

    def _print_failure(self, result: dg.ExecuteInProcessResult) -> None:
        """Print a line for each failed step, and the metadata of each failed check."""
        for event in result.all_events:
            if event.is_step_failure:
                self.print(
                    f"{event.step_key} failed: {failure_reason(event.step_failure_data)}", markup=False
                )
        for check in result.get_asset_check_evaluations():
            if not check.passed:
                self.print(f"{check.asset_key.to_user_string()}, check {check.check_name}:", markup=False)
                for name, finding in check.metadata.items():
                    self.print(f"  {name}: {finding.value}", markup=False)
        self.print(f"to see the runs: make ui, then {dagster_url('runs')}")


@contextmanager
def at_work(console: Console, text: str) -> Iterator[None]:
    """Show that a step is at work: a spinner on a terminal, elsewhere a line after every SILENCE seconds."""
    if console.is_terminal:
        with console.status(text):
            yield
        return
    started, over = time.monotonic(), Event()

    def print_elapsed() -> None:
        while not over.wait(SILENCE):
            console.print(f"{text} ({time.monotonic() - started:.0f} s)", soft_wrap=True, markup=False)

    thread = Thread(target=print_elapsed, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def main() -> int:
    """Run the steps of every game; return the exit status: 0, 1 if a run failed, 2 for bad input."""
    from forge_assets.games import all_games
    from forge_assets.resources import ShardStore, find_instance
    from forge_assets.tracking.address import default_address

    try:
        default_address()  # before hours of work, rather than when training begins
        quickstart = Quickstart(Console(), find_instance())
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    started = time.monotonic()
    try:
        for game in all_games():
            game.register(quickstart.instance, ())
            if game.renamed and has_old_partitions(quickstart.instance, game.renamed):
                quickstart.print(OLD_NAMES)
            if game.quickstart:
                game.quickstart(quickstart)
    except RunFailed:
        return 1
    quickstart.title("Next")
    quickstart.print(
        f"[bold]make ui[/bold], then {dagster_url('asset-groups')}: all that was made, with pictures and "
        f"lineage\nfiles   {ShardStore().root().url}\nall of it took {time.monotonic() - started:.0f} s"
    )
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ForgeError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
