"""Games that were played on the page and exported, replayed by the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from forge_core.files.store import parse_json
from forge_core.skull_king.actions import MOST_SEATS
from forge_core.skull_king.advice.record import Adviser
from forge_core.skull_king.film import RoundFilm, film_actions
from forge_core.skull_king.film.record import TrickShot
from forge_core.skull_king.game import SkullKingGame
from forge_core.skull_king.web import FEWEST_SEATS, PLAYERS
from forge_core.web.saved import open_saved

FORMAT = "forge skull-king game 1"
"""The format that the page writes; raised when a field changes its meaning"""


@dataclass(frozen=True, slots=True)
class PageGame:
    """A game as the page exports it: all rounds that are over."""

    seed: int
    """of the deals"""
    seats: int
    others: str
    """the player of the other seats, one of PLAYERS"""
    actions: tuple[int, ...]
    """of all seats, in order"""

    def films(self, adviser: Adviser | None = None) -> list[RoundFilm]:
        """Replay the rounds; see `film_actions`. Raises BadInput for an illegal action."""
        return film_actions(SkullKingGame(self.seats), self.seed, self.actions, adviser)


def open_game(path: str) -> PageGame:
    """Read a game by the path or URL of its file. Raises BadInput and StoreUnusable; see `read_game`."""
    return open_saved(path, "a game exported by the page of forge skull-king", read_game)


def read_game(text: bytes | str) -> PageGame:
    """Return an exported game. Its actions, bids, tricks and points are checked against seed and rules.

    Raises BadInput or ValueError that says what is wrong.
    """
    record = parse_json(text)
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise ValueError(f"its format is not {FORMAT!r}")
    seed, seats, others = (record.get(name) for name in ("seed", "seats", "others"))
    if not (isinstance(seed, str) and seed.isascii() and seed.isdigit() and len(seed) <= 15):
        raise ValueError("its seed is not a whole number of at most 15 digits")
    if type(seats) is not int or not FEWEST_SEATS <= seats <= MOST_SEATS:
        raise ValueError(f"its number of seats is not in {FEWEST_SEATS}..{MOST_SEATS}")
    if others not in PLAYERS:
        raise ValueError(f"its other players are none of {', '.join(PLAYERS)}")
    actions, rounds = record.get("actions"), record.get("rounds")
    if not (isinstance(actions, list) and actions and all(type(action) is int for action in actions)):
        raise ValueError("its actions are not a list of whole numbers")
    game = PageGame(int(seed), seats, others, tuple(actions))
    found = [_result_of(film) for film in game.films()]
    if rounds != found:
        raise ValueError("the bids, tricks or points of its rounds are not those of its actions")
    return game


def _result_of(film: RoundFilm) -> dict[str, Sequence[Any]]:
    """Return the bids, the tricks and the points of a round by seat, as the page writes them."""
    takers = [shot.winning_hand for shot in film.shots if isinstance(shot, TrickShot)]
    won = [takers.count(seat) for seat in range(film.seats)]
    return {"bids": list(film.bids), "won": won, "deltas": list(film.points)}
