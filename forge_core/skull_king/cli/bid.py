"""`forge skull-king bid`: advice for a hand."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from forge_core.cli.options import Json, expand_settings, read_seed
from forge_core.errors import BadInput
from forge_core.ranges import whole
from forge_core.skull_king.cli.options import Worlds
from forge_core.skull_king.settings.players import DEFAULT_WORLDS
from forge_core.skull_king.settings.table import TableSettings


def read_hand(text: str) -> list[int]:
    """Parse the cards of a hand, one to ten. Raises BadInput."""
    from forge_core.skull_king.actions import MOST_CARDS
    from forge_core.skull_king.cards import parse_cards

    cards = parse_cards(text)
    if not 1 <= len(cards) <= MOST_CARDS:
        raise BadInput(f"--hand has {len(cards)} cards: use 1..{MOST_CARDS}")
    return cards


def read_place(text: str) -> int:
    """Parse a place at the table, 1 for the seat that leads. Raises BadInput."""
    place = whole(text, "place")
    if place < 1:
        raise BadInput(f"--place {place}: use 1 for the seat that leads, 2 for the next, and so on")
    return place


@expand_settings
def bid(
    *,
    hand: Annotated[
        Any,
        typer.Option(
            "--hand", parser=read_hand, metavar="CARDS", help='Cards, such as "Harry R2 R14 P5 E Loot".'
        ),
    ],
    place: Annotated[
        int, typer.Option("--place", parser=read_place, metavar="N", help="1 leads, 2 plays second, ...")
    ] = "1",  # pyright: ignore[reportArgumentType]  (read by its parser)
    worlds: Worlds = str(DEFAULT_WORLDS),  # pyright: ignore[reportArgumentType]
    me: Annotated[str, typer.Option("--me", help="Player by rules that plays this hand.")] = "captain",
    others: Annotated[
        str, typer.Option("--others", help="Player by rules that the other seats are taken to be.")
    ] = "hard",
    seed: Annotated[
        int, typer.Option("--seed", parser=read_seed, metavar="N", help="Seed of the worlds.")
    ] = 0,
    table: TableSettings,
    json: Json = False,
) -> None:
    """Advise a bid: expected points and tricks of each bid, over deals of the other hands.

    With --worlds 0, print the bid of --me alone.
    """
    from forge_core.cli.screen import print_json, screen
    from forge_core.skull_king.cards import hand_text

    rules, seats = table.chosen, table.seats
    require_possible(hand, rules, seats, place)
    options, row = bidding_row(hand, rules, seats, place)
    if worlds == 0:
        chosen = bid_by_rules(row, options, me, seed)
        if json:
            print_json({"hand": hand, "place": place, "player": me, "bid": chosen})
        else:
            screen().print(f"{me} bids {chosen} with {hand_text(hand)}")
        return
    from forge_core.skull_king.film import bid_advice
    from forge_core.skull_king.search import SearchSettings, bid_values

    settings = SearchSettings(worlds, me=me, others=others)
    values = bid_values(row[None], options, draw_key(seed), settings)
    advice = bid_advice(values, len(hand))
    best = max(advice, key=lambda each: each.points)
    if json:
        bids = [{"bid": a.bid, "points": a.points, "hit": a.hit, "tricks": a.tricks} for a in advice]
        found = {"hand": hand, "place": place, "bid": best.bid, "bids": bids, **settings.describe()}
        print_json(found)
        return
    out = screen()
    out.print(f"{len(hand)} cards, place {place} of {seats}: {hand_text(hand)}", soft_wrap=True)
    for each in advice:
        out.print(f"  {each.to_text()}{' <- bid' if each is best else ''}", soft_wrap=True)
    out.print(
        f"{worlds:,} deals of the other hands; the rounds are played by {me} here and {others} elsewhere.",
        style="dim",
        soft_wrap=True,
    )


def require_possible(hand: list[int], rules: Any, seats: int, place: int) -> None:
    """Raise BadInput for cards that are not in the deck, a hand that is never dealt, or no such place."""
    from forge_core.skull_king.cards import card_text
    from forge_core.skull_king.rules import N_ROUNDS

    if place > seats:
        raise BadInput(f"--place {place}: there are {seats} seats")
    missing = [card_text(card) for card in hand if card not in rules.deck(seats)]
    if missing:
        raise BadInput(f"--hand: {missing[0]} is not in the deck of this table: leave it out")
    most = rules.cards_dealt(N_ROUNDS, seats)
    if len(hand) > most:
        raise BadInput(f"--hand has {len(hand)} cards, but {seats} seats get at most {most}: use fewer")


def bidding_row(hand: list[int], rules: Any, seats: int, place: int) -> tuple[Any, Any]:
    """Return (options, row): the seat at `place` after the starter, seat 0, is to bid and holds the hand."""
    from forge_core.skull_king.state import layout as at

    options = at.options_of(rules, seats)
    hands: list[list[int]] = [[] for _ in range(seats)]
    hands[place - 1] = hand
    row = at.row_with(hands, 0, options)
    row[at.DEALT] = row[at.ROUND] = len(hand)
    row[at.ACTOR] = place - 1
    return options, row


def draw_key(seed: int) -> Any:
    """Return [1] the key of the draws for one row."""
    from forge_core.arena.play import seed_keys

    return seed_keys([0], seed)


def bid_by_rules(row: Any, options: Any, name: str, seed: int) -> int:
    """Return the bid of a player by rules. Raises BadInput for another name."""
    import numpy as np

    from forge_core.skull_king.actions import BID_0
    from forge_core.skull_king.bots import BOT_NAMES
    from forge_core.skull_king.bots.rules import act
    from forge_core.skull_king.state.layout import MOST_ACTIONS

    if name not in BOT_NAMES:
        raise BadInput(f"--me {name!r}: use {', '.join(BOT_NAMES)}")
    kind, buffer = BOT_NAMES.index(name), np.empty(MOST_ACTIONS, np.int64)
    return int(act(row, kind, options, draw_key(seed)[0], buffer)) - BID_0
