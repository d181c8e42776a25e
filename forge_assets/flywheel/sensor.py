"""The sensor and the schedule of a flywheel; both are off by default."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import dagster as dg

from forge_assets.automation import TIME_ZONE
from forge_assets.flywheel.flywheel import Flywheel
from forge_assets.flywheel.turn import Launch, Rest, Turner
from forge_assets.resources import ShardStore, failing_plainly
from forge_assets.run_config import asset_key, run_config
from forge_assets.tracking.tracker import Tracker
from forge_core.environment import variable
from forge_core.errors import BadInput
from forge_core.ranges import whole

_SECONDS = "FORGE_FLYWHEEL_SECONDS"
DEFAULT_SECONDS = 10
_MOST_SECONDS = 86_400
"""a day"""


@dataclass(frozen=True, slots=True)
class FlywheelAutomation:
    """The sensor, schedule and job that run a flywheel in Dagster."""

    sensor: dg.SensorDefinition
    """runs iterations while it is switched on"""
    schedule: dg.ScheduleDefinition
    """begins an iteration every night"""
    job: Any
    """job that the schedule starts: the first step of an iteration"""


def seconds_between_ticks() -> int:
    """Return the seconds between the sensor's ticks: FORGE_FLYWHEEL_SECONDS, or 10. Raise BadInput."""
    seconds = whole(variable(_SECONDS) or DEFAULT_SECONDS, _SECONDS)
    if not 1 <= seconds <= _MOST_SECONDS:
        raise BadInput(f"{_SECONDS}={seconds}: use 1 to {_MOST_SECONDS} seconds")
    return seconds


def _usable_seconds() -> int:
    """Return `seconds_between_ticks`, or the default if that is wrong: all definitions need a number."""
    try:
        return seconds_between_ticks()
    except BadInput as error:
        logging.getLogger(__name__).warning("%s (using %d)", error, DEFAULT_SECONDS)
        return DEFAULT_SECONDS


def automate(flywheel: Flywheel) -> FlywheelAutomation:
    """Build the sensor, schedule and job of a flywheel."""
    keys = [asset_key(asset) for asset in flywheel.assets]
    nightly = flywheel.schedule_name

    @dg.sensor(
        name=flywheel.name,
        asset_selection=keys,
        minimum_interval_seconds=_usable_seconds(),
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
        execution_timezone=TIME_ZONE,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=f"Begins an iteration every night at 1:00 {TIME_ZONE}, if the flywheel's setting `begin` "
        "is schedule. The sensor continues the iteration, so both must be switched on.",
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
