"""A round that players play, as a record: bids, plays and results, with advice for seat N."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from forge_core.arena.play import seed_keys
from forge_core.arena.players import Keys, Player
from forge_core.errors import BadInput
from forge_core.game import Array
from forge_core.skull_king import actions
from forge_core.skull_king.advice.record import Adviser, BidAdvice, PlayAdvice
from forge_core.skull_king.deals import game_keys
from forge_core.skull_king.game import DEAL_SEED, SkullKingGame
from forge_core.skull_king.notation import order_of
from forge_core.skull_king.players.view import TableView
from forge_core.skull_king.rules import resolve
from forge_core.skull_king.state import doors
from forge_core.skull_king.state import layout as at
from forge_core.streams import mix

HERO = 0
"""the seat whose hand is shown and whose decisions are advised"""


@dataclass(frozen=True, slots=True)
class PlayShot:
    """A card that a hand played."""

    hand: int
    """the seat; the number of seats is the ghost"""
    action: int
    advice: tuple[PlayAdvice, ...] = ()
    """for each legal play of HERO; empty without a choice, for other seats, and without an adviser"""

    @property
    def chosen(self) -> PlayAdvice | None:
        """The advice for this play, if there is any."""
        return next((each for each in self.advice if each.action == self.action), None)


@dataclass(frozen=True, slots=True)
class TrickShot:
    """A complete trick."""

    number: int
    """1 for the first of the round"""
    plays: tuple[PlayShot, ...]
    """in order of play"""
    winner: int | None
    """place of the winning play; None: nobody won"""
    won: int = 0
    """tricks that the winner has won in the round; 0 if it is the ghost"""
    bid: int = 0
    """of the winner"""
    bonus: int = 0
    """points of the trick's bonus"""

    @property
    def winning_hand(self) -> int | None:
        """The hand that won."""
        return None if self.winner is None else self.plays[self.winner].hand


@dataclass(frozen=True, slots=True)
class AbilityShot:
    """A decision that a pirate's ability gave to a seat."""

    seat: int
    action: int


@dataclass(slots=True)
class RoundFilm:
    """A round from the view of seat N, HERO."""

    seats: int
    number: int
    """of the round, 1..10"""
    dealt: int
    """cards dealt to each seat"""
    starter: int
    hand: tuple[int, ...]
    """cards of HERO, ascending"""
    advice: tuple[BidAdvice, ...] = ()
    """for each bid of HERO, ascending; empty without an adviser, or if it does not advise bids"""
    bids: tuple[int, ...] = ()
    """of each seat, as made"""
    shots: list[TrickShot | AbilityShot] = field(default_factory=list)
    points: tuple[int, ...] = ()
    """of each seat"""

    def to_dict(self) -> dict[str, Any]:
        """Return the bids and points as JSON types."""
        return {
            "round": self.number,
            "hand": list(self.hand),
            "advice": [each.to_dict() for each in self.advice],
            "bids": list(self.bids),
            "points": list(self.points),
        }


def film_round(
    game: SkullKingGame,
    players: Sequence[Player],
    seed: int,
    round: int,
    adviser: Adviser | None = None,
    players_seed: int = 0,
) -> RoundFilm:
    """Play a round of the game of `seed` and write it down, from the view of seat N.

    players: one per seat. adviser: advises the bids and plays of seat N; None for no advice.
    """
    keys = seed_keys([seed], players_seed)

    def choose(seat: int, view: TableView, legal: Array, key: Keys) -> int:
        return int(players[seat].act(view, legal, key)[0])

    return _film(game, row_of_round(game, seed, round), choose, keys, adviser)


def film_actions(
    game: SkullKingGame, seed: int, taken: Sequence[int], adviser: Adviser | None = None
) -> list[RoundFilm]:
    """Write down the rounds of a recorded game, from the view of seat N.

    taken: the actions of all seats in order, to the end of a round. adviser: as for `film_round`. Raises
    BadInput for an illegal action, and for a round without an end.
    """
    remaining, films, keys = iter(taken), [], seed_keys([seed], 0)
    n_left = len(taken)

    def choose(seat: int, view: TableView, legal: Array, key: Keys) -> int:
        nonlocal n_left
        n_left -= 1
        action, number = next(remaining, None), len(films) + 1
        if action is None:
            raise BadInput(f"the record ends before round {number}")
        if not (0 <= action < len(legal[0]) and legal[0, action]):
            raise BadInput(f"round {number}: action {action} of seat {seat} is illegal")
        return action

    while n_left > 0:
        if len(films) == game.rounds:
            raise BadInput(f"{n_left} actions after the last round")
        films.append(_film(game, row_of_round(game, seed, len(films) + 1), choose, keys, adviser))
    return films


def _film(
    game: SkullKingGame,
    row: at.Row,
    choose: Callable[[int, TableView, Array, Keys], int],
    keys: Keys,
    adviser: Adviser | None,
) -> RoundFilm:
    """Write down a round. row: before its first bid.

    choose: returns the action, given the seat to act, its view, its legal actions and the key of its draws.
    """
    held = at.cards_of(row[at.NUMBERS + HERO], row[at.SPECIALS + HERO])
    film = RoundFilm(
        game.seats, int(row[at.ROUND]), int(row[at.DEALT]), int(row[at.STARTER]), tuple(sorted(held))
    )
    time, trick = 0, _Trick()
    while int(row[at.PHASE]) < actions.SCORED:
        seat, view, key = int(row[at.ACTOR]), TableView.of(game, row[None]), mix(keys, time)
        legal = doors.legal_mask(row[None], game.options)
        action = choose(seat, view, legal, key)
        plays: tuple[PlayAdvice, ...] = ()
        if adviser and seat == HERO:
            if row[at.PHASE] == actions.BID:
                film.advice = tuple(adviser.bids(view, key)) if adviser.advises_bids else ()
            elif row[at.PHASE] == actions.PLAY and legal.sum() > 1:
                plays = tuple(adviser.plays(view, key))
        after = doors.step_rows(row[None], np.array([action]), game.options)[0]
        if row[at.PHASE] <= actions.LOAD < after[at.PHASE]:
            film.bids = tuple(after[at.BIDS : at.BIDS + game.seats].tolist())
        if row[at.PHASE] == actions.PLAY:
            trick.add(row, PlayShot(seat, action, plays), game)
            if after[at.TRICK] > row[at.TRICK]:
                film.shots.append(trick.finish(row, after, game))
                trick = _Trick()
        elif row[at.PHASE] > actions.PLAY:
            film.shots.append(AbilityShot(seat, action))
        row, time = after, time + 1
    film.points = tuple(doors.points(row[None], at.DELTA, game.seats)[0].tolist())
    return film


def row_of_round(game: SkullKingGame, seed: int, round: int) -> at.Row:
    """Return the row of a round of the game of `seed`, before its first bid and with no points."""
    row = doors.start_rows(game_keys(DEAL_SEED, np.array([seed])), np.array([1]), game.options)
    if round > 1:
        row[:, at.STARTER] = (row[:, at.STARTER] + round - 2) % game.seats
        row[:, at.ROUND], row[:, at.PHASE] = round - 1, actions.SCORED
        row = doors.go_on(row, at.options_of(game.rules, game.seats))
    return row[0]


@dataclass(slots=True)
class _Trick:
    """The plays of a trick so far."""

    plays: list[PlayShot] = field(default_factory=list)

    def add(self, row: at.Row, play: PlayShot, game: SkullKingGame) -> None:
        """Add a play, and that of the ghost if it comes before or after it."""
        order = order_of(row, game.seats, game.rules)
        if not self.plays and order[0] == game.seats:
            self.plays.append(PlayShot(game.seats, int(row[at.TABLE]) - 1))
        self.plays.append(play)
        if len(self.plays) < len(order) and order[len(self.plays)] == game.seats:
            self.plays.append(PlayShot(game.seats, int(row[at.GHOST + row[at.TRICK]]) - 1))

    def finish(self, before: at.Row, after: at.Row, game: SkullKingGame) -> TrickShot:
        """Return the complete trick. before, after: the rows around its last play."""
        taken = [play.action for play in self.plays]
        on_table = [actions.card_of_play(action) for action in taken]
        is_pirate = actions.TIGRESS_AS_PIRATE in taken
        winner = resolve(on_table, "pirate" if is_pirate else "escape", game.rules).winner
        shot = TrickShot(int(after[at.TRICK]), tuple(self.plays), winner)
        hand = shot.winning_hand
        if hand is None or hand == game.seats:
            return shot
        bonus = int(after[at.BONUS + hand] - before[at.BONUS + hand])
        return replace(shot, won=int(after[at.WON + hand]), bid=int(before[at.BIDS + hand]), bonus=bonus)
