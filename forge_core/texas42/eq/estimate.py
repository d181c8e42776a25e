"""E[Q]: what each play is worth to a hand that does not see the others.

Take worlds, ask the oracle in each, add up. What is drawn for a game depends on its key and
its position alone, not on the games beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from forge_core.errors import ForgeError
from forge_core.texas42.dominoes import HAND_POINTS, HAND_SIZE
from forge_core.texas42.eq.adaptive import AdaptiveConfig, Sampling
from forge_core.texas42.eq.aggregate import Tally, tally
from forge_core.texas42.eq.beliefs import Belief
from forge_core.texas42.eq.oracles import Oracle
from forge_core.texas42.eq.positions import Table, deal_out, replay, uninformative
from forge_core.texas42.state import ILLEGAL
from forge_core.texas42.views import Seen, Views
from forge_core.texas42.worlds import Worlds
from forge_core.texas42.worlds.posterior import log_likelihood
from forge_core.texas42.worlds.voids import unseen

Floats = npt.NDArray[np.float32]

_WORLDS_A_ROUND = 4096
"""of a game: how many are added up together is part of the last digit, so it depends on nothing else"""
_POSITIONS = 1 << 20
"""looked at together, of all games: a kilobyte each bounds the memory"""


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """What the movers of N games expect; points in the mover's frame, NaN where a play is illegal."""

    legal: npt.NDArray[np.bool_]
    """[N, 7]"""
    mean: Floats
    """[N, 7] E[Q]"""
    variance: Floats
    """[N, 7] of Q over worlds, points squared"""
    p_make: Floats
    """[N, 7] share of the worlds in which the bid is made, or for its opponents set"""
    points: Floats | None
    """[N, 7, 85] share of the worlds by Q, -42..42; 0 where illegal"""
    ess: Floats
    """[N] effective number of worlds: 1 / sum of squared weights"""
    max_weight: Floats
    """[N] share of the heaviest world"""
    entropy: Floats
    """[N] of the weights, nats"""
    n_worlds: npt.NDArray[np.int64]
    """[N] asked about"""
    world_count: npt.NDArray[np.int64]
    """[N] consistent with all that was seen, exactly"""
    converged: npt.NDArray[np.bool_]
    """[N] every world was taken; or enough of them count and each legal play's standard error is small"""

    def __len__(self) -> int:
        return len(self.legal)

    @property
    def standard_error(self) -> Floats:
        """[N, 7] of E[Q], as if worlds had been drawn: see `converged`."""
        return np.sqrt(self.variance / self.ess[:, None])


def estimate(
    oracle: Oracle,
    views: Views,
    keys: npt.NDArray[np.uint64],
    sampling: Sampling,
    device: str = "cpu",
    belief: Belief | None = None,
) -> Estimates:
    """E[Q] of N views, all after equally many plays; keys [N] of the draws (see `streams.mix`).

    Worlds are dealt out and added up on `device`; the oracle may sit elsewhere. belief: weighs
    them too. Raises ForgeError if nothing fits what was seen and believed.
    """
    hidden = unseen(views)
    worlds = Worlds(hidden, keys, device)
    if not (worlds.count > 0).all():
        game = int(np.flatnonzero(worlds.count <= 0)[0])
        raise ForgeError(f"game {game}: no deal fits what was seen; its plays break the rules")
    table = Table.of(views, hidden, device)
    legal, makes_at = views.legal, _makes_at(views)
    every = worlds.count <= sampling.enumerate_up_to
    to_take = np.where(every, worlds.count, sampling.most)

    total: Tally | None = None
    going, taken = np.arange(len(views)), 0
    while len(going):
        m = int(min(sampling.batch, _WORLDS_A_ROUND, (to_take[going] - taken).max()))
        at_once = max(1, _POSITIONS // (m * (1 + sampling.window)))
        parts, all_games = [], torch.as_tensor(going, device=device)
        for some, games in zip(
            np.split(going, range(at_once, len(going), at_once)), all_games.split(at_once), strict=True
        ):
            ranks = worlds.ranks(some, taken, m, every[some])
            there = taken + np.arange(m) < to_take[some, None]
            valid, owner = torch.as_tensor(there, device=device), worlds.owner(some, ranks)
            q, log_weight = _ask(oracle, views.seen, table, games, owner, valid, sampling, belief)
            needed = torch.as_tensor(makes_at[some], device=device)
            parts.append(tally(q, log_weight, valid, needed, sampling.points))
        part = Tally.join(parts)
        taken += m
        if total is None:
            total = part
        else:
            total.put(all_games, total.take(all_games).plus(part))
        enough = _enough(total.take(all_games), legal[going], every[going], to_take[going], taken, sampling)
        going = going[~enough]
    assert total is not None
    if not bool((total.weight > 0).all()):
        raise ForgeError("no world that was taken is believed possible: take more, or believe less firmly")
    return _read(total, legal, worlds.count, every, sampling)


def _ask(
    oracle: Oracle,
    seen: Seen,
    table: Table,
    games: Tensor,
    owner: Tensor,
    there: Tensor,
    sampling: Sampling,
    belief: Belief | None,
) -> tuple[Tensor, Tensor]:
    """Q [n, M, 7] and log weights [n, M] of worlds int8 [n, M, U]; of those not `there` they mean nothing."""
    n, m = there.shape
    asked_of = there.flatten().nonzero().squeeze(1)
    game = games[asked_of // m]
    hands = deal_out(table, game, owner.flatten(0, 1)[asked_of])
    posterior = sampling.posterior
    past = replay(table, game, hands, sampling.window)
    asked = ~uninformative(past)
    asked[:, -1] = True

    j = asked.shape[1]
    flat = asked.flatten().nonzero().squeeze(1)
    answers = oracle.q(hands, past.decl, past.states.flatten()[flat], flat // j)
    if not bool(torch.isfinite(answers).all()):
        raise ForgeError("the oracle said what is no number: its network has diverged; use another")
    said = torch.full((len(hands) * j, HAND_SIZE), ILLEGAL, dtype=torch.float32, device=there.device)
    said[flat] = answers
    said = said.view(-1, j, HAND_SIZE)

    q = said.new_zeros(n * m, HAND_SIZE)
    q[asked_of] = said[:, -1]
    log_weight = said.new_zeros(n * m, dtype=torch.float64)
    if posterior and j > 1:
        observed = torch.where(asked, past.played, -1)[:, :-1]
        log_weight[asked_of] = log_likelihood(
            said[:, :-1].double(), past.legal[:, :-1], observed, posterior.tau, posterior.mix
        )
    if belief:
        log_weight[asked_of] += belief.log_prior(seen, game, hands)
    return q.view(n, m, HAND_SIZE), log_weight.view(n, m)


def _makes_at(views: Views) -> npt.NDArray[np.int64]:
    """[N] the Q from which on the mover's side has its way with the bid; -127 always, 127 never.

    Points still to come are shared out, so Q has the parity of their number R: a side that
    needs x more of them has them from 2x - R on, and one point less lies between two values,
    which is where the mean of a network belongs to either.
    """
    seen = views.seen
    rows, bidders = np.arange(len(seen)), seen.bidder % 2
    taken = seen.points[rows, bidders].astype(np.int64)
    left = HAND_POINTS - seen.points.sum(axis=1, dtype=np.int64)
    missing = seen.needed - taken
    bids_itself = views.seat % 2 == bidders
    at = np.where(bids_itself, 2 * missing - left - 1, left - 2 * missing + 1)
    certain = (missing <= 0) | (missing > left)
    outcome = np.where((missing <= 0) == bids_itself, -127, 127)
    return np.where(certain, outcome, at)


def _enough(
    total: Tally,
    legal: npt.NDArray[np.bool_],
    every: npt.NDArray[np.bool_],
    to_take: npt.NDArray[np.int64],
    taken: int,
    sampling: Sampling,
) -> npt.NDArray[np.bool_]:
    """[n] games that need no more worlds."""
    done = taken >= to_take
    if taken < sampling.least:
        return done
    return done | (~every & _is_known(total, legal, sampling, sampling.adaptive))


def _is_known(
    total: Tally, legal: npt.NDArray[np.bool_], sampling: Sampling, adaptive: AdaptiveConfig | None
) -> npt.NDArray[np.bool_]:
    """[n] enough worlds count, and say E[Q] as finely as `adaptive` asks.

    Where nearly all weight is on one world, the spread over worlds is nothing and so is the
    standard error: it speaks only if enough of them count.
    """
    known = total.ess.cpu().numpy() >= sampling.least_ess
    return known & (_largest_error(total, legal) <= adaptive.sem_threshold) if adaptive else known


def _largest_error(total: Tally, legal: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """[n] the largest standard error of a legal play's E[Q], points."""
    error = (total.variance / total.ess[:, None]).sqrt().cpu().numpy()
    return np.where(legal, error, 0.0).max(axis=1)


def _read(
    total: Tally,
    legal: npt.NDArray[np.bool_],
    world_count: npt.NDArray[np.int64],
    every: npt.NDArray[np.bool_],
    sampling: Sampling,
) -> Estimates:
    """Sums as what they mean, on the host."""

    def read(column: Tensor) -> Floats:
        return column.float().cpu().numpy()

    def of_plays(column: Tensor) -> Floats:
        return np.where(legal, read(column), np.float32(np.nan))

    weight = total.weight[:, None]
    points = None
    if total.points is not None:
        points = np.where(legal[:, :, None], read(total.points / weight[:, :, None]), np.float32(0))
    known = _is_known(total, legal, sampling, sampling.adaptive or AdaptiveConfig())
    return Estimates(
        legal=legal,
        mean=of_plays(total.mean),
        variance=of_plays(total.variance),
        p_make=of_plays(total.made / weight),
        points=points,
        ess=read(total.ess),
        max_weight=read(1 / total.weight),
        entropy=read(total.entropy.clamp(min=0)),
        n_worlds=total.n.cpu().numpy(),
        world_count=world_count,
        converged=every | known,
    )
