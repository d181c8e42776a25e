"""`forge train-one-hand`: train the network that plays from the features of one hand on recorded games."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from forge_core.cli.options import Json, expand_settings, read_place
from forge_core.cli.training import Minutes, Resume, read_begun, train_in_folder
from forge_core.errors import BadInput
from forge_core.learning.folders import run_name
from forge_core.texas42.folders import GAME_ROWS_FOLDER
from forge_core.texas42.reference import ONE_HAND_REFERENCE
from forge_core.texas42.settings.one_hand import OneHandSettings, RunSettings

if TYPE_CHECKING:
    from forge_core.texas42.one_hand_training.train import Plan


@expand_settings
def train_one_hand(
    *,
    context: typer.Context,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            parser=read_place,
            metavar="DIR",
            help=f"Root of a store with rows of games in {GAME_ROWS_FOLDER}/; see forge tokenize --stage 2.",
        ),
    ] = None,
    settings: OneHandSettings,
    run: RunSettings,
    resume: Resume = False,
    minutes: Minutes = None,
    json: Json = False,
) -> None:
    """Train the network that plays from the features of one hand, on games of forge eq."""
    from forge_core.cli.screen import notes
    from forge_core.texas42.one_hand_training.train import point_text, random_points_lost, train

    with notes().status("reading games"):
        if resume:
            plan, init_from, name = plan_begun(context, run)
        else:
            (plan, name), init_from = plan_new(settings, run, data), run.init_from
    n, random = len(plan.train), random_points_lost(plan.val)
    train_in_folder(
        context,
        lambda folder, watch: train(plan, folder, init_from=init_from, resume=resume, watch=watch),
        title=f"{n:,} decisions; random play loses {random:.2f} points per decision of val",
        runs=run.runs,
        name=name,
        amount=plan.amount,
        unit="decisions",
        minutes=minutes,
        point_text=point_text,
        json=json,
        page="texas42",
        reference=ONE_HAND_REFERENCE,
    )


def plan_new(settings: OneHandSettings, run: RunSettings, data: str | None) -> tuple[Plan, str]:
    """Return the plan and the name of a new run. data: the root of a store. Raises BadInput."""
    from dataclasses import asdict

    from forge_core.files import Store
    from forge_core.texas42.one_hand_training.train import plan_of
    from forge_core.texas42.sources import OneHandRows

    if data is None:
        raise BadInput(
            "training needs rows of games: play some with forge eq, tokenize them, pass --data DIR"
        )
    plan = plan_of(settings, OneHandRows.describe(Store(data), settings.batch_size, settings.seed))
    asked = asdict(settings) | {"data": plan.data["version"], "init_from": run.init_from}
    asked |= {"name": None, "runs": ""}  # as in the names of earlier runs
    return plan, run.name or run_name("texas42-one-hand", asked)


def plan_begun(context: typer.Context, run: RunSettings) -> tuple[Plan, str | None, str]:
    """Return the plan, first model and name of an existing run. Raises BadInput."""
    from forge_core.learning.runs import settings_from
    from forge_core.texas42.one_hand_training.train import plan_of
    from forge_core.texas42.sources import OneHandRows

    begun, name = read_begun(context, run.runs, run.name)
    plan = plan_of(settings_from(OneHandSettings, begun["train"]), OneHandRows(begun["data"]))
    return plan, begun["init_from"], name
