"""`forge skull-king train`: a network learns to bid and play from the rounds that it plays."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import Annotated

import typer

from forge_core.cli.options import Device, Json, expand_settings, given
from forge_core.cli.training import Minutes, Resume, read_begun, train_in_folder
from forge_core.learning.folders import run_name
from forge_core.skull_king.reference import REFERENCE
from forge_core.skull_king.settings.learning import RECIPES, LearningSettings
from forge_core.skull_king.settings.run import RunSettings


@expand_settings
def train(
    *,
    context: typer.Context,
    run: RunSettings,
    learning: LearningSettings,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            show_default="skull-king-RECIPE",
            help="Name of the run, and of its folder.",
            rich_help_panel="Run",
        ),
    ] = None,
    resume: Resume = False,
    minutes: Minutes = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Train a network to bid and play, by rounds against other players."""
    from forge_core.learning.runs import settings_from
    from forge_core.skull_king.train import point_text
    from forge_core.skull_king.train import train as train_network

    recipe, init_from = run.recipe, run.init_from
    if resume:
        begun, name = read_begun(context, run.runs, name)
        recipe, init_from = str(begun.get("recipe")), begun["init_from"]
        learning = settings_from(LearningSettings, begun["train"])
    else:
        learning = with_recipe(recipe, learning, given(context))
    if name is None:
        name = run_name(f"skull-king-{recipe}", {"train": asdict(learning), "init_from": init_from})
    train_in_folder(
        context,
        lambda folder, watch: train_network(
            learning, folder, recipe=recipe, device=device, init_from=init_from, resume=resume, watch=watch
        ),
        title=f"recipe {recipe}, network {learning.size}, {learning.decisions:,} decisions",
        runs=run.runs,
        name=name,
        amount=learning.decisions,
        unit="decisions",
        minutes=minutes,
        point_text=point_text,
        json=json,
        page="skull-king",
        reference=REFERENCE,
    )


def with_recipe(recipe: str, learning: LearningSettings, named: set[str]) -> LearningSettings:
    """Return the settings of a recipe, except those that the user named. learning: the user's settings."""
    own = {each.name: getattr(learning, each.name) for each in fields(learning) if each.name in named}
    return replace(RECIPES[recipe], **own)
