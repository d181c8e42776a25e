"""An endless supply of fresh rows, made during training by this process or by others.

Batches are cut from *chunks*: the rows of several hundred deals, shuffled over as many consecutive
batches as they fill, so that each batch has a few rows from many deals. A chunk is a pure function of
the configuration and its number, and batch k belongs to chunk k // batches_per_chunk. Batch k
therefore has the same rows in every process.

Runs can share a folder of chunks (see `shared_chunks`), so that each chunk is made once for all. `live` makes
chunks of positions with all hands visible, `live_decisions` chunks of decisions of one hand.
"""

from __future__ import annotations

import multiprocessing
import signal
import weakref
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import count
from multiprocessing.connection import Connection, wait
from typing import Any, ClassVar, NoReturn

from forge_core.errors import BadInput, ForgeError
from forge_core.files import Store, fingerprint
from forge_core.learning.labelled.rows import Rows
from forge_core.learning.spec import TokenSpec
from forge_core.splits import check_seed
from forge_core.texas42.tokens.shared_chunks import Chunk, ChunkForm, SharedChunks

CHUNK_ROWS = 16_384


class WorkerLost(ForgeError):
    """A process that generates rows has ended."""


@dataclass(frozen=True, slots=True)
class ChunkConfig(ABC):
    """Settings of live rows; subclasses add those of one kind. Raises BadInput for values out of range."""

    spec: ClassVar[TokenSpec]
    """the tokens of the rows"""
    form: ClassVar[ChunkForm[Any]]
    """the form of chunks in files"""

    seed: int = 0
    """seed of all draws; a resumed run must keep it"""
    batch_size: int = 1024
    chunk_rows: int = CHUNK_ROWS
    """rows per chunk, rounded down to whole batches"""

    def __post_init__(self) -> None:
        check_seed(self.seed)
        for name in ("batch_size", "chunk_rows"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name} {getattr(self, name)}: use at least 1")

    @property
    def batches_per_chunk(self) -> int:
        """The number of batches cut from one chunk."""
        return max(1, self.chunk_rows // self.batch_size)

    @property
    def rows_per_chunk(self) -> int:
        """The number of rows in these batches."""
        return self.batches_per_chunk * self.batch_size

    @property
    def chunks(self) -> str:
        """Digest of all that the rows of a chunk depend on, which is not the size of batches cut from it."""
        settings = {name: value for name, value in asdict(self).items() if name != "batch_size"}
        return fingerprint({**self.versions(), **settings, "chunk_rows": self.rows_per_chunk})

    @property
    def fingerprint(self) -> str:
        """Digest of settings and versions: equal digests mean equal rows. Model cards record it."""
        return fingerprint({**self.versions(), **asdict(self)})

    @staticmethod
    @abstractmethod
    def versions() -> dict[str, str]:
        """Return the versions of the algorithms that generate the rows."""

    @abstractmethod
    def make(self, chunk: int) -> Chunk:
        """Make the shuffled rows of a chunk (0, 1, 2, ...): `batches_per_chunk` batches."""

    @staticmethod
    @abstractmethod
    def rows_of(part: Any) -> Rows:
        """Encode rows of a chunk."""


class LiveSource:
    """An endless RowSource. With workers, processes make chunks ahead for a caller that reads in order.

    Close it, or use it in a `with` statement; the workers also end when their parent process does.
    """

    def __init__(self, config: ChunkConfig, workers: int = 0, share: Store | None = None) -> None:
        """Set up the source. workers: number of extra processes; 0: make chunks in this process on demand.
        share: a folder for chunks; those that are there are read, and new ones are put there."""
        if workers < 0:
            raise BadInput(f"{workers} workers: use 0 or more")
        self.config, self.spec = config, config.spec
        self.workers, self.share = workers, share
        self._make: Callable[[int], Chunk] = config.make
        if share is not None:
            if not share.is_local:
                raise BadInput(
                    f"--share {share.url}: runs lock the chunks that they make, so use a local folder"
                )
            self._make = SharedChunks(share.join(config.chunks), config.make, config.form).get
        self._held: tuple[int, Chunk] | None = None
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
        return self.config.rows_of(self._held[1].take(slice(place * size, (place + 1) * size)))

    def _chunk(self, chunk: int, stride: int) -> Chunk:
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

    def __init__(self, make: Callable[[int], Chunk], workers: int, first: int, stride: int) -> None:
        # forkserver: forking a process with threads can hang, and a training process has torch's threads
        context = multiprocessing.get_context("forkserver")
        self.next, self.stride = first, stride
        self._turn = 0
        self._made: list[deque[Chunk]] = [deque() for _ in range(workers)]
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

    def take(self) -> Chunk:
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


def _work(line: Connection, make: Callable[[int], Chunk], first: int, stride: int) -> None:
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
