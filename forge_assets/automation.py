"""Automation of the catalogs: unpartitioned assets that summarise many upstream partitions."""

from __future__ import annotations

import dagster as dg

TIME_ZONE = "UTC"
"""time zone of all schedules, so that they do not depend on the machine of the daemon"""


def after(items: str) -> dg.AutomationCondition:
    """Return the condition that requests an asset once upstream partitions have changed and none is running.

    items: plural noun that the UI shows for the content of the partitions, such as `shards`.
    """
    condition = (
        dg.AutomationCondition.any_deps_updated().since_last_handled()
        & ~dg.AutomationCondition.any_deps_in_progress()
        & ~dg.AutomationCondition.in_progress()
    )
    return condition.with_label(f"new {items} were made, and none are in progress")


def catalog_sensor(items: str, catalog: dg.AssetsDefinition) -> dg.AutomationConditionSensorDefinition:
    """Build the sensor `catalog_after_ITEMS`, which keeps a catalog up to date; it is off by default."""
    name = catalog.key.to_user_string()
    return dg.AutomationConditionSensorDefinition(
        f"catalog_after_{items}",
        target=[catalog],
        default_status=dg.DefaultSensorStatus.STOPPED,
        description=f"Rematerializes {name} once new {items} were made and none are in progress.",
    )
