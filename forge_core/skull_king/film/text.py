"""A film as text."""

from __future__ import annotations

from forge_core.skull_king import actions
from forge_core.skull_king.advice.record import BidAdvice, best_bid
from forge_core.skull_king.cards import hand_text
from forge_core.skull_king.film.record import HERO, AbilityShot, PlayShot, RoundFilm, TrickShot
from forge_core.skull_king.notation import CARD_LEGEND, cards_text, seat_text

BETWEEN_BIDS = " " * 6
LEGEND = (
    f"{CARD_LEGEND} Tigress(P) is played as a pirate, Tigress(E) as an escape. *: wins the trick; "
    "N 1/2: North has won 1 trick and bid 2. |bars|: chances of 0, 1, 2, ... "
    "tricks; hit: the chance to win exactly the bid; <- bid: the bid made; <- best: that of the most points."
)
"""explains the lines of a film"""


def film_text(film: RoundFilm) -> str:
    """Return a round as lines: the hand, the bid with its best alternative, all bids, tricks, points."""
    seats = film.seats
    lines = [
        f"round {film.number}: {cards_text(film.dealt)}, {seat_text(film.starter, seats)} leads. "
        f"{seat_text(HERO, seats)} holds {hand_text(film.hand)}"
    ]
    if film.advice:
        lines.append(_bids_text(film))
    made = " ".join(f"{seat_text(seat, seats)}{bid}" for seat, bid in enumerate(film.bids))
    lines.append(f"bids {made}   sum {sum(film.bids)} of {film.dealt}")
    for shot in film.shots:
        if isinstance(shot, TrickShot):
            lines.append(_trick_text(shot, seats))
        else:
            lines.append(f"      {ability_text(shot, seats)}")
    points = " ".join(f"{seat_text(seat, seats)}{n:+d}" for seat, n in enumerate(film.points))
    return "\n".join([*lines, f"points {points}"])


def shown_bids(film: RoundFilm) -> list[BidAdvice]:
    """Return the advice for the bid that was made and for the best of the others, ascending."""
    made = film.advice[film.bids[HERO]]
    others = [each for each in film.advice if each is not made]
    return sorted([made, max(others, key=lambda each: each.points)], key=lambda each: each.bid)


def advice_text(play: PlayShot) -> str:
    """Return what was expected of a play, such as ` 62% v+33`; nothing without advice."""
    if play.chosen is None:
        return ""
    chance = "" if play.chosen.chance is None else f" {play.chosen.chance:.0%}"
    return f"{chance} v{play.chosen.points:+.0f}"


def ability_text(shot: AbilityShot, seats: int) -> str:
    """Return what a seat decided by a pirate's ability: `N: bet 10`, `N: discards R7`."""
    verb = "discards " if shot.action < actions.BID_0 else ""
    return f"{seat_text(shot.seat, seats)}: {verb}{actions.action_text(shot.action)}"


def result_text(trick: TrickShot, seats: int) -> str:
    """Return who won a trick, with its tricks of its bid and the bonus: `N 1/2 bonus +30`."""
    hand = trick.winning_hand
    if hand is None or hand == seats:
        return "nobody" if hand is None else seat_text(hand, seats)
    bonus = f" bonus +{trick.bonus}" if trick.bonus else ""
    return f"{seat_text(hand, seats)} {trick.won}/{trick.bid}{bonus}"


def _bids_text(film: RoundFilm) -> str:
    made, best = film.bids[HERO], best_bid(film.advice)
    shown = []
    for each in shown_bids(film):
        words = [word for word, holds in (("bid", each.bid == made), ("best", each is best)) if holds]
        shown.append(each.to_text() + (f" <- {', '.join(words)}" if words else ""))
    return "  " + BETWEEN_BIDS.join(shown)


def _trick_text(trick: TrickShot, seats: int) -> str:
    """Return the line of a trick: plays, the winner marked, and the result."""
    texts = []
    for place, play in enumerate(trick.plays):
        mark = "*" if place == trick.winner else ""
        card = actions.play_text(play.action, which=False)
        texts.append(f"{seat_text(play.hand, seats)} {card}{mark}{advice_text(play)}")
    return f"  {trick.number:2d}  {'  '.join(texts)}   {result_text(trick, seats)}"
