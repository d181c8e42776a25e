"""Films as one HTML page that needs no other file and no script.

A card shows its text, such as P9, whose letter names the suit; colours only repeat it.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from forge_core.skull_king import actions
from forge_core.skull_king.advice.record import BidAdvice, best_bid
from forge_core.skull_king.cards import KRAKEN, MERMAIDS, PIRATES, WHALE, card_text, suit_of
from forge_core.skull_king.film.record import HERO, PlayShot, RoundFilm, TrickShot
from forge_core.skull_king.film.text import ability_text, advice_text, result_text
from forge_core.skull_king.notation import cards_text, seat_text

SUIT_NAMES = ("Jolly Roger", "Parrot", "Map", "Chest")
BAR_HEIGHT = 36
"""pixels of the bar of a certain number of tricks"""

STYLE = """
:root { color-scheme: light dark; --ink: #222; --soft: #5d5d5d; --line: #d5d5d5; --paper: #fff; --card: #fff;
  --roger: #222; --parrot: #17702f; --map: #5b2d91; --chest: #8a5a00; --special: #9c1c1c; --mark: #e8f1fa;
  --bar: #9bb8d0; --hit: #2f6f9f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --soft: #aaa; --line: #444; --paper: #181818;
  --card: #242424; --roger: #e8e8e8; --parrot: #7ccf8f; --map: #c3a1ee; --chest: #e0b45c; --special: #f09a9a;
  --mark: #203448; --bar: #46637c; --hit: #7db8e8; } }
body { font: 16px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem;
  margin: 1.5rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem } h2 { font-size: 1.15rem; margin: 2.2rem 0 .4rem }
p { margin: .4rem 0 } .soft { color: var(--soft) }
.scroll { overflow-x: auto } table { border-collapse: collapse; margin: .6rem 0 }
th, td { padding: .25rem .7rem .25rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line) }
th { font-weight: 600; color: var(--soft); font-size: .85rem } th[scope=row] { font-size: 1rem }
td { white-space: nowrap } .number { text-align: right; white-space: nowrap }
tr.made td, tr.made th { background: var(--mark); font-weight: 600 }
.card { display: inline-block; border: 1px solid currentColor; border-radius: .3rem; padding: 0 .4rem;
  background: var(--card); font-weight: 600; white-space: nowrap }
.roger { color: var(--roger) } .parrot { color: var(--parrot) } .map { color: var(--map) }
.chest { color: var(--chest) } .special { color: var(--special); font-style: italic }
.seat { color: var(--soft); margin-right: .3rem } .winner .card { outline: 2px solid currentColor }
.winner .seat { color: var(--ink); font-weight: 700 }
.note { display: block; font-size: .8rem; color: var(--soft); white-space: normal }
.bars { display: inline-flex; align-items: flex-end; gap: 2px; vertical-align: bottom }
.bars span { width: 1.5rem; text-align: center; font-size: .75rem; color: var(--soft); font-weight: 400 }
.bars i { display: block; background: var(--bar) } .bars .hit { color: var(--ink); font-weight: 700 }
.bars .hit i { background: var(--hit) }
summary { cursor: pointer; color: var(--soft); font-size: .9rem }
"""


def films_page(films: Sequence[RoundFilm], title: str, notes: Sequence[str] = ()) -> str:
    """Return films of one table as a page of HTML, with a table of the scores if there are several.

    notes: paragraphs below the title, as plain text.
    """
    parts = [f"<h1>{escape(title)}</h1>", *(f'<p class="soft">{escape(note)}</p>' for note in notes)]
    parts.append(f"<p>{_legend()}</p>")
    if len(films) > 1:
        parts.append(_scores(films))
    parts += [_round(film) for film in films]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def card_span(card: int, text: str | None = None) -> str:
    """Return a card as HTML, in the colour of its suit. text: by default that of the card."""
    suit = suit_of(card)
    kind = "special" if suit is None else ("roger", "parrot", "map", "chest")[suit]
    hint = "" if suit is None else f' title="{SUIT_NAMES[suit]}"'
    return f'<span class="card {kind}"{hint}>{escape(text or card_text(card))}</span>'


def _legend() -> str:
    """Return the suits, and how the page marks the winner of a trick."""
    suits = " ".join(f"{card_span(11 + 14 * suit)} {name}," for suit, name in enumerate(SUIT_NAMES))
    specials = ", ".join(card_text(card) for card in (KRAKEN, WHALE, MERMAIDS[0], PIRATES[0]))
    return f"{suits} {card_span(1)} a special, such as {specials}. ★ wins the trick."


def _table(head: Sequence[str], rows: Sequence[str], numbers: Sequence[str] = ()) -> str:
    """Return a table. numbers: the columns that are aligned at the right."""
    cells = "".join(
        f'<th scope="col"{" class=number" if cell in numbers else ""}>{cell}</th>' for cell in head
    )
    return f'<div class="scroll"><table><tr>{cells}</tr>{"".join(rows)}</table></div>'


def _numbers(values: Sequence[int]) -> str:
    return "".join(f'<td class="number">{value:+d}</td>' for value in values)


def _scores(films: Sequence[RoundFilm]) -> str:
    """Return the bids met and the points of all rounds, and the scores."""
    seats = films[0].seats
    names = [seat_text(seat, seats) for seat in range(seats)]
    rows = [
        f'<tr><td><a href="#round-{film.number}">{film.number}</a></td>{_numbers(film.points)}</tr>'
        for film in films
    ]
    totals = [sum(film.points[seat] for film in films) for seat in range(seats)]
    rows.append(f'<tr class="made"><td>score</td>{_numbers(totals)}</tr>')
    return _table(["round", *names], rows, names)


def _round(film: RoundFilm) -> str:
    """Return a round: the hand, the bids with their advice, the tricks, the points."""
    seats, hero = film.seats, seat_text(HERO, film.seats)
    hand = " ".join(card_span(card) for card in film.hand)
    parts = [
        f'<h2 id="round-{film.number}">Round {film.number}: {cards_text(film.dealt)}, '
        f"{seat_text(film.starter, seats)} leads</h2>",
        f"<p>{hero} holds {hand}</p>",
    ]
    if film.advice:
        best, made = best_bid(film.advice), film.bids[HERO]
        rows = [_bid_row(each, each.bid == made, each is best) for each in film.advice]
        parts.append(_table([f"{hero} bids", "expected points", "tricks", "P(hit)", ""], rows, ["P(hit)"]))
    bids = ", ".join(f"{seat_text(seat, seats)} {bid}" for seat, bid in enumerate(film.bids))
    parts.append(f"<p>Bids: {bids}; sum {sum(film.bids)} of {film.dealt} tricks.</p>")
    rows = []
    for shot in film.shots:
        if isinstance(shot, TrickShot):
            rows.append(_trick_row(shot, seats))
        else:
            text = escape(ability_text(shot, seats))
            rows.append(f'<tr><td></td><td colspan="{seats + 2}" class="soft">{text}</td></tr>')
    n_hands = max(len(shot.plays) for shot in film.shots if isinstance(shot, TrickShot))
    head = ["trick", "leads", *(["then"] * (n_hands - 1)), "won, of its bid"]
    parts.append(_table(head, rows))
    points = ", ".join(f"{seat_text(seat, seats)} {n:+d}" for seat, n in enumerate(film.points))
    parts.append(f"<p><b>Points: {points}</b></p>")
    return f"<section>{''.join(parts)}</section>"


def _bid_row(advice: BidAdvice, is_made: bool, is_best: bool) -> str:
    """Return a bid with its expected points and the probabilities of its tricks as bars."""
    bars = "".join(
        f'<span{" class=hit" if n == advice.bid else ""} title="{n} tricks: {share:.0%}">'
        f'<i style="height:{share * BAR_HEIGHT:.0f}px"></i>{n}</span>'
        for n, share in enumerate(advice.tricks)
    )
    mark = " and ".join(word for word, holds in (("bid", is_made), ("best", is_best)) if holds)
    return (
        f'<tr{" class=made" if is_made else ""}><th scope="row">{advice.bid}</th>'
        f'<td class="number">{advice.points:+.1f}</td><td><span class="bars">{bars}</span></td>'
        f'<td class="number">{advice.hit:.2f}</td><td>{"← " + mark if mark else ""}</td></tr>'
    )


def _trick_row(trick: TrickShot, seats: int) -> str:
    """Return a trick: a cell per play, and the result."""
    cells = []
    for place, play in enumerate(trick.plays):
        is_winner = place == trick.winner
        text = actions.play_text(play.action, which=False) + (" ★" if is_winner else "")
        card = card_span(actions.card_of_play(play.action), text)
        cells.append(
            f"<td{' class=winner' if is_winner else ''}>"
            f'<span class="seat">{seat_text(play.hand, seats)}</span>{card}{_advice(play)}</td>'
        )
    return f"<tr><td>{trick.number}</td>{''.join(cells)}<td>{result_text(trick, seats)}</td></tr>"


def _advice(play: PlayShot) -> str:
    """Return what was expected of a play, and of the others that were possible."""
    if play.chosen is None:
        return ""
    by_chance = play.chosen.chance is not None
    others = sorted(play.advice, key=lambda each: -(each.chance or 0.0) if by_chance else -each.points)
    texts = [
        f"{actions.play_text(each.action, which=False)} "
        + (f"{each.chance:.0%}" if by_chance else f"{each.points:+.0f}")
        for each in others
    ]
    return (
        f'<details class="note"><summary>{escape(advice_text(play).strip())}</summary>'
        f"{escape(', '.join(texts))}</details>"
    )
