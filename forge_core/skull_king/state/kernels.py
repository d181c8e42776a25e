"""The rules on one row, compiled: for use inside other kernels. Nothing is checked here.

`row` is [WIDTH] int64, whose columns are named in `layout` (here `at`); `options` is from `options_of`.
"""

from __future__ import annotations

from forge_core.kernels import inlined, kernel
from forge_core.skull_king import actions, cards
from forge_core.skull_king.rules import FREE, OPEN
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.state.words import (
    add_card,
    is_numbered,
    list_cards,
    number_of,
    remove_card,
    suit_of,
)

# --- legal actions ----------------------------------------------------------------------------


@kernel
def legal_list(row, options, out):
    """Write the legal actions of the actor, ascending; return their number, 0 once the round is over."""
    phase, seat = row[at.PHASE], row[at.ACTOR]
    if phase == actions.PLAY:
        numbers, specials = row[at.NUMBERS + seat], row[at.SPECIALS + seat]
        led = row[at.LED]
        if led >= 0 and led < FREE:
            following = numbers & (at.SUIT_MASK << at.SUIT_BITS * led)
            if following:
                rogers = numbers & at.SUIT_MASK if options[at.O_FOLLOW_ENGINE] else 0
                numbers = following | rogers
        n = list_cards(numbers, specials, out)
        if specials & at.TIGRESS_BIT:
            out[n] = actions.TIGRESS_AS_PIRATE
            n += 1
        return n
    if phase == actions.BID:
        return list_range(actions.BID_0, row[at.DEALT] + 1, out)
    if phase == actions.LOAD:
        return list_range(actions.GRAPESHOT, 2, out)
    if phase == actions.LEAD:
        return list_range(actions.ROSIE_0, options[at.O_SEATS], out)
    if phase == actions.DISCARD:
        return list_cards(row[at.NUMBERS + seat], row[at.SPECIALS + seat], out)
    if phase == actions.BET:
        return list_range(actions.BET_0, 3, out)
    if phase == actions.MOVE:
        bid = row[at.BIDS + seat]
        lowest = 0 if bid > 0 else 1  # no bid below 0, and none above the number of cards
        return list_range(actions.HARRY_0 + lowest, (3 if bid < row[at.DEALT] else 2) - lowest, out)
    return 0


@inlined
def list_range(first, n, out):
    """Write n actions from `first` on; return n."""
    for i in range(n):
        out[i] = first + i
    return n


# --- tricks -----------------------------------------------------------------------------------


@kernel
def resolve(row, n, tigress_is_pirate, options):
    """Return (winner, next leader, bonus) of the first n cards on the table, as offsets in order of play.

    -1 stands for nobody, or for the starter of the round.
    """
    king = mermaid = pirate = roger = follower = plain = -1  # the first of each, or the best
    beast = highest = -1
    roger_number = follower_number = highest_number = 0
    led = -1
    kraken_last = False
    n_mermaids = n_pirates = n_plain_pirates = fourteens = 0
    for i in range(n):
        card = row[at.TABLE + i]
        if is_numbered(card):
            suit, number = suit_of(card), number_of(card)
            if plain < 0:
                plain = i
            if led < 0:
                led = suit
            if number == cards.HIGHEST:
                fourteens += 20 if suit == cards.ROGER else 10
            if number > highest_number:
                highest_number, highest = number, i
            if suit == cards.ROGER:
                if number > roger_number:
                    roger_number, roger = number, i
            elif suit == led and number > follower_number:
                follower_number, follower = number, i
        elif card == cards.WHALE or card == cards.KRAKEN:
            beast, kraken_last = i, card == cards.KRAKEN
        else:
            if plain < 0:
                plain = i
            if card == cards.KING:
                king = i
            elif card < cards.ROSIE:
                n_mermaids += 1
                if mermaid < 0:
                    mermaid = i
            elif card < at.FIRST_NUMBERED or (card == cards.TIGRESS and tigress_is_pirate):
                n_pirates += 1
                n_plain_pirates += card != cards.TIGRESS
                if pirate < 0:
                    pirate = i

    # Without beasts: King over pirates over Mermaids over King, then Roger, then the led suit.
    if mermaid >= 0 and (king >= 0 or pirate < 0):
        best = mermaid
    elif king >= 0:
        best = king
    elif pirate >= 0:
        best = pirate
    elif roger >= 0:
        best = roger
    elif follower >= 0:
        best = follower
    else:
        best = max(plain, 0)
    winner = best
    if beast >= 0:
        winner = -1 if kraken_last else highest
    if winner < 0:
        leads = options[at.O_NOBODY_LEADS]
        if leads == at.STARTER_LEADS:
            best = -1
        elif leads == at.PRINT_2021:
            best = (beast + 1) % n if kraken_last else beast
        return -1, best, 0

    bonus, card = fourteens, row[at.TABLE + winner]
    if not is_numbered(card):
        counts_tigress = options[at.O_TIGRESS_BONUS]
        if card == cards.KING:
            bonus += 30 * (n_pirates if counts_tigress else n_plain_pirates)
        elif winner == mermaid:
            bonus += 40 if king >= 0 else 0
        elif winner == pirate and (card != cards.TIGRESS or counts_tigress):
            bonus += 20 * n_mermaids
    return winner, winner, bonus


@inlined
def hand_at(row, place, options):
    """Return the hand that plays at a place of the trick, by the leader; the number of seats is the ghost."""
    seats, leader = options[at.O_SEATS], row[at.LEADER]
    if options[at.O_HANDS] == seats:
        hand = leader + place
        return hand if hand < seats else hand - seats
    if leader == seats:  # the ghost leads, then the starter
        return seats if place == 0 else (row[at.STARTER] + place - 1) % seats
    return seats if place == 1 else (leader + place // 2) % seats


# --- steps ------------------------------------------------------------------------------------


@kernel
def step(row, action, options):
    """Take a legal action of the actor; return True if it ended the round, which is then scored."""
    phase, seat = row[at.PHASE], row[at.ACTOR]
    if phase == actions.PLAY:
        card = play_card(row, seat, action, options)
        set_led(row, card, action == actions.TIGRESS_AS_PIRATE, options)
        ask_next(row, options)
        if row[at.IN_TRICK] < options[at.O_HANDS]:
            return False
        return end_trick(row, options)
    if phase == actions.BID:
        row[at.BIDS + seat] = action - actions.BID_0
        if options[at.O_CANNONBALL]:
            row[at.PHASE] = actions.LOAD
        else:
            next_bidder(row, seat, options)
        return False
    if phase == actions.LOAD:
        row[at.LOADED + seat] = action == actions.CANNONBALL
        next_bidder(row, seat, options)
        return False
    return use_ability(row, action, options)


@inlined
def next_bidder(row, seat, options):
    """Ask the next seat for its bid; after the last one, the starter leads."""
    seat = seat + 1 if seat + 1 < options[at.O_SEATS] else 0
    row[at.ACTOR] = seat
    row[at.PHASE] = actions.PLAY if seat == row[at.STARTER] else actions.BID


@inlined
def play_card(row, seat, action, options):
    """Move a card from the hand of a seat to the table; return it. Note a void that the card shows."""
    card = cards.TIGRESS if action == actions.TIGRESS_AS_PIRATE else action + 1
    remove_card(row, at.NUMBERS + seat, at.SPECIALS + seat, card)
    put(row, seat, card)
    led = row[at.LED]
    if led >= 0 and led < FREE and is_numbered(card):
        suit = suit_of(card)
        if suit != led and not (options[at.O_FOLLOW_ENGINE] and suit == cards.ROGER):
            row[at.VOIDS + seat] |= 1 << led
    return card


@inlined
def put(row, hand, card):
    """Put a card of a hand on the table."""
    add_card(row, at.PLAYED_NUMBERS + hand, at.PLAYED_SPECIALS + hand, card)
    row[at.TABLE + row[at.IN_TRICK]] = card
    row[at.IN_TRICK] += 1


@inlined
def set_led(row, card, as_pirate, options):
    """Note how the Tigress was played, and the suit that the trick asks for from now on."""
    if as_pirate:
        row[at.TIGRESS_MODE] = 1
    if row[at.LED] == OPEN:
        if is_numbered(card):
            row[at.LED] = suit_of(card)
        elif (card < at.FIRST_NUMBERED or as_pirate) and not options[at.O_FOLLOW_ENGINE]:
            row[at.LED] = FREE


@inlined
def ask_next(row, options):
    """Let the ghost play if it is its turn; unless the trick is then complete, name the seat to act."""
    n_hands, seats = options[at.O_HANDS], options[at.O_SEATS]
    if row[at.IN_TRICK] < n_hands and hand_at(row, row[at.IN_TRICK], options) == seats:
        card = row[at.GHOST + row[at.TRICK]]
        remove_card(row, at.NUMBERS + seats, at.SPECIALS + seats, card)
        put(row, seats, card)
        set_led(row, card, False, options)
    if row[at.IN_TRICK] < n_hands:
        row[at.ACTOR] = hand_at(row, row[at.IN_TRICK], options)


@kernel
def end_trick(row, options):
    """Give the trick to its winner and begin the next one. Return as `step`."""
    n_hands, seats = options[at.O_HANDS], options[at.O_SEATS]
    winner, next_leader, bonus = resolve(row, n_hands, row[at.TIGRESS_MODE], options)
    taker = hand_at(row, winner, options) if winner >= 0 else -1
    leader = hand_at(row, next_leader, options) if next_leader >= 0 else row[at.STARTER]
    winning = 0
    if taker >= 0 and taker < seats:
        row[at.WON + taker] += 1
        row[at.BONUS + taker] += bonus
        winning = row[at.TABLE + winner]
        for place in range(n_hands):
            if row[at.TABLE + place] > cards.TIGRESS and place != winner:  # a Loot
                pair = at.LOOT + 2 * row[at.N_LOOT]
                row[pair], row[pair + 1] = hand_at(row, place, options), taker
                row[at.N_LOOT] += 1
    for place in range(n_hands):
        row[at.TABLE + place] = 0
    row[at.IN_TRICK] = 0
    row[at.LED] = OPEN
    row[at.TIGRESS_MODE] = 0
    row[at.TRICK] += 1
    row[at.LEADER] = leader
    if options[at.O_ABILITIES] and begin_ability(row, winning, taker, options):
        return False
    return next_trick(row, options)


@kernel
def next_trick(row, options):
    """Begin the next trick; after the last one, let Harry's holder move its bid, and score the round."""
    if row[at.TRICK] < row[at.DEALT]:
        row[at.PHASE] = actions.PLAY
        ask_next(row, options)
        return False
    if row[at.HARRY_SEAT] >= 0:
        row[at.PHASE], row[at.ACTOR] = actions.MOVE, row[at.HARRY_SEAT]
        return False
    score(row, options)
    row[at.PHASE] = actions.SCORED
    return True


# --- abilities --------------------------------------------------------------------------------


@kernel
def begin_ability(row, card, seat, options):
    """Start the ability of the pirate with which a seat won; return True if it asks for a decision."""
    is_last = row[at.TRICK] == row[at.DEALT]
    phase = -1
    if card == cards.HARRY:
        if options[at.O_HARRY_LAST]:
            row[at.HARRY_SEAT] = seat
        else:
            phase = actions.MOVE
    elif is_last:
        return False
    elif card == cards.ROSIE:
        phase = actions.LEAD
    elif card == cards.RASCAL:
        phase = actions.BET
    elif card == cards.JADE:
        row[at.JADE_SEAT] = seat
        row[at.JADE_NUMBERS], row[at.JADE_SPECIALS] = undealt(row, options)
    elif card == cards.BENDT and row[at.STOCK]:
        draw_stock(row, seat)
        phase = actions.DISCARD
    if phase < 0:
        return False
    row[at.PHASE], row[at.ACTOR] = phase, seat
    return True


@kernel
def undealt(row, options):
    """Return the words of the cards in the deck that nobody holds, has played or has discarded."""
    numbers, specials = row[at.DISCARD_NUMBERS], row[at.DISCARD_SPECIALS]
    for hand in range(options[at.O_HANDS]):
        numbers |= row[at.NUMBERS + hand] | row[at.PLAYED_NUMBERS + hand]
        specials |= row[at.SPECIALS + hand] | row[at.PLAYED_SPECIALS + hand]
    return options[at.O_DECK_NUMBERS] & ~numbers, options[at.O_DECK_SPECIALS] & ~specials


@kernel
def draw_stock(row, seat):
    """Move the stock to the hand of a seat, which must then discard as many cards."""
    row[at.BENDT_SEAT], row[at.DISCARDS_DUE], row[at.VOIDS + seat] = seat, 0, 0
    for i in range(2):
        card = row[at.STOCK + i]
        if card:
            add_card(row, at.NUMBERS + seat, at.SPECIALS + seat, card)
            remove_card(row, at.JADE_NUMBERS, at.JADE_SPECIALS, card)
            row[at.STOCK + i] = 0
            row[at.DISCARDS_DUE] += 1


@kernel
def use_ability(row, action, options):
    """Take a decision that an ability asks for. Return as `step`."""
    phase, seat = row[at.PHASE], row[at.ACTOR]
    if phase == actions.LEAD:
        row[at.LEADER] = (seat + action - actions.ROSIE_0) % options[at.O_SEATS]
    elif phase == actions.DISCARD:
        remove_card(row, at.NUMBERS + seat, at.SPECIALS + seat, action + 1)
        add_card(row, at.DISCARD_NUMBERS, at.DISCARD_SPECIALS, action + 1)
        row[at.DISCARDS_DUE] -= 1
        if row[at.DISCARDS_DUE]:
            return False
    elif phase == actions.BET:
        row[at.STAKES + seat] = 10 * (action - actions.BET_0)
    else:
        row[at.HARRY_SEAT] = -1
        row[at.BIDS + seat] += action - actions.HARRY_0 - 1
    return next_trick(row, options)


# --- scores -----------------------------------------------------------------------------------


@kernel
def score(row, options):
    """Write the points of each seat for the round to DELTA, and add them to SCORE."""
    seats, dealt = options[at.O_SEATS], row[at.DEALT]
    for seat in range(seats):
        bid, stake = row[at.BIDS + seat], row[at.STAKES + seat]
        off, bonus = abs(row[at.WON + seat] - bid), row[at.BONUS + seat]
        if options[at.O_RASCAL]:
            if row[at.LOADED + seat]:
                points = 15 * dealt + bonus if off == 0 else 0
            else:
                whole = 10 * dealt + bonus
                points = whole if off == 0 else whole // 2 if off == 1 else 0
        elif bid == 0:
            points = 10 * dealt if off == 0 else -10 * dealt
        else:
            points = 20 * bid + bonus if off == 0 else -10 * off
        row[at.DELTA + seat] = points + (stake if off == 0 else -stake)
    for pair in range(row[at.N_LOOT]):
        player, ally = row[at.LOOT + 2 * pair], row[at.LOOT + 2 * pair + 1]
        is_replaced = pair + 1 < row[at.N_LOOT] and row[at.LOOT + 2] == player
        if is_replaced and not options[at.O_LOOT_PER_CARD]:
            continue
        if row[at.WON + player] == row[at.BIDS + player] and row[at.WON + ally] == row[at.BIDS + ally]:
            row[at.DELTA + player] += 20
            row[at.DELTA + ally] += 20
    for seat in range(seats):
        row[at.SCORE + seat] += row[at.DELTA + seat]
