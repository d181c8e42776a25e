"""`forge-pipeline lineage`: from a network back to the seeds and algorithms that taught it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from forge_core.cli.options import Json, read_place
from forge_core.errors import BadInput

if TYPE_CHECKING:
    from rich.tree import Tree

    from forge_assets.lineage.text import Item

OBJECTIVES = ("qvalue", "policy", "eq")


def lineage(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="champion, challenger, a version as texas42-oracle-qvalue/3, an MLflow run, or a folder.",
            show_default=False,
        ),
    ],
    objective: Annotated[
        str,
        typer.Option("--objective", metavar="NAME", help="Whose champion: qvalue, policy or eq."),
    ] = "qvalue",
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            parser=read_place,
            metavar="URL",
            help="Where shards are looked up; default: the store that its rows lay in.",
        ),
    ] = None,
    look: Annotated[
        bool, typer.Option("--look/--no-look", help="Say whether shards are still there, unchanged.")
    ] = True,
    json: Json = False,
) -> None:
    """Say where a network comes from: parents, rows, shards, seeds, versions of the algorithms."""
    from forge_assets.lineage import trace
    from forge_core.cli.screen import notes, print_json, screen

    if objective not in OBJECTIVES:
        raise BadInput(f"objective {objective!r}: use {', '.join(OBJECTIVES)}")
    with notes().status("following the chain"):
        found = trace(model, objective, store=store, look=look)
    if json:
        print_json(found.to_dict())
        return
    out = screen()
    if out.is_terminal:
        out.print(as_tree(found.outline()))
    else:
        print(found.to_text())


def as_tree(item: Item) -> Tree:
    """For a terminal, which breaks long lines within their branch."""
    from rich.text import Text
    from rich.tree import Tree

    def grow(tree: Tree, items: tuple[Item, ...]) -> None:
        for each in items:
            grow(tree.add(Text(each.text, style="bold" if each.items else "")), each.items)

    tree = Tree(Text(item.text, style="bold"), guide_style="dim")
    grow(tree, item.items)
    return tree
