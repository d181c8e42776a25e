"""Filling a store with shards: the missing ones are made, the others are left as they are."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

from forge_core.device import core_count, resolve_device
from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.files.filling import Outcome, fill
from forge_core.texas42.deals import Deal, check_deal
from forge_core.texas42.oracle.shards.reading import SHARDS, write_shard
from forge_core.texas42.oracle.shards.records import ShardConfig, ShardHeader, ShardKey
from forge_core.texas42.oracle.shards.writing import make_shard
from forge_core.texas42.oracle.solution import Solution
from forge_core.texas42.oracle.solver import hardness, solve, solve_many


@dataclass(frozen=True, slots=True)
class ShardReport:
    """The outcome of one shard."""

    key: ShardKey
    made: bool
    """False: it was there already, or could not be made"""
    rows: int
    states: int
    """reachable states of the deal"""
    root_value: int
    nbytes: int
    seconds: float
    """spent on it, all threads together: solving, labelling, writing"""
    device: str
    """what solved it: `cpu`, or `cuda:0 (NAME)`; empty if nothing did"""
    error: str | None = None
    """why it could not be made, and what to do; None: all is well"""
    replaced: bool = False
    """made in place of a sound shard of other versions or another configuration"""
    refused: bool = False
    """the store would not take it: no space, no right to write"""


_PLANNED = 64
"""deals put in order, hard ones first, at a time: few, so that what is asked for first is done first"""


def missing_shards(
    store: Store, keys: Iterable[ShardKey], config: ShardConfig, *, verify: bool = False
) -> list[ShardKey]:
    """Those that are absent, damaged or foreign, or that hold other rows than `config` asks for.

    Footers are read; with verify the rows too, some 20 ms per shard. Raises StoreUnusable.
    """
    return SHARDS.missing(store, keys, config.fingerprint, verify=verify)


def fill_shards(
    store: Store,
    keys: Iterable[ShardKey],
    config: ShardConfig | None = None,
    device: str = "auto",
    workers: int | None = None,
    *,
    verify: bool = False,
) -> Generator[ShardReport, None, None]:
    """Make what `missing_shards` names; a report on each key, in the order they are finished.

    What is there with the same fingerprint is reported first, as not made. Of every few
    deals the hard ones are solved first, `workers` at once (default: one per core), while as
    many shards are labelled and written; with rows=`all` each of these holds some 30 bytes per
    state, 0.7 GB for a mean deal. A deal that fails is a report with its error, and the others
    go on; the file of another maker is not overwritten, which is such an error. When
    interrupted or closed it finishes the files being written and starts no other.

    Raises BadInput, DeviceUnavailable and StoreUnusable before anything is made.
    """
    resolve_device(device)
    if workers is not None and workers < 1:
        raise BadInput(f"{workers} workers: use at least 1")
    config, workers = config or ShardConfig(), workers or core_count()
    outcomes = fill(
        SHARDS,
        store,
        keys,
        config.fingerprint,
        partial(_solve_all, device=device, workers=workers),
        lambda key, solution: _make_one(store, solution, key, config),
        workers=workers,
        verify=verify,
    )
    return _reports(store, outcomes)


def _reports(
    store: Store, outcomes: Generator[Outcome[ShardKey, ShardHeader, ShardReport], None, None]
) -> Generator[ShardReport, None, None]:
    with closing(outcomes):
        for outcome in outcomes:
            key, there = outcome.key, outcome.before.header
            if outcome.made:
                yield replace(outcome.made, replaced=there is not None)
            elif there is None or outcome.error:
                yield ShardReport(key, False, 0, 0, 0, 0, 0.0, "", outcome.reason, refused=outcome.refused)
            else:
                yield _report(there, made=False, nbytes=store.join(key.folder).size(key.filename))


def _solve_all(
    keys: Sequence[ShardKey], device: str, workers: int
) -> Iterator[tuple[ShardKey, Solution | Exception]]:
    """`solve_many`, hard deals first, where a deal that fails is handed out as its error."""
    for start in range(0, len(keys), _PLANNED):
        deals = {key: check_deal(key.deal()) for key in keys[start : start + _PLANNED]}
        waiting = deque(sorted(deals, key=lambda key: hardness(deals[key], key.decl), reverse=True))
        while waiting:
            hands, decls = [deals[key] for key in waiting], [key.decl for key in waiting]
            try:
                for solution in solve_many(hands, decls, device=device, workers=workers):
                    yield waiting.popleft(), solution
            except Exception:
                # In a batch it may have been another's fault: the first is tried alone, the rest again.
                key = waiting.popleft()
                yield key, _solve_alone(deals[key], key.decl, device)


def _solve_alone(deal: Deal, decl: int, device: str) -> Solution | Exception:
    try:
        return solve(deal, decl, device=device)
    except Exception as error:
        return error


def _make_one(store: Store, solution: Solution, key: ShardKey, config: ShardConfig) -> ShardReport:
    started = time.perf_counter()
    shard = make_shard(solution, key, config)
    nbytes = write_shard(store, shard)
    seconds = solution.seconds + time.perf_counter() - started
    return _report(shard.header, made=True, nbytes=nbytes, seconds=seconds, device=solution.device)


def _report(
    header: ShardHeader, *, made: bool, nbytes: int, seconds: float = 0.0, device: str = ""
) -> ShardReport:
    states = sum(header.states_per_ply)
    return ShardReport(header.key, made, header.rows, states, header.root_value, nbytes, seconds, device)
