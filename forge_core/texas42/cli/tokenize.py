"""`forge tokenize`: make training rows from those shards or recorded games that have none yet."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_core.cli.filling import require_persistent_store
from forge_core.cli.options import DryRun, Json, Workers, expand_settings, given, read_place
from forge_core.errors import BadInput
from forge_core.settings import settings_of
from forge_core.texas42.folders import GAME_ROWS_FOLDER, GAMES_FOLDER, TOKENS_FOLDER
from forge_core.texas42.settings.tokens import TokenSettings

if TYPE_CHECKING:
    from forge_core.files import Store
    from forge_core.files.row_store import Manifest, Plan, RowStore
    from forge_core.splits import Split

_OF_SHARDS = {of.name for of in settings_of(TokenSettings)}
"""options that apply only to rows of shards"""


def read_splits(text: str) -> list[Split]:
    """Parse `train`, `val`, `test`, or `all` for all three. Raises BadInput."""
    from forge_core.splits import Split

    name = text.strip().lower()
    if name == "all":
        return list(Split)
    if name not in list(Split):
        raise BadInput(f"split {text!r}: use {', '.join(Split)} or all")
    return [Split(name)]


@expand_settings
def tokenize(
    *,
    context: typer.Context,
    input_: Annotated[
        str,
        typer.Option(
            "--input",
            parser=read_place,
            metavar="DIR",
            help=f"Root of the store with the shards (shards-*/) or games ({GAMES_FOLDER}/).",
        ),
    ],
    out: Annotated[
        str,
        typer.Option(
            "--out",
            parser=read_place,
            metavar="DIR",
            help=f"Root of the store for the rows, which go to {TOKENS_FOLDER}/ or {GAME_ROWS_FOLDER}/.",
        ),
    ],
    stage: Annotated[
        int,
        typer.Option("--stage", metavar="N", help="1: rows from shards. 2: rows from games of forge eq."),
    ] = 1,
    split: Annotated[
        list,
        typer.Option(
            "--split",
            parser=read_splits,
            metavar="NAME",
            help="Split: train, val, test or all; there are no test rows of games.",
        ),
    ] = "train",  # pyright: ignore[reportArgumentType]
    settings: TokenSettings,
    workers: Workers = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Make training rows from shards or games; replace existing rows of other settings only.

    With --split all, empty splits are only reported; naming a single split that is empty is an error.
    """
    from forge_core.cli.screen import notes, print_json, progress_bar
    from forge_core.files import Store
    from forge_core.files.row_store import SplitEmpty

    splits = read_splits(split) if isinstance(split, str) else split
    root, store = Store(input_), Store(out)
    if stage == 1:
        rows, config, sources = rows_of_shards(settings)
    elif stage == 2:
        if foreign := sorted(given(context) & _OF_SHARDS):
            option = foreign[0].replace("_", "-")
            raise BadInput(f"--{option} applies only to rows of shards (stage 1): leave it out")
        rows, config, sources = rows_of_games()
        splits = splits[:2] if len(splits) > 1 else splits  # without test
    else:
        raise BadInput(f"stage {stage}: use 1 or 2")
    require_persistent_store(store)
    answers, empty = [], {}
    for which in splits:
        folder = rows.folder_of(store, which)
        try:
            with notes().status(f"looking for existing {which} rows"):
                plan = rows.plan(root, store, which, config)
        except SplitEmpty as error:
            empty[which] = error
            continue
        if dry_run:
            answers.append(plan_record(folder, plan))
            if not json:
                print_plan(folder, plan, sources)
            continue
        started = time.perf_counter()
        with progress_bar(f"making {which} rows", len(plan.tasks)) as move:
            manifest = rows.update(root, store, which, config, workers, lambda file: move())
        seconds = time.perf_counter() - started
        answers.append(summary_record(folder, plan, manifest, seconds))
        if not json:
            print_summary(folder, plan, manifest, seconds, sources)
    if not answers:
        raise next(iter(empty.values()))
    if json:
        print_json({"splits": answers, "empty": {which: str(error) for which, error in empty.items()}})
        return
    for which, error in empty.items():
        print(f"forge: {which} is empty: {error}", file=sys.stderr)


def rows_of_shards(settings: TokenSettings) -> tuple[RowStore, Any, str]:
    """Return the row store of Stage 1, its configuration, and the word for its sources."""
    from forge_core.texas42.tokens.splits import TOKEN_ROWS, TokenConfig

    return TOKEN_ROWS, TokenConfig.of(settings), "shards"


def rows_of_games() -> tuple[RowStore, Any, str]:
    """Return the row store of Stage 2, its configuration, and the word for its sources."""
    from forge_core.texas42.eq.splits import GAME_ROWS, GameRowConfig

    return GAME_ROWS, GameRowConfig(), "files of games"


def plan_record(folder: Store, plan: Plan) -> dict:
    """Return the plan for a split as JSON types."""
    return {
        "split": plan.split,
        "folder": folder.url,
        "kept": len(plan.kept),
        "missing": [task.name for task in plan.tasks],
        "dropped": list(plan.dropped),
    }


def print_plan(folder: Store, plan: Plan, sources: str) -> None:
    """Print the plan for a split."""
    print(
        f"{folder.url}: {len(plan.kept):,} {sources} would be kept, {len(plan.tasks):,} added, "
        f"{len(plan.dropped):,} dropped"
    )


def summary_record(folder: Store, plan: Plan, manifest: Manifest, seconds: float) -> dict:
    """Return the result for a split as JSON types."""
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


def print_summary(folder: Store, plan: Plan, manifest: Manifest, seconds: float, sources: str) -> None:
    """Print the contents of a split and the work that was done."""
    from forge_core.cli.screen import seconds_text

    print(
        f"{folder.url}: {manifest.rows:,} rows from {len(manifest.files):,} {sources}; {len(plan.tasks):,} "
        f"added in {seconds_text(seconds)}, {len(plan.kept):,} kept, {len(plan.dropped):,} dropped; "
        f"data version {manifest.hash}"
    )
