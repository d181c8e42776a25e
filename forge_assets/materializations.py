"""Dagster's records of the last materialization of an asset, or of each of its partitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from forge_assets.dagster_internals import CODE_VERSION, DATA_VERSION, latest_event_ids

_PER_QUERY = 1_000
"""number of records per query: SQLite accepts 32,766 parameters, and a page of this size is fast"""


@dataclass(frozen=True, slots=True)
class Record:
    """The last materialization of an asset or of a partition."""

    storage_id: int
    run_id: str
    tags: Mapping[str, str]
    metadata: Mapping[str, dg.MetadataValue]

    @property
    def code_version(self) -> str | None:
        """Version of the code that made the data."""
        return self.tags.get(CODE_VERSION)

    @property
    def data_version(self) -> str | None:
        """Version of the data."""
        return self.tags.get(DATA_VERSION)

    def said(self, name: str) -> Any:
        """Return the metadata entry called `name`; None if there is none."""
        return self.metadata[name].value if name in self.metadata else None


def latest_record(
    instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None = None
) -> Record | None:
    """Return the last materialization of an asset or of one partition; None if it was never made."""
    wanted = dg.AssetRecordsFilter(key, asset_partitions=None if partition is None else [partition])
    for record in instance.fetch_materializations(wanted, limit=1).records:
        return _parse(record)
    return None


def latest_records(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, Record]:
    """Return the last materialization of each partition of an asset."""
    ids = sorted(latest_event_ids(instance, key).values())
    found: dict[str, Record] = {}
    for start in range(0, len(ids), _PER_QUERY):
        wanted = dg.AssetRecordsFilter(key, storage_ids=ids[start : start + _PER_QUERY])
        for record in instance.fetch_materializations(wanted, limit=_PER_QUERY).records:
            if record.partition_key is not None:
                found[record.partition_key] = _parse(record)
    return found


def _parse(record: dg.EventLogRecord) -> Record:
    event = record.asset_materialization
    tags = event.tags if event else None
    return Record(record.storage_id, record.run_id, tags or {}, event.metadata if event else {})
