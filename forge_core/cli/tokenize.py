"""`forge tokenize`: training rows from shards, for as many shards as have none yet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from forge_core.cli.options import Json, Workers, read_place, read_row_count, read_sample_seed
from forge_core.errors import BadInput

if TYPE_CHECKING:
    from forge_core.files import Store
    from forge_core.texas42.splits import Split
    from forge_core.texas42.tokens.splits import Manifest, TokenFile, TokenPlan


def read_splits(text: str) -> list[Split]:
    """`train`, `val`, `test`, or `all` three."""
    from forge_core.texas42.splits import Split

    name = text.strip().lower()
    if name == "all":
        return list(Split)
    if name not in list(Split):
        raise BadInput(f"split {text!r}: use {', '.join(Split)} or all")
    return [Split(name)]


def tokenize(
    input_: Annotated[
        str,
        typer.Option(
            "--input", parser=read_place, metavar="DIR", help="Root of the store: shards-*/ are below it."
        ),
    ],
    out: Annotated[
        str,
        typer.Option(
            "--out", parser=read_place, metavar="DIR", help="Where rows go: tokenized/ is below it."
        ),
    ],
    rows: Annotated[
        int, typer.Option("--rows", parser=read_row_count, metavar="N", help="Rows drawn from a shard.")
    ] = 10_000,
    split: Annotated[
        list, typer.Option("--split", parser=read_splits, metavar="NAME", help="train, val, test, or all.")
    ] = "train",  # pyright: ignore[reportArgumentType]
    source: Annotated[
        str, typer.Option("--source", metavar="KIND", help="Shards: standard, marginalized or both.")
    ] = "standard",
    decision_share: Annotated[
        float | None,
        typer.Option(
            "--decision-share", metavar="X", help="Of the rows, how many are decisions.", show_default="0.75"
        ),
    ] = None,
    sample_seed: Annotated[
        int,
        typer.Option(
            "--sample-seed", parser=read_sample_seed, metavar="N", help="Another number draws other rows."
        ),
    ] = 0,
    workers: Workers = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is to be done; do nothing.")] = False,
    json: Json = False,
) -> None:
    """Draw training rows from shards; those already drawn are not drawn again."""
    from forge_core.cli.screen import notes, print_json
    from forge_core.files import Store
    from forge_core.texas42.tokens.rows import DECISION_SHARE
    from forge_core.texas42.tokens.splits import TokenConfig, folder_of, plan_tokens
    from forge_core.texas42.tokens.splits import tokenize as bring_up_to_date

    config = TokenConfig(
        source=source,  # pyright: ignore[reportArgumentType]
        rows_per_shard=rows,
        decision_share=DECISION_SHARE if decision_share is None else decision_share,
        sample_seed=sample_seed,
    )
    shards, store = Store(input_), Store(out)
    answers = []
    for which in read_splits(split) if isinstance(split, str) else split:
        folder = folder_of(store, which)
        with notes().status(f"looking what is there of {which}"):
            plan = plan_tokens(shards, store, which, config)
        if dry_run:
            answers.append(plan_record(folder, plan))
            if not json:
                print_plan(folder, plan)
            continue
        started = time.perf_counter()
        with progress(which, len(plan.tasks)) as advance:
            manifest = bring_up_to_date(shards, store, which, config, workers, advance)
        seconds = time.perf_counter() - started
        answers.append(summary_record(folder, plan, manifest, seconds))
        if not json:
            print_summary(folder, plan, manifest, seconds)
    if json:
        print_json({"splits": answers})


@contextmanager
def progress(split: Split, total: int) -> Iterator[Callable[[TokenFile], None]]:
    """A bar on a terminal, nothing elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from forge_core.cli.screen import notes

    console = notes()
    bar = Progress(
        TextColumn(f"drawing rows of {split}"),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        console=console,
        disable=not (console.is_terminal and total),
        transient=True,
    )
    task = bar.add_task("", total=total)
    with bar:
        yield lambda file: bar.update(task, advance=1)


def plan_record(folder: Store, plan: TokenPlan) -> dict:
    """What `--dry-run --json` says of a split."""
    return {
        "split": plan.split,
        "folder": folder.url,
        "kept": len(plan.kept),
        "missing": [task.name for task in plan.tasks],
        "dropped": list(plan.dropped),
    }


def print_plan(folder: Store, plan: TokenPlan) -> None:
    """What `--dry-run` says of a split."""
    print(
        f"{folder.url}: {len(plan.kept):,} shards are there, {len(plan.tasks):,} would be added, "
        f"{len(plan.dropped):,} dropped"
    )


def summary_record(folder: Store, plan: TokenPlan, manifest: Manifest, seconds: float) -> dict:
    """What `--json` says of a split."""
    return {
        "split": plan.split,
        "folder": folder.url,
        "kept": len(plan.kept),
        "made": len(plan.tasks),
        "dropped": len(plan.dropped),
        "rows": manifest.rows,
        "hash": manifest.hash,
        "seconds": round(seconds, 3),
    }


def print_summary(folder: Store, plan: TokenPlan, manifest: Manifest, seconds: float) -> None:
    """What a split holds now, and what was done for it."""
    from forge_core.cli.screen import seconds_text

    print(
        f"{folder.url}: {manifest.rows:,} rows of {len(manifest.files):,} shards; {len(plan.tasks):,} added "
        f"in {seconds_text(seconds)}, {len(plan.kept):,} there before, {len(plan.dropped):,} files dropped; "
        f"data {manifest.hash}"
    )
