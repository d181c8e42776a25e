"""An endless supply of fresh rows: deals are dealt, played, solved and encoded during training.

A run almost never sees a state twice and needs no disk. Only seeds of the train split are dealt.

Batches are cut from *chunks*: the rows of several hundred deals, shuffled over as many consecutive
batches as they fill, so that each batch has a few rows from many deals. A chunk is a pure function of
the configuration and its number, and batch k belongs to chunk k // batches_per_chunk. Batch k
therefore has the same rows in every process.

Positions come from random walks, and each one is solved by alpha-beta. That takes 0.11 ms per row (44
rows from 4 walks per deal; 2 ms for the first position of a deal, at most 0.03 ms from the third
trick on). Solving deals completely takes 0.19 ms per row (400 rows per deal, 60 ms) and yields an
eighth as many deals and openings. A 73 k network learned equally well from the same number of
rows of either kind, so cost decides. `solved_share` mixes in rows from completely solved deals, which
are uniform over the states of a ply; walks are uniform over histories, and the two differ from the
second trick on.

Runs can share a folder of chunks (see `shared_chunks`), so that each chunk is made once for all.
"""

from __future__ import annotations

import multiprocessing
import signal
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import count
from multiprocessing.connection import Connection, wait
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput, ForgeError
from forge_core.files import Store, fingerprint
from forge_core.learning.labelled.rows import Rows
from forge_core.learning.labelled.settings import LIVE_ROWS_PER_DEAL
from forge_core.splits import Split, check_seed, split_of, train_seeds
from forge_core.streams import stream
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.declarations import N_DECLARATIONS
from forge_core.texas42.oracle.alphabeta import root_q
from forge_core.texas42.oracle.solver import ORACLE_VERSION, solve_many
from forge_core.texas42.settings.tokens import DECISION_SHARE
from forge_core.texas42.state import to_mover_frame
from forge_core.texas42.tokens.encoder import ENCODER_VERSION
from forge_core.texas42.tokens.rows import (
    STAGE1_SPEC,
    LabelledStates,
    join,
    label,
    reweigh,
    rows_of,
    thin,
)
from forge_core.texas42.tokens.shared_chunks import SharedChunks
from forge_core.texas42.tokens.walks import walk

LIVE_VERSION = "l1"
"""Raised when the same configuration gives different rows"""

_FORCED_KEPT = 0.25
"""fraction kept of positions with one legal play: they are 43 % of a walk and teach only values"""
_CHUNK_ROWS = 16_384
_ROWS_PER_WALK = 11
"""rows kept of the 28 positions of a walk"""
_MOST_ROWS_PER_DEAL = 5_000
"""upper limit of rows per deal from walks, at which a chunk has 1.9 million rows"""
_DRAWN_PER_ROW = 4
"""states drawn and labelled per row kept from a solved deal: only 31 % of them are decisions"""


class WorkerLost(ForgeError):
    """A process that generates rows has ended."""


@dataclass(frozen=True, slots=True)
class LiveConfig:
    """Settings of live rows. Raises BadInput for values out of range."""

    seed: int = 0
    """seed of all draws; a resumed run must keep it"""
    batch_size: int = 1024
    chunk_rows: int = _CHUNK_ROWS
    """rows per chunk, rounded down to whole batches"""
    rows_per_deal: int = LIVE_ROWS_PER_DEAL
    """rows per deal from walks: fewer give more variety, more are cheaper"""
    walks: int = LIVE_ROWS_PER_DEAL // _ROWS_PER_WALK
    """random walks per deal"""
    solved_share: float = 0.0
    """share of rows from completely solved deals, uniform over the states of a ply"""
    rows_per_solved_deal: int = 400
    decision_share: float = DECISION_SHARE
    """share of rows that are decisions"""

    def __post_init__(self) -> None:
        check_seed(self.seed)
        for name in ("batch_size", "chunk_rows", "rows_per_deal", "walks", "rows_per_solved_deal"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name} {getattr(self, name)}: use at least 1")
        for name in ("solved_share", "decision_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadInput(f"{name} {getattr(self, name)}: use a number from 0 to 1")

    @classmethod
    def of(cls, seed: int, batch_size: int, rows_per_deal: int) -> LiveConfig:
        """Return the configuration for a user's settings. More rows per deal come from more walks, and from
        larger chunks, so that batches have rows from as many deals. Raises BadInput for invalid settings."""
        if not 1 <= rows_per_deal <= _MOST_ROWS_PER_DEAL:
            raise BadInput(f"--rows-per-deal {rows_per_deal}: use 1 to {_MOST_ROWS_PER_DEAL:,}")
        walks = max(1, round(rows_per_deal / _ROWS_PER_WALK))
        rows = _CHUNK_ROWS * max(1, rows_per_deal // LIVE_ROWS_PER_DEAL)
        return cls(seed, batch_size, rows, rows_per_deal, walks)

    @property
    def batches_per_chunk(self) -> int:
        """The number of batches cut from one chunk."""
        return max(1, self.chunk_rows // self.batch_size)

    @property
    def chunks(self) -> str:
        """Digest of all that the rows of a chunk depend on, which is not the size of batches cut from it."""
        settings = {name: value for name, value in asdict(self).items() if name != "batch_size"}
        rows = self.batches_per_chunk * self.batch_size
        return fingerprint({**self.versions(), **settings, "chunk_rows": rows})

    @property
    def fingerprint(self) -> str:
        """Digest of settings and versions: equal digests mean equal rows. Model cards record it."""
        return fingerprint({**self.versions(), **asdict(self)})

    @staticmethod
    def versions() -> dict[str, str]:
        """Return the versions of the algorithms that generate the rows."""
        return {"live": LIVE_VERSION, "oracle": ORACLE_VERSION, "encoder": ENCODER_VERSION}


def make_chunk(config: LiveConfig, chunk: int) -> LabelledStates:
    """Make the shuffled rows of one chunk (0, 1, 2, ...): `batches_per_chunk` batches.

    All draws come from `stream(seed, "live", chunk, ...)`. The weight of a row is the number of
    histories that it represents if it comes from a walk (see Walks.weight), the number of states if
    it comes from a solved deal; up to ply 3 the two are the same.
    """
    rows = config.batches_per_chunk * config.batch_size
    solved = round(rows * config.solved_share)
    parts = []
    if solved:
        parts.append(_solve(config, chunk, solved))
    if rows > solved:
        parts.append(_walk(config, chunk, rows - solved))
    shares = (len(part) / (rows * len(part.decls)) for part in parts)
    labels = join([reweigh(part, share) for part, share in zip(parts, shares, strict=True)])
    return labels.take(stream(config.seed, "live", chunk, "shuffle").permutation(rows))


def train_deals(seed: int, chunk: int, part: str, n: int) -> tuple[list[int], npt.NDArray[np.int8]]:
    """Return n train seeds for one part of a chunk, and their declarations int8 [n]."""
    draw = stream(seed, "live", chunk, part, "deals")
    declarations = stream(seed, "live", chunk, part, "declarations").integers(N_DECLARATIONS, size=n)
    return train_seeds(draw, n), declarations.astype(np.int8)


def _deal(seeds: list[int]) -> npt.NDArray[np.int8]:
    """Deal seeds as int8 [D, 4, 7]. As a last check before training, raise BadInput for non-train seeds."""
    sealed = [seed for seed in seeds if split_of(seed) is not Split.TRAIN]
    if sealed:
        raise BadInput(f"seed {sealed[0]} belongs to split {split_of(sealed[0])}: train only on train seeds")
    return np.array([deal_from_seed(seed) for seed in seeds], dtype=np.int8)


def _walk(config: LiveConfig, chunk: int, rows: int) -> LabelledStates:
    """Make rows from random walks: positions are solved one by one, so deals are cheap but yield few rows."""
    seeds, decls = train_deals(config.seed, chunk, "walk", -(-rows // config.rows_per_deal))
    hands = _deal(seeds)
    draw = stream(config.seed, "live", chunk, "walk")
    walks = walk(hands, decls, config.walks, draw)
    forced = walks.n_legal == 1
    met = ~forced | (draw.random(forced.shape, dtype=np.float32) < _FORCED_KEPT)
    weight = walks.weight * np.where(forced, 1 / _FORCED_KEPT, 1) / config.walks
    deal_of = np.broadcast_to(np.arange(len(hands))[:, None, None], met.shape)
    # if walks meet in a state, keep one row with the sum of their weights
    order = np.lexsort((walks.state[met], deal_of[met]))
    state, deal_of, weight = walks.state[met][order], deal_of[met][order], weight[met][order]
    first = np.flatnonzero(np.diff(state, prepend=-1) | np.diff(deal_of, prepend=-1))
    if len(first) < rows:  # few deals, and walks that often met
        return _walk(replace(config, walks=2 * config.walks), chunk, rows)
    weight = np.add.reduceat(weight, first).astype(np.float32)
    state, deal_of = state[first], deal_of[first].astype(np.int32)
    q = root_q(hands[deal_of], decls[deal_of], states=state, workers=1)
    value = to_mover_frame(to_mover_frame(q, state).max(axis=1), state)
    labels = LabelledStates(hands, decls, deal_of, state, value, q, weight)
    return thin(labels, rows, config.decision_share, draw)


def _solve(config: LiveConfig, chunk: int, rows: int) -> LabelledStates:
    """Make rows from completely solved deals."""
    seeds, decls = train_deals(config.seed, chunk, "solve", -(-rows // config.rows_per_solved_deal))
    draw = stream(config.seed, "live", chunk, "solve")
    parts = []
    for solution in solve_many(_deal(seeds), decls.tolist(), device="cpu", workers=1):
        sample = solution.sample(_DRAWN_PER_ROW * config.rows_per_solved_deal, draw)
        value, q = solution.query(sample.state)
        parts.append(label(solution, sample.state, value, q, sample.weight))
    return thin(join(parts), rows, config.decision_share, draw)


class LiveSource:
    """An endless RowSource. With workers, processes make chunks ahead for a caller that reads in order.

    Close it, or use it in a `with` statement; the workers also end when their parent process does.
    """

    spec = STAGE1_SPEC

    def __init__(
        self, config: LiveConfig | None = None, workers: int = 0, share: Store | None = None
    ) -> None:
        """Set up the source. workers: number of extra processes; 0: make chunks in this process on demand.
        share: a folder for chunks; those that are there are read, and new ones are put there."""
        if workers < 0:
            raise BadInput(f"{workers} workers: use 0 or more")
        self.config = config or LiveConfig()
        self.workers, self.share = workers, share
        self._make: Callable[[int], LabelledStates] = partial(make_chunk, self.config)
        if share is not None:
            if not share.is_local:
                raise BadInput(
                    f"--share {share.url}: runs lock the chunks that they make, so use a local folder"
                )
            self._make = SharedChunks(share.join(self.config.chunks), self._make).get
        self._held: tuple[int, LabelledStates] | None = None
        self._crew: _Crew | None = None

    def batch(self, k: int) -> Rows:
        """Return the rows of batch k. Going back or skipping a chunk restarts the workers.

        Raises BadInput for k < 0, WorkerLost if a worker process has ended.
        """
        return self._batch(k, stride=1)

    def batches(self, start: int = 0, part: int = 0, parts: int = 1) -> Iterator[Rows]:
        """Yield the batches of steps start, start + 1, ... for one of `parts` processes that train together.

        Part i gets chunks i, i + parts, ..., so every chunk is made and used exactly once.
        """
        if not 0 <= part < parts:
            raise BadInput(f"part {part} of {parts}: use 0..{parts - 1}")
        size = self.config.batches_per_chunk
        for step in count(start):
            chunk = step // size * parts + part
            yield self._batch(chunk * size + step % size, stride=parts)

    def close(self) -> None:
        """End the worker processes; the next call for a batch starts new ones."""
        if self._crew:
            self._crew.close()
            self._crew = None

    def __enter__(self) -> LiveSource:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def __reduce__(self):  # pickling passes on only the configuration
        return type(self), (self.config, self.workers, self.share)

    def _batch(self, k: int, stride: int) -> Rows:
        if k < 0:
            raise BadInput(f"batch {k}: use 0, 1, 2, ...")
        chunk, place = divmod(k, self.config.batches_per_chunk)
        if self._held is None or self._held[0] != chunk:
            self._held = chunk, self._chunk(chunk, stride)
        elif self._crew:
            self._crew.collect()  # lets a worker whose chunk was taken start on the next
        size = self.config.batch_size
        return rows_of(self._held[1].take(slice(place * size, (place + 1) * size)))

    def _chunk(self, chunk: int, stride: int) -> LabelledStates:
        if self.workers == 0:
            return self._make(chunk)
        if self._crew is None or (self._crew.next, self._crew.stride) != (chunk, stride):
            self.close()
            self._crew = _Crew(self._make, self.workers, chunk, stride)
        return self._crew.take()


_AHEAD = 2
"""finished chunks kept per worker, about 0.4 MB each, in addition to the one in progress"""


class _Crew:
    """n processes that together make chunks next, next + stride, ...: each makes every n-th one."""

    def __init__(self, make: Callable[[int], LabelledStates], workers: int, first: int, stride: int) -> None:
        # forkserver: forking a process with threads can hang, and a training process has torch's threads
        context = multiprocessing.get_context("forkserver")
        self.next, self.stride = first, stride
        self._turn = 0
        self._made: list[deque[LabelledStates]] = [deque() for _ in range(workers)]
        self._lines: list[Connection] = []
        self._processes = []
        for number in range(workers):
            ours, theirs = context.Pipe(duplex=False)
            chunks = first + number * stride, workers * stride
            process = context.Process(target=_work, args=(theirs, make, *chunks), daemon=True)
            process.start()
            theirs.close()
            self._lines.append(ours)
            self._processes.append(process)
        self.close = weakref.finalize(self, _stop, self._processes, self._lines)

    def take(self) -> LabelledStates:
        """Wait for the next chunk and return it. Raises WorkerLost, or the error raised in a worker."""
        while not self._made[self._turn]:
            self.collect(wait_s=None)
        labels = self._made[self._turn].popleft()
        self._turn = (self._turn + 1) % len(self._lines)
        self.next += self.stride
        return labels

    def collect(self, wait_s: float | None = 0) -> None:
        """Receive finished chunks while there is room. Raises WorkerLost if a worker has ended."""
        room = [line for line, made in zip(self._lines, self._made, strict=True) if len(made) < _AHEAD]
        dying = [process.sentinel for process in self._processes]
        ready = wait([*room, *dying], wait_s)
        for line, made, process in zip(self._lines, self._made, self._processes, strict=True):
            if process.sentinel in ready:
                self._fail(process)
            if line in ready:
                try:
                    answer = line.recv()
                except (EOFError, OSError):
                    self._fail(process)
                if isinstance(answer, Exception):
                    self.close()
                    raise answer
                made.append(answer)

    def _fail(self, process) -> NoReturn:
        process.join(1)
        code = process.exitcode
        how = f"was killed by signal {-code}" if code and code < 0 else f"ended with status {code}"
        self.close()
        raise WorkerLost(
            f"worker process {process.pid} {how}: if memory ran out, use fewer workers; then resume the run"
        )


def _work(line: Connection, make: Callable[[int], LabelledStates], first: int, stride: int) -> None:
    """Make chunk after chunk in a worker process; pause while nobody takes them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the training process handles Ctrl-C and ends this one
    try:
        for chunk in count(first, stride):
            try:
                answer = make(chunk)
            except ForgeError as error:
                answer = error
            line.send(answer)
    except (BrokenPipeError, ConnectionResetError):
        return  # the training process has ended


def _stop(processes: list, lines: list[Connection]) -> None:
    for process in processes:
        process.kill()  # nothing is lost: chunks can be made again
    for process in processes:
        process.join()
    for line in lines:
        line.close()
