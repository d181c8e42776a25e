"""Convergence of P(make): intervals and advice after the first n deals, and on resampled sets of n deals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forge_core.errors import BadInput
from forge_core.streams import stream
from forge_core.texas42.bidding.advice import Best, Situation, choose, stakes_of
from forge_core.texas42.bidding.field import MEASURED_FIELD, Field
from forge_core.texas42.bidding.table import BidTable, makes

REDRAWS = 200
LADDER = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
"""the numbers of deals at which a table is measured, up to the number that it has"""


@dataclass(frozen=True, slots=True)
class Convergence:
    """The state of a table after the first n deals of each declaration."""

    n: int
    mean_width: float
    """mean full width of the intervals, over all played declarations and bids"""
    widest: float
    """full width of the widest interval"""
    recommended: Best
    """the advice based on the first n deals"""
    agreement: float
    """share of REDRAWS tables of n deals, resampled from all deals with replacement, whose recommended call
    and declaration are the same as those of the whole table"""
    same_call: float
    """the same share, comparing only the call"""


def rungs(samples: int) -> list[int]:
    """Return the numbers of deals at which a table is measured; the last is `samples`."""
    return [*(n for n in LADDER if n < samples), samples]


def converge(
    table: BidTable,
    situation: Situation,
    field: Field = MEASURED_FIELD,
    sizes: Sequence[int] | None = None,
) -> list[Convergence]:
    """Measure the convergence of a table. sizes: numbers of deals (default: see `rungs`).

    Resampling uses `stream(seed, "redraw", n)`. Raises BadInput if the table stopped early, because its
    declarations then have different numbers of deals, and for sizes outside 1..samples.
    """
    asked = np.flatnonzero(table.n)
    counts = set(table.n[asked].tolist())
    if counts != {table.samples}:
        raise BadInput(
            "the table stopped early, so its declarations have different numbers of deals: omit ci_width"
        )
    sizes = rungs(table.samples) if sizes is None else sizes
    if not all(1 <= n <= table.samples for n in sizes):
        raise BadInput(f"sizes {list(sizes)}: use numbers from 1 to {table.samples}")
    stakes = stakes_of(situation, field)
    points = np.stack([table.points[decl] for decl in asked])  # [asked, n]

    def recommend(made: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Choose a call [...] and a declaration [...] from counts of made deals [..., asked, 13] out of n."""
        p_make = np.full((*made.shape[:-2], len(table.points), made.shape[-1]), np.nan)
        p_make[..., asked, :] = made / n
        return choose(p_make, stakes)

    def measure(n: int) -> Convergence:
        low, high = table.prefix(n).interval
        widths = (high - low)[asked]
        call, decl = recommend(makes(points[:, :n]), n)
        rng = stream(table.seed, "redraw", n)
        drawn = (rng.integers(table.samples, size=(len(asked), n)) for _ in range(REDRAWS))
        redrawn = [makes(np.take_along_axis(points, deals, axis=1)) for deals in drawn]
        calls, decls = recommend(np.stack(redrawn), n)
        same = calls == final_call
        return Convergence(
            n=n,
            mean_width=float(widths.mean()),
            widest=float(widths.max()),
            recommended=Best(int(call), None if decl < 0 else int(decl)),
            agreement=float((same & (decls == final_decl)).mean()),
            same_call=float(same.mean()),
        )

    final_call, final_decl = recommend(makes(points), table.samples)
    return [measure(n) for n in sizes]
