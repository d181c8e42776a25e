"""Calibration of bids: the chances that a network states for its bids, and how often they were met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.arena.players import Keys, Player
from forge_core.errors import BadInput
from forge_core.game import Array, to_numpy
from forge_core.skull_king.actions import BID, BID_0
from forge_core.skull_king.arena import Result, evaluate
from forge_core.skull_king.players import TableView
from forge_core.skull_king.players.network import NetworkPlayer
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.state.inputs import N_BIDS

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Bids of a network over many rounds, by bid 0..10; NaN for bids that were never made."""

    stated: Floats
    """[11] mean chance that the network gave its bid to be met"""
    met: Floats
    """[11] share of these bids that were met"""
    counts: npt.NDArray[np.int64]
    """[11] bids made"""
    expected: Floats
    """[11] mean number of tricks that the network expected with its bid"""

    @property
    def error(self) -> float:
        """The mean distance between the chance stated and the share met, weighted by the bids made."""
        made = self.counts > 0
        return float(np.average(np.abs(self.stated - self.met)[made], weights=self.counts[made]))


def calibrate(
    player: NetworkPlayer, others: Player | Sequence[Player], deals: int | Sequence[int], **options: Any
) -> tuple[Result, Calibration]:
    """Evaluate a network, and compare the chances that it states with its results.

    options: further arguments of `arena.evaluate`. Raises BadInput for a network that states no chances.
    """
    if player.network.config.bid_head != "tricks":
        raise BadInput(f"{player.name} states no chances of its bids: choose a network with bid head tricks")
    recorder = _Recorder(player)
    result = evaluate(recorder, others, deals, **options)
    with np.errstate(invalid="ignore"):
        stated, met = recorder.chances / recorder.counts, result.tricks.diagonal() / recorder.counts
        expected = recorder.tricks / recorder.counts
    return result, Calibration(stated, met, recorder.counts, expected)


@dataclass(frozen=True, slots=True, eq=False)
class _Recorder:
    """A player that acts like a network and sums, by bid, the stated chances and the expected tricks."""

    player: NetworkPlayer
    chances: Floats = field(default_factory=lambda: np.zeros(N_BIDS))
    tricks: Floats = field(default_factory=lambda: np.zeros(N_BIDS))
    counts: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(N_BIDS, np.int64))

    @property
    def name(self) -> str:
        """See Player."""
        return self.player.name

    def describe(self) -> dict[str, Any]:
        """See Player."""
        return self.player.describe()

    def act(self, view: TableView, legal: Array, keys: Keys) -> Array:
        """See Player."""
        taken = self.player.act(view, legal, keys)
        rows = view.host_rows
        is_bid = rows[:, at.PHASE] == BID
        if is_bid.any():
            bids = to_numpy(taken)[is_bid] - BID_0
            stated = self.player.bid_chances(TableView(rows[is_bid], view.game))
            chances = stated[np.arange(len(bids)), bids]
            np.add.at(self.chances, bids, chances[np.arange(len(bids)), bids])
            np.add.at(self.tricks, bids, chances @ np.arange(N_BIDS))
            np.add.at(self.counts, bids, 1)
        return taken
