"""`forge eq-export`: export recorded games for other programs."""

from __future__ import annotations

from typing import Annotated

import typer

from forge_core.cli.filling import check_file
from forge_core.cli.options import Json
from forge_core.errors import BadInput
from forge_core.texas42.cli.summary import Games, print_sealed, read


def eq_export(
    path: Games,
    out: Annotated[str, typer.Option("--out", metavar="FILE.pt", help="File to write.")],
    json: Json = False,
) -> None:
    """Write recorded games, except those of the test split, to one .pt file: a plain dict of tensors."""
    from forge_core.cli.screen import print_json, screen, size_text
    from forge_core.texas42.eq.export import SCHEMA, export_games
    from forge_core.texas42.eq.files import find_games

    if not out.endswith(".pt"):
        raise BadInput(f"--out {out}: use a file name that ends in .pt")
    paths = find_games(path, on_sealed=print_sealed)
    check_file(out)
    records = list(read(paths))
    nbytes = export_games(records, out)
    if json:
        print_json({"path": out, "games": len(records), "bytes": nbytes, "schema": SCHEMA})
    else:
        line = f"{out}: {len(records):,} games, {size_text(nbytes)}, schema {SCHEMA}"
        screen().print(line, soft_wrap=True)
