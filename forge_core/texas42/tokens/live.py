"""Fresh rows that show all hands: deals are dealt, played, solved and encoded during training.

A run almost never sees a state twice and needs no disk. Only seeds of the train split are dealt.

Positions come from random walks, and each one is solved by alpha-beta. That takes 0.11 ms per row (44
rows from 4 walks per deal; 2 ms for the first position of a deal, at most 0.03 ms from the third
trick on). Solving deals completely takes 0.19 ms per row (400 rows per deal, 60 ms) and yields an
eighth as many deals and openings. A 73 k network learned equally well from the same number of
rows of either kind, so cost decides. `solved_share` mixes in rows from completely solved deals, which
are uniform over the states of a ply; walks are uniform over histories, and the two differ from the
second trick on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.learning.labelled.rows import Rows
from forge_core.learning.labelled.settings import LIVE_ROWS_PER_DEAL
from forge_core.learning.spec import TokenSpec
from forge_core.splits import Split, split_of, train_seeds
from forge_core.streams import stream
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.declarations import N_DECLARATIONS
from forge_core.texas42.oracle.alphabeta import root_q
from forge_core.texas42.oracle.solver import ORACLE_VERSION, solve_many
from forge_core.texas42.settings.tokens import DECISION_SHARE
from forge_core.texas42.state import to_mover_frame
from forge_core.texas42.tokens.encoder import ENCODER_VERSION
from forge_core.texas42.tokens.live_source import CHUNK_ROWS, ChunkConfig
from forge_core.texas42.tokens.rows import (
    STAGE1_SPEC,
    STORED_ROW,
    LabelledStates,
    join,
    label,
    reweigh,
    rows_of,
    thin,
)
from forge_core.texas42.tokens.shared_chunks import ChunkForm
from forge_core.texas42.tokens.walks import walk

LIVE_VERSION = "l1"
"""Raised when the same configuration gives different rows"""

_FORCED_KEPT = 0.25
"""fraction kept of positions with one legal play: they are 43 % of a walk and teach only values"""
_ROWS_PER_WALK = 11
"""rows kept of the 28 positions of a walk"""
_MOST_ROWS_PER_DEAL = 5_000
"""upper limit of rows per deal from walks, at which a chunk has 1.9 million rows"""
_DRAWN_PER_ROW = 4
"""states drawn and labelled per row kept from a solved deal: only 31 % of them are decisions"""


_DEAL = np.dtype([("hands", "i1", (4, 7)), ("decl", "i1")])
_ROW = np.dtype([("deal_of", "<i4"), *STORED_ROW.descr])


def _to_tables(labels: LabelledStates) -> tuple[npt.NDArray, npt.NDArray]:
    """Return the deals and the rows of a chunk as tables of a file."""
    deals, rows = np.empty(len(labels.decls), dtype=_DEAL), np.empty(len(labels), dtype=_ROW)
    deals["hands"], deals["decl"] = labels.hands, labels.decls
    for name in rows.dtype.names or ():
        rows[name] = getattr(labels, name)
    return deals, rows


def _from_tables(deals: npt.NDArray, rows: npt.NDArray) -> LabelledStates:
    columns = {name: np.ascontiguousarray(rows[name]) for name in rows.dtype.names or ()}
    return LabelledStates(
        np.ascontiguousarray(deals["hands"]), np.ascontiguousarray(deals["decl"]), **columns
    )


@dataclass(frozen=True, slots=True)
class LiveConfig(ChunkConfig):
    """Settings of live rows. Raises BadInput for values out of range."""

    spec: ClassVar[TokenSpec] = STAGE1_SPEC
    form: ClassVar[ChunkForm[Any]] = ChunkForm(_DEAL, _ROW, _to_tables, _from_tables)

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
        ChunkConfig.__post_init__(self)  # super() fails in a slotted dataclass
        for name in ("rows_per_deal", "walks", "rows_per_solved_deal"):
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
        rows = CHUNK_ROWS * max(1, rows_per_deal // LIVE_ROWS_PER_DEAL)
        return cls(seed, batch_size, rows, rows_per_deal, walks)

    @staticmethod
    def versions() -> dict[str, str]:
        """Return the versions of the algorithms that generate the rows."""
        return {"live": LIVE_VERSION, "oracle": ORACLE_VERSION, "encoder": ENCODER_VERSION}

    def make(self, chunk: int) -> LabelledStates:
        """Make the rows of a chunk: see `make_chunk`."""
        return make_chunk(self, chunk)

    @staticmethod
    def rows_of(part: LabelledStates) -> Rows:
        """Encode rows of a chunk."""
        return rows_of(part)


def make_chunk(config: LiveConfig, chunk: int) -> LabelledStates:
    """Make the shuffled rows of one chunk (0, 1, 2, ...): `batches_per_chunk` batches.

    All draws come from `stream(seed, "live", chunk, ...)`. The weight of a row is the number of
    histories that it represents if it comes from a walk (see Walks.weight), the number of states if
    it comes from a solved deal; up to ply 3 the two are the same.
    """
    rows = config.rows_per_chunk
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
