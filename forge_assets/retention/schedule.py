"""`forge-pipeline prune` as a Dagster job, with a schedule that is off by default."""

import dagster as dg

from forge_assets.automation import TIME_ZONE
from forge_assets.folders import runs_folder
from forge_assets.resources import ShardStore, failing_plainly
from forge_assets.retention.items import Places, by_kind
from forge_assets.retention.prune import find_items, remove
from forge_assets.retention.settings import PruneSettings
from forge_assets.settings import config_of
from forge_assets.tracking.tracker import Tracker


class PruneLaunchpad(config_of(PruneSettings)):
    """Settings of the job, the same as those of `forge-pipeline prune`."""


@dg.op
def prune_old(
    context: dg.OpExecutionContext, config: PruneLaunchpad, store: ShardStore, tracker: Tracker
) -> None:
    """Remove the items that `forge-pipeline prune` lists, and log their number and size."""
    with failing_plainly():
        settings = config.settings()
        places = Places(context.instance, tracker, store.root(), runs_folder(settings.runs))
        removed = list(remove(places, find_items(places, settings.days)))
    context.add_output_metadata({"items": len(removed), "bytes": sum(item.nbytes for item in removed)})
    for kind, items in by_kind(removed).items():
        context.log.info(f"{kind}: {len(items)}, {sum(item.nbytes for item in items):,} bytes")


@dg.job(description="Removes old runs, events, artefacts and checkpoints that are no longer needed.")
def prune() -> None:
    """Run `prune_old`."""
    prune_old()


prune_weekly = dg.ScheduleDefinition(
    name="prune_weekly",
    job=prune,
    cron_schedule="0 4 * * 0",
    execution_timezone=TIME_ZONE,
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description=f"Removes the items that `forge-pipeline prune` lists, every Sunday at 4:00 {TIME_ZONE}.",
)
