"""Dagster's last record of each partition of an asset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from forge_assets.dagster_internals import latest_event_ids

CODE_VERSION, DATA_VERSION = "dagster/code_version", "dagster/data_version"
_PER_QUERY = 1_000
"""records fetched at once: SQLite takes 32,766 parameters, and a page of this size is fast"""


@dataclass(frozen=True, slots=True)
class Record:
    """The last materialization of a partition."""

    storage_id: int
    run_id: str
    tags: Mapping[str, str]
    metadata: Mapping[str, Any]

    @property
    def settings(self) -> str | None:
        """The fingerprint of its settings, where the asset records one."""
        return str(self.metadata["settings"].value) if "settings" in self.metadata else None


def latest_records(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, Record]:
    """Return the last materialization of each partition of an asset."""
    ids = sorted(latest_event_ids(instance, key).values())
    found: dict[str, Record] = {}
    for start in range(0, len(ids), _PER_QUERY):
        wanted = dg.AssetRecordsFilter(key, storage_ids=ids[start : start + _PER_QUERY])
        for record in instance.fetch_materializations(wanted, limit=_PER_QUERY).records:
            event = record.asset_materialization
            if event and event.partition is not None:
                found[event.partition] = Record(
                    record.storage_id, record.run_id, event.tags or {}, event.metadata
                )
    return found


def latest_data_version(instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None) -> str | None:
    """Return the data version that an asset, or a partition of it, was made with last; None: never made."""
    wanted = dg.AssetRecordsFilter(key, asset_partitions=None if partition is None else [partition])
    for record in instance.fetch_materializations(wanted, limit=1).records:
        event = record.asset_materialization
        return ((event and event.tags) or {}).get(DATA_VERSION)
    return None
