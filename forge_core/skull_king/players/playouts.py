"""The search of `search` with any players in its rollouts, such as networks: worlds are played in lockstep.

With players by rules it finds the same values as the compiled search, digit by digit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forge_core.arena.players import Keys, Player
from forge_core.errors import BadInput
from forge_core.game import Array, match_array, to_numpy
from forge_core.skull_king import actions
from forge_core.skull_king.game import SkullKingGame
from forge_core.skull_king.players.view import TableView
from forge_core.skull_king.search import (
    BIDS_DRAW,
    N_TRICKS,
    ROLLOUT_DRAW,
    WORLD_DRAW,
    ActionValues,
    SearchSettings,
)
from forge_core.skull_king.state import doors
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.state.view import BEFORE_ALL_BIDS
from forge_core.skull_king.worlds import sample_worlds_by_keys
from forge_core.streams import keys_from, mix

ROWS = 16_384
"""rows in lockstep at most, one per world and action: 18 MB"""


@dataclass(frozen=True, slots=True, eq=False)
class PlayoutSearchPlayer:
    """Takes the action of the greatest value, where `me` and `others` finish the rounds."""

    name: str
    settings: SearchSettings
    """its own `me` and `others` have no effect"""
    me: Player
    others: Player

    def describe(self) -> dict[str, Any]:
        """See Player; it describes whom the rollouts take the others to be."""
        assumed = {"rollouts_me": self.me.describe(), "rollouts_others": self.others.describe()}
        return {"player": "search", **self.settings.describe(), **assumed}

    def act(self, view: TableView, legal: Array, keys: Keys | np.random.Generator) -> Array:
        """See Player; a generator draws the keys."""
        rows, allowed = view.host_rows, to_numpy(legal)
        keys = keys_from(keys, len(rows))
        bid_worlds, play_worlds, *_ = self.settings.numbers
        worlds = np.where(rows[:, at.PHASE] <= BEFORE_ALL_BIDS, bid_worlds, play_worlds)
        has_choice, chosen = allowed.sum(1) > 1, allowed.argmax(1)
        if len(by_me := np.flatnonzero(has_choice & (worlds == 0))):
            part = TableView(rows[by_me], view.game)
            chosen[by_me] = to_numpy(self.me.act(part, allowed[by_me], keys[by_me]))
        for n in np.flatnonzero(has_choice & (worlds > 0)):
            one = slice(n, n + 1)
            values = values_by_players(
                rows[n], view.game, keys[one][0], int(worlds[n]), self.me, self.others, self.settings
            )
            chosen[n] = values.best[0]
        return match_array(chosen, legal)


def values_by_players(
    row: at.Row,
    game: SkullKingGame,
    key: np.uint64,
    worlds: int,
    me: Player,
    others: Player,
    settings: SearchSettings | None = None,
) -> ActionValues:
    """Return the values [1, A] of the legal actions of a row. Raises BadInput for no world or no choice.

    row: only what its actor may know is read. settings: of the worlds; the players decide everything else.
    """
    settings, options = settings or SearchSettings(), game.options
    legal = np.flatnonzero(doors.legal_mask(row[None], options)[0])
    if worlds < 1 or not len(legal):
        raise BadInput(f"{worlds} worlds, {len(legal)} legal actions: use at least 1 of each")
    points, tricks = [], []
    for first in range(0, worlds, max(1, ROWS // len(legal))):
        numbers = np.arange(first, min(worlds, first + max(1, ROWS // len(legal))))
        draws = mix(key, numbers)
        dealt = sample_worlds_by_keys(row, options, mix(draws, WORLD_DRAW), settings.fit_bids)
        dealt = _make_hidden_bids(dealt, game, mix(draws, BIDS_DRAW), others)
        played = doors.step_rows(np.repeat(dealt, len(legal), 0), np.tile(legal, len(dealt)), options)
        keys = np.repeat(mix(draws, ROLLOUT_DRAW), len(legal))
        played = _finish(played, int(row[at.ACTOR]), game, keys, me, others)
        seat = int(row[at.ACTOR])
        points.append(played[:, at.DELTA + seat].reshape(len(dealt), len(legal)))
        tricks.append(played[:, at.WON + seat].reshape(len(dealt), len(legal)))
    return _summarised(legal, np.concatenate(points), np.concatenate(tricks), settings)


def _make_hidden_bids(rows: at.Rows, game: SkullKingGame, keys: Keys, others: Player) -> at.Rows:
    """Let `others` bid for the seats before the actor, whose bids it has not seen."""
    first = rows[0]
    if first[at.PHASE] > BEFORE_ALL_BIDS:
        return rows
    rows, seat = rows.copy(), int(first[at.STARTER])
    while seat != first[at.ACTOR]:
        asked = rows.copy()
        asked[:, at.ACTOR], asked[:, at.PHASE] = seat, actions.BID
        legal = doors.legal_mask(asked, game.options)
        bids = to_numpy(others.act(TableView.of(game, asked), legal, mix(keys, seat))) - actions.BID_0
        rows[:, at.BIDS + seat] = bids
        seat = (seat + 1) % game.seats
    return rows


def _finish(rows: at.Rows, seat: int, game: SkullKingGame, keys: Keys, me: Player, others: Player) -> at.Rows:
    """Play rows to the end of their round: `me` for the seat, `others` for the other seats."""
    time = 0
    while len(alive := np.flatnonzero(rows[:, at.PHASE] < actions.SCORED)):
        part = rows[alive]
        legal, taken = doors.legal_mask(part, game.options), np.zeros(len(part), np.int64)
        for is_me, player in ((True, me), (False, others)):
            acts = (part[:, at.ACTOR] == seat) == is_me
            if acts.any():
                view = TableView.of(game, part[acts])
                taken[acts] = to_numpy(player.act(view, legal[acts], mix(keys[alive][acts], time)))
        rows[alive] = doors.step_rows(part, taken, game.options)
        time += 1
    return rows


def _summarised(legal: Any, points: Any, tricks: Any, settings: SearchSettings) -> ActionValues:
    """Return the values of points and tricks [M, L] of L legal actions in M worlds."""
    worlds = len(points)
    mean, error = np.full((1, actions.N_ACTIONS), -np.inf), np.zeros((1, actions.N_ACTIONS))
    shares = np.zeros((1, actions.N_ACTIONS, N_TRICKS))
    mean[0, legal] = points.sum(0) / worlds
    spread = np.maximum((points.astype(float) ** 2).sum(0) / worlds - mean[0, legal] ** 2, 0)
    error[0, legal] = np.sqrt(spread / max(worlds - 1, 1))
    for place, action in enumerate(legal):
        shares[0, action] = np.bincount(tricks[:, place], minlength=N_TRICKS)[:N_TRICKS] / worlds
    return ActionValues(mean, shares, error, replace(settings, worlds=worlds))
