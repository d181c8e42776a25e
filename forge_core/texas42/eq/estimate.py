"""E[Q]: the value of each play to a player who does not see the other hands.

Worlds are drawn, an oracle evaluates the plays in each world, and the answers are averaged. The draws
for a game depend only on its key and its position, not on the other games in the batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from forge_core.device import to_device
from forge_core.errors import ForgeError
from forge_core.texas42.dominoes import HAND_POINTS, HAND_SIZE
from forge_core.texas42.eq.adaptive import AdaptiveConfig, Sampling
from forge_core.texas42.eq.aggregate import Tally, tally
from forge_core.texas42.eq.beliefs import Belief
from forge_core.texas42.eq.oracles import History, Oracle, Positions
from forge_core.texas42.eq.positions import Table, deal_out, replay, uninformative
from forge_core.texas42.state import ILLEGAL
from forge_core.texas42.views import Seen, Views
from forge_core.texas42.worlds import Worlds
from forge_core.texas42.worlds.posterior import log_likelihood
from forge_core.texas42.worlds.voids import unseen

Floats = npt.NDArray[np.float32]

_WORLDS_A_ROUND = 4096
"""worlds of a game that are summed together; a constant, because it affects the last digit of the sums"""
_POSITIONS = 1 << 20
"""positions evaluated together over all games; at a kilobyte each, this bounds the memory"""


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """Estimates for the movers of N games; points in the mover's frame, NaN where a play is illegal."""

    legal: npt.NDArray[np.bool_]
    """[N, 7] legal slots"""
    mean: Floats
    """[N, 7] E[Q]"""
    variance: Floats
    """[N, 7] variance of Q over worlds, points squared"""
    p_make: Floats
    """[N, 7] share of worlds in which the bid is made (for defenders: set)"""
    points: Floats | None
    """[N, 7, 85] share of worlds by Q, -42..42; 0 where illegal"""
    ess: Floats
    """[N] effective number of worlds: 1 / sum of squared weights"""
    max_weight: Floats
    """[N] weight of the heaviest world"""
    entropy: Floats
    """[N] entropy of the weights, in nats"""
    n_worlds: npt.NDArray[np.int64]
    """[N] number of worlds used"""
    world_count: npt.NDArray[np.int64]
    """[N] exact number of worlds consistent with everything the mover has seen"""
    converged: npt.NDArray[np.bool_]
    """[N] True if every world was used, or if the ESS and the standard error of every legal play (or what
    `AdaptiveConfig` requires in its place) suffice"""

    def __len__(self) -> int:
        return len(self.legal)

    @property
    def standard_error(self) -> Floats:
        """[N, 7] standard error of E[Q], assuming that the worlds were drawn at random (see `converged`)."""
        return np.sqrt(self.variance / self.ess[:, None])


def estimate(
    oracle: Oracle,
    views: Views,
    keys: npt.NDArray[np.uint64],
    sampling: Sampling,
    device: str = "cpu",
    belief: Belief | None = None,
    exactly: bool = False,
    bonus: float = 0.0,
) -> Estimates:
    """Estimate E[Q] for N views, all after the same number of plays.

    keys: [N], which determine the draws (see `streams.mix`). Worlds are built and summed on `device`; the
    oracle may be on another. belief: weights the worlds, or chooses among `sampling.candidates`. exactly:
    determine P(make) by the oracle's solver, if it has one, also where a network estimates Q. bonus: points
    per chance to make the bid, added to E[Q] where adaptive sampling compares plays. Raises ForgeError if no
    world is consistent, or if all have weight 0.
    """
    hidden = unseen(views)
    worlds = Worlds(hidden, keys, device)
    if not (worlds.count > 0).all():
        game = int(np.flatnonzero(worlds.count <= 0)[0])
        raise ForgeError(f"game {game}: no deal is consistent with its plays, so they break the rules")
    table = Table.of(views, hidden, device)
    legal, needed_at = views.legal, makes_at(views)
    is_complete = worlds.count <= sampling.enumerate_up_to
    drawn = sampling.candidates if belief else 1  # per world that is kept
    to_take = np.where(is_complete, -(-worlds.count // drawn), sampling.most)
    # Where sampling may stop early, worlds in the order of a list would be no sample.
    is_listed = is_complete if sampling.adaptive else worlds.count <= sampling.enumerate_up_to * drawn
    to_draw = np.where(is_listed, worlds.count, to_take * drawn)

    compares_plays = sampling.adaptive is not None and sampling.adaptive.compares_plays
    total: Tally | None = None
    going, taken = np.arange(len(views)), 0
    while len(going):
        m = int(min(sampling.batch, _WORLDS_A_ROUND, (to_take[going] - taken).max()))
        at_once = max(1, _POSITIONS // (m * max(drawn, 1 + sampling.window)))
        parts, all_games = [], to_device(going, device)
        for some, games in zip(
            np.split(going, range(at_once, len(going), at_once)), all_games.split(at_once), strict=True
        ):
            owner = worlds.draw(some, taken * drawn, m * drawn, is_listed[some])
            wanted = taken * drawn + np.arange(m * drawn) < to_draw[some, None]
            dealt = _deal(views.seen, table, games, owner, wanted, belief)
            if drawn > 1:
                dealt = dealt.keep(m, to_device(~is_complete[some], device))
            needed = to_device(needed_at[some], device)
            asked = _ask(oracle, views.seen, table, games, dealt, needed, sampling, exactly)
            answers = asked.q, asked.log_weight, dealt.valid, asked.made
            parts.append(tally(*answers, sampling.points, compares_plays, bonus))
        part = Tally.join(parts)
        taken += m
        if total is None:
            total = part
        else:
            total.put(all_games, total.take(all_games).plus(part))
        done = taken >= to_take[going]
        if taken >= sampling.least and not done.all():
            known = _is_known(total.take(all_games), legal[going], sampling, sampling.adaptive)
            done |= known & ~is_complete[going]
        going = going[~done]
    assert total is not None
    return _read(total, legal, worlds.count, is_complete, sampling)


@dataclass(frozen=True, slots=True, eq=False)
class _Dealt:
    """K worlds of each of n games, of which some count."""

    hands: Tensor
    """int8 [D, 4, 7], those of the worlds that count"""
    place: Tensor
    """[D] index of each of them into n x K"""
    valid: Tensor
    """[n, K] bool: the worlds that count"""
    log_weight: Tensor
    """[n, K] float64, by belief"""

    @property
    def row(self) -> Tensor:
        """[D] index into the n games."""
        return self.place // self.valid.shape[1]

    def keep(self, m: int, rows: Tensor) -> _Dealt:
        """Choose m worlds in the games where `rows` [n] is set: by systematic resampling.

        A world is chosen k times, with k within 1 of m times its share of the weight, and then has log weight
        log k. All get the same constant, so that the sum of the weights of a game stays as it was.
        """
        log_weight = torch.where(self.valid, self.log_weight, -torch.inf)
        total = log_weight.logsumexp(dim=1, keepdim=True)
        share = (log_weight - total.nan_to_num(neginf=0.0)).exp()
        times = torch.floor(m * share.cumsum(dim=1) + 0.5).diff(dim=1, prepend=torch.zeros_like(total))
        chosen = torch.where(rows[:, None], (times > 0) & self.valid, self.valid)
        weight = torch.where(rows[:, None], times.log() + total - math.log(m), self.log_weight)
        kept = chosen.flatten()[self.place]
        return _Dealt(self.hands[kept], self.place[kept], chosen, weight)


def _deal(
    seen: Seen,
    table: Table,
    games: Tensor,
    owner: Tensor,
    wanted: npt.NDArray[np.bool_],
    belief: Belief | None,
) -> _Dealt:
    """Deal worlds int8 [n, K, U] of the games [n], where `wanted` [n, K], and weight them by the belief."""
    valid, place = to_device(wanted, owner.device), to_device(np.flatnonzero(wanted), owner.device)
    game = games[place // valid.shape[1]]
    hands = deal_out(table, game, owner.flatten(0, 1)[place])
    log_weight = torch.zeros(valid.numel(), dtype=torch.float64, device=valid.device)
    if belief:
        log_weight[place] = belief.log_prior(seen, game, hands)
    return _Dealt(hands, place, valid, log_weight.view(valid.shape))


@dataclass(frozen=True, slots=True, eq=False)
class _Answers:
    """Answers of an oracle in K worlds of each of n games; undefined where a world does not count."""

    q: Tensor
    """[n, K, 7]"""
    log_weight: Tensor
    """[n, K]"""
    made: Tensor
    """[n, K, 7] chance that the mover's team makes the bid (defenders: sets it)"""


def _ask(
    oracle: Oracle,
    seen: Seen,
    table: Table,
    games: Tensor,
    dealt: _Dealt,
    needed: Tensor,
    sampling: Sampling,
    exactly: bool,
) -> _Answers:
    """Return the answers for the worlds of the games [n]. needed: [n], see `makes_at`."""
    (n, k), hands, place = dealt.valid.shape, dealt.hands, dealt.place
    game, device = games[dealt.row], hands.device
    posterior = sampling.posterior
    past = replay(table, game, hands, sampling.window)
    asked = ~uninformative(past)
    asked[:, -1] = True

    j = asked.shape[1]
    every = torch.arange(len(hands) * j, device=device)
    flat = every[asked.flatten()] if j > 1 else every  # a wait for their number, if earlier plays are asked
    history = History(seen, game[flat // j], table.step + 1 - j + flat % j)
    answers = oracle.q(Positions(hands, past.decl, past.states.flatten()[flat], flat // j), history)
    if not bool(torch.isfinite(answers).all()):
        raise ForgeError("the oracle's network returned NaN or infinity: use a network that has not diverged")
    values = torch.full((len(hands) * j, HAND_SIZE), ILLEGAL, dtype=torch.float32, device=device)
    values[flat] = answers
    values = values.view(-1, j, HAND_SIZE)

    q, made = values.new_zeros(n * k, HAND_SIZE), values.new_zeros(n * k, HAND_SIZE)
    q[place] = values[:, -1]
    present = Positions(hands, past.decl, past.states[:, -1], torch.arange(len(hands), device=device))
    made[place] = oracle.chances(values[:, -1], needed[dealt.row], present, exactly)
    log_weight = dealt.log_weight.flatten()
    if posterior and j > 1:
        observed = torch.where(asked, past.played, -1)[:, :-1]
        log_weight = log_weight.clone()
        log_weight[place] += log_likelihood(
            values[:, :-1].double(), past.legal[:, :-1], observed, posterior.tau, posterior.mix
        )
    return _Answers(q.view(n, k, HAND_SIZE), log_weight.view(n, k), made.view(n, k, HAND_SIZE))


def makes_at(views: Views) -> npt.NDArray[np.int64]:
    """Return [N] the smallest Q at which the mover's team makes the bid (defenders: sets it).

    -127 means always, 127 never. All R remaining points go to one team or the other, so Q has the
    parity of R: a team that needs x more points has them if Q >= 2x - R. The threshold is one point
    lower, halfway between two possible values, so that a network's inexact values are rounded.
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


def _is_known(
    total: Tally, legal: npt.NDArray[np.bool_], sampling: Sampling, adaptive: AdaptiveConfig | None
) -> npt.NDArray[np.bool_]:
    """Return [n] bool: True if the ESS suffices and E[Q] or the choice is as certain as `adaptive` requires.

    If one world has nearly all the weight, the spread over worlds and the standard error are almost 0,
    so the standard error is meaningful only if the ESS suffices.
    """
    columns = torch.cat([total.ess[:, None], total.variance], dim=1).cpu().numpy()
    ess, variance = columns[:, 0], columns[:, 1:]
    known = ess >= sampling.least_ess
    if not adaptive:
        return known
    plays = to_device(legal, total.q.device)
    if adaptive.loss is not None:
        return known & (total.choice_loss(plays) <= adaptive.loss).cpu().numpy()
    certain = _largest_error(variance, ess, legal) <= adaptive.sem_threshold
    if adaptive.lead is not None:
        certain |= (total.lead_errors(plays) >= adaptive.lead).cpu().numpy()
    return known & certain


def _largest_error(
    variance: npt.NDArray[np.float64], ess: npt.NDArray[np.float64], legal: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Return [n] the largest standard error of E[Q] over legal plays, in points: variance [n, 7], ess [n]."""
    return np.where(legal, np.sqrt(variance / ess[:, None]), 0.0).max(axis=1)


def _read(
    total: Tally,
    legal: npt.NDArray[np.bool_],
    world_count: npt.NDArray[np.int64],
    is_complete: npt.NDArray[np.bool_],
    sampling: Sampling,
) -> Estimates:
    """Convert sums to estimates, on the host. Raises ForgeError if all worlds of a game have weight 0."""
    weight = total.weight[:, None]
    of_games = [total.weight, total.ess, 1 / total.weight, total.entropy.clamp(min=0), total.n.double()]
    columns = torch.cat(
        [torch.stack(of_games, dim=1), total.mean, total.variance, total.made / weight], dim=1
    )
    read = columns.cpu().numpy()  # together, since each reading is a wait
    if not (read[:, 0] > 0).all():
        raise ForgeError("every sampled world has posterior weight 0: sample more worlds, or raise tau")
    _, ess, max_weight, entropy, n_worlds = read[:, : len(of_games)].T
    of_plays = read[:, len(of_games) :].reshape(len(read), 3, HAND_SIZE)
    mean, variance, p_make = np.where(legal[:, None], of_plays, np.nan).astype(np.float32).swapaxes(0, 1)
    points = None
    if total.points is not None:
        points = (total.points / weight[:, :, None]).float().cpu().numpy()
        points[~legal] = 0
    known = _is_known(total, legal, sampling, sampling.adaptive or AdaptiveConfig())
    return Estimates(
        legal=legal,
        mean=mean,
        variance=variance,
        p_make=p_make,
        points=points,
        ess=ess.astype(np.float32),
        max_weight=max_weight.astype(np.float32),
        entropy=entropy.astype(np.float32),
        n_worlds=n_worlds.astype(np.int64),
        world_count=world_count,
        converged=is_complete | known,
    )
