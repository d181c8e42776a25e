"""Search as a teacher: a share of the learner's decisions gets the values that a search finds for them.

Worlds, rollouts and their players are those of `search`: captain finishes the round for the learner, and the
players that really sit at the table for the others, or captains for networks.
"""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from forge_core.skull_king.actions import BID_0, N_ACTIONS, N_PLAYS
from forge_core.skull_king.bots import BOT_NAMES, CAPTAIN
from forge_core.skull_king.rollouts.records import F32, I64, Requests, Tables
from forge_core.skull_king.search import SearchSettings, play_values
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.state.inputs import N_BIDS
from forge_core.streams import mix, uniform

TEACHER_DRAW = 2**32
"""counter, above those of a table's draws, of the draws that choose decisions"""


A = TypeVar("A")


class Taught(NamedTuple, Generic[A]):
    """Decisions with the answers of a search, as arrays or tensors. K plays, L bids."""

    play: A
    """[K, D] uint8"""
    play_points: A
    """[K, 75] float32 expected points of the round, -inf for illegal actions"""
    bid: A
    """[L, B] uint8"""
    bid_tricks: A
    """[L, 11, 11] float32 for each bid, probabilities of tricks won; 0 for illegal bids"""


class Teacher:
    """A search that answers a share of the decisions that wait for a learner."""

    def __init__(self, worlds: int, options: at.Options) -> None:
        self.worlds, self._options = worlds, options

    def answer(self, tables: Tables, requests: Requests, share: float) -> Taught[npt.NDArray]:
        """Draw a share of the requests, and return the values of their actions. The tables stay the same."""
        n_bids, n_plays = requests.n
        plays, points, _ = self._search(tables, requests.play_tables[:n_plays], share)
        bids, _, tricks = self._search(tables, requests.bid_tables[:n_bids], share)
        return Taught(
            play=requests.play[plays],
            play_points=points[:, :N_PLAYS],
            bid=requests.bid[bids],
            bid_tricks=tricks[:, BID_0 : BID_0 + N_BIDS],
        )

    def _search(self, tables: Tables, waiting: I64, share: float) -> tuple[I64, F32, F32]:
        """Return the places drawn among tables that wait, and points [K, A] and tricks [K, A, 11] there."""
        draws = mix(mix(tables.keys[waiting], TEACHER_DRAW), tables.draws[waiting])
        places = np.flatnonzero(uniform(draws) < share)
        chosen, keys = waiting[places], mix(draws[places], 0)
        rows = tables.rows[chosen]
        others = tables.players[chosen, (rows[:, at.ACTOR] + 1) % self._options[at.O_SEATS]]
        others = np.where(others < 0, CAPTAIN, others)
        points = np.empty((len(places), N_ACTIONS), np.float32)
        tricks = np.empty((len(places), N_ACTIONS, N_BIDS), np.float32)
        for kind in np.unique(others):
            settings = SearchSettings(self.worlds, others=BOT_NAMES[kind])
            found = play_values(rows[others == kind], self._options, keys[others == kind], settings)
            points[others == kind], tricks[others == kind] = found.points, found.tricks
        return places, points, tricks


def join(given: list[Taught[npt.NDArray]]) -> Taught[npt.NDArray]:
    """Return the decisions of several records as one."""
    return Taught(*(np.concatenate(arrays) for arrays in zip(*given, strict=True)))
