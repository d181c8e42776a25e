"""Filling a store: the shards that are missing are made, the others left as they are."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from forge_core.device import core_count, resolve_device
from forge_core.errors import BadInput, ForgeError, ShardCorrupt, StoreUnusable
from forge_core.files import Store
from forge_core.files.inspection import Provenance
from forge_core.splits import Split
from forge_core.texas42.deals import Deal, check_deal
from forge_core.texas42.oracle.shards.reading import read_own_header, read_shard
from forge_core.texas42.oracle.shards.records import FOREIGN, ShardConfig, ShardHeader, ShardKey
from forge_core.texas42.oracle.shards.writing import make_shard, write_shard
from forge_core.texas42.oracle.solution import Solution
from forge_core.texas42.oracle.solver import ORACLE_VERSION, hardness, solve, solve_many


@dataclass(frozen=True, slots=True)
class ShardReport:
    """What became of one shard."""

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
_GIVE_UP_AFTER = 3
"""writes that fail one after another because of the store: the rest is not even solved"""
_ABANDONED_AFTER_S = 3600.0


def missing_shards(
    store: Store, keys: Iterable[ShardKey], config: ShardConfig, *, verify: bool = False
) -> list[ShardKey]:
    """Those that are absent, corrupt, or that hold other rows than `config` asks for.

    Footers are read; with verify the rows too, some 20 ms a shard. Raises StoreUnusable.
    """
    keys = list(keys)
    present = _present(store, keys)
    return [key for key in keys if not _is_filled(_find(store, key, present, verify), config)]


def shard_made(store: Store, key: ShardKey, *, verify: bool = False) -> Provenance | None:
    """How a shard that is there was made, for `gaps.look`; None for a plain one of another maker.

    The footer is read; with verify the rows too, unless it is of an older oracle, whose rows
    nobody asks. Raises ShardCorrupt, StoreUnusable.
    """
    header = read_own_header(store, key)
    if header is None:
        return None
    made = Provenance(f"{header.shards_version}/{header.oracle_version}", settings_made(header))
    if verify and header.oracle_version == ORACLE_VERSION:
        read_shard(store, key)
    return made


def settings_made(how: ShardHeader | ShardConfig) -> dict[str, Any]:
    """What of a shard is not its key: rows and, where they were drawn, the seed they were drawn by."""
    rows = how.rows_asked if isinstance(how, ShardHeader) else how.rows
    return {"rows": rows} if rows == "all" else {"rows": rows, "sample_seed": how.sample_seed}


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
    deals the hard ones are solved first, `workers` at once (default: one a core), while as
    many shards are labelled and written; with rows=`all` each of these holds some 30 bytes a
    state, 0.7 GB for a mean deal. A deal that fails is a report with its error, and the others
    go on; a plain shard of another maker is not overwritten, which is such an error. When
    interrupted or closed it finishes the files being written and starts no other.

    Raises BadInput, DeviceUnavailable and StoreUnusable before anything is made.
    """
    resolve_device(device)
    if workers is not None and workers < 1:
        raise BadInput(f"{workers} workers: use at least 1")
    workers = workers or core_count()
    keys = list(dict.fromkeys(keys))
    return _fill(store, keys, _present(store, keys), config or ShardConfig(), device, workers, verify)


def _fill(
    store: Store,
    keys: list[ShardKey],
    present: _Present,
    config: ShardConfig,
    device: str,
    workers: int,
    verify: bool,
) -> Generator[ShardReport, None, None]:
    missing: dict[ShardKey, ShardHeader | None] = {}  # what is there in the place of each
    for key in keys:
        found = _find(store, key, present, verify)
        if found == FOREIGN:
            path = store.join(key.split).path(key.filename)
            yield _failure(key, ShardCorrupt(path, "the file of another maker is in the way", _WAY_OUT))
        elif isinstance(found, ShardHeader) and _is_filled(found, config):
            yield _report(found, made=False, nbytes=store.join(key.split).size(key.filename))
        else:
            missing[key] = found if isinstance(found, ShardHeader) else None
    for split in present:
        store.join(split).sweep(_ABANDONED_AFTER_S)
    refused, outcome = 0, None
    with closing(_make_all(store, list(missing), config, device, workers)) as outcomes:
        for key, outcome in outcomes:
            replaced = missing.pop(key) is not None
            if isinstance(outcome, ShardReport):
                yield replace(outcome, replaced=replaced)
            else:
                yield _failure(key, outcome)
            refused = refused + 1 if isinstance(outcome, StoreUnusable) else 0
            if refused == _GIVE_UP_AFTER:
                break
    for key in missing:
        yield _failure(key, StoreUnusable(f"not tried after {refused} failed writes, the last: {outcome}"))


_WAY_OUT = "remove it, or fill another store"
_Present = dict[Split, set[str]]


def _present(store: Store, keys: list[ShardKey]) -> _Present:
    """The files there are in the splits of the keys: one listing is cheaper than many questions."""
    return {split: set(store.join(split).names(".parquet")) for split in {key.split for key in keys}}


def _find(store: Store, key: ShardKey, present: _Present, verify: bool) -> ShardHeader | str | None:
    """The header of what is there, FOREIGN, or None if nothing sound is."""
    if key.filename not in present[key.split]:
        return None
    try:
        header = read_own_header(store, key)
        if header and verify:
            read_shard(store, key)
        return header or FOREIGN
    except ShardCorrupt:
        return None


def _is_filled(found: ShardHeader | str | None, config: ShardConfig) -> bool:
    return isinstance(found, ShardHeader) and found.fingerprint == config.fingerprint


def _make_all(
    store: Store, keys: list[ShardKey], config: ShardConfig, device: str, workers: int
) -> Generator[tuple[ShardKey, ShardReport | Exception], None, None]:
    """Solve here, label and write in threads; what became of each key, as it is finished."""
    writing: dict[Future[ShardReport], ShardKey] = {}
    pool = ThreadPoolExecutor(workers, "write")
    try:
        for key, solution in _solve_all(keys, device, workers):
            if isinstance(solution, Exception):
                yield key, solution
            else:
                writing[pool.submit(_make_one, store, solution, key, config)] = key
            yield from _finished(writing, at_most=workers)
        yield from _finished(writing, at_most=0)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _finished(
    writing: dict[Future[ShardReport], ShardKey], at_most: int
) -> Iterator[tuple[ShardKey, ShardReport | Exception]]:
    """Take out what is finished, waiting only while more than `at_most` are under way."""
    while writing:
        done, _ = wait(writing, None if len(writing) > at_most else 0, FIRST_COMPLETED)
        for future in done:
            key = writing.pop(future)
            error = future.exception()
            yield key, error if isinstance(error, Exception) else future.result()
        if not done:
            return


def _solve_all(
    keys: list[ShardKey], device: str, workers: int
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


def _failure(key: ShardKey, error: Exception) -> ShardReport:
    reason = str(error) if isinstance(error, ForgeError) else f"{type(error).__name__}: {error}"
    refused = isinstance(error, StoreUnusable)
    return ShardReport(key, False, 0, 0, 0, 0, 0.0, "", reason, refused=refused)
