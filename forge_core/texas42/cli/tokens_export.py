"""`forge tokens-export`: training rows as plain arrays, for other trainers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_core.cli.options import Json, read_place
from forge_core.cli.status import Stopped
from forge_core.errors import BadInput
from forge_core.texas42.cli.tokenize import read_splits
from forge_core.texas42.folders import GAME_ROWS_FOLDER, TOKENS_FOLDER

if TYPE_CHECKING:
    from forge_core.files import Store
    from forge_core.learning.labelled.export import Part
    from forge_core.learning.labelled.rows import Rows
    from forge_core.splits import Split


def tokens_export(
    data: Annotated[
        str,
        typer.Option(
            "--data",
            parser=read_place,
            metavar="DIR",
            help=f"Root of the store with the rows ({TOKENS_FOLDER}/, or {GAME_ROWS_FOLDER}/ for stage 2).",
        ),
    ],
    out: Annotated[
        str, typer.Option("--out", parser=read_place, metavar="DIR", help="New folder for the arrays.")
    ],
    stage: Annotated[
        int,
        typer.Option("--stage", metavar="N", help="1: rows of shards. 2: rows of games of forge eq."),
    ] = 1,
    split: Annotated[
        list,
        typer.Option("--split", parser=read_splits, metavar="NAME", help="Split: train, val or all."),
    ] = "train",  # pyright: ignore[reportArgumentType]
    form: Annotated[
        str, typer.Option("--format", metavar="NAME", help="Format of the files: npy, npz or parquet.")
    ] = "npy",
    rows: Annotated[
        int | None,
        typer.Option(
            "--rows",
            min=1,
            metavar="N",
            show_default="all",
            help="Rows per split, drawn at random, equally many from each file.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Write training rows as plain arrays of tokens, masks and targets, with a README of the columns."""
    from forge_core.cli.screen import print_json, progress_bar, screen, size_text
    from forge_core.files import Store
    from forge_core.learning.labelled.export import FORMATS, export_rows
    from forge_core.splits import Split
    from forge_core.texas42.sources import STORED

    if stage not in STORED:
        raise BadInput(f"stage {stage}: use 1 or 2")
    if split == [Split.TEST]:
        raise BadInput("--split test: rows of the test split are sealed; use train, val or all")
    if form not in FORMATS:
        raise BadInput(f"--format {form}: use {', '.join(FORMATS)}")
    if "://" in out:
        raise BadInput(f"--out {out}: the arrays are written to a local folder; name one, and copy it there")
    store, spec = Store(data), STORED[stage].spec()
    opened = {of: STORED[stage].open_split(store, of) for of in split if of is not Split.TEST}
    total = {of: min(len(found), rows or len(found)) for of, found in opened.items()}
    try:
        with progress_bar("writing rows", sum(total.values())) as move:

            def moving(parts: Iterator[Rows]) -> Iterator[Rows]:
                for part in parts:
                    yield part
                    move(len(part))

            nbytes = export_rows(
                (part_of(of, found, rows, moving, stage) for of, found in opened.items()),
                spec,
                stage == 2,
                Path(out),
                form,
                describe(store, opened, total),
                layout_of(stage),
            )
    except KeyboardInterrupt:
        raise Stopped(f"stopped; nothing is left in {out}: run the same command again") from None
    counts = {str(of): n for of, n in total.items()}
    if json:
        print_json({"folder": out, "format": form, "rows": counts, "bytes": nbytes})
        return
    listed = ", ".join(f"{n:,} rows of {name}" for name, n in counts.items())
    screen().print(f"{out}: {listed}, {size_text(nbytes)}; README.md explains the columns", soft_wrap=True)


def part_of(split: Split, found: Any, rows: int | None, moving: Any, stage: int) -> Part:
    """Return the rows of a split as a part of an export. rows: number to draw; None for all."""
    import numpy as np

    from forge_core.learning.labelled.export import Part

    numbers = range(len(found.files))
    if stage == 1:
        seeds = [file.first_seed for file in found.files]
    else:
        seeds = [key.seed for number in numbers for key, _ in found.identities(number)]
    if rows is None:
        pieces, total = (found.unpack(found.read(number), [number]) for number in numbers), len(found)
    else:
        drawn = found.rows(min(rows, len(found)))
        pieces, total = iter([drawn]), len(drawn)
    return Part(str(split), moving(pieces), total, np.array(seeds, dtype=np.int64))


def describe(store: Store, opened: dict[Split, Any], total: dict[Split, int]) -> str:
    """Return Markdown about the origin of the rows."""
    lines = [f"Rows of `{store.url}`, written by `forge tokens-export`."]
    for split, found in opened.items():
        lines.append(
            f"- {split}: {total[split]:,} of {len(found):,} rows from {len(found.files):,} files, version "
            f"`{found.manifest.hash}`"
        )
    return "\n".join([lines[0], "", *lines[1:]])


def layout_of(stage: int) -> str:
    """Return the text about positions and features of a stage: it stands in the encoder's module."""
    from forge_core.texas42.tokens import encoder, transcript

    return str((encoder if stage == 1 else transcript).__doc__)
