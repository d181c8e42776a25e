"""The entry points of the search: `search` for a single call, `Arena` for trees that are reused."""

from __future__ import annotations

import importlib.util
import os
from typing import Any, Literal, Protocol

import numpy as np

from forge_core.device import resolve_device
from forge_core.errors import BadInput
from forge_core.game import Array
from forge_core.liuzhou.arena.noise import dirichlet_parts, gumbel_variates
from forge_core.liuzhou.arena.result import RootStatistics, SearchResult, result_of
from forge_core.liuzhou.evaluators import Evaluator, array_module
from forge_core.liuzhou.rules import CAPTURE, COUNTER, MARK, MAX_MOVES, PLACE
from forge_core.liuzhou.settings.search import SearchSettings
from forge_core.liuzhou.state import GOING, legal_actions, outcomes
from forge_core.liuzhou.state.layout import (
    COUNT_MASK,
    COUNT_SHIFT,
    FULL,
    OUTCOME_SHIFT,
    PENDING_MASK,
    PENDING_SHIFT,
    PHASE_MASK,
    SLOTS,
)
from forge_core.streams import keys_from

ArenaKind = Literal["auto", "reference", "cpu", "tensors", "cuda"]
"""Implementations of the search: plain Python, compiled, tensors on any device, and kernels for CUDA. auto
chooses cpu on a CPU, and on CUDA its kernels if Triton is installed. All find the same visits and values."""


class Trees(Protocol):
    """An implementation of the search: trees that are searched in lockstep."""

    @property
    def overflow(self) -> int:
        """Number of walks that were cut off; always 0 unless the implementation limits their depth."""
        ...

    def start(self, rows: Any, evaluator: Evaluator, sims: int, draws: np.ndarray | None) -> None:
        """Evaluate the roots and mix in their noise.

        draws: [N, SLOTS], Gumbel noise float64 that is added to the logits, or else the parts of the
        Dirichlet noise float32; None without noise.
        """
        ...

    def simulate(self, evaluator: Evaluator) -> None:
        """Add a leaf to each tree, and add its value along the path to it."""
        ...

    def root(self) -> RootStatistics:
        """Return the statistics of the roots."""
        ...

    def advance(self, slots: Any) -> None:
        """Keep one action's subtree in each tree for the next search."""
        ...


class Arena:
    """Trees of a fixed number of games, whose memory is reused by every search.

    A used arena gives the same results as a fresh one, and results of a game do not depend on the others.
    """

    def __init__(
        self, games: int, settings: SearchSettings, device: str = "auto", kind: ArenaKind = "auto"
    ) -> None:
        """Allocate the trees: about 1 KiB per row, `settings.tree_rows` rows per game.

        games: the largest number of positions per search. kind: the implementation. Raises BadInput, and
        DeviceUnavailable for a device that this machine does not have.
        """
        if games < 1:
            raise BadInput(f"an arena of {games} games: use at least 1")
        self.games, self.settings = games, settings
        self.device = resolve_device(device)
        self.kind = resolve_kind(kind, self.device)
        self.trees = make_trees(self.kind, games, settings, self.device)
        self._n = 0
        """positions of the last search; 0 after `advance`, which needs a search before each call"""

    @property
    def overflow(self) -> int:
        """Walks of the last search that were cut off: unless 0, the search is wrong."""
        return self.trees.overflow

    def search(
        self,
        rows: Array,
        evaluator: Evaluator,
        stream: np.random.Generator | np.ndarray | None = None,
        sims: int | None = None,
    ) -> SearchResult:
        """Search from each row, int64 [N, 4], N at most the arena's games.

        stream: draws one key per row for the noise of its root; or the keys themselves, uint64 [N], which
        make the noise of a row independent of the others. sims: simulations of this search, at most those
        of the settings, which are the default. Of rows on a CUDA device, only the shape is checked.
        Raises BadInput for malformed rows, and for noise without a stream.
        """
        sims = self.settings.sims if sims is None else sims
        if not 1 <= sims <= self.settings.sims:
            raise BadInput(f"sims {sims}: this arena has room for 1..{self.settings.sims}")
        check_rows(rows, self.games)
        draws = self._draws(len(rows), stream)
        self._n = len(rows)
        self.trees.start(self._take_in(rows), evaluator, sims, draws)
        for _ in range(sims):
            self.trees.simulate(evaluator)
        result = result_of(self.trees.root(), self.settings, len(rows) * (sims + 1))
        if array_module(result.visits) is array_module(rows):
            return result
        return result.as_numpy() if isinstance(rows, np.ndarray) else result.as_tensors()

    def root(self) -> RootStatistics:
        """Return the statistics of the roots after the last search, in black's frame."""
        return self.trees.root()

    def advance(self, slots: Array) -> None:
        """Keep the subtree of the action that each game took, for settings with `reuse`.

        slots: whole numbers [N], in the order of the last search, the place of the action in its list
        `actions`; -1 to keep nothing. The next search continues the subtree of each row that is the row after
        that action; its visits then include those kept. An action without a subtree, or with one of more than
        KEPT_SIMS * sims + 1 rows, keeps nothing, and a row other than the expected one starts a new tree.
        Raises BadInput.
        """
        if not self.settings.reuse:
            raise BadInput("only an arena with reuse keeps subtrees: set reuse, or do not call advance")
        if tuple(slots.shape) != (self._n,):
            raise BadInput(
                f"slots of shape {tuple(slots.shape)} for {self._n} games: pass one slot per row, "
                "once after each search"
            )
        if isinstance(slots, np.ndarray) and not ((slots >= -1) & (slots < SLOTS)).all():
            raise BadInput(f"slots {slots.tolist()}: use -1..{SLOTS - 1}")
        self._n = 0
        self.trees.advance(self._take_in(slots))

    def _draws(self, n: int, stream: np.random.Generator | np.ndarray | None) -> np.ndarray | None:
        """Return the random numbers for n roots; None without noise."""
        noise = self.settings.noise
        if noise == 0:
            return None
        if stream is None:
            raise BadInput(f"noise {noise} needs random numbers: pass stream=, or set noise to 0")
        keys = keys_from(stream, n)
        return noise * gumbel_variates(keys) if self.settings.gumbel else dirichlet_parts(keys)

    def _take_in(self, array: Array) -> Array:
        """Return an array in the form that the implementation computes with."""
        if self.kind in ("reference", "cpu"):
            return np.ascontiguousarray(array if isinstance(array, np.ndarray) else array.cpu().numpy())
        import torch

        return torch.tensor(array, device=self.device) if isinstance(array, np.ndarray) else array


def search(
    rows: Array,
    evaluator: Evaluator,
    settings: SearchSettings,
    stream: np.random.Generator | np.ndarray | None = None,
    device: str = "auto",
    kind: ArenaKind = "auto",
) -> SearchResult:
    """Search from each row, int64 [N, 4], with trees made for this call; see `Arena`.

    device: auto means that of the rows if they are a tensor, else CUDA if it is available.
    """
    if device == "auto" and not isinstance(rows, np.ndarray):
        device = str(rows.device)
    return Arena(max(len(rows), 1), settings, device, kind).search(rows, evaluator, stream)


def check_rows(rows: Array, most: int) -> None:
    """Raise BadInput unless these are 1..most rows, each finished or with a legal action.

    Words on a CUDA device are not read, since that would wait for it.
    """
    if rows.ndim != 2 or rows.shape[1] != 4 or "int64" not in str(rows.dtype):
        raise BadInput(f"rows of shape {tuple(rows.shape)} and type {rows.dtype}: give int64 [N, 4]")
    if not 1 <= len(rows) <= most:
        raise BadInput(f"{len(rows)} rows: this arena has room for 1..{most}")
    if not isinstance(rows, np.ndarray):
        if rows.device.type != "cpu":
            return
        rows = rows.numpy()
    black, white, marked, meta = rows.T
    phase, pending = meta & PHASE_MASK, meta >> PENDING_SHIFT & PENDING_MASK
    is_due = (phase == MARK) | (phase == CAPTURE)
    is_sound = (black & ~FULL == 0) & (white & ~FULL == 0) & (black & white == 0)
    is_sound &= (marked & ~(black | white) == 0) & (meta >> OUTCOME_SHIFT + 2 == 0)
    is_going = outcomes(rows) == GOING
    is_sound &= (phase >= PLACE) & (phase <= COUNTER) & (pending < 3)
    is_sound &= ~is_going | (is_due == (pending > 0))  # the last capture of a game leaves none pending
    is_sound &= ~is_going | ((legal_actions(rows)[1] > 0) & (meta >> COUNT_SHIFT & COUNT_MASK < MAX_MOVES))
    if not is_sound.all():
        g = int(is_sound.argmin())
        raise BadInput(
            f"row {g}, {rows[g].tolist()}, is not a position of the game: pass rows made by state.pack"
        )


def resolve_kind(kind: ArenaKind, device: str) -> ArenaKind:
    """Return the implementation for a device. Raises BadInput for a kind that cannot run there."""
    on_cuda = device.startswith("cuda")
    if kind == "auto":
        has_triton = importlib.util.find_spec("triton") is not None
        return ("cuda" if has_triton else "tensors") if on_cuda else "cpu"
    if kind in ("reference", "cpu") and on_cuda:
        raise BadInput(f"the {kind} arena runs on a CPU: use device cpu, or kind tensors or cuda")
    if kind == "cuda" and not on_cuda and os.environ.get("TRITON_INTERPRET") != "1":
        raise BadInput("the cuda arena runs on CUDA: use device cuda, or kind cpu or tensors")
    return kind


def make_trees(kind: ArenaKind, games: int, settings: SearchSettings, device: str) -> Trees:
    """Allocate the trees of an implementation."""
    if kind == "reference":
        from forge_core.liuzhou.arena.reference import ReferenceTrees

        return ReferenceTrees(settings)
    if kind == "cpu":
        from forge_core.liuzhou.arena.cpu import CpuTrees

        return CpuTrees(games, settings)
    if kind == "tensors":
        from forge_core.liuzhou.arena.tensors import TensorTrees

        return TensorTrees(games, settings, device)
    if kind == "cuda":
        from forge_core.liuzhou.arena.cuda import CudaTrees

        return CudaTrees(games, settings, device)
    raise BadInput(f"unknown arena kind {kind!r}: use auto, reference, cpu, tensors or cuda")
