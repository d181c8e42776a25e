"""`forge skull-king bid`: advice for a hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_core.cli.options import Device, Json, expand_settings
from forge_core.errors import BadInput
from forge_core.ranges import read_seed, whole
from forge_core.skull_king.cli.options import read_worlds
from forge_core.skull_king.settings.players import DEFAULT_WORLDS
from forge_core.skull_king.settings.table import TableSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forge_core.skull_king.advice.record import Adviser, BidAdvice


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


def read_policy(text: str) -> str:
    """Return the path of a network. Raises BadInput for an empty one."""
    if not text.strip():
        raise BadInput("--policy is empty: name the folder of a network")
    return text


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
    policy: Annotated[
        str | None,
        typer.Option(
            "--policy",
            parser=read_policy,
            metavar="DIR",
            help="Network whose own expectations are shown, such as models/skull-king-256x2; with --worlds, "
            "next to the search.",
        ),
    ] = None,
    worlds: Annotated[
        int | None,
        typer.Option(
            "--worlds",
            parser=read_worlds,
            metavar="N",
            show_default=f"{DEFAULT_WORLDS}, or 0 with --policy",
            help="Worlds of the search; 0: no search.",
        ),
    ] = None,
    me: Annotated[str, typer.Option("--me", help="Player by rules that plays this hand.")] = "captain",
    others: Annotated[
        str, typer.Option("--others", help="Player by rules that the other seats are taken to be.")
    ] = "hard",
    seed: Annotated[
        int, typer.Option("--seed", parser=read_seed, metavar="N", help="Seed of the worlds.")
    ] = 0,
    table: TableSettings,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Advise a bid: expected points and tricks of each bid, over deals of the other hands or by a network.

    With --worlds 0 and without --policy, print the bid of --me alone.
    """
    from forge_core.cli.screen import print_json, screen
    from forge_core.skull_king.cards import hand_text

    rules, seats = table.chosen, table.seats
    require_possible(hand, rules, seats, place)
    options, row = bidding_row(hand, rules, seats, place)
    if worlds == 0 and policy is None:
        chosen = bid_by_rules(row, options, me, seed)
        if json:
            print_json({"hand": hand, "place": place, "player": me, "bid": chosen})
        else:
            screen().print(f"{me} bids {chosen} with {hand_text(hand)}")
        return
    from forge_core.skull_king.advice.search import SearchAdviser
    from forge_core.skull_king.game import SkullKingGame
    from forge_core.skull_king.players import TableView
    from forge_core.skull_king.search import SearchSettings

    advisers: dict[str, Adviser] = {}
    if policy is not None:
        advisers["policy"] = open_policy(policy, device)
    n = (DEFAULT_WORLDS if policy is None else 0) if worlds is None else worlds
    if n:
        advisers["search"] = SearchAdviser(SearchSettings(n, me=me, others=others))
    view = TableView.of(SkullKingGame(seats, rules), row[None])
    found = {name: adviser.bids(view, draw_key(seed)) for name, adviser in advisers.items()}
    if json:
        records = {name: as_record(advice) | advisers[name].describe() for name, advice in found.items()}
        first, *more = records
        print_json({"hand": hand, "place": place, **records[first], **{name: records[name] for name in more}})
        return
    out = screen()
    out.print(f"{len(hand)} cards, place {place} of {seats}: {hand_text(hand)}", soft_wrap=True)
    for name, advice in found.items():
        print_advice(advice)
        if name == "search":
            note = (
                f"{n:,} deals of the other hands; the rounds are played by {me} here and {others} elsewhere."
            )
        else:
            note = f"The network {policy} expects this of its own bids."
        out.print(note, style="dim", soft_wrap=True)


def open_policy(path: str, device: str) -> Adviser:
    """Return the adviser that states what a network expects. Raises BadInput, StoreUnusable."""
    from forge_core.skull_king.advice.network import NetworkAdviser
    from forge_core.skull_king.players.network import NetworkPlayer

    return NetworkAdviser(NetworkPlayer.load(path, device))


def as_record(advice: Sequence[BidAdvice]) -> dict[str, Any]:
    """Return the best bid, and all, as JSON types."""
    from forge_core.skull_king.advice.record import best_bid

    return {"bid": best_bid(advice).bid, "bids": [each.to_dict() for each in advice]}


def print_advice(advice: Sequence[BidAdvice]) -> None:
    """Print one line per bid, with a mark at the best."""
    from forge_core.cli.screen import screen
    from forge_core.skull_king.advice.record import best_bid

    best = best_bid(advice)
    for each in advice:
        screen().print(f"  {each.to_text()}{' <- bid' if each is best else ''}", soft_wrap=True)


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
