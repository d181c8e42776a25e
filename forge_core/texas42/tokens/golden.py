"""The benchmark: fixed deals under all ten declarations, with the same rows for every model.

The rows of a deal are drawn in equal shares from every ply, whether or not they are decisions. They
come from golden shards if the store has them with the default settings of `forge_assets`; otherwise
the deals are solved on the fly. The rows are the same either way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from forge_core.errors import BadInput, FileForeign
from forge_core.files import Store, fingerprint
from forge_core.learning.labelled.answers import Answers, ask
from forge_core.learning.labelled.metrics import EVALUATION_VERSION, evaluate_random
from forge_core.learning.labelled.rows import Rows
from forge_core.learning.labelled.scores import Scores, find_scores
from forge_core.splits import Split
from forge_core.streams import stream
from forge_core.texas42.benchmark import BENCHMARK_SEEDS, WATCHED_SEEDS
from forge_core.texas42.declarations import N_DECLARATIONS, NAMES
from forge_core.texas42.dominoes import N_PLAYS
from forge_core.texas42.folders import GOLDEN_SHARDS
from forge_core.texas42.oracle import solve
from forge_core.texas42.oracle.sampling import quotas
from forge_core.texas42.oracle.shards import SHARDS, Shard, ShardConfig, ShardKey, make_shard, read_shard
from forge_core.texas42.settings.scores import DEFAULT_ROWS as ROWS_PER_DEAL
from forge_core.texas42.tokens.rows import rows_of_states

if TYPE_CHECKING:
    from forge_core.learning.networks.transformer import TokenTransformer

GOLDEN_VERSION = "g1"
"""Raised when the benchmark's rows change; scores of different versions are not comparable"""

_AHEAD = 32
"""deals read or solved ahead; if the caller stops early, only these have to finish"""
_READERS = 8
"""footers read in parallel"""


def golden_keys(split: Split = Split.VAL) -> list[ShardKey]:
    """Return every deal of the benchmark, by seed and declaration. Raises BadInput for the train split."""
    if split not in BENCHMARK_SEEDS:
        raise BadInput(f"no benchmark for split {split}: use val, or test for the final evaluation")
    return [ShardKey(seed, decl) for seed in BENCHMARK_SEEDS[split] for decl in range(N_DECLARATIONS)]


def watched_keys() -> list[ShardKey]:
    """Return the val deals used to evaluate live training as it runs; none is in the benchmark."""
    return [ShardKey(seed, (seed + turn) % N_DECLARATIONS) for seed in WATCHED_SEEDS for turn in (0, 5)]


def golden_rows(
    keys: Sequence[ShardKey], store: Store | None = None, rows_per_deal: int = ROWS_PER_DEAL
) -> Generator[Rows, None, None]:
    """Yield the rows of each deal, in the given order; `deal` is its index in `keys`.

    store: the folder of golden shards; deals missing from it, or all deals if it is None, are solved.
    Rows are drawn from a shard with `stream(0, "golden", seed, decl)`. Raises BadInput for
    rows_per_deal < 1, FileCorrupt for an unreadable shard. If the generator is closed early, only the
    deals in progress are finished.
    """
    if rows_per_deal < 1:
        raise BadInput(f"{rows_per_deal} rows per deal: use at least 1")
    with closing(_shards(store, keys)) as shards:
        for place, (key, shard) in enumerate(zip(keys, shards, strict=True)):
            rows = _choose(shard, rows_per_deal, stream(0, "golden", key.seed, key.decl))
            yield replace(rows, deal=np.full(len(rows), place, dtype=np.int32))


def stored_keys(keys: Sequence[ShardKey], store: Store) -> list[ShardKey]:
    """Return the deals that `golden_rows` can read from this folder of golden shards without solving."""
    with ThreadPoolExecutor(_READERS, "golden") as pool:
        is_stored = pool.map(lambda key: _is_stored(store, key), keys)
        return [key for key, stored in zip(keys, is_stored, strict=True) if stored]


def benchmark_version(rows_per_deal: int = ROWS_PER_DEAL) -> str:
    """Return a fingerprint of the golden val rows and of the metrics computed on them."""
    deals = [key.filename for key in golden_keys()]
    drawn = {"golden": GOLDEN_VERSION, "shards": ShardConfig().fingerprint, "rows": rows_per_deal}
    return fingerprint({**drawn, "deals": deals, "measure": EVALUATION_VERSION})


def score(model: TokenTransformer, weights: str, root: Store, rows_per_deal: int = ROWS_PER_DEAL) -> Scores:
    """Return a network's scores on golden val: read them from the store at `root`, or compute and store them.

    weights: digest of the network's weights. Raises the errors of `golden_rows`, and StoreUnusable.
    """
    benchmark = benchmark_version(rows_per_deal)
    found = find_scores(root, weights, benchmark)
    if not found:
        rows = golden_rows(golden_keys(), root.join(GOLDEN_SHARDS), rows_per_deal)
        found = scores_of(ask(model, rows), weights, rows_per_deal)
        found.keep(root)
    return found


def scores_of(answers: Answers, weights: str, rows_per_deal: int) -> Scores:
    """Return the scores for a network's answers to all golden val rows."""
    return Scores.of(answers, weights, benchmark_version(rows_per_deal), NAMES)


def random_gaps(root: Store, rows_per_deal: int = ROWS_PER_DEAL) -> list[float]:
    """Return the points that random play loses per decision, for each golden val deal with a decision."""
    gaps = []
    for rows in golden_rows(golden_keys(), root.join(GOLDEN_SHARDS), rows_per_deal):
        measured = evaluate_random(rows.q, rows.legal)
        if "decision_q_gap" in measured:
            gaps.append(measured["decision_q_gap"])
    return gaps


def _shards(store: Store | None, keys: Sequence[ShardKey]) -> Generator[Shard, None, None]:
    """Yield the shards of `keys`, in order."""
    asked: deque[Future[Shard]] = deque()
    with ThreadPoolExecutor(thread_name_prefix="golden") as pool:
        try:
            for key in keys:
                asked.append(pool.submit(_shard, store, key))
                if len(asked) > _AHEAD:
                    yield asked.popleft().result()
            while asked:
                yield asked.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _is_stored(store: Store, key: ShardKey) -> bool:
    """Return True if a deal is stored with the benchmark's settings; other settings would change its rows."""
    if not store.join(key.split).exists(key.filename):
        return False
    try:
        return SHARDS.read_own_header(store, key).fingerprint == ShardConfig().fingerprint
    except FileForeign:
        return False


def _shard(store: Store | None, key: ShardKey) -> Shard:
    if store and _is_stored(store, key):
        return read_shard(store, key)
    return make_shard(solve(key.deal(), key.decl, device="cpu"), key, ShardConfig())


def _choose(shard: Shard, n: int, draw: np.random.Generator) -> Rows:
    """Draw n rows in equal shares from plies 0..27; if a ply has too few, the others make up for it."""
    chosen, factor = [], []
    available = np.bincount(shard.ply, minlength=N_PLAYS)[:N_PLAYS]
    for ply, quota in enumerate(quotas(available, n)):
        members = np.flatnonzero(shard.ply == ply)
        chosen.append(np.sort(draw.choice(members, size=quota, replace=False)))
        factor.append(np.full(quota, available[ply] / max(1, quota)))
    index = np.concatenate(chosen)
    weight = shard.weight[index] * np.concatenate(factor)
    return rows_of_states(shard.header, shard.state[index], shard.value[index], shard.q[index], weight)
