"""A round as text: what each hand promised, what each seat played, and what it was worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from forge_core.arena.play import seed_keys
from forge_core.arena.players import Player
from forge_core.skull_king import actions
from forge_core.skull_king.cards import hand_text
from forge_core.skull_king.deals import game_keys
from forge_core.skull_king.game import DEAL_SEED, SkullKingGame
from forge_core.skull_king.notation import cards_text, order_of, seat_text
from forge_core.skull_king.players.view import TableView
from forge_core.skull_king.rules import resolve
from forge_core.skull_king.search import ActionValues, SearchSettings, play_values
from forge_core.skull_king.state import doors
from forge_core.skull_king.state import layout as at
from forge_core.streams import mix

BARS = " ▁▂▃▄▅▆▇█"
"""heights 0..8 of a bar"""
HERO = 0
"""the seat whose hand is shown and whose decisions are judged"""
FULL_BAR = 0.9
"""probability from which on a bar has its full height"""


@dataclass(frozen=True, slots=True)
class BidAdvice:
    """A bid in many worlds."""

    bid: int
    points: float
    """expected points"""
    tricks: tuple[float, ...]
    """probability of 0, 1, ... tricks"""

    @property
    def hit(self) -> float:
        """Probability to win exactly as many tricks as bid."""
        return self.tricks[self.bid]

    def to_text(self) -> str:
        """Return `bid 1: expects   5.0   |▃▃▁   | hit .37`."""
        hit = f"{self.hit:.2f}".removeprefix("0")
        return f"bid {self.bid}: expects {self.points:5.1f}   |{bars(self.tricks)}| hit {hit}"


def bars(shares: Sequence[float]) -> str:
    """Return one bar per probability."""
    top = len(BARS) - 1
    return "".join(BARS[min(top, int(share / FULL_BAR * top + 0.5))] for share in shares)


def bid_advice(values: ActionValues, dealt: int) -> list[BidAdvice]:
    """Return the advice for each bid 0..dealt, from the values of one row."""
    found = []
    for bid in range(dealt + 1):
        action = actions.BID_0 + bid
        tricks = tuple(float(share) for share in values.tricks[0, action, : dealt + 1])
        found.append(BidAdvice(bid, float(values.points[0, action]), tricks))
    return found


@dataclass(slots=True)
class Film:
    """A round, line by line."""

    lines: list[str] = field(default_factory=list)
    points: list[int] = field(default_factory=list)
    """of each seat"""

    def to_text(self) -> str:
        """Return the lines."""
        return "\n".join(self.lines)


def film_round(
    game: SkullKingGame,
    players: Sequence[Player],
    seed: int,
    round: int,
    judge: SearchSettings | None = None,
    players_seed: int = 0,
) -> Film:
    """Play a round of the game of `seed` and write it down, from the view of seat N.

    players: one per seat. judge: the search that values the bids and plays of seat N; None for no values.
    """
    row = row_of_round(game, seed, round)
    keys, film, time = seed_keys([seed], players_seed), Film(), 0
    film.lines.append(_title(row, game))
    trick = _Trick()
    while int(row[at.PHASE]) < actions.SCORED:
        seat, view = int(row[at.ACTOR]), TableView.of(game, row[None])
        legal = doors.legal_mask(row[None], game.options)
        action = int(players[seat].act(view, legal, mix(keys, time))[0])
        value = None
        if judge and seat == HERO and legal.sum() > 1:
            value = play_values(view.host_rows, game.options, mix(keys, time), judge)
        after = doors.step_rows(row[None], np.array([action]), game.options)[0]
        if row[at.PHASE] == actions.BID and seat == HERO and value:
            film.lines += _bid_lines(value, int(row[at.DEALT]), action - actions.BID_0)
        if row[at.PHASE] <= actions.LOAD < after[at.PHASE]:
            film.lines.append(_all_bids(after, game))
        if row[at.PHASE] == actions.PLAY:
            trick.add(row, action, value, game)
            if after[at.TRICK] > row[at.TRICK]:
                film.lines.append(trick.to_text(row, after, game))
                trick = _Trick()
        elif row[at.PHASE] > actions.PLAY:
            film.lines.append(f"      {seat_text(seat, game.seats)}: {actions.action_text(action)}")
        row, time = after, time + 1
    film.points = doors.points(row[None], at.DELTA, game.seats)[0].tolist()
    film.lines.append(
        "points " + " ".join(f"{seat_text(s, game.seats)}{n:+d}" for s, n in enumerate(film.points))
    )
    return film


def row_of_round(game: SkullKingGame, seed: int, round: int) -> at.Row:
    """Return the row of a round of the game of `seed`, before its first bid and with no points."""
    row = doors.start_rows(game_keys(DEAL_SEED, np.array([seed])), np.array([1]), game.options)
    if round > 1:
        row[:, at.STARTER] = (row[:, at.STARTER] + round - 2) % game.seats
        row[:, at.ROUND], row[:, at.PHASE] = round - 1, actions.SCORED
        row = doors.go_on(row, at.options_of(game.rules, game.seats))
    return row[0]


def _title(row: at.Row, game: SkullKingGame) -> str:
    held = hand_text(at.cards_of(row[at.NUMBERS + HERO], row[at.SPECIALS + HERO]))
    starter, hero = seat_text(int(row[at.STARTER]), game.seats), seat_text(HERO, game.seats)
    n = cards_text(int(row[at.DEALT]))
    return f"round {row[at.ROUND]}: {n}, {starter} leads. {hero} holds {held}"


def _bid_lines(value: ActionValues, dealt: int, chosen: int) -> list[str]:
    """Return the bids next to the one that was made."""
    advice = bid_advice(value, dealt)
    near = [each for each in advice if abs(each.bid - chosen) <= 1]
    return ["  " + each.to_text() + (" <- bid" if each.bid == chosen else "") for each in near]


def _all_bids(row: at.Row, game: SkullKingGame) -> str:
    bids = row[at.BIDS : at.BIDS + game.seats].tolist()
    text = " ".join(f"{seat_text(seat, game.seats)}{bid}" for seat, bid in enumerate(bids))
    return f"bids {text}   sum {sum(bids)} of {row[at.DEALT]}"


@dataclass(slots=True)
class _Trick:
    """The plays of a trick so far."""

    hands: list[int] = field(default_factory=list)
    """who played; the number of seats is the ghost"""
    played: list[int] = field(default_factory=list)
    """actions"""
    notes: list[str] = field(default_factory=list)

    def add(self, row: at.Row, action: int, value: ActionValues | None, game: SkullKingGame) -> None:
        """Add a play, and that of the ghost if it comes before or after it."""
        order = order_of(row, game.seats, game.rules)
        if not self.hands and order[0] == game.seats:
            self._put(game.seats, int(row[at.TABLE]) - 1)
        self._put(int(row[at.ACTOR]), action, "" if value is None else f" v{value.points[0, action]:+.0f}")
        if len(self.hands) < len(order) and order[len(self.hands)] == game.seats:
            self._put(game.seats, int(row[at.GHOST + row[at.TRICK]]) - 1)

    def _put(self, hand: int, action: int, note: str = "") -> None:
        self.hands.append(hand)
        self.played.append(action)
        self.notes.append(note)

    def to_text(self, before: at.Row, after: at.Row, game: SkullKingGame) -> str:
        """Return the line of the complete trick: plays, the winner marked, and its tricks of its bid."""
        seats, is_pirate = game.seats, actions.TIGRESS_AS_PIRATE in self.played
        on_table = [actions.card_of_play(action) for action in self.played]
        winner = resolve(on_table, "pirate" if is_pirate else "escape", game.rules).winner
        texts = []
        for place, (hand, action, note) in enumerate(zip(self.hands, self.played, self.notes, strict=True)):
            mark = "*" if place == winner else ""
            texts.append(f"{seat_text(hand, seats)} {actions.play_text(action, which=False)}{mark}{note}")
        result = "nobody" if winner is None else seat_text(self.hands[winner], seats)
        if winner is not None and self.hands[winner] < seats:
            seat = self.hands[winner]
            bonus = int(after[at.BONUS + seat] - before[at.BONUS + seat])
            result += f" {after[at.WON + seat]}/{before[at.BIDS + seat]}" + (
                f" bonus +{bonus}" if bonus else ""
            )
        return f"  {after[at.TRICK]:2d}  {'  '.join(texts)}   {result}"
