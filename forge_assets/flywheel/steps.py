"""Steps of an iteration: each is one run of one asset.

Assets do not remake stored files, so a step that has already run finishes at once. Every attempt therefore
begins with the first step and soon reaches the point where the last attempt ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forge_assets.tracking.registry import ModelRegistry

Reports = Mapping[str, Mapping[str, Any]]
"""name of a step that ran -> metadata of its materialization"""


@dataclass(frozen=True, slots=True)
class Step:
    """One run of one asset."""

    name: str
    """unique within an iteration; also the run's tag `forge/step`"""
    asset: str
    """key of the asset, `name` or `prefix/name`"""
    partition: Mapping[str, str] = field(default_factory=dict)
    """run tags that name a partition or a range"""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """settings of the asset"""
    complete: Callable[[Reports, ModelRegistry], Mapping[str, Any]] | None = None
    """returns further settings that are known only when the step begins"""
    reports: bool = False
    """True if later steps or the end of the iteration read its metadata"""
    needs_tracker: bool = False
    """True if the step needs MLflow"""


def one_partition(key: str) -> dict[str, str]:
    """Return the run tags that select one partition."""
    return {"dagster/partition": key}


def without_gaps(units: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and last number of each consecutive stretch. units: ascending."""
    first = last = None
    for unit in units:
        if last is not None and unit == last + 1:
            last = unit
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = unit
    if first is not None and last is not None:
        yield first, last
