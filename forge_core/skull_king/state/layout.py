"""A game as a row of int64: the columns, sets of cards as two words, and the options of the rules as numbers.

    numbers    56 bits of the numbered cards: bit 14 suit + number - 1
    specials   18 bits: King, Whale, Kraken, Mermaids, Pirates (bits 0..9), Escapes, Tigress, Loots (10..17)

Seats are absolute. Where there are eight columns, one belongs to each seat; the ghost at a table of two seats
uses column 2. Cards are ids 1..74, and 0 stands for no card. -1 stands for no seat, and for no bid yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from forge_core.skull_king.actions import MOST_CARDS, MOST_SEATS
from forge_core.skull_king.cards import N_CARDS, NUMBERED, TIGRESS
from forge_core.skull_king.rules import N_ROUNDS, OPEN, Rules, check_seats

Row = npt.NDArray[np.int64]
"""[WIDTH]"""
Rows = npt.NDArray[np.int64]
"""[N, WIDTH]"""

NOBODY = -1
NO_BID = -1

# --- columns ----------------------------------------------------------------------------------

(
    PHASE,
    ROUND,
    DEALT,  # cards dealt to each seat in this round
    TRICK,  # tricks played in this round
    IN_TRICK,  # cards on the table
    LEADER,
    STARTER,  # leads the first trick of the round
    ACTOR,
    LED,  # the suit that the trick asks for, or OPEN or FREE
    TIGRESS_MODE,  # 1 if the Tigress on the table was played as a pirate
    N_LOOT,  # alliances made in this round
    HARRY_SEAT,  # may move its bid at the end of the round
    JADE_SEAT,  # has seen the undealt cards
    BENDT_SEAT,  # has drawn two cards
    DISCARDS_DUE,
    KEY,  # key of the game's deals, a uint64
    JADE_NUMBERS,  # undealt cards that JADE_SEAT has seen
    JADE_SPECIALS,
    DISCARD_NUMBERS,  # cards that BENDT_SEAT discarded
    DISCARD_SPECIALS,
) = range(20)
LOOT = 20
"""(seat of the Loot's player, seat of its ally), twice"""
STOCK = LOOT + 4
"""two cards that Bendt's holder would draw"""
GHOST = STOCK + 2
"""cards of the ghost in the order in which it plays them, card of trick 0 first"""
BIDS = GHOST + MOST_CARDS
WON, BONUS, SCORE, DELTA, TABLE, VOIDS, STAKES, LOADED, NUMBERS, SPECIALS, PLAYED_NUMBERS, PLAYED_SPECIALS = (
    BIDS + MOST_SEATS * block for block in range(1, 13)
)
"""blocks of eight columns: tricks won, bonus, score of the game, points of the last round scored, cards on
the table in order of play, shown voids (bit = suit), points bet, cannonball loaded, hands, cards played"""
WIDTH = PLAYED_SPECIALS + MOST_SEATS

# --- sets of cards ----------------------------------------------------------------------------

SUIT_BITS = 14
SUIT_MASK = (1 << SUIT_BITS) - 1
FIRST_NUMBERED, LAST_NUMBERED = NUMBERED.start, NUMBERED.stop - 1
N_NUMBERED = len(NUMBERED)
LOW_SPECIALS = FIRST_NUMBERED - 1
"""specials before the numbered cards"""
SPECIALS_SHIFT = LAST_NUMBERED + 1 - LOW_SPECIALS
"""card of a special's bit less the bit, from the first special after the numbered cards on"""
N_SPECIALS = N_CARDS - N_NUMBERED
TIGRESS_BIT = 1 << (TIGRESS - SPECIALS_SHIFT)
MOST_ACTIONS = 16
"""at least as many as an actor ever has: twelve cards and a second way to play the Tigress"""


def words_of(cards: Iterable[int]) -> tuple[int, int]:
    """Return the two words, (numbers, specials), of a set of cards."""
    numbers = specials = 0
    for card in cards:
        if card in NUMBERED:
            numbers |= 1 << (card - FIRST_NUMBERED)
        else:
            specials |= 1 << (card - 1 if card <= LOW_SPECIALS else card - SPECIALS_SHIFT)
    return numbers, specials


def cards_of(numbers: int, specials: int) -> list[int]:
    """Return the cards of a set, ascending."""
    found = [FIRST_NUMBERED + bit for bit in range(N_NUMBERED) if numbers >> bit & 1]
    for bit in range(N_SPECIALS):
        if specials >> bit & 1:
            found.append(bit + 1 if bit < LOW_SPECIALS else bit + SPECIALS_SHIFT)
    return sorted(found)


# --- options ----------------------------------------------------------------------------------

(
    O_SEATS,
    O_HANDS,  # seats and the ghost
    O_FOLLOW_ENGINE,
    O_NOBODY_LEADS,
    O_TIGRESS_BONUS,
    O_LOOT_PER_CARD,
    O_RASCAL,  # scoring by Rascal
    O_CANNONBALL,
    O_ABILITIES,
    O_HARRY_LAST,  # Harry moves the bid at the end of the round
    O_DECK_NUMBERS,
    O_DECK_SPECIALS,
    O_MOST_DEALT,
    O_LAST_ROUND,
) = range(14)
WOULD_HAVE_WON, PRINT_2021, STARTER_LEADS = range(3)
"""values of O_NOBODY_LEADS"""

Options = npt.NDArray[np.int64]
"""[14] the rules at a table, as kernels read them"""


def options_of(rules: Rules, seats: int, last_round: int = N_ROUNDS) -> Options:
    """Return the rules at a table of this many seats as numbers. Raises BadInput for a number of seats."""
    check_seats(seats)
    leads = ("would_have_won", "print_2021", "starter").index(rules.nobody_leads)
    return np.array(
        [
            seats,
            seats + rules.has_ghost(seats),
            rules.follow == "engine",
            leads,
            rules.tigress_bonus,
            rules.loot == "per_card",
            rules.scoring == "rascal",
            rules.cannonball,
            rules.abilities,
            rules.harry == "round_end",
            *words_of(rules.deck(seats)),
            rules.cards_dealt(N_ROUNDS, seats),
            last_round,
        ],
        dtype=np.int64,
    )


# --- rows by hand -----------------------------------------------------------------------------


def row_with(
    hands: Sequence[Iterable[int]], starter: int, options: Options, ghost: Sequence[int] = ()
) -> Row:
    """Return the row of a round with these hands, one per seat, before its first bid.

    The round has as many cards as seat 0. Its key is 0: rounds that follow are those of that key.
    """
    row = np.zeros(WIDTH, np.int64)
    row[ROUND] = row[DEALT] = len(list(hands[0]))
    row[LEADER] = row[STARTER] = row[ACTOR] = starter
    row[LED] = OPEN
    row[BIDS : BIDS + MOST_SEATS] = NO_BID
    row[[HARRY_SEAT, JADE_SEAT, BENDT_SEAT]] = NOBODY
    for hand, cards in enumerate([*hands, ghost] if ghost else hands):
        row[NUMBERS + hand], row[SPECIALS + hand] = words_of(cards)
    row[GHOST : GHOST + len(ghost)] = ghost
    return row
