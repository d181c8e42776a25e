"""Observations, compiled: see `inputs` for their layout. They are written into memory of the caller."""

from __future__ import annotations

from forge_core.kernels import inlined, kernel
from forge_core.lanes import trailing_zeros
from forge_core.skull_king import actions, cards
from forge_core.skull_king.state import inputs
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.state.kernels import hand_at, legal_list, resolve
from forge_core.skull_king.state.standing import standing_of, would_win
from forge_core.skull_king.state.view import BEFORE_ALL_BIDS


@inlined
def is_bidding(row):
    """Return True until all have bid."""
    return row[at.PHASE] <= BEFORE_ALL_BIDS


@kernel
def write_bid(row, seat, options, out):
    """Write the observation of a seat before all have bid."""
    seats = options[at.O_SEATS]
    out[:] = 0
    mark_cards(row[at.NUMBERS + seat], row[at.SPECIALS + seat], out, 0)
    end = cards.N_CARDS
    out[end + row[at.DEALT] - 1] = 1
    end += actions.MOST_CARDS
    out[end + (seat - row[at.STARTER]) % seats] = 1
    end += seats
    if options[at.O_CANNONBALL] and row[at.BIDS + seat] >= 0:
        out[end + row[at.BIDS + seat]] = 1
        loads = row[at.PHASE] == actions.LOAD and row[at.ACTOR] == seat
        out[end + inputs.N_BIDS] = loads


@inlined
def mark_cards(numbers, specials, out, begin):
    """Set the entries of the cards in a set."""
    while numbers:
        out[begin + at.FIRST_NUMBERED - 1 + trailing_zeros(numbers)] = 1
        numbers &= numbers - 1
    while specials:
        bit = trailing_zeros(specials)
        card = bit if bit < at.LOW_SPECIALS else bit + at.SPECIALS_SHIFT - 1
        out[begin + card] = 1
        specials &= specials - 1


@inlined
def relative(hand, seat, seats):
    """Return a hand relative to a seat; the ghost comes after all seats."""
    return (hand - seat) % seats if hand < seats else seats


@kernel
def write_play(row, seat, options, legal, out):
    """Write the observation of a seat once all have bid. legal: room for MOST_ACTIONS actions."""
    out[:] = 0
    seats, hands = options[at.O_SEATS], options[at.O_HANDS]
    n_table, left = row[at.IN_TRICK], row[at.DEALT] - row[at.TRICK]
    is_actor = row[at.ACTOR] == seat

    # hand | legal | wins now
    mark_cards(row[at.NUMBERS + seat], row[at.SPECIALS + seat], out, 0)
    end = cards.N_CARDS
    if is_actor and row[at.PHASE] == actions.PLAY:
        standing = standing_of(row)
        for i in range(legal_list(row, options, legal)):
            out[end + legal[i]] = 1
            out[end + actions.N_PLAYS + legal[i]] = would_win(legal[i], standing)
    elif is_actor and row[at.PHASE] == actions.DISCARD:
        for i in range(legal_list(row, options, legal)):
            out[end + legal[i]] = 1
    end += 2 * actions.N_PLAYS

    # table, by seat
    has_played = 0
    for place in range(n_table):
        card, hand = row[at.TABLE + place], hand_at(row, place, options)
        has_played |= 1 << hand
        if hand == seat:
            continue  # only if another seat is to act
        begin = end + actions.N_PLAYS * (relative(hand, seat, seats) - 1)
        out[begin + card - 1] = 1
        if card == cards.TIGRESS and row[at.TIGRESS_MODE]:
            out[begin + actions.TIGRESS_AS_PIRATE] = 1
    end += actions.N_PLAYS * (hands - 1)

    # gone: played this round, or known to be out of play
    for hand in range(hands):
        mark_cards(row[at.PLAYED_NUMBERS + hand], row[at.PLAYED_SPECIALS + hand], out, end)
    if row[at.JADE_SEAT] == seat:
        mark_cards(row[at.JADE_NUMBERS], row[at.JADE_SPECIALS], out, end)
    if row[at.BENDT_SEAT] == seat:
        mark_cards(row[at.DISCARD_NUMBERS], row[at.DISCARD_SPECIALS], out, end)
    end += cards.N_CARDS

    # voids | dealt | tricks left | place | led
    for hand in range(seats):
        voids, begin = row[at.VOIDS + hand], end + cards.N_SUITS * relative(hand, seat, seats)
        for suit in range(cards.N_SUITS):
            out[begin + suit] = voids >> suit & 1
    end += cards.N_SUITS * seats
    out[end + row[at.DEALT] - 1] = 1
    end += actions.MOST_CARDS
    out[end + left] = 1
    end += inputs.N_BIDS
    out[end + n_table] = 1
    end += hands
    out[end + row[at.LED] + 1] = 1
    end += inputs.N_LED

    # bids | won | needs
    all_bids = 0
    for hand in range(seats):
        place, bid, won = relative(hand, seat, seats), row[at.BIDS + hand], row[at.WON + hand]
        all_bids += bid
        out[end + inputs.N_BIDS * place + bid] = 1
        out[end + inputs.N_BIDS * (seats + place) + won] = 1
        may_win = left - (has_played >> hand & 1)
        begin = end + 2 * inputs.N_BIDS * seats + inputs.N_NEEDS * place
        if bid > won:
            out[begin] = 1
            out[begin + 1] = bid - won == may_win
            out[begin + 2] = bid - won > may_win
        else:
            out[begin + (3 if bid == won else 4)] = 1
    end += (2 * inputs.N_BIDS + inputs.N_NEEDS) * seats

    # leader | winner so far
    out[end + relative(row[at.LEADER], seat, seats)] = 1
    end += hands
    winner = -1
    if n_table:
        winner = resolve(row, n_table, row[at.TIGRESS_MODE], options)[0]
    best = hands if winner < 0 else relative(hand_at(row, winner, options), seat, seats)
    out[end + best] = 1
    end += hands + 1

    # own need | bids minus cards
    out[end + max(row[at.BIDS + seat] - row[at.WON + seat], -1) + 1] = 1
    end += inputs.N_OWN_NEEDS
    overbid = min(max(all_bids - row[at.DEALT], -inputs.MOST_OVERBID), inputs.MOST_OVERBID)
    out[end + overbid + inputs.MOST_OVERBID] = 1
    end += inputs.N_OVERBIDS

    if options[at.O_CANNONBALL]:
        for hand in range(seats):
            out[end + relative(hand, seat, seats)] = row[at.LOADED + hand]
        end += seats
    if options[at.O_ABILITIES]:
        phase = min(row[at.PHASE], actions.MOVE)
        out[end + phase - actions.PLAY] = 1
        end += inputs.N_LATE_PHASES
        for hand in range(seats):
            out[end + inputs.N_STAKES * relative(hand, seat, seats) + row[at.STAKES + hand] // 10] = 1


@kernel
def write_hidden(row, seat, options, out):
    """Write the hands of the others, 74 entries each by relative seat: for a training critic or a test."""
    out[:] = 0
    seats = options[at.O_SEATS]
    for place in range(1, seats):
        hand = (seat + place) % seats
        mark_cards(row[at.NUMBERS + hand], row[at.SPECIALS + hand], out, cards.N_CARDS * (place - 1))


@kernel
def observe_batch(rows, seats, options, bid, play, bidding, legal):
    """Write the observations of seats [N]: `bid` where `bidding`, else `play`; the other array stays."""
    for n in range(len(rows)):
        bidding[n] = is_bidding(rows[n])
        if bidding[n]:
            write_bid(rows[n], seats[n], options, bid[n])
        else:
            write_play(rows[n], seats[n], options, legal, play[n])
