"""`forge tokenize`: training rows from shards, or from recorded games, for as many as have none yet."""

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
"""options that choose rows of a shard"""


def read_splits(text: str) -> list[Split]:
    """`train`, `val`, `test`, or `all` three."""
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
            help=f"Root of the store with shards (shards-*/) or games ({GAMES_FOLDER}/).",
        ),
    ],
    out: Annotated[
        str,
        typer.Option(
            "--out",
            parser=read_place,
            metavar="DIR",
            help=f"Root of the store for the rows: {TOKENS_FOLDER}/ or {GAME_ROWS_FOLDER}/ is made in it.",
        ),
    ],
    stage: Annotated[
        int,
        typer.Option("--stage", metavar="N", help="1: rows of shards. 2: rows of the games of forge eq."),
    ] = 1,
    split: Annotated[
        list,
        typer.Option(
            "--split",
            parser=read_splits,
            metavar="NAME",
            help="train, val, test or all; games have no test rows.",
        ),
    ] = "train",  # pyright: ignore[reportArgumentType]
    settings: TokenSettings,
    workers: Workers = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Make training rows from shards or from games; existing rows are kept.

    With --split all, empty splits are reported; an empty split that is named is an error.
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
            raise BadInput(f"--{option} chooses rows of shards; of games all rows are used: leave it out")
        rows, config, sources = rows_of_games()
        splits = splits[:2] if len(splits) > 1 else splits  # all but test
    else:
        raise BadInput(f"stage {stage}: use 1 or 2")
    require_persistent_store(store)
    answers, empty = [], {}
    for which in splits:
        folder = rows.folder_of(store, which)
        try:
            with notes().status(f"looking what is there of {which}"):
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
        with progress_bar(f"making rows of {which}", len(plan.tasks)) as move:
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
    """Return the row store of Stage 1, its configuration, and what its files are made of."""
    from forge_core.texas42.tokens.splits import TOKEN_ROWS, TokenConfig

    return TOKEN_ROWS, TokenConfig.of(settings), "shards"


def rows_of_games() -> tuple[RowStore, Any, str]:
    """Return the row store of Stage 2, its configuration, and what its files are made of."""
    from forge_core.texas42.eq.splits import GAME_ROWS, GameRowConfig

    return GAME_ROWS, GameRowConfig(), "files of games"


def plan_record(folder: Store, plan: Plan) -> dict:
    """Return the JSON form of the plan for a split."""
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
        f"{folder.url}: {len(plan.kept):,} {sources} are there, {len(plan.tasks):,} would be added, "
        f"{len(plan.dropped):,} dropped"
    )


def summary_record(folder: Store, plan: Plan, manifest: Manifest, seconds: float) -> dict:
    """Return the JSON form of the result for a split."""
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
    """Print the contents of a split, and the work that was done."""
    from forge_core.cli.screen import seconds_text

    print(
        f"{folder.url}: {manifest.rows:,} rows of {len(manifest.files):,} {sources}; {len(plan.tasks):,} "
        f"added in {seconds_text(seconds)}, {len(plan.kept):,} there before, {len(plan.dropped):,} files "
        f"dropped; data {manifest.hash}"
    )
