"""Tables for a learner: players by rules act by themselves until a seat of the learner has a choice.

    tables = Tables(one_learner(512, "hard"))
    turn = tables.advance()
    while True:
        turn = tables.step(policy(turn))

One kernel steps the opponents, writes the observations and deals the rounds. The arrays of a Turn are
allocated once and overwritten by the next call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.kernels import kernel
from forge_core.skull_king import actions
from forge_core.skull_king.bots import BOT_NAMES, LEARNER
from forge_core.skull_king.bots.rules import act
from forge_core.skull_king.env import SkullKing, restart
from forge_core.skull_king.rules import Rules
from forge_core.skull_king.sampler import Rounds, StartSampler
from forge_core.skull_king.state import inputs
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.state.dealing import mix, next_round
from forge_core.skull_king.state.kernels import legal_list, step
from forge_core.skull_king.state.observe import is_bidding, write_bid, write_play

PLAYERS_DRAW = 2
"""Counter of a game's key, unused by deals, from which the draws of its players derive"""

Lineup = npt.NDArray[np.int64]
"""[N, P] the kind of the player in each seat: LEARNER, or RANDOM .. CAPTAIN"""


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """The decisions that the learner has to make, one per table, and the rounds that ended before them."""

    seat: npt.NDArray[np.int64]
    """[N] the seat that acts"""
    is_bid: npt.NDArray[np.bool_]
    """[N] all have not bid yet; the observation is in `bid`, otherwise in `play`"""
    bid: npt.NDArray[np.uint8]
    """[N, B] see `state.inputs`"""
    play: npt.NDArray[np.uint8]
    """[N, D]"""
    legal: npt.NDArray[np.bool_]
    """[N, A] the legal actions: two or more"""
    round_over: npt.NDArray[np.bool_]
    """[N] a round ended since the last decision; the arrays below describe it, and are old elsewhere"""
    dealt: npt.NDArray[np.int64]
    """[N] its cards per seat"""
    bids: npt.NDArray[np.int64]
    """[N, P]"""
    won: npt.NDArray[np.int64]
    """[N, P] tricks"""
    points: npt.NDArray[np.int64]
    """[N, P]"""
    game_over: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    """[N] with the round, the game ended"""


def one_learner(n: int, opponents: str | Sequence[str], seats: int = 4) -> Lineup:
    """Return a lineup with one learner per table, in seat i mod P at table i.

    opponents: the name of a player by rules for all other seats, or P - 1 names in order of seat after the
    learner's. Raises BadInput for another name or number.
    """
    names = [opponents] * (seats - 1) if isinstance(opponents, str) else list(opponents)
    unknown = [name for name in names if name not in BOT_NAMES]
    if unknown or len(names) != seats - 1:
        raise BadInput(f"opponents {names}: give {seats - 1} of {', '.join(BOT_NAMES)}")
    line = np.array([LEARNER, *(BOT_NAMES.index(name) for name in names)])
    return np.stack([np.roll(line, table % seats) for table in range(n)])


def self_play(n: int, seats: int = 4) -> Lineup:
    """Return a lineup in which the learner has every seat."""
    return np.full((n, seats), LEARNER)


class Tables:
    """N tables at which a learner plays. Raises BadInput for a lineup without a learner at some table."""

    def __init__(
        self,
        lineup: Lineup,
        rules: Rules | None = None,
        seed: int = 0,
        sampler: StartSampler | None = None,
    ) -> None:
        """Deal the first rounds. sampler: by default single rounds of equal weight."""
        n, seats = lineup.shape
        if not (lineup == LEARNER).any(1).all():
            raise BadInput("lineup: every table needs a seat of the learner")
        self.lineup = np.ascontiguousarray(lineup, np.int64)
        """may be changed between two calls, for example to the opponents of a league"""
        self.env = SkullKing(n, seats, rules, seed, "cpu", sampler or Rounds())
        self._times = np.zeros(n, np.int64)
        rules = self.env.rules
        self.turn = Turn(
            seat=np.zeros(n, np.int64),
            is_bid=np.zeros(n, np.bool_),
            bid=np.zeros((n, inputs.bid_blocks(rules, seats).width), np.uint8),
            play=np.zeros((n, inputs.play_blocks(rules, seats).width), np.uint8),
            legal=np.zeros((n, actions.N_ACTIONS), np.bool_),
            round_over=np.zeros(n, np.bool_),
            dealt=np.zeros(n, np.int64),
            bids=np.zeros((n, seats), np.int64),
            won=np.zeros((n, seats), np.int64),
            points=np.zeros((n, seats), np.int64),
            game_over=np.zeros(n, np.bool_),
        )

    def advance(self) -> Turn:
        """Play until the learner has a choice at every table."""
        env, turn = self.env, self.turn
        turn.legal[:] = False
        turn.round_over[:] = turn.game_over[:] = False
        advance_tables(
            env.rows,
            self.lineup,
            self._times,
            env.options,
            env.episodes,
            env.base,
            env.bounds,
            env.sampler.plays_games,
            (turn.seat, turn.is_bid, turn.bid, turn.play, turn.legal),
            (turn.round_over, turn.game_over, turn.dealt, turn.bids, turn.won, turn.points),
        )
        return turn

    def step(self, taken: npt.NDArray[np.int64]) -> Turn:
        """Take the learner's actions [N], which must be legal, and advance."""
        take_tables(self.env.rows, np.ascontiguousarray(taken, np.int64), self.env.options)
        return self.advance()

    def set_progress(self, progress: float) -> None:
        """See SkullKing."""
        self.env.set_progress(progress)


@kernel
def take_tables(rows, taken, options):
    """Take actions [N]; rounds that end are scored and stay."""
    for n in range(len(rows)):
        step(rows[n], taken[n], options)


@kernel
def advance_tables(rows, lineup, times, options, episodes, base, bounds, plays_games, turn, ended):
    """Play every table until a seat of the learner has two or more legal actions.

    times: [N] decisions of players by rules and forced ones in the game, which name the next draws. turn,
    ended: the arrays of a Turn, in order.
    """
    seats, is_bid, bid, play, legal = turn
    listed = np.empty(at.MOST_ACTIONS, np.int64)
    for n in range(len(rows)):
        row = rows[n]
        while True:
            if row[at.PHASE] == actions.SCORED:
                record(row, n, options, ended)
                if plays_games and row[at.ROUND] < options[at.O_LAST_ROUND]:
                    next_round(row, options)
                else:
                    ended[1][n] = True
                    times[n] = 0
                    restart(row, n, options, episodes, base, bounds)
            seat = row[at.ACTOR]
            kind = lineup[n, seat]
            if kind == LEARNER:
                n_legal = legal_list(row, options, listed)
                if n_legal > 1:
                    break
                step(row, listed[0], options)
            else:
                key = mix(mix(row[at.KEY], PLAYERS_DRAW), times[n])
                step(row, act(row, kind, options, key, listed), options)
            times[n] += 1
        seats[n], is_bid[n] = seat, is_bidding(row)
        for i in range(n_legal):
            legal[n, listed[i]] = True
        if is_bid[n]:
            write_bid(row, seat, options, bid[n])
        else:
            write_play(row, seat, options, listed, play[n])


@kernel
def record(row, n, options, ended):
    """Write the round that ended at table n."""
    round_over, _, dealt, bids, won, points = ended
    round_over[n], dealt[n] = True, row[at.DEALT]
    for seat in range(options[at.O_SEATS]):
        bids[n, seat] = row[at.BIDS + seat]
        won[n, seat] = row[at.WON + seat]
        points[n, seat] = row[at.DELTA + seat]
