"""The lineage of a network: what is known of it and of all that it came from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Presence:
    """The present state of the files that rows were drawn from."""

    unchanged: int
    changed: tuple[str, ...]
    """names of those that were made again with other settings, or are damaged"""
    gone: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """Files of a split that were made alike and that rows were drawn from."""

    split: str
    folder: str
    """below the root of the store"""
    files: int
    seeds: str
    """`0-49,100-149`"""
    declaration: str
    """what the seeds were combined with, as `each under seed % 10`; empty: nothing"""
    fingerprint: str
    made: Mapping[str, Any]
    """settings and versions that the fingerprint stands for; empty if they are unknown"""
    presence: Presence | None = None
    """None: the store was not searched"""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that a network learnt from. A game that describes its rows differently overrides methods."""

    kind: str
    """`stored`: drawn from shards; `games`; `live`: dealt and judged while it learnt"""
    version: str
    """of the rows learnt from; their manifest's hash, or the fingerprint of the live configuration"""
    val_version: str | None
    store: str | None
    rows: Mapping[str, int]
    """by split"""
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    """of the algorithms that made rows, by name"""
    sources: tuple[Source, ...]
    on_disk: str | None
    """what the store holds under this name now"""
    networks: tuple[Lineage, ...] = ()
    """those that were asked while the rows were made"""
    unknown: tuple[str, ...] = ()
    """sentences on what nobody recorded, or what is gone"""

    def heading(self) -> str:
        """Return the rows in a line."""
        of_val = f" (val {self.val_version})" if self.val_version else ""
        return f"learnt from {self.kind} rows, data version {self.version}{of_val}"

    def place(self) -> str | None:
        """Return where the rows are in a line; None where they were never stored."""
        if self.store is None:
            return None
        return f"rows in {self.store}{f'; on disk: {self.on_disk}' if self.on_disk else ''}"

    def source_heading(self, source: Source) -> str:
        """Return a source in a line."""
        behind = f", {source.declaration}" if source.declaration else ""
        return f"{source.files:,} files in {source.folder}: seeds {source.seeds}{behind}"


@dataclass(frozen=True, slots=True)
class Generation:
    """One network."""

    name: str
    """as the registry has it, `texas42-oracle-qvalue/3`; else its folder"""
    folder: str | None
    weights: str
    """their digest"""
    parameters: int | None
    objective: str | None
    made: str | None
    """when, ISO 8601"""
    device: str | None
    precision: str | None
    version: str | None
    """`m1/l1/t1/e1/s1/o1`: of learning and of everything upstream"""
    packages: Mapping[str, str]
    results: Mapping[str, float]
    dagster_run: str | None
    dagster_asset: str | None
    mlflow_run: str | None
    mlflow_url: str | None
    rows: Rows | None
    unknown: tuple[str, ...] = ()
    """sentences on what nobody recorded, or what is gone"""


@dataclass(frozen=True, slots=True)
class Lineage:
    """A network and its parents, the youngest first."""

    asked: str
    generations: tuple[Generation, ...]
    end: str
    """sentence on what stands before the last: nothing, or something unknown"""

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types."""
        return json.loads(json.dumps(asdict(self)))
