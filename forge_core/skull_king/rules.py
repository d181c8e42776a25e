"""The rules of Skull King, slow and readable: the reference that kernels and tensors are compared with.

Cards are ids 1..74 (see `cards`), tricks lists of cards in order of play. `tigress` says how the Tigress in
a trick was played, as "pirate" or "escape". Offsets count seats from the leader of the trick.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from forge_core.errors import BadInput
from forge_core.skull_king.actions import MOST_CARDS, MOST_SEATS, TIGRESS_AS_PIRATE
from forge_core.skull_king.cards import (
    ESCAPES,
    HIGHEST,
    KING,
    KRAKEN,
    LOOTS,
    MERMAIDS,
    N_CARDS,
    PIRATES,
    ROGER,
    TIGRESS,
    WHALE,
    number_of,
    require_different,
    suit_of,
)

RULES_VERSION = 0
"""Raised when results change"""

N_ROUNDS = 10
OPEN, FREE = -1, 4
"""The led suit before a card has set it, and after a special that frees the others from following"""

ADVANCED: dict[str, tuple[int, ...]] = {"kraken": (KRAKEN,), "whale": (WHALE,), "loot": tuple(LOOTS)}
"""Advanced cards by name; each may be left out of the deck"""
MOST_CARDS_OF_EIGHT = 8
"""Cards dealt to each of eight seats at most, as printed"""
HANDS_WITH_GHOST = 3
"""Hands that are dealt for two seats and the ghost"""

TigressMode = Literal["pirate", "escape"]


@dataclass(frozen=True, slots=True)
class Rules:
    """The options of the game; the defaults are the current print and the official answers to questions.

    Raises BadInput for values that do not exist or that exclude each other.
    """

    follow: Literal["printed", "engine"] = "printed"
    """engine: a Roger may always be played, and no trick is free"""
    nobody_leads: Literal["would_have_won", "print_2021", "starter"] = "would_have_won"
    """the seat that leads after a trick that nobody won: the one that would have won without the beasts; by
    the print of 2021, the one left of the Kraken's player, or the Whale's player; or the round's starter"""
    tigress_bonus: bool = True
    """the Tigress as a pirate takes Mermaids and is taken by the King for a bonus"""
    loot: Literal["per_card", "last_card"] = "per_card"
    """last_card: only the last Loot card of a player makes an alliance"""
    scoring: Literal["skull_king", "rascal"] = "skull_king"
    cannonball: bool = False
    """each seat chooses grapeshot or a cannonball after its bid; needs scoring="rascal\""""
    ghost: bool = True
    """at two seats, a third hand plays"""
    abilities: bool = False
    """a seat that wins a trick with a pirate gets the ability of that pirate"""
    harry: Literal["at_once", "round_end"] = "at_once"
    """the time at which the seat that won with Harry may move its bid"""
    advanced: tuple[str, ...] = tuple(ADVANCED)
    """advanced cards in the deck: kraken, whale, loot"""

    def __post_init__(self) -> None:
        _check_choice("follow", self.follow, ("printed", "engine"))
        _check_choice("nobody_leads", self.nobody_leads, ("would_have_won", "print_2021", "starter"))
        _check_choice("loot", self.loot, ("per_card", "last_card"))
        _check_choice("scoring", self.scoring, ("skull_king", "rascal"))
        _check_choice("harry", self.harry, ("at_once", "round_end"))
        for each in fields(self):
            if each.type == "bool" and not isinstance(getattr(self, each.name), bool):
                raise BadInput(f"{each.name}={getattr(self, each.name)!r}: use True or False")
        for name in self.advanced:
            _check_choice("advanced", name, tuple(ADVANCED))
        if self.cannonball and self.scoring != "rascal":
            raise BadInput("cannonball needs the scoring of Rascal: set scoring='rascal' too")

    @classmethod
    def printed(cls, **changes: Any) -> Rules:
        """Return the rules of the current print, with changes."""
        return cls(**changes)

    @classmethod
    def print_2021(cls, **changes: Any) -> Rules:
        """Return the rules of the first print of 2021, with changes."""
        return replace(cls(nobody_leads="print_2021"), **changes)

    @classmethod
    def engine(cls, **changes: Any) -> Rules:
        """Return the rules of the published engine, with changes."""
        preset = cls(
            follow="engine",
            nobody_leads="starter",
            tigress_bonus=False,
            loot="last_card",
            ghost=False,
            harry="round_end",
        )
        return replace(preset, **changes)

    def has_ghost(self, seats: int) -> bool:
        """Return True if a ghost plays at a table of this many seats."""
        return self.ghost and seats == 2

    def deck(self, seats: int) -> list[int]:
        """Return the cards of the deck, ascending. With a ghost there is no Loot."""
        left_out = [card for name, cards in ADVANCED.items() if name not in self.advanced for card in cards]
        if self.has_ghost(seats):
            left_out += LOOTS
        return [card for card in range(1, N_CARDS + 1) if card not in left_out]

    def cards_dealt(self, round: int, seats: int) -> int:
        """Return the number of cards that each seat gets in a round. Raises BadInput."""
        check_seats(seats)
        if not 1 <= round <= N_ROUNDS:
            raise BadInput(f"round {round} does not exist: use 1..{N_ROUNDS}")
        hands = HANDS_WITH_GHOST if self.has_ghost(seats) else seats
        most = MOST_CARDS_OF_EIGHT if seats == MOST_SEATS else MOST_CARDS
        return min(round, most, len(self.deck(seats)) // hands)


def check_seats(seats: int) -> int:
    """Return the number of seats. Raises BadInput unless it is one of 2..8."""
    if not 2 <= seats <= MOST_SEATS:
        raise BadInput(f"{seats} seats: use 2..{MOST_SEATS}")
    return seats


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise BadInput(f"{name}={value!r}: use {' or '.join(choices)}")


# --- a card on the table ----------------------------------------------------------------------


def is_pirate(card: int, tigress: TigressMode | None) -> bool:
    """Return True for a pirate, or the Tigress played as one."""
    return card in PIRATES or (card == TIGRESS and tigress == "pirate")


def is_escape(card: int, tigress: TigressMode | None) -> bool:
    """Return True for an Escape, a Loot, or the Tigress played as an Escape."""
    return card in ESCAPES or card in LOOTS or (card == TIGRESS and tigress != "pirate")


# --- following suit ---------------------------------------------------------------------------


def led_suit(cards: Sequence[int], tigress: TigressMode | None = None, rules: Rules = Rules()) -> int:
    """Return the suit that a trick asks for, 0..3; OPEN if none is set yet, FREE if none ever will be."""
    for card in cards:
        suit = suit_of(card)
        if suit is not None:
            return suit
        if rules.follow == "printed" and not is_escape(card, tigress):
            return FREE
    return OPEN


def legal_cards(
    hand: Sequence[int], table: Sequence[int], tigress: TigressMode | None = None, rules: Rules = Rules()
) -> list[int]:
    """Return the cards of a hand that may be played to the trick on the table, ascending.

    Raises BadInput if a card occurs twice, or if the Tigress is on the table and `tigress` is None.
    """
    require_different([*hand, *table])
    _check_tigress(table, tigress)
    led = led_suit(table, tigress, rules)
    if not any(suit_of(card) == led for card in hand):
        return sorted(hand)
    always = {None, led, ROGER} if rules.follow == "engine" else {None, led}
    return sorted(card for card in hand if suit_of(card) in always)


def legal_actions(
    hand: Sequence[int], table: Sequence[int], tigress: TigressMode | None = None, rules: Rules = Rules()
) -> list[int]:
    """Return the actions that play a legal card, ascending; the Tigress is two. Raises as `legal_cards`."""
    cards = legal_cards(hand, table, tigress, rules)
    return [card - 1 for card in cards] + ([TIGRESS_AS_PIRATE] if TIGRESS in cards else [])


# --- the end of a trick -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trick:
    """The result of a trick."""

    winner: int | None
    """offset of the winner from the leader; None: nobody takes the trick"""
    next_leader: int | None
    """offset of the seat that leads next; None: the starter of the round"""
    bonus: int
    """points for the winner if its bid is met"""
    loot: tuple[tuple[int, int], ...] = ()
    """(offset of a Loot's player, offset of the winner) for each alliance"""


def resolve(cards: Sequence[int], tigress: TigressMode | None = None, rules: Rules = Rules()) -> Trick:
    """Return the result of a trick of cards in order of play.

    Raises BadInput for no cards, a card that occurs twice, or a Tigress without `tigress`.
    """
    if not cards:
        raise BadInput("a trick without cards has no result: pass the cards in order of play")
    require_different(cards)
    _check_tigress(cards, tigress)
    beasts = [i for i, card in enumerate(cards) if card in (WHALE, KRAKEN)]
    without_beasts = _highest(cards, [i for i in range(len(cards)) if i not in beasts], tigress)
    winner: int | None = without_beasts
    if beasts and cards[beasts[-1]] == KRAKEN:
        winner = None
    elif beasts:
        winner = _highest_number(cards)
    if winner is None:
        return Trick(None, _leader_after_nobody(cards, beasts[-1], without_beasts, rules), 0)
    loot = tuple((i, winner) for i, card in enumerate(cards) if card in LOOTS and i != winner)
    return Trick(winner, winner, _bonus(cards, cards[winner], tigress, rules), loot)


def _check_tigress(cards: Sequence[int], tigress: str | None) -> None:
    if TIGRESS in cards and tigress not in ("pirate", "escape"):
        raise BadInput(f"tigress={tigress!r}: the Tigress is on the table, so pass 'pirate' or 'escape'")


def _highest(cards: Sequence[int], offsets: Sequence[int], tigress: TigressMode | None) -> int:
    """Return the offset of the best card among `offsets`, which hold no beast; 0 if there are none."""
    if not offsets:
        return 0
    kings = [i for i in offsets if cards[i] == KING]
    mermaids = [i for i in offsets if cards[i] in MERMAIDS]
    pirates = [i for i in offsets if is_pirate(cards[i], tigress)]
    if kings and mermaids:
        return mermaids[0]
    for group in (kings, pirates, mermaids):
        if group:
            return group[0]
    numbered = [i for i in offsets if suit_of(cards[i]) is not None]
    if not numbered:
        return offsets[0]
    suit = ROGER if any(suit_of(cards[i]) == ROGER for i in numbered) else suit_of(cards[numbered[0]])
    return max((i for i in numbered if suit_of(cards[i]) == suit), key=lambda i: number_of(cards[i]))


def _highest_number(cards: Sequence[int]) -> int | None:
    """Return the offset of the first highest number of any suit; None if there are only specials."""
    best = max(range(len(cards)), key=lambda i: (number_of(cards[i]), -i))
    return best if number_of(cards[best]) else None


def _leader_after_nobody(
    cards: Sequence[int], last_beast: int, without_beasts: int, rules: Rules
) -> int | None:
    if rules.nobody_leads == "would_have_won":
        return without_beasts
    if rules.nobody_leads == "starter":
        return None
    return (last_beast + 1) % len(cards) if cards[last_beast] == KRAKEN else last_beast


def _bonus(cards: Sequence[int], winning: int, tigress: TigressMode | None, rules: Rules) -> int:
    as_pirate = tigress if rules.tigress_bonus else None
    total = 0
    for card in cards:
        if number_of(card) == HIGHEST:
            total += 20 if suit_of(card) == ROGER else 10
        if is_pirate(winning, as_pirate) and card in MERMAIDS:
            total += 20
        if winning == KING and is_pirate(card, as_pirate):
            total += 30
        if winning in MERMAIDS and card == KING:
            total += 40
    return total


# --- the end of a round -----------------------------------------------------------------------


def score_round(
    bids: Sequence[int],
    won: Sequence[int],
    bonus: Sequence[int],
    dealt: int,
    loot: Sequence[Sequence[int]] = (),
    harry: Mapping[int, int] | None = None,
    bets: Mapping[int, int] | None = None,
    cannonball: Mapping[int, bool] | None = None,
    rules: Rules = Rules(),
) -> list[int]:
    """Return the points of each seat for a round of `dealt` cards.

    loot: (seat of the Loot's player, seat of the ally) for each card. harry: -1, 0 or 1 by seat. bets: points
    by seat. cannonball: True by seat; the others load grapeshot.
    """
    moves, staked, loaded = harry or {}, bets or {}, cannonball or {}
    aims = [max(0, bid + moves.get(seat, 0)) for seat, bid in enumerate(bids)]
    exact = [tricks == aim for tricks, aim in zip(won, aims, strict=True)]
    points = []
    for seat, aim in enumerate(aims):
        off = abs(won[seat] - aim)
        if rules.scoring == "rascal":
            earned = _rascal_points(off, dealt, bonus[seat], loaded.get(seat, False))
        else:
            earned = _skull_king_points(aim, off, dealt, bonus[seat])
        bet = staked.get(seat, 0)
        points.append(earned + (bet if exact[seat] else -bet))
    alliances = [tuple(pair) for pair in loot]
    if rules.loot == "last_card":
        alliances = list({player: (player, ally) for player, ally in alliances}.items())
        alliances = [pair for _, pair in alliances]
    for player, ally in alliances:
        if exact[player] and exact[ally]:
            points[player] += 20
            points[ally] += 20
    return points


def _skull_king_points(bid: int, off: int, dealt: int, bonus: int) -> int:
    if bid == 0:
        return 10 * dealt if off == 0 else -10 * dealt
    return 20 * bid + bonus if off == 0 else -10 * off


def _rascal_points(off: int, dealt: int, bonus: int, cannonball: bool) -> int:
    if cannonball:
        return 15 * dealt + bonus if off == 0 else 0
    whole = 10 * dealt + bonus
    return whole if off == 0 else whole // 2 if off == 1 else 0
