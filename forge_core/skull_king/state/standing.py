"""The standing of an unfinished trick: which action would be winning if it were played now, compiled.

A standing is a tuple of int64, in this order; a trick without cards has all zeros but for the led suit.
"""

from __future__ import annotations

from forge_core.kernels import inlined, kernel
from forge_core.skull_king import actions, cards
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.state.words import is_numbered, number_of, suit_of

N_CARDS, KINGS, MERMAIDS, PIRATES, LED, LED_NUMBER, ROGER_NUMBER, HIGHEST, LAST_BEAST = range(9)
"""cards on the table; Kings, Mermaids and pirates among them; the suit of the first numbered card or -1; the
highest numbers of that suit, of Roger and of any suit; the last beast, a card or 0"""


@kernel
def standing_of(row):
    """Return the standing of the trick on the table."""
    n, led = row[at.IN_TRICK], -1
    kings = mermaids = pirates = led_number = roger_number = highest = beast = 0
    for i in range(n):
        card = row[at.TABLE + i]
        if is_numbered(card):
            suit, number = suit_of(card), number_of(card)
            highest = max(highest, number)
            if led < 0:
                led = suit
            if suit == led:
                led_number = max(led_number, number)
            if suit == cards.ROGER:
                roger_number = max(roger_number, number)
        elif card == cards.WHALE or card == cards.KRAKEN:
            beast = card
        elif card == cards.KING:
            kings += 1
        elif card < cards.ROSIE:
            mermaids += 1
        elif card < at.FIRST_NUMBERED or (card == cards.TIGRESS and row[at.TIGRESS_MODE]):
            pirates += 1
    return n, kings, mermaids, pirates, led, led_number, roger_number, highest, beast


@inlined
def would_win(action, standing):
    """Return True if the card of an action would take the trick as it then stands."""
    card = cards.TIGRESS if action == actions.TIGRESS_AS_PIRATE else action + 1
    kings, mermaids, pirates = standing[KINGS], standing[MERMAIDS], standing[PIRATES]
    if card == cards.WHALE or card == cards.KRAKEN:
        return False
    if standing[LAST_BEAST]:  # after the Whale the highest number wins, after the Kraken nobody
        higher = is_numbered(card) and number_of(card) > standing[HIGHEST]
        return standing[LAST_BEAST] == cards.WHALE and higher
    if is_numbered(card):
        if kings + mermaids + pirates:
            return False
        if suit_of(card) == cards.ROGER:
            return number_of(card) > standing[ROGER_NUMBER]
        if standing[ROGER_NUMBER]:
            return False
        follows = suit_of(card) == standing[LED] and number_of(card) > standing[LED_NUMBER]
        return standing[LED] < 0 or follows
    if card == cards.KING:
        return mermaids == 0
    if card < cards.ROSIE:
        return mermaids == 0 and (kings > 0 or pirates == 0)
    if card < at.FIRST_NUMBERED or action == actions.TIGRESS_AS_PIRATE:
        return kings == 0 and pirates == 0
    return standing[N_CARDS] == 0
