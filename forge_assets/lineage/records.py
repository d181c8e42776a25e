"""The records of a lineage: a network, and everything that it came from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Presence:
    """The current state of the files that rows were drawn from."""

    unchanged: int
    changed: tuple[str, ...]
    """names of files that were remade with other settings, or are damaged"""
    gone: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """Files of one split, made with the same settings, that rows were drawn from."""

    split: str
    folder: str
    """folder below the root of the store"""
    files: int
    seeds: str
    """seeds as ranges: `0-49,100-149`"""
    declaration: str
    """declarations of the seeds, such as `each under seed % 10`; empty if there are none"""
    fingerprint: str
    made: Mapping[str, Any]
    """settings and versions that the fingerprint identifies; empty if they are unknown"""
    presence: Presence | None = None
    """None if the store was not searched"""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that a network was trained on. A game may override the methods that describe them."""

    kind: str
    """`stored`: drawn from shards; `games`: drawn from games; `live`: dealt and labelled during training"""
    version: str
    """data version: the hash of the manifest, or the fingerprint of the live configuration"""
    val_version: str | None
    store: str | None
    rows: Mapping[str, int]
    """number of rows, by split"""
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    """versions of the algorithms that made the rows, by name"""
    sources: tuple[Source, ...]
    on_disk: str | None
    """comparison of these rows with those in the store now; None if they were not looked up"""
    networks: tuple[Lineage, ...] = ()
    """lineages of the networks that were used to make the rows"""
    unknown: tuple[str, ...] = ()
    """sentences about facts that were not recorded or files that are gone"""

    def heading(self) -> str:
        """Return a line that describes the rows."""
        of_val = f" (val {self.val_version})" if self.val_version else ""
        return f"trained on {self.kind} rows, data version {self.version}{of_val}"

    def place(self) -> str | None:
        """Return a line that says where the rows are; None if they were never stored."""
        if self.store is None:
            return None
        return f"rows in {self.store}{f'; on disk: {self.on_disk}' if self.on_disk else ''}"

    def count_text(self, count: int) -> str:
        """Return a number of rows as text."""
        return f"{count:,} rows"

    def source_heading(self, source: Source) -> str:
        """Return a line that describes a source."""
        behind = f", {source.declaration}" if source.declaration else ""
        return f"{source.files:,} files in {source.folder}: seeds {source.seeds}{behind}"


@dataclass(frozen=True, slots=True)
class Generation:
    """One network of the chain."""

    name: str
    """registered name, `texas42-oracle-qvalue/3`; otherwise its folder"""
    game: str
    """name of its game"""
    folder: str | None
    weights: str
    """digest of the weights"""
    parameters: int | None
    objective: str | None
    """None if its game has networks of one kind only"""
    made: str | None
    """time of training, ISO 8601"""
    device: str | None
    precision: str | None
    version: str | None
    """`m1/l1/t1/e1/s1/o1`: version of learning and of everything upstream"""
    packages: Mapping[str, str]
    results: Mapping[str, float]
    dagster_run: str | None
    dagster_asset: str | None
    mlflow_run: str | None
    mlflow_url: str | None
    rows: Rows | None
    unknown: tuple[str, ...] = ()
    """sentences about facts that were not recorded or files that are gone"""


@dataclass(frozen=True, slots=True)
class Lineage:
    """A network and its ancestors, youngest first."""

    asked: str
    generations: tuple[Generation, ...]
    end: str
    """sentence about the origin of the oldest network"""

    def to_dict(self) -> dict[str, Any]:
        """Return the lineage as JSON types."""
        return json.loads(json.dumps(asdict(self)))
