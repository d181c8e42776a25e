"""What is said of a network and of all that it came from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forge_assets.lineage.text import Item
    from forge_core.texas42.tokens.origins import Presence


@dataclass(frozen=True, slots=True)
class Source:
    """Shards or games of a split, made alike, that rows were drawn from."""

    split: str
    folder: str
    files: int
    seeds: str
    """`0-49,100-149`"""
    declaration: str
    fingerprint: str
    made: Mapping[str, Any]
    """what the fingerprint stands for: settings and versions; empty if that is not known"""
    presence: Presence | None = None
    """what is on disk by now; None: not looked"""


@dataclass(frozen=True, slots=True)
class Rows:
    """What a network learnt from."""

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
    """what the store holds under this name by now"""
    networks: tuple[Lineage, ...] = ()
    """those that games asked"""
    unknown: tuple[str, ...] = ()


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
    """`m1/l1/t1/e1/s1/o1`: of learning and of all that it rests on"""
    packages: Mapping[str, str]
    results: Mapping[str, float]
    dagster_run: str | None
    dagster_asset: str | None
    mlflow_run: str | None
    mlflow_url: str | None
    rows: Rows | None
    unknown: tuple[str, ...] = ()
    """what nobody recorded, or what is gone"""


@dataclass(frozen=True, slots=True)
class Lineage:
    """A network and its parents, the youngest first."""

    asked: str
    generations: tuple[Generation, ...]
    end: str
    """what stands before the last: nothing, or what is not known"""

    def to_dict(self) -> dict[str, Any]:
        """JSON types."""
        return json.loads(json.dumps(asdict(self)))

    def outline(self) -> Item:
        """The chain as lines below lines."""
        from forge_assets.lineage.text import outline

        return outline(self)

    def to_text(self) -> str:
        """The chain, a line each, drawn as a tree."""
        from forge_assets.lineage.text import draw

        return "\n".join(draw(self.outline()))
