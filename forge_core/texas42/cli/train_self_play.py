"""`forge train-self-play`: train the network that plays from the features of one hand against itself."""

from __future__ import annotations

import typer

from forge_core.cli.options import Json, expand_settings
from forge_core.cli.training import Minutes, Resume, read_begun, train_in_folder
from forge_core.learning.folders import run_name
from forge_core.texas42.settings.self_play import SelfPlaySettings


@expand_settings
def train_self_play(
    *,
    context: typer.Context,
    settings: SelfPlaySettings,
    resume: Resume = False,
    minutes: Minutes = None,
    json: Json = False,
) -> None:
    """Train the network that plays from the features of one hand, on deals that it plays against itself."""
    from dataclasses import replace

    from forge_core.texas42.one_hand_training.self_play import point_text, settings_from, train, train_record

    if resume:
        begun, name = read_begun(context, settings.runs, settings.name)
        kept = {"name": name, "runs": settings.runs, "workers": settings.workers}
        settings = replace(settings_from(begun["train"], begun["init_from"]), **kept)
    else:
        asked = train_record(settings) | {"init_from": settings.init_from}
        name = settings.name or run_name("texas42-self-play", asked)
    amount = settings.steps * settings.deals
    train_in_folder(
        context,
        lambda folder, watch: train(settings, folder, resume=resume, watch=watch),
        title=f"{settings.steps:,} steps of {settings.deals:,} deals",
        runs=settings.runs,
        name=name,
        amount=amount,
        unit="deals",
        minutes=minutes,
        point_text=point_text,
        json=json,
    )
