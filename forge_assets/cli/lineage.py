"""`forge-pipeline lineage`: trace a network back to its seeds and algorithm versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from forge_assets.games import all_models, find_model
from forge_core.cli.options import Json, read_place

if TYPE_CHECKING:
    from rich.tree import Tree

    from forge_assets.lineage.outline import Line

_OBJECTIVES = ", ".join(model.objective for _, model in all_models())


def lineage(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="champion, challenger, a version like texas42-oracle-qvalue/3, an MLflow run, or a folder.",
            show_default=False,
        ),
    ],
    objective: Annotated[
        str,
        typer.Option(
            "--objective", metavar="NAME", help=f"Objective of the champion or challenger: {_OBJECTIVES}."
        ),
    ] = "qvalue",
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            parser=read_place,
            metavar="URL",
            help="Store in which to look up files; default: the store that the rows came from.",
        ),
    ] = None,
    look: Annotated[
        bool, typer.Option("--look/--no-look", help="Check that the files still exist, unchanged.")
    ] = True,
    json: Json = False,
) -> None:
    """Show where a network comes from: its parents, rows, shards, seeds and algorithm versions."""
    from forge_assets.lineage import lineage_text, trace
    from forge_assets.lineage.text import outline
    from forge_core.cli.screen import notes, print_json, screen

    find_model(objective)  # raises BadInput for an unknown objective
    with notes().status("tracing the network"):
        found = trace(model, objective, store=store, look=look)
    if json:
        print_json(found.to_dict())
        return
    out = screen()
    if out.is_terminal:
        out.print(as_tree(outline(found)))
    else:
        print(lineage_text(found))


def as_tree(line: Line) -> Tree:
    """Build a tree for the terminal, which wraps long lines within their branch."""
    from rich.text import Text
    from rich.tree import Tree

    def grow(tree: Tree, lines: tuple[Line, ...]) -> None:
        for each in lines:
            grow(tree.add(Text(each.text, style="bold" if each.below else "")), each.below)

    tree = Tree(Text(line.text, style="bold"), guide_style="dim")
    grow(tree, line.below)
    return tree
