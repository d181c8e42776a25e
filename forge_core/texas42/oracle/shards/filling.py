"""Fill a store with shards: make the missing ones and leave the others alone."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

from forge_core.device import resolve_device, worker_count
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
    """The outcome for one shard."""

    key: ShardKey
    made: bool
    """False if it already existed or could not be made"""
    rows: int
    states: int
    """reachable states of the deal"""
    root_value: int
    nbytes: int
    seconds: float
    """time spent on solving, labelling and writing, summed over threads"""
    device: str
    """device that solved the deal: `cpu`, or `cuda:0 (NAME)`; empty if it was not solved"""
    error: str | None = None
    """why it could not be made, and what to do; None if it was made or already existed"""
    replaced: bool = False
    """True if it replaced a valid shard made with other versions or settings"""
    refused: bool = False
    """True if the store rejected it: no space, or no write permission"""


_PLANNED = 64
"""deals that are sorted together, hardest first: few, so shards are made roughly in the requested order"""


def missing_shards(
    store: Store, keys: Iterable[ShardKey], config: ShardConfig, *, verify: bool = False
) -> list[ShardKey]:
    """Return the keys whose shards are missing, damaged, foreign, or made with settings other than `config`.

    Reads the footers and, with verify, also the rows (about 20 ms per shard). Raises StoreUnusable.
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
    """Make the shards that `missing_shards` returns, and yield a report on each key as it is finished.

    Shards that already exist with the same fingerprint are reported first, with made=False. Within each
    small group, hard deals are solved first, `workers` at a time (default: one per core), while as many
    shards are labelled and written; with rows=`all` each of these takes about 30 bytes per state, 0.7 GB
    for an average deal. A deal that fails gives a report with its error, and the others continue; a
    foreign file in the way is never overwritten and counts as such an error. If interrupted or closed,
    it finishes the files being written and starts no others.

    Raises BadInput, DeviceUnavailable or StoreUnusable before anything is made.
    """
    resolve_device(device)
    if workers is not None and workers < 1:
        raise BadInput(f"{workers} workers: use at least 1")
    config, workers = config or ShardConfig(), worker_count(workers)
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
    """Run `solve_many`, hard deals first; for a deal that fails, yield its error."""
    for start in range(0, len(keys), _PLANNED):
        deals = {key: check_deal(key.deal()) for key in keys[start : start + _PLANNED]}
        waiting = deque(sorted(deals, key=lambda key: hardness(deals[key], key.decl), reverse=True))
        while waiting:
            hands, decls = [deals[key] for key in waiting], [key.decl for key in waiting]
            try:
                for solution in solve_many(hands, decls, device=device, workers=workers):
                    yield waiting.popleft(), solution
            except Exception:
                # Any deal of the batch may be at fault: retry the first one alone, then the rest.
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
