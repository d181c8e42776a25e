"""The sensor and the schedule of a flywheel; both are off by default."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import dagster as dg

from forge_assets.flywheel.flywheel import Flywheel
from forge_assets.flywheel.turn import Launch, Rest, Turner
from forge_assets.resources import ShardStore, failing_plainly
from forge_assets.run_config import asset_key, run_config
from forge_assets.tracking.tracker import Tracker


@dataclass(frozen=True, slots=True)
class FlywheelAutomation:
    """The sensor, schedule and job that run a flywheel in Dagster."""

    sensor: dg.SensorDefinition
    """runs iterations while it is switched on"""
    schedule: dg.ScheduleDefinition
    """begins an iteration every night"""
    job: Any
    """job that the schedule starts: the first step of an iteration"""


def automate(flywheel: Flywheel) -> FlywheelAutomation:
    """Build the sensor, schedule and job of a flywheel."""
    keys = [asset_key(asset) for asset in flywheel.assets]
    nightly = flywheel.schedule_name

    @dg.sensor(
        name=flywheel.name,
        asset_selection=keys,
        minimum_interval_seconds=int(os.environ.get("FORGE_FLYWHEEL_SECONDS", "10")),
        default_status=dg.DefaultSensorStatus.STOPPED,
        description=f"{flywheel.summary} Create the flywheel with `{flywheel.command} init`; "
        f"`{flywheel.command} status` and the asset `{flywheel.name}` show its progress.",
    )
    def sensor(
        context: dg.SensorEvaluationContext, store: ShardStore, tracker: Tracker
    ) -> dg.RunRequest | dg.SkipReason:
        with failing_plainly():
            return request(Turner(flywheel, context.instance, store.root(), tracker).next_move())

    job: Any = dg.define_asset_job(
        flywheel.first_job,
        selection=[flywheel.assets[0]],
        description=f"The first step of an iteration, started by the schedule {nightly}.",
    )

    @dg.schedule(
        name=nightly,
        job=job,
        cron_schedule="0 1 * * *",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Begins an iteration every night at 1:00, if the flywheel's setting `begin` is schedule. "
        "The sensor continues the iteration, so both must be switched on.",
    )
    def schedule(
        context: dg.ScheduleEvaluationContext, store: ShardStore, tracker: Tracker
    ) -> dg.RunRequest | dg.SkipReason:
        with failing_plainly():
            return request(Turner(flywheel, context.instance, store.root(), tracker).begin_iteration())

    return FlywheelAutomation(sensor, schedule, job)


def request(move: Launch | Rest, definitions: dg.Definitions | None = None) -> dg.RunRequest | dg.SkipReason:
    """Convert a move into the answer of a sensor or schedule. definitions: the project's by default."""
    if isinstance(move, Rest):
        return dg.SkipReason(move.reason)
    return dg.RunRequest(
        run_key=move.run_key,
        asset_selection=[asset_key(move.step.asset)],
        run_config=run_config(move.step.asset, move.settings, definitions=definitions),
        tags=dict(move.tags),
    )
