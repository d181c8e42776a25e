"""Observations as torch operations: see `inputs` for their layout, `observe` for the same compiled."""

from __future__ import annotations

import torch
from torch import Tensor

from forge_core.skull_king import actions, cards
from forge_core.skull_king.state import inputs
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.state.tensors import (
    card_numbers,
    is_mermaid,
    is_numbered,
    is_pirate,
    legal_mask,
    numbers,
    places_of_hands,
    resolve,
    spread,
    suits,
)
from forge_core.skull_king.state.view import BEFORE_ALL_BIDS


def is_bidding(rows: Tensor) -> Tensor:
    """Return [N] bool: True until all have bid."""
    return rows[:, at.PHASE] <= BEFORE_ALL_BIDS


def bid_inputs(rows: Tensor, seat: Tensor, options: at.Options) -> Tensor:
    """Return the observations of seats [N] before all have bid; all zeros in other rows."""
    seats = int(options[at.O_SEATS])
    parts = [
        _hand(rows, seat),
        _one_hot(rows[:, at.DEALT] - 1, actions.MOST_CARDS),
        _one_hot((seat - rows[:, at.STARTER]) % seats, seats),
    ]
    if options[at.O_CANNONBALL]:
        bid = _at_seat(rows, at.BIDS, seat)
        loads = (rows[:, at.PHASE] == actions.LOAD) & (rows[:, at.ACTOR] == seat)
        parts += [_one_hot(bid, inputs.N_BIDS), loads[:, None]]
    return (torch.cat(parts, 1) & is_bidding(rows)[:, None]).to(torch.uint8)


def play_inputs(rows: Tensor, seat: Tensor, options: at.Options) -> Tensor:
    """Return the observations of seats [N] once all have bid; all zeros in other rows."""
    seats, hands = int(options[at.O_SEATS]), int(options[at.O_HANDS])
    relative = (seat[:, None] + numbers(seats, rows.device)) % seats
    on_table, n_table = rows[:, at.TABLE : at.TABLE + hands], rows[:, at.IN_TRICK]
    left = rows[:, at.DEALT] - rows[:, at.TRICK]
    is_actor = (rows[:, at.ACTOR] == seat)[:, None]
    legal = legal_mask(rows, options)[:, : actions.N_PLAYS] & is_actor
    plays = (rows[:, at.PHASE] == actions.PLAY)[:, None]
    place_hands = places_of_hands(rows, options)
    seen_from = torch.where(place_hands < seats, (place_hands - seat[:, None]) % seats, seats)
    is_on_table = numbers(hands, rows.device) < n_table[:, None]

    bids, won = (_block(rows, column, relative) for column in (at.BIDS, at.WON))
    shown = _block(rows, at.VOIDS, relative)[..., None] >> numbers(cards.N_SUITS, rows.device) & 1
    played = (is_on_table[:, :, None] & (place_hands[:, :, None] == relative[:, None])).any(1)
    winner, _, _ = resolve(on_table, rows[:, at.TIGRESS_MODE], options)
    no_winner = (winner < 0) | (n_table == 0)
    winner_seat = seen_from.gather(1, winner.clamp(min=0)[:, None])[:, 0]
    leader = rows[:, at.LEADER]
    overbid = (bids.sum(1) - rows[:, at.DEALT]).clamp(-inputs.MOST_OVERBID, inputs.MOST_OVERBID)
    parts = [
        _hand(rows, seat),
        legal,
        legal & plays & _would_win(rows, on_table),
        _table(rows, on_table, is_on_table, seen_from),
        _gone(rows, seat, hands),
        shown.flatten(1).bool(),
        _one_hot(rows[:, at.DEALT] - 1, actions.MOST_CARDS),
        _one_hot(left, inputs.N_BIDS),
        _one_hot(n_table, hands),
        _one_hot(rows[:, at.LED] + 1, inputs.N_LED),
        _one_hot(bids, inputs.N_BIDS).flatten(1),
        _one_hot(won, inputs.N_BIDS).flatten(1),
        _needs(bids - won, left[:, None] - played.long()).flatten(1),
        _one_hot(torch.where(leader < seats, (leader - seat) % seats, seats), hands),
        _one_hot(torch.where(no_winner, hands, winner_seat), hands + 1),
        _one_hot((bids - won)[:, 0].clamp(min=-1) + 1, inputs.N_OWN_NEEDS),
        _one_hot(overbid + inputs.MOST_OVERBID, inputs.N_OVERBIDS),
    ]
    if options[at.O_CANNONBALL]:
        parts.append(_block(rows, at.LOADED, relative) > 0)
    if options[at.O_ABILITIES]:
        phase = rows[:, at.PHASE].clamp(max=actions.MOVE) - actions.PLAY
        parts.append(_one_hot(phase, inputs.N_LATE_PHASES))
        parts.append(_one_hot(_block(rows, at.STAKES, relative) // 10, inputs.N_STAKES).flatten(1))
    return (torch.cat(parts, 1) & ~is_bidding(rows)[:, None]).to(torch.uint8)


def _one_hot(values: Tensor, width: int) -> Tensor:
    """Return bool [..., width]: the entry of each value; none for values out of range."""
    return values[..., None] == numbers(width, values.device)


def _block(rows: Tensor, column: int, seats: Tensor) -> Tensor:
    """Return the columns of seats [N, S] in a block."""
    return rows[:, column : column + actions.MOST_SEATS].gather(1, seats)


def _at_seat(rows: Tensor, column: int, seat: Tensor) -> Tensor:
    return _block(rows, column, seat[:, None])[:, 0]


def _hand(rows: Tensor, seat: Tensor) -> Tensor:
    return spread(_at_seat(rows, at.NUMBERS, seat), _at_seat(rows, at.SPECIALS, seat))


def _table(rows: Tensor, on_table: Tensor, is_on_table: Tensor, seen_from: Tensor) -> Tensor:
    """Return the cards on the table by seat, [N, 75 (H - 1)] bool."""
    hands = on_table.shape[1]
    card = _one_hot(on_table - 1, cards.N_CARDS) & is_on_table[:, :, None]
    as_pirate = (on_table == cards.TIGRESS) & (rows[:, at.TIGRESS_MODE] > 0)[:, None] & is_on_table
    plays = torch.cat((card, as_pirate[:, :, None]), 2)
    by_seat = [(plays & (seen_from == place)[:, :, None]).any(1) for place in range(1, hands)]
    return torch.cat(by_seat, 1)


def _gone(rows: Tensor, seat: Tensor, hands: int) -> Tensor:
    """Return the cards that were played this round, or that the seat knows to be out of play."""
    words = []
    for played, jade, discarded in (
        (at.PLAYED_NUMBERS, at.JADE_NUMBERS, at.DISCARD_NUMBERS),
        (at.PLAYED_SPECIALS, at.JADE_SPECIALS, at.DISCARD_SPECIALS),
    ):
        word = torch.where(rows[:, at.JADE_SEAT] == seat, rows[:, jade], 0)
        word = word | torch.where(rows[:, at.BENDT_SEAT] == seat, rows[:, discarded], 0)
        for hand in range(hands):
            word = word | rows[:, played + hand]
        words.append(word)
    return spread(*words)


def _needs(need: Tensor, may_win: Tensor) -> Tensor:
    """Return [N, P, 5] bool for the tricks that seats still need, and may still win."""
    some = need > 0
    flags = (some, some & (need == may_win), some & (need > may_win), need == 0, need < 0)
    return torch.stack(flags, 2)


def _would_win(rows: Tensor, on_table: Tensor) -> Tensor:
    """Return [N, 75] bool: see `standing.would_win`."""
    ids = numbers(actions.N_PLAYS, rows.device)
    card = torch.where(ids == actions.TIGRESS_AS_PIRATE, cards.TIGRESS, ids + 1)
    number, suit, numbered = card_numbers(on_table), suits(on_table), is_numbered(on_table)
    led = suit.gather(1, numbered.to(torch.int8).argmax(1, keepdim=True))
    led_number = torch.where(suit == led, number, 0).amax(1, keepdim=True)
    roger_number = torch.where(suit == cards.ROGER, number, 0).amax(1, keepdim=True)
    highest = number.amax(1, keepdim=True)
    tigress = (on_table == cards.TIGRESS) & (rows[:, at.TIGRESS_MODE] > 0)[:, None]
    king = (on_table == cards.KING).any(1, keepdim=True)
    mermaid = is_mermaid(on_table).any(1, keepdim=True)
    pirate = (is_pirate(on_table) | tigress).any(1, keepdim=True)
    beast = (on_table == cards.WHALE) | (on_table == cards.KRAKEN)
    place = numbers(on_table.shape[1], rows.device)
    last = torch.where(beast, place, -1).amax(1, keepdim=True)
    whale_last = on_table.gather(1, last.clamp(min=0)) == cards.WHALE

    own_number, own_suit = card_numbers(card), suits(card)
    roger = (own_suit == cards.ROGER) & (own_number > roger_number)
    follows = (led < 0) | ((own_suit == led) & (own_number > led_number))
    plain = (own_suit > cards.ROGER) & (roger_number == 0) & follows
    numbered_wins = (roger | plain) & ~(king | mermaid | pirate)
    mermaid_wins = is_mermaid(card) & ~mermaid & (king | ~pirate)
    acts_as_pirate = is_pirate(card) | (ids == actions.TIGRESS_AS_PIRATE)
    king_wins = (card == cards.KING) & ~mermaid
    special_wins = king_wins | mermaid_wins | (acts_as_pirate & ~king & ~pirate)
    is_first = (rows[:, at.IN_TRICK] == 0)[:, None]
    escapes = (card > at.LAST_NUMBERED) & (ids != actions.TIGRESS_AS_PIRATE) & is_first
    own_beast = (card == cards.WHALE) | (card == cards.KRAKEN)
    without_beast = (numbered_wins | special_wins | escapes) & ~own_beast
    after_whale = whale_last & (own_number > highest)
    return torch.where(last < 0, without_beast, after_whale)
