"""What a game was lost by: the luck of the deal, what was hidden, and blunders.

With all hands seen, the points of a deal are settled before the first play: V at the root. Every
play that is not best then gives some away, so

    margin of team 0 = luck - lost by team 0 + lost by team 1,

where `lost` is best Q less Q of the play. Of that, `blunder` is what the player could have known:
best E[Q] less E[Q] of the play. The rest, `hidden`, is the price of not seeing the other hands; it
is negative where a guess turned out well.
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
"""streams of a decision, beside those that games are played with: two samples of worlds"""


@dataclass(frozen=True, slots=True, eq=False)
class RegretSplit:
    """One game, decision by decision. Points; what is lost is lost to the mover's team."""

    luck: int
    """-42..42 team 0's margin if all four had seen all hands and played their best"""
    margin: int
    """-42..42 team 0's margin as it was"""
    player: npt.NDArray[np.int8]
    """[28] seat of the mover"""
    lost: npt.NDArray[np.int8]
    """[28] best Q less Q of the play, all hands seen: at least 0"""
    blunder: Floats
    """[28] best E[Q] less E[Q] of the play: exact, at least 0, where all worlds were taken. Elsewhere some
    worlds say which play is best and others by how much, so that chance is not taken for a blunder;
    it may then come out a little below 0"""

    @property
    def hidden(self) -> Floats:
        """[28] the rest of what was lost."""
        return self.lost - self.blunder

    def by_team(self, points: npt.NDArray) -> tuple[float, float]:
        """Sums of `lost`, `blunder` or `hidden` over the decisions of team 0 and of team 1."""
        team = self.player % 2
        return float(points[team == 0].sum()), float(points[team == 1].sum())


def regret_split(record: GameRecord, n_worlds: int = DEFAULT_WORLDS) -> RegretSplit:
    """What one recorded game was lost by; see `regret_splits`."""
    return regret_splits([record], n_worlds)[0]


def regret_splits(records: Sequence[GameRecord], n_worlds: int = DEFAULT_WORLDS) -> list[RegretSplit]:
    """What recorded games were lost by.

    E[Q] is asked of the exact oracle, over all worlds where there are at most `n_worlds`, else over
    so many; where the record has it over all worlds, it is taken from there. Draws are those of
    `eq.game_keys(games, 0)`, whatever the games were played with. Raises BadInput for fewer
    than two worlds, or plays that the rules do not allow.
    """
    if n_worlds < 2:
        raise BadInput(f"{n_worlds} worlds: some must say which play is best and others by how much: use 2")
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
        told = np.array([_all_worlds(record, ply) for record in records])
        mean = np.array([record.decisions.e_q_mean[ply] for record in records])
        blunder[told, ply] = _gap(mean[told], mean[told], slot[told])
        asked = np.flatnonzero(~told & (step.views.legal.sum(axis=1) > 1))
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
    """[N, 28, 7] points in the mover's frame, -128 illegal."""
    states = np.stack([step.states for step in steps], axis=1).reshape(-1)
    first = steps[0]
    q = root_q(np.repeat(first.hands, N_PLAYS, axis=0), np.repeat(first.seen.decl, N_PLAYS), None, states)
    return to_mover_frame(q, states).reshape(len(first), N_PLAYS, -1).astype(np.int64)


def _all_worlds(record: GameRecord, ply: int) -> bool:
    """Whether the record's E[Q] is exact: of the exact oracle, over all worlds, each weighing the same."""
    told = record.decisions
    return bool(
        record.is_exact[ply]
        and told.oracle[ply] == OracleKind.EXACT
        and told.ess[ply] == told.world_count[ply]
    )


def _blunder(
    views: Views, slots: npt.NDArray, keys: npt.NDArray[np.uint64], n_worlds: int
) -> npt.NDArray[np.floating]:
    """[N] see RegretSplit."""
    sampling = Sampling((n_worlds + 1) // 2, enumerate_limit=n_worlds, points=False)
    one, other = (estimate(ExactOracle(), views, mix(keys, part), sampling).mean for part in (_ONE, _OTHER))
    return (_gap(one, other, slots) + _gap(other, one, slots)) / 2


def _gap(best_by: Floats, worth: Floats, slots: npt.NDArray) -> npt.NDArray[np.floating]:
    """[N] what the best of E[Q] [N, 7] is worth, by another E[Q], more than `slots` [N]; NaN is illegal."""
    rows = np.arange(len(slots))
    best = np.where(np.isnan(best_by), -np.inf, best_by).argmax(axis=1)
    return worth[rows, best] - worth[rows, slots]
