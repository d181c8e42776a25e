"""`forge liuzhou train`: a network learns from the games that it plays against itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from forge_core.cli.options import Device, Json, expand_settings, read_place
from forge_core.cli.training import Minutes, Resume, read_begun, train_in_folder
from forge_core.learning.folders import run_name
from forge_core.liuzhou.reference import REFERENCE
from forge_core.liuzhou.settings.learning import LearningSettings
from forge_core.liuzhou.settings.run import RunSettings
from forge_core.liuzhou.settings.selfplay import SelfPlaySettings

if TYPE_CHECKING:
    from forge_core.liuzhou.train import Plan


@expand_settings
def train(
    *,
    context: typer.Context,
    learning: LearningSettings,
    self_play: SelfPlaySettings,
    run: RunSettings,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            show_default="liuzhou-SIZE",
            help="Name of the run, and of its folder.",
            rich_help_panel="Run",
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            parser=read_place,
            metavar="URL",
            help="Root of the store of stored generations; default: FORGE_STORE, or ./data.",
        ),
    ] = None,
    resume: Resume = False,
    minutes: Minutes = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Train a network on nothing but the games that it plays against itself."""
    from forge_core.liuzhou.train import point_text, run_training

    if resume:
        plan, init_from, name = plan_begun(context, run.runs, name, device)
    else:
        plan, init_from = plan_of(run, learning, self_play, store, device), run.init_from
    size, positions = plan.learning.size, plan.learning.positions
    if name is None:
        asked = {"train": dict(plan.train), "data": plan.data["version"], "init_from": init_from}
        name = run_name(f"liuzhou-{size}", asked)
    train_in_folder(
        context,
        lambda folder, watch: run_training(
            plan, folder, device=device, init_from=init_from, resume=resume, watch=watch
        ),
        title=f"network {size}, {positions:,} positions",
        runs=run.runs,
        name=name,
        amount=positions,
        unit="positions",
        minutes=minutes,
        point_text=point_text,
        json=json,
        page="liuzhou",
        reference=REFERENCE,
    )


def plan_of(
    run: RunSettings, learning: LearningSettings, self_play: SelfPlaySettings, store: str | None, device: str
) -> Plan:
    """Return the plan of a run. store: root of the store of stored generations. Raises BadInput."""
    from forge_core.device import resolve_device
    from forge_core.files import Store, default_store_url
    from forge_core.liuzhou.stored import plan_stored
    from forge_core.liuzhou.train import plan_live

    if run.source == "stored":
        return plan_stored(Store(store or default_store_url()), learning, run.last)
    return plan_live(self_play, learning, resolve_device(device), run.init_from)


def plan_begun(
    context: typer.Context, runs: str, name: str | None, device: str
) -> tuple[Plan, str | None, str]:
    """Return the plan, first model and name of an existing run. Raises BadInput."""
    from forge_core.liuzhou.settings.generation import STORED
    from forge_core.liuzhou.stored import last_generation
    from forge_core.liuzhou.train import both_settings_from

    stored, name = read_begun(context, runs, name)
    self_play, learning = both_settings_from(stored["train"])
    data, init_from = stored["data"], stored["init_from"]
    run = RunSettings(init_from=init_from)
    if data["kind"] == STORED:
        run = RunSettings("stored", last_generation(data), init_from)
    return plan_of(run, learning, self_play, data.get("store"), device), init_from, name
