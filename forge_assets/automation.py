"""Automation of catalogs: unpartitioned assets that list what the many partitions upstream have stored."""

from __future__ import annotations

import dagster as dg


def after(items: str) -> dg.AutomationCondition:
    """Ask for an asset once partitions upstream were updated and none of them is in progress.

    items: plural noun for what the partitions hold, as the UI shows it: `shards`.
    """
    condition = (
        dg.AutomationCondition.any_deps_updated().since_last_handled()
        & ~dg.AutomationCondition.any_deps_in_progress()
        & ~dg.AutomationCondition.in_progress()
    )
    return condition.with_label(f"{items} were made, and none are being made")


def catalog_sensor(items: str, catalog: dg.AssetsDefinition) -> dg.AutomationConditionSensorDefinition:
    """Build the sensor `catalog_after_ITEMS`, which keeps one catalog up to date; off by default."""
    name = catalog.key.to_user_string()
    return dg.AutomationConditionSensorDefinition(
        f"catalog_after_{items}",
        target=[catalog],
        default_status=dg.DefaultSensorStatus.STOPPED,
        description=f"Materializes {name} again once {items} were made and none are being made.",
    )
