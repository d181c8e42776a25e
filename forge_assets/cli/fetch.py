"""`forge-pipeline fetch`: put a registered network into a folder, to play against it or to send it on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from forge_assets.games import all_models, find_model
from forge_core.cli.options import Json
from forge_core.errors import BadInput
from forge_core.learning.folders import ALIASES

_OBJECTIVES = ", ".join(model.objective for _, model in all_models())


def fetch(
    alias: Annotated[
        str, typer.Argument(metavar="ALIAS", help="champion or challenger.", show_default=False)
    ] = "champion",
    objective: Annotated[
        str, typer.Option("--objective", metavar="NAME", help=f"Kind of network: {_OBJECTIVES}.")
    ] = "qvalue",
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="DIR",
            help="Folder to write to; a network in it is replaced.",
            show_default="models/NAME",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Copy a network from MLflow's registry into a folder that players take as `model=DIR`."""
    from forge_assets.tracking.registry import ModelRegistry, registered_name
    from forge_assets.tracking.tracker import Tracker
    from forge_core.cli.screen import print_json
    from forge_core.learning.checkpoints import CARD, load_model, save_model
    from forge_core.learning.networks.network import Network

    find_model(objective)  # raises BadInput for an unknown objective
    if alias not in ALIASES:
        raise BadInput(f"{alias!r} is no alias: use {' or '.join(ALIASES)}")
    name = registered_name(objective)
    folder = Path("models", f"{name}-{alias}") if to is None else Path(to)
    if folder.exists() and not (folder.is_dir() and ((folder / CARD).exists() or not any(folder.iterdir()))):
        raise BadInput(f"--to {folder} holds something other than a network: name another folder")
    found = ModelRegistry(Tracker()).fetch(objective, alias)
    if found is None:
        if alias == ALIASES[0]:
            remedy = "let the gate promote one, or fetch the best so far with forge-pipeline fetch challenger"
        else:
            remedy = "train a network and evaluate it"
        raise BadInput(f"{name} has no {alias} yet: {remedy}")
    save_model(str(folder), load_model(found.folder, kind=Network))
    if json:
        print_json({"folder": str(folder), "model": name, "version": found.number, "alias": alias})
    else:
        print(f"{alias} of {name}, version {found.number}: {folder}")
