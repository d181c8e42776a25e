"""Determinised search: every legal action in many worlds, each finished by simple players.

A world is a full deal that fits what the actor knows. All actions meet the same worlds. The values rest on
what the rollouts assume: `me` and `others` name the players that finish the round for the actor and for the
other seats.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.device import core_count
from forge_core.draws import mix
from forge_core.errors import BadInput
from forge_core.kernels import kernel
from forge_core.learning.threads import Pieces
from forge_core.skull_king import actions
from forge_core.skull_king.bots import BOT_NAMES
from forge_core.skull_king.bots.rules import act, bid_of
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.state.kernels import legal_list, step
from forge_core.skull_king.state.view import BEFORE_ALL_BIDS
from forge_core.skull_king.worlds import draw_world

MOST_WORLDS = 1_000_000
"""more is a typing error"""
WORLDS_PER_CALL = 4000
"""of all rows together, per call of a kernel: about .05 s of CPU, after which a Ctrl-C is seen. Results do
not depend on it."""
N_TRICKS = actions.MOST_CARDS + 1
"""numbers of tricks, 0..10"""
WORLD_DRAW, BIDS_DRAW, ROLLOUT_DRAW = range(3)
"""counters of a world's random numbers"""


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """Settings of a search. Raises BadInput for values that do not exist."""

    worlds: int = 100
    """worlds per play, and per bid unless `bid_worlds` is set"""
    bid_worlds: int | None = None
    """worlds per bid; 0: `me` bids"""
    play_worlds: int | None = None
    """worlds per play; 0: `me` plays"""
    me: str = "captain"
    """finishes the round for the actor"""
    others: str = "hard"
    """finishes the round for the other seats, and makes their bids while they are hidden"""
    fit_bids: bool = False
    """draw worlds in proportion to the probability that `hard` would have bid what the others bid"""

    def __post_init__(self) -> None:
        for name in ("worlds", "bid_worlds", "play_worlds"):
            n, least = getattr(self, name), int(name == "worlds")
            if n is not None and not least <= n <= MOST_WORLDS:
                raise BadInput(f"{name}={n}: use {least}..{MOST_WORLDS:,}")
        for name in ("me", "others"):
            if getattr(self, name) not in BOT_NAMES:
                raise BadInput(f"{name}={getattr(self, name)!r}: use {', '.join(BOT_NAMES)}")

    @property
    def numbers(self) -> tuple[int, int, int, int, bool]:
        """The settings as kernels read them: worlds per bid and per play, me, others, fit_bids."""
        bids = self.worlds if self.bid_worlds is None else self.bid_worlds
        plays = self.worlds if self.play_worlds is None else self.play_worlds
        return bids, plays, BOT_NAMES.index(self.me), BOT_NAMES.index(self.others), self.fit_bids

    def describe(self) -> dict[str, Any]:
        """Return the settings as JSON types; they name whom the rollouts take the others to be."""
        bids, plays, *_ = self.numbers
        return {
            "bid_worlds": bids,
            "play_worlds": plays,
            "rollouts_me": self.me,
            "rollouts_others": self.others,
            "fit_bids": self.fit_bids,
        }


@dataclass(frozen=True, slots=True, eq=False)
class ActionValues:
    """Values of the legal actions of N rows; other actions have value -inf and no tricks."""

    points: npt.NDArray[np.float64]
    """[N, A] expected points of the actor in this round"""
    tricks: npt.NDArray[np.float64]
    """[N, A, 11] probability of each number of tricks"""
    error: npt.NDArray[np.float64]
    """[N, A] standard error of `points`"""
    settings: SearchSettings = field(default_factory=SearchSettings)

    @property
    def best(self) -> npt.NDArray[np.int64]:
        """[N] The actions of the greatest value; of equals the lowest."""
        return self.points.argmax(1)


def play_values(
    views: at.Rows, options: at.Options, keys: npt.NDArray[np.uint64], settings: SearchSettings | None = None
) -> ActionValues:
    """Return the values of the legal actions of the actors, in any phase.

    views: rows [N, WIDTH], of which only what the actor may know is read. keys: [N], of the worlds' draws.
    Raises BadInput if a row has no round in play or if the settings ask for no world.
    """
    settings = settings or SearchSettings()
    views, n = np.ascontiguousarray(views), len(views)
    if (views[:, at.PHASE] >= actions.SCORED).any():
        raise BadInput("a round that is over has no values: search only rows in which a seat is to act")
    bids, plays, me, others, fits = settings.numbers
    if min(bids, plays) < 1:
        raise BadInput("values need worlds: set bid_worlds and play_worlds to at least 1")
    total, squares = np.zeros((n, actions.N_ACTIONS)), np.zeros((n, actions.N_ACTIONS))
    tricks = np.zeros((n, actions.N_ACTIONS, N_TRICKS))
    legal = np.zeros((n, actions.N_ACTIONS), np.bool_)
    for part in _parts(n, max(bids, plays)):
        results = total[part], squares[part], tricks[part], legal[part]
        value_batch(views[part], options, keys[part], bids, plays, me, others, fits, *results)
    worlds = np.where(views[:, at.PHASE] <= BEFORE_ALL_BIDS, bids, plays)[:, None]
    mean = total / worlds
    spread = np.sqrt(np.maximum(squares / worlds - mean**2, 0) / np.maximum(worlds - 1, 1))
    return ActionValues(
        np.where(legal, mean, -np.inf), tricks / worlds[:, :, None], np.where(legal, spread, 0), settings
    )


bid_values = play_values
"""The same for rows in which the actor is to bid"""


@kernel
def value_batch(rows, options, keys, bids, plays, me, others, fits, total, squares, tricks, legal):
    """Add up points, their squares and tricks of each legal action over the worlds of each row."""
    listed = np.empty(at.MOST_ACTIONS, np.int64)
    for n in range(len(rows)):
        worlds = bids if rows[n, at.PHASE] <= BEFORE_ALL_BIDS else plays
        k = legal_list(rows[n], options, listed)
        for i in range(k):
            legal[n, listed[i]] = True
        value_row(rows[n], options, keys[n], worlds, me, others, fits, total[n], squares[n], tricks[n])


@kernel
def value_row(row, options, key, worlds, me, others, fits, total, squares, tricks):
    """Add up points, squares and tricks of each legal action of a row, by action."""
    listed, buffer = np.empty(at.MOST_ACTIONS, np.int64), np.empty(at.MOST_ACTIONS, np.int64)
    world, played = np.empty(at.WIDTH, np.int64), np.empty(at.WIDTH, np.int64)
    seat, n = row[at.ACTOR], legal_list(row, options, listed)
    for number in range(worlds):
        draws = mix(key, number)
        draw_world(row, seat, options, mix(draws, WORLD_DRAW), fits, world)
        make_hidden_bids(world, seat, options, others, mix(draws, BIDS_DRAW))
        for i in range(n):
            played[:] = world
            over = step(played, listed[i], options)
            if not over:
                roll(played, seat, me, others, options, mix(draws, ROLLOUT_DRAW), buffer)
            points = played[at.DELTA + seat]
            total[listed[i]] += points
            squares[listed[i]] += points * points
            tricks[listed[i], min(played[at.WON + seat], N_TRICKS - 1)] += 1


@kernel
def make_hidden_bids(world, seat, options, others, key):
    """Bid for the seats that have bid before the actor, if the actor has not seen their bids."""
    if world[at.PHASE] > BEFORE_ALL_BIDS:
        return
    bidder = world[at.STARTER]
    while bidder != seat:
        world[at.BIDS + bidder] = bid_of(world, bidder, others, mix(key, bidder))
        bidder = (bidder + 1) % options[at.O_SEATS]


@kernel
def roll(row, seat, me, others, options, key, buffer):
    """Play a row to the end of its round: `me` for the seat, `others` for the other seats."""
    decision, over = 0, False
    while not over:
        kind = me if row[at.ACTOR] == seat else others
        over = step(row, act(row, kind, options, mix(key, decision), buffer), options)
        decision += 1


@kernel
def search_action(row, options, key, bids, plays, me, others, fits, buffer):
    """Return the action of the greatest value; without worlds for its phase, that of `me`."""
    worlds = bids if row[at.PHASE] <= BEFORE_ALL_BIDS else plays
    if worlds == 0:
        return act(row, me, options, key, buffer)
    n = legal_list(row, options, buffer)
    if n <= 1:
        return buffer[0] if n else 0
    total, squares = np.zeros(actions.N_ACTIONS), np.zeros(actions.N_ACTIONS)
    tricks = np.zeros((actions.N_ACTIONS, N_TRICKS))
    value_row(row, options, key, worlds, me, others, fits, total, squares, tricks)
    best = buffer[0]
    for i in range(1, n):
        if total[buffer[i]] > total[best]:
            best = buffer[i]
    return best


@kernel
def search_batch(rows, options, keys, bids, plays, me, others, fits, chosen):
    """Write the action of the greatest value of each row to `chosen` [N]."""
    buffer = np.empty(at.MOST_ACTIONS, np.int64)
    for n in range(len(rows)):
        chosen[n] = search_action(rows[n], options, keys[n], bids, plays, me, others, fits, buffer)


def search_actions(
    views: at.Rows,
    options: at.Options,
    keys: npt.NDArray[np.uint64],
    settings: SearchSettings,
    pieces: Pieces | None = None,
) -> npt.NDArray[np.int64]:
    """Return [N] the actions of the greatest value, of equals the lowest. pieces: threads that share rows."""
    chosen = np.empty(len(views), np.int64)
    pieces = pieces or Pieces(core_count())
    views, (bids, plays, *_) = np.ascontiguousarray(views), settings.numbers
    parts = _parts(len(views), max(bids, plays), pieces.n)

    def search(part: slice) -> None:
        search_batch(views[part], options, keys[part], *settings.numbers, chosen[part])

    pieces.run([partial(search, part) for part in parts])
    return chosen


def _parts(n: int, worlds: int, least: int = 1) -> list[slice]:
    """Divide n rows, each searched in so many worlds, into `least` calls of a kernel or more."""
    calls = max(1, min(n, max(least, -(-n * worlds // WORLDS_PER_CALL))))
    return [slice(n * call // calls, n * (call + 1) // calls) for call in range(calls)]
