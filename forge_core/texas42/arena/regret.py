"""Regret: the points of a game lost to the luck of the deal, to hidden hands, and to blunders.

With all hands open, the result of a deal under best play is V at the root. Every play that is not the
best gives away points, so

    margin of team 0 = luck - lost by team 0 + lost by team 1,

where luck is V, and `lost` is the best Q minus the Q of the play. The part that the player could have
avoided is `blunder`: the best E[Q] minus the E[Q] of the play. The rest, `hidden`, is the price of not
seeing the other hands; it is negative if a guess turned out well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.streams import mix
from forge_core.texas42.dominoes import N_PLAYS
from forge_core.texas42.eq.adaptive import Sampling
from forge_core.texas42.eq.estimate import estimate
from forge_core.texas42.eq.generate import game_keys
from forge_core.texas42.eq.oracles import ExactOracle
from forge_core.texas42.eq.records import GameRecord, OracleKind, start_again
from forge_core.texas42.games import Games, replay
from forge_core.texas42.oracle.alphabeta import root_q
from forge_core.texas42.state import to_mover_frame
from forge_core.texas42.views import Views

DEFAULT_WORLDS = 200

Floats = npt.NDArray[np.float32]

_ONE, _OTHER = 2, 3
"""streams of the two samples of worlds for a decision, different from the streams used in play"""


@dataclass(frozen=True, slots=True, eq=False)
class RegretSplit:
    """The regret of one game, decision by decision, in points; losses are those of the mover's team."""

    luck: int
    """-42..42, team 0's margin under best play by all four with open hands"""
    margin: int
    """-42..42, team 0's margin in the game"""
    player: npt.NDArray[np.int8]
    """[28] seat of the mover"""
    lost: npt.NDArray[np.int8]
    """[28] best Q minus Q of the play, with open hands; at least 0"""
    blunder: Floats
    """[28] best E[Q] minus E[Q] of the play; exact and at least 0 if E[Q] is over all worlds. Otherwise one
    sample of worlds chooses the best play and another one measures its advantage, so that chance does not
    count as a blunder; the number can then be slightly below 0"""

    @property
    def hidden(self) -> Floats:
        """[28] The part of the loss that is not a blunder."""
        return self.lost - self.blunder

    def by_team(self, points: npt.NDArray) -> tuple[float, float]:
        """Return the sums of `points` (lost, blunder or hidden) over the decisions of teams 0 and 1."""
        team = self.player % 2
        return float(points[team == 0].sum()), float(points[team == 1].sum())


def regret_split(record: GameRecord, n_worlds: int = DEFAULT_WORLDS) -> RegretSplit:
    """Return the regret of one recorded game; see `regret_splits`."""
    return regret_splits([record], n_worlds)[0]


def regret_splits(records: Sequence[GameRecord], n_worlds: int = DEFAULT_WORLDS) -> list[RegretSplit]:
    """Return the regret of recorded games.

    E[Q] comes from the exact oracle, over all worlds if there are at most `n_worlds`, otherwise over a
    sample of `n_worlds`; if the record's own E[Q] is exact, it is used instead. Worlds are drawn with
    `eq.game_keys(games, 0)`, whatever the seed of the games. Raises BadInput for fewer than two worlds
    or for illegal plays.
    """
    if n_worlds < 2:
        raise BadInput(
            f"worlds {n_worlds}: use at least 2, one to choose the best play and one to measure it"
        )
    if not records:
        return []
    games = start_again(records)
    plays = np.array([record.plays for record in records])
    *steps, over = replay(games, plays)
    slots = [
        (step.views.hand == played[:, None]).argmax(axis=1)
        for step, played in zip(steps, plays.T, strict=True)
    ]
    q = _exact_q(steps)  # [N, 28, 7]
    rows = np.arange(len(records))
    lost = np.stack([q[:, ply].max(axis=1) - q[rows, ply, slot] for ply, slot in enumerate(slots)], axis=1)
    keys, blunder = game_keys(games, 0), np.zeros((len(records), N_PLAYS), dtype=np.float32)
    for ply, (step, slot) in enumerate(zip(steps, slots, strict=True)):
        is_exact = np.array([_all_worlds(record, ply) for record in records])
        mean = np.array([record.decisions.e_q_mean[ply] for record in records])
        blunder[is_exact, ply] = _gap(mean[is_exact], mean[is_exact], slot[is_exact])
        asked = np.flatnonzero(~is_exact & (step.views.legal.sum(axis=1) > 1))
        if len(asked):
            at_step = mix(keys[asked], ply)
            blunder[asked, ply] = _blunder(step.views.take(asked), slot[asked], at_step, n_worlds)
    leads = np.where(games.seen.turn % 2, -1, 1)  # into team 0's frame
    margin = over.seen.points[:, 0] - over.seen.points[:, 1]
    return [
        RegretSplit(
            luck=int(leads[game] * q[game, 0].max()),
            margin=int(margin[game]),
            player=over.seen.players[game],
            lost=lost[game].astype(np.int8),
            blunder=blunder[game],
        )
        for game in rows
    ]


def _exact_q(steps: Sequence[Games]) -> npt.NDArray[np.int64]:
    """Return Q of every decision, [N, 28, 7], points in the mover's frame, -128 where illegal."""
    states = np.stack([step.states for step in steps], axis=1).reshape(-1)
    first = steps[0]
    q = root_q(np.repeat(first.hands, N_PLAYS, axis=0), np.repeat(first.seen.decl, N_PLAYS), None, states)
    return to_mover_frame(q, states).reshape(len(first), N_PLAYS, -1).astype(np.int64)


def _all_worlds(record: GameRecord, ply: int) -> bool:
    """Return True if the record's E[Q] is exact: exact oracle, all worlds, equal weights."""
    decisions = record.decisions
    return bool(
        record.is_exact[ply]
        and decisions.oracle[ply] == OracleKind.EXACT
        and decisions.ess[ply] == decisions.world_count[ply]
    )


def _blunder(
    views: Views, slots: npt.NDArray, keys: npt.NDArray[np.uint64], n_worlds: int
) -> npt.NDArray[np.floating]:
    """Return [N]: the blunder of each play; see RegretSplit."""
    sampling = Sampling((n_worlds + 1) // 2, enumerate_limit=n_worlds, points=False)
    one, other = (estimate(ExactOracle(), views, mix(keys, part), sampling).mean for part in (_ONE, _OTHER))
    return (_gap(one, other, slots) + _gap(other, one, slots)) / 2


def _gap(best_by: Floats, worth: Floats, slots: npt.NDArray) -> npt.NDArray[np.floating]:
    """Return [N]: the advantage, measured by `worth`, of the best slot according to `best_by` over `slots`.

    best_by, worth: E[Q] [N, 7], NaN where illegal; slots [N].
    """
    rows = np.arange(len(slots))
    best = np.where(np.isnan(best_by), -np.inf, best_by).argmax(axis=1)
    return worth[rows, best] - worth[rows, slots]
