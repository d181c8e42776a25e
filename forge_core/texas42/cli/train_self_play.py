"""`forge train-self-play`: train the network that plays from the features of one hand against itself."""

from __future__ import annotations

import typer

from forge_core.cli.options import Json, expand_settings
from forge_core.cli.training import Minutes, Resume, read_begun, train_in_folder
from forge_core.learning.folders import run_name
from forge_core.texas42.reference import ONE_HAND_REFERENCE
from forge_core.texas42.settings.self_play import SelfPlayRunSettings, SelfPlaySettings


@expand_settings
def train_self_play(
    *,
    context: typer.Context,
    run: SelfPlayRunSettings,
    settings: SelfPlaySettings,
    resume: Resume = False,
    minutes: Minutes = None,
    json: Json = False,
) -> None:
    """Train the network that plays from the features of one hand, on deals that it plays against itself."""
    from dataclasses import asdict

    from forge_core.learning.runs import settings_from
    from forge_core.texas42.one_hand_training.self_play import point_text, train

    if resume:
        begun, name = read_begun(context, run.runs, run.name)
        settings, init_from = settings_from(SelfPlaySettings, begun["train"]), begun["init_from"]
    else:
        init_from = run.init_from
        name = run.name or run_name("texas42-self-play", asdict(settings) | {"init_from": init_from})
    train_in_folder(
        context,
        lambda folder, watch: train(
            settings, folder, init_from=init_from, workers=run.workers, resume=resume, watch=watch
        ),
        title=f"{settings.steps:,} steps of {settings.deals:,} deals",
        runs=run.runs,
        name=name,
        amount=settings.steps * settings.deals,
        unit="deals",
        minutes=minutes,
        point_text=point_text,
        json=json,
        page="texas42",
        reference=ONE_HAND_REFERENCE,
    )
