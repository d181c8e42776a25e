"""Steps of an iteration: each is one run of one asset.

A step that ran before finds its work done, since assets do not make again what is stored. So an attempt
begins with the first step, and soon gets to where the last one ended.
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
    """One run."""

    name: str
    """unique within an iteration; the tag `forge/step` of the run"""
    asset: str
    """key, `name` or `prefix/name`"""
    partition: Mapping[str, str] = field(default_factory=dict)
    """run tags that name a partition, or a range"""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """of the asset"""
    complete: Callable[[Reports, ModelRegistry], Mapping[str, Any]] | None = None
    """returns further settings, which are known only when the step begins"""
    reports: bool = False
    """True if later steps, or the end of the iteration, read its metadata"""
    needs_tracker: bool = False
    """True if it can do nothing without MLflow"""


def one_partition(key: str) -> dict[str, str]:
    """Return the run tags of one partition."""
    return {"dagster/partition": key}


def without_gaps(units: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and last of each run of consecutive numbers. units: ascending."""
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
