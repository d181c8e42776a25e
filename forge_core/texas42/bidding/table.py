"""Bidding tables: P(make), the share of deals of the other 21 dominoes in which a bid is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.splits import check_seed
from forge_core.stats import wilson_interval
from forge_core.streams import stream
from forge_core.texas42.auction import LOWEST_BID, MARK, points_needed
from forge_core.texas42.bidding.playouts import Playout
from forge_core.texas42.deals import check_hand
from forge_core.texas42.declarations import N_DECLARATIONS, check_declaration
from forge_core.texas42.dominoes import HAND_SIZE, N_DOMINOES, N_SEATS
from forge_core.texas42.settings.bidding import DEFAULT_SAMPLES, MOST_SAMPLES
from forge_core.texas42.tables import Bytes

BIDDING_VERSION = "b1"
"""Increased when deals, points or intervals change."""

BIDS = tuple(range(LOWEST_BID, MARK + 1))
"""30..42, the bids that need different numbers of points; bids in marks need all 42, like a bid of 42."""
_AT_ONCE = 50
"""deals per declaration between two checks of the width of its intervals"""

Floats = npt.NDArray[np.float64]
ALL = tuple(range(N_DECLARATIONS))


def bid_index(bid: int) -> int:
    """Return the index in BIDS of the points that a bid needs; 84 has the index of 42."""
    return BIDS.index(points_needed(bid))


@dataclass(frozen=True, slots=True, eq=False)
class BidTable:
    """The points of the bidder's team in each deal that was played out, and P(make) computed from them."""

    hand: tuple[int, ...]
    """seven ids, ascending: the hand of the bidder, who leads"""
    seed: int
    """the seed of the deals"""
    samples: int
    """requested number of deals per declaration"""
    playout: str
    playout_version: str
    sees_all: bool
    """True if the players saw all hands, so that they make bids more often than real players can"""
    points: tuple[Bytes, ...]
    """int8 [n] for each declaration: points in each deal, in order; n is 0 if it was not played"""

    @property
    def n(self) -> npt.NDArray[np.int64]:
        """[10] The number of deals played out under each declaration."""
        return np.array([len(points) for points in self.points], dtype=np.int64)

    @property
    def makes(self) -> npt.NDArray[np.int64]:
        """[10, 13] The number of deals in which each bid of BIDS is made, by declaration."""
        return np.stack([makes(points) for points in self.points])

    @property
    def p_make(self) -> Floats:
        """[10, 13] P(make) of each bid of BIDS, by declaration; NaN if it was not played."""
        return np.where(self.n[:, None] > 0, self.makes / np.maximum(self.n, 1)[:, None], np.nan)

    @property
    def interval(self) -> tuple[Floats, Floats]:
        """The 95 % Wilson intervals of P(make), (low, high), [10, 13] each; (0, 1) if not played."""
        return wilson_interval(self.makes, self.n[:, None])

    @property
    def never_rises(self) -> bool:
        """True if no bid is made more often than a lower one."""
        return not (np.diff(self.p_make, axis=1) > 0).any()

    @property
    def intervals_hold(self) -> bool:
        """True if every interval contains its estimate of P(make)."""
        (low, high), asked = self.interval, self.n > 0
        return bool(((low <= self.p_make) & (self.p_make <= high))[asked].all())

    def prefix(self, n: int) -> BidTable:
        """Return the table of the first n deals of each declaration."""
        return replace(self, samples=min(n, self.samples), points=tuple(p[:n] for p in self.points))


def provenance(table: BidTable) -> str:
    """Return a sentence that describes how the table was made."""
    fewest, most = int(table.n[table.n > 0].min()), int(table.n.max())
    deals = f"{most:,}" if fewest == most else f"{fewest:,} to {most:,}"
    seen = "every seat sees only its own hand"
    if table.sees_all:
        seen = "all hands are seen, so bids are made more often than at a table"
    return (
        f"{table.playout} playouts ({seen}), {deals} deals per declaration, the bidder leads; "
        f"seed {table.seed}, {table.playout} {table.playout_version}, bidding {BIDDING_VERSION}."
    )


def makes(points: Bytes) -> npt.NDArray[np.int64]:
    """Return [..., 13]: the number of deals in which each bid of BIDS is made, given points [..., n]."""
    return (points[..., None] >= np.array(BIDS)).sum(axis=-2)


def draw_deals(hand: Sequence[int], decl: int, seed: int, first: int, n: int) -> Bytes:
    """Draw deals first .. first + n - 1 for a hand, int8 [n, 4, 7]; seat 0 holds the hand.

    Deal k shuffles the other 21 dominoes by `stream(seed, "bid", decl, k)` and splits them into three
    hands. It depends only on hand, seed, declaration and k, not on how many deals are drawn.
    """
    held = check_hand(hand)
    rest = np.array([domino for domino in range(N_DOMINOES) if domino not in held], dtype=np.int8)
    deals = np.empty((n, N_SEATS, HAND_SIZE), dtype=np.int8)
    deals[:, 0] = held
    for row in range(n):
        deals[row, 1:] = stream(seed, "bid", decl, first + row).permutation(rest).reshape(-1, HAND_SIZE)
    deals.sort(axis=2)
    return deals


def play_out(
    hand: Sequence[int],
    playout: Playout,
    samples: int = DEFAULT_SAMPLES,
    seed: int = 0,
    decls: Sequence[int] = ALL,
    ci_width: float | None = None,
    advance: Callable[[int], None] | None = None,
) -> BidTable:
    """Play out a hand under each of `decls`, in at most `samples` deals.

    ci_width: stop a declaration as soon as the full width of its widest interval is at most this; its
    deals are then the first deals of a full run. (Intervals that are checked repeatedly cover slightly
    less than their nominal 95 %.) advance: called with numbers of finished deals, including those
    saved by stopping early. Raises BadInput for an invalid hand, seed, declaration, count or width.
    """
    held, asked = tuple(check_hand(hand)), sorted({check_declaration(decl) for decl in decls})
    check_seed(seed)
    check_extent(samples, ci_width)
    parts: list[list[Bytes]] = [[np.zeros(0, dtype=np.int8)] for _ in ALL]
    going = asked
    for first in range(0, samples, _AT_ONCE):
        n = min(_AT_ONCE, samples - first)
        deals = [draw_deals(held, decl, seed, first, n) for decl in going]
        points = playout.points(np.concatenate(deals), np.repeat(going, n), advance)
        for decl, of_decl in zip(going, points.reshape(-1, n), strict=True):
            parts[decl].append(of_decl)
        done = [decl for decl in going if ci_width is not None and _width(parts[decl]) <= ci_width]
        if advance and done:
            advance((samples - first - n) * len(done))
        going = [decl for decl in going if decl not in done]
        if not going:
            break
    return BidTable(
        hand=held,
        seed=seed,
        samples=samples,
        playout=playout.name,
        playout_version=playout.version,
        sees_all=playout.sees_all,
        points=tuple(np.concatenate(part) for part in parts),
    )


def check_extent(samples: int, ci_width: float | None = None) -> None:
    """Raise BadInput unless `samples` is in 1..MOST_SAMPLES and the width is in (0, 1]."""
    if not 1 <= samples <= MOST_SAMPLES:
        raise BadInput(f"samples {samples}: use 1 to {MOST_SAMPLES:,}")
    if ci_width is not None and not 0 < ci_width <= 1:
        raise BadInput(f"ci_width {ci_width}: use more than 0 and at most 1")


def _width(parts: list[Bytes]) -> float:
    """Return the full width of a declaration's widest interval."""
    points = np.concatenate(parts)
    low, high = wilson_interval(makes(points), len(points))
    return float((high - low).max())
