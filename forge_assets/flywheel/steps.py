"""What an iteration runs: its steps in order, each one run of one asset.

A step that was carried out before finds its work done: shards, rows, checkpoints and scores on disk
are not made again. So an iteration that failed begins with its first step, and soon is where it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forge_assets.flywheel.state import State
from forge_assets.texas42.blocks import BLOCK_SIZE
from forge_assets.texas42.partitions import block_range, golden_range
from forge_assets.texas42.versions import EVALUATION
from forge_assets.tracking.registry import CHAMPION

TEACH, GATE, TOKENS = "teach", "gate", "tokens"
WATCHED_BLOCK = 900 // BLOCK_SIZE
"""of val: its deals outside the benchmark watch the training"""


@dataclass(frozen=True, slots=True)
class Step:
    """One run."""

    name: str
    asset: str
    partition: Mapping[str, str] = field(default_factory=dict)
    """run tags that say which"""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """of the asset"""
    of_challenger: bool = False
    """whether `model`, of the settings, is what the step TEACH has made"""
    asks_tracker: bool = False
    """whether it can do nothing without MLflow"""


def steps_of(state: State) -> list[Step]:
    """The steps of the iteration that is on."""
    return [*_preparation(state), *_iteration(state)]


def _preparation(state: State) -> Iterator[Step]:
    """What an iteration needs beside its own deals: deals to watch by, a benchmark; the first, a champion."""
    if state.prepared == EVALUATION:
        return
    settings, watched = state.settings, block_range(WATCHED_BLOCK, WATCHED_BLOCK)
    yield Step("watched deals", "oracle_shards", watched, {"rows": settings.shard_rows})
    yield Step("benchmark", "golden_shards", golden_range())
    if state.iteration == 1 and not is_size(settings.model):
        asked = {"model": settings.model, "rows": settings.golden_rows}
        yield Step("first champion", "champion", _of(settings.objective), asked, asks_tracker=True)


def _iteration(state: State) -> Iterator[Step]:
    settings, one = state.settings, _of(state.settings.objective)
    for first, last in _pieces(state.range()):
        name = f"shards {first}" if first == last else f"shards {first}-{last}"
        yield Step(name, "oracle_shards", block_range(first, last), {"rows": settings.shard_rows})
    yield Step("catalog", "shard_catalog")
    rows = {"rows": settings.rows}
    if state.prepared != EVALUATION:
        yield Step("watched rows", "token_splits", _of("val"), rows)
    yield Step(TOKENS, "token_splits", _of("train"), rows)
    yield Step(TEACH, "oracle_model", one, _teaching(state), asks_tracker=True)
    judged = {"rows": settings.golden_rows}
    yield Step("evaluate", "oracle_model_evaluation", one, judged, of_challenger=True, asks_tracker=True)
    yield Step(GATE, "champion", one, judged, of_challenger=True, asks_tracker=True)


def _teaching(state: State) -> dict[str, Any]:
    """From the champion; where there may be none yet, `launch` in `turn` sees to it."""
    settings = state.settings
    some = {"threads": settings.threads} if settings.threads else {}
    rest = {"epochs": settings.epochs, "lr": settings.lr, "batch_size": settings.batch_size}
    return {"init_from": CHAMPION, **rest, **some}


def is_size(model: str) -> bool:
    """Whether a word is a size rather than a folder."""
    return "/" not in model


def _of(partition: str) -> dict[str, str]:
    return {"dagster/partition": partition}


def _pieces(blocks: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Blocks, ascending, as runs without gaps: (first, last)."""
    first = last = None
    for block in blocks:
        if last is not None and block == last + 1:
            last = block
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = block
    if first is not None and last is not None:
        yield first, last
