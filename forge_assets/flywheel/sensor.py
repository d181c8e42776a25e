"""What turns the flywheel: a sensor, and a schedule for those who want an iteration a night. Both are off
until somebody switches them on."""

from __future__ import annotations

import os

import dagster as dg

from forge_assets.flywheel.turn import Launch, Rest, begin, next_move
from forge_assets.resources import ShardStore, failing_plainly
from forge_assets.run_config import asset_key, run_config
from forge_assets.texas42.champion import champion
from forge_assets.texas42.oracle_model import oracle_model, oracle_model_evaluation
from forge_assets.texas42.oracle_shards import golden_shards, oracle_shards
from forge_assets.texas42.shard_catalog import shard_catalog
from forge_assets.texas42.token_splits import token_splits
from forge_assets.tracking.tracker import Tracker

flywheel_deals = dg.define_asset_job(
    "flywheel_deals",
    selection=[oracle_shards],
    description="The first step of an iteration, as the schedule flywheel_nightly starts it.",
)


@dg.sensor(
    name="flywheel",
    asset_selection=[
        oracle_shards,
        golden_shards,
        shard_catalog,
        token_splits,
        oracle_model,
        oracle_model_evaluation,
        champion,
    ],
    minimum_interval_seconds=int(os.environ.get("FORGE_FLYWHEEL_SECONDS", "10")),
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="New deals, more rows, a network fine-tuned from the champion, a gate; and again. Begin "
    "with forge-pipeline flywheel init; how far it is say forge-pipeline flywheel status and the asset "
    "`flywheel`.",
)
def flywheel_sensor(
    context: dg.SensorEvaluationContext, store: ShardStore, tracker: Tracker
) -> dg.RunRequest | dg.SkipReason:
    """Start the next step, or say why there is none now."""
    with failing_plainly():
        return request(next_move(context.instance, store.root(), tracker))


@dg.schedule(
    name="flywheel_nightly",
    job=flywheel_deals,
    cron_schedule="0 1 * * *",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Begins an iteration every night at one, of a flywheel whose `begin` is schedule; the sensor "
    "carries it on, so both are switched on.",
)
def flywheel_nightly(
    context: dg.ScheduleEvaluationContext, store: ShardStore, tracker: Tracker
) -> dg.RunRequest | dg.SkipReason:
    """Start the first step of an iteration, unless one is on."""
    with failing_plainly():
        return request(begin(context.instance, store.root(), tracker))


def request(move: Launch | Rest) -> dg.RunRequest | dg.SkipReason:
    """A move in Dagster's words."""
    if isinstance(move, Rest):
        return dg.SkipReason(move.reason)
    return dg.RunRequest(
        run_key=move.run_key,
        asset_selection=[asset_key(move.step.asset)],
        run_config=run_config(move.step.asset, move.settings),
        tags=dict(move.tags),
    )
