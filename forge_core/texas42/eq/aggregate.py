"""Extendable weighted sums over worlds, and the statistics derived from them."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from forge_core.texas42.dominoes import HAND_POINTS
from forge_core.texas42.eq.records import N_POINTS

WORST = -HAND_POINTS
_NO_ERROR = 1e-6
"""points: a smaller standard error is rounding"""
_ONE_HOT = 1 << 24
"""one-hot numbers held at once; bounds the memory"""


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Sums over the worlds of N games, float64. A world with log weight l has weight exp(l - shift)."""

    shift: Tensor
    """[N] the highest log weight so far"""
    n: Tensor
    """[N] int64 number of worlds, including those with weight 0"""
    weight: Tensor
    """[N] sum of weights"""
    weight_squared: Tensor
    """[N] sum of squared weights"""
    weight_log: Tensor
    """[N] sum of weight x (l - shift)"""
    q: Tensor
    """[N, 7] sum of weight x Q"""
    q_squared: Tensor
    """[N, 7] sum of weight x Q squared"""
    made: Tensor
    """[N, 7] sum of weight x chance that the mover's team makes the bid (defenders: sets it)"""
    points: Tensor | None
    """[N, 7, 85] weight by rounded Q, -42..42; None if not requested"""
    value: Tensor | None
    """[N, 7] sum of weight x value, which is Q plus a bonus in proportion to the chance to make the bid; None
    if not requested"""
    products: Tensor | None
    """[N, 7, 7] sum of weight x value of one play x value of another; None if not requested"""

    @classmethod
    def join(cls, parts: list[Tally]) -> Tally:
        """Concatenate the games of several tallies."""
        if len(parts) == 1:
            return parts[0]
        columns = zip(*(part._columns() for part in parts), strict=True)
        return cls(*(None if column[0] is None else torch.cat(column) for column in columns))  # pyright: ignore

    def take(self, games: Tensor) -> Tally:
        """Return the tally of the games with these indices."""
        picked: list[Any] = [None if column is None else column[games] for column in self._columns()]
        return Tally(*picked)

    def put(self, games: Tensor, part: Tally) -> None:
        """Replace the games at these indices with those of `part`."""
        for column, changed in zip(self._columns(), part._columns(), strict=True):
            if column is not None:
                column[games] = changed

    def _columns(self) -> tuple[Any, ...]:
        return tuple(getattr(self, field.name) for field in fields(self))

    def plus(self, other: Tally) -> Tally:
        """Return the tally over the worlds of both."""
        shift = torch.maximum(self.shift, other.shift)
        moved = [
            torch.where(part.shift == -torch.inf, -torch.inf, part.shift - shift) for part in (self, other)
        ]
        factors = [move.exp() for move in moved]

        def add(name: str, power: int = 1) -> Tensor:
            return sum(
                factor.view(-1, *(1,) * (getattr(part, name).dim() - 1)) ** power * getattr(part, name)
                for part, factor in zip((self, other), factors, strict=True)
            )  # pyright: ignore[reportReturnType]

        weight_log = sum(
            factor * (part.weight_log + torch.where(factor > 0, move, 0.0) * part.weight)
            for part, factor, move in zip((self, other), factors, moved, strict=True)
        )
        return Tally(
            shift=shift,
            n=self.n + other.n,
            weight=add("weight"),
            weight_squared=add("weight_squared", 2),
            weight_log=weight_log,  # pyright: ignore[reportArgumentType]
            q=add("q"),
            q_squared=add("q_squared"),
            made=add("made"),
            points=None if self.points is None else add("points"),
            value=None if self.value is None else add("value"),
            products=None if self.products is None else add("products"),
        )

    @property
    def ess(self) -> Tensor:
        """[N] effective number of worlds, 1..n."""
        return self.weight**2 / self.weight_squared

    @property
    def mean(self) -> Tensor:
        """[N, 7] E[Q] in points."""
        return self.q / self.weight[:, None]

    @property
    def variance(self) -> Tensor:
        """[N, 7] variance of Q over worlds, in points squared."""
        return (self.q_squared / self.weight[:, None] - self.mean**2).clamp(min=0)

    def lead_errors(self, legal: Tensor) -> Tensor:
        """Return [N] the smallest lead of the best play over another, in standard errors of that difference.

        legal: bool [N, 7]. The plays are compared world by world, so that what all of them gain in a good
        world does not count as error. Infinite if there is one play only, or if the best play gains as much
        in every world; plays that are equal in every world lead each other. Needs values and products.
        """
        lead, error, others = self._leads(legal)
        errors = torch.where(error > _NO_ERROR, lead / error.clamp(min=_NO_ERROR), torch.inf)
        return errors.masked_fill(~others, torch.inf).amin(dim=1)

    def choice_loss(self, legal: Tensor) -> Tensor:
        """Return [N] an upper bound of the points that the best play is expected to lose to the true best.

        The errors of the differences between plays count as normal. If the best play leads another one by x
        standard errors e, the other one is better by e (phi(x) - x Phi(-x)) on average, where a negative
        difference counts as 0; that is at most e phi(x) / (1 + x^2), with equality at 0. The bounds of all
        other plays are added. legal: bool [N, 7]. Needs values and products.
        """
        lead, error, others = self._leads(legal)
        error = torch.where(error > _NO_ERROR, error, 0.0)
        squared = (lead / error.clamp(min=_NO_ERROR)) ** 2
        loss = error * (squared / -2).exp() / (math.sqrt(2 * math.pi) * (1 + squared))
        return loss.masked_fill(~others, 0.0).sum(dim=1)

    def _leads(self, legal: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the lead of the best play over each play [N, 7], its standard error, and the other plays."""
        assert self.value is not None and self.products is not None
        mean = self.value / self.weight[:, None]
        best = mean.masked_fill(~legal, -torch.inf).argmax(dim=1)
        rows = torch.arange(len(best), device=best.device)
        covariance = self.products / self.weight[:, None, None] - mean[:, :, None] * mean[:, None, :]
        spread = covariance.diagonal(dim1=1, dim2=2)
        variance = spread[rows, best][:, None] + spread - 2 * covariance[rows, best]
        error = (variance.clamp(min=0) / self.ess[:, None]).sqrt()
        others = legal.clone()
        others[rows, best] = False
        return mean[rows, best][:, None] - mean, error, others

    @property
    def entropy(self) -> Tensor:
        """[N] entropy of the normalised weights, in nats."""
        return self.weight.log() - self.weight_log / self.weight


def tally(
    q: Tensor,
    log_weight: Tensor,
    valid: Tensor,
    made: Tensor,
    with_points: bool = False,
    with_values: bool = False,
    bonus: float = 0.0,
) -> Tally:
    """Sum over the M worlds of each of N games.

    q: [N, M, 7] points in the mover's frame. log_weight: [N, M], -inf for an impossible world. valid:
    bool [N, M], the worlds that count. made: [N, M, 7], the chance in each world that the mover's team
    makes the bid (defenders: sets it). with_values: sum values and their products too. bonus: points of a
    value per chance to make the bid. Results are bitwise reproducible on one device.
    """
    log_weight = torch.where(valid, log_weight.double(), -torch.inf)
    shift = log_weight.amax(dim=1)
    above = log_weight - torch.where(shift == -torch.inf, 0.0, shift)[:, None]
    weight = above.exp()
    q = q.double()
    each = weight[:, :, None]
    value = q + bonus * made if bonus else q
    return Tally(
        shift=shift,
        n=valid.sum(dim=1),
        weight=weight.sum(dim=1),
        weight_squared=(weight**2).sum(dim=1),
        weight_log=(weight * torch.where(weight > 0, above, 0.0)).sum(dim=1),
        q=(each * q).sum(dim=1),
        q_squared=(each * q**2).sum(dim=1),
        made=(each * made).sum(dim=1),
        points=_by_points(q, weight) if with_points else None,
        value=(each * value).sum(dim=1) if with_values else None,
        products=torch.einsum("nma,nmb->nab", each * value, value) if with_values else None,
    )


def _by_points(q: Tensor, weight: Tensor) -> Tensor:
    """Sum weight [N, M] by the rounded value of q [N, M, 7]; return [N, 7, 85]."""
    value = (q.round().long() - WORST).clamp(0, N_POINTS - 1).transpose(1, 2)  # [N, 7, M]
    if q.device.type == "cpu":
        points = q.new_zeros(*value.shape[:2], N_POINTS)
        return points.scatter_add_(2, value, weight[:, None].expand(value.shape))
    # On a GPU, scattered sums have no fixed order, but a product with one-hot rows does.
    values = torch.arange(N_POINTS, device=q.device)
    games = max(1, _ONE_HOT // (value[0].numel() * N_POINTS))
    parts = zip(weight.split(games), value.split(games), strict=True)
    return torch.cat([torch.einsum("nm,namv->nav", w, (v[..., None] == values).double()) for w, v in parts])
