"""The kernels again as torch operations on rows [N, WIDTH], without branches on their values.

Rows whose round is over stay as they are. `options` stays on the host: the rules choose which operations run.
Functions that start with an underscore change `table.rows` in place, in the rows of a mask.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from forge_core.skull_king import actions, cards
from forge_core.skull_king.rules import FREE, OPEN
from forge_core.skull_king.state import layout as at

_FIRST_OFFSET = 16
"""more than the cards of a trick: ranks are multiplied by it, so that the first of equal cards is best"""


@dataclass(frozen=True, slots=True)
class _Table:
    """Rows that are being changed, and the numbers of seats and hands."""

    rows: Tensor
    options: at.Options

    @property
    def seats(self) -> int:
        return int(self.options[at.O_SEATS])

    @property
    def hands(self) -> int:
        return int(self.options[at.O_HANDS])

    def __getitem__(self, column: int) -> Tensor:
        return self.rows[:, column]

    def block(self, column: int, n: int = actions.MOST_SEATS) -> Tensor:
        """Return n columns from `column` on, [N, n]; a view."""
        return self.rows[:, column : column + n]

    def at_seat(self, column: int, seat: Tensor) -> Tensor:
        """Return the column of a seat [N] in a block, [N]."""
        return self.block(column).gather(1, seat.clamp(min=0)[:, None])[:, 0]

    def put(self, column: int, where: Tensor, value: Any) -> None:
        """Write a value, [N] or a number, to a column of the rows of a mask."""
        self.rows[:, column] = torch.where(where, as_tensor(value, where.device), self.rows[:, column])

    def put_at(self, column: int, where: Tensor, place: Tensor, value: Any, n: int = 8) -> None:
        """Write a value to place [N] of a block of n columns, in the rows of a mask."""
        block = self.block(column, n)
        chosen = where[:, None] & (numbers(n, self.rows.device) == place[:, None])
        values = value[:, None] if isinstance(value, Tensor) else as_tensor(value, where.device)
        block[:] = torch.where(chosen, values, block)


@cache
def numbers(n: int, device: torch.device) -> Tensor:
    """Return 0..n - 1, [n] int64."""
    return torch.arange(n, device=device)


def as_tensor(value: Tensor | int, device: torch.device) -> Tensor:
    """Return a tensor as it is, and a number as an int64 tensor without dimensions."""
    return value if isinstance(value, Tensor) else _constant(int(value), device)


@cache
def _constant(value: int, device: torch.device) -> Tensor:
    # torch.where would make it each time, by a kernel of its own
    return torch.full((), value, dtype=torch.int64, device=device)


# --- cards ------------------------------------------------------------------------------------


def is_numbered(card: Tensor) -> Tensor:
    """Return True for cards with a suit."""
    return (card >= at.FIRST_NUMBERED) & (card <= at.LAST_NUMBERED)


def suits(card: Tensor) -> Tensor:
    """Return the suit of numbered cards, -1 for others."""
    return torch.where(is_numbered(card), (card - at.FIRST_NUMBERED) // at.SUIT_BITS, -1)


def card_numbers(card: Tensor) -> Tensor:
    """Return the number of numbered cards, 0 for others."""
    return torch.where(is_numbered(card), (card - at.FIRST_NUMBERED) % at.SUIT_BITS + 1, 0)


def is_pirate(card: Tensor) -> Tensor:
    """Return True for pirates, the Tigress excluded."""
    return (card >= cards.ROSIE) & (card <= cards.HARRY)


def is_mermaid(card: Tensor) -> Tensor:
    """Return True for Mermaids."""
    return (card > cards.KRAKEN) & (card < cards.ROSIE)


def card_words(card: Tensor) -> tuple[Tensor, Tensor]:
    """Return the words, (numbers, specials), of the set of one card each; empty for 0."""
    numbered, one = is_numbered(card), torch.ones_like(card)
    number_word = torch.where(numbered, one << (card - at.FIRST_NUMBERED).clamp(min=0, max=62), 0)
    bit = torch.where(card <= at.LOW_SPECIALS, card - 1, card - at.SPECIALS_SHIFT)
    special_word = torch.where(numbered | (card == 0), 0, one << bit.clamp(min=0, max=62))
    return number_word, special_word


def spread(number_words: Tensor, special_words: Tensor) -> Tensor:
    """Return sets of cards as bool [..., 74], one entry per card less 1."""
    device = number_words.device
    numbered = number_words[..., None] >> numbers(at.N_NUMBERED, device)
    special = special_words[..., None] >> numbers(at.N_SPECIALS, device)
    low, high = special[..., : at.LOW_SPECIALS], special[..., at.LOW_SPECIALS :]
    return (torch.cat((low, numbered, high), -1) & 1).bool()


# --- legal actions ----------------------------------------------------------------------------


def legal_mask(rows: Tensor, options: at.Options) -> Tensor:
    """Return [N, A] bool: the legal actions of the actors."""
    table = _Table(rows, options)
    phase, seat, led = table[at.PHASE], table[at.ACTOR], table[at.LED]
    hand, special = table.at_seat(at.NUMBERS, seat), table.at_seat(at.SPECIALS, seat)
    suit = (led >= 0) & (led < FREE)
    following = hand & (at.SUIT_MASK << at.SUIT_BITS * led.clamp(min=0, max=3))
    must = suit & (following != 0) & (phase == actions.PLAY)
    if options[at.O_FOLLOW_ENGINE]:
        following = following | (hand & at.SUIT_MASK)
    playable = spread(torch.where(must, following, hand), special)
    holds = (phase == actions.PLAY) | (phase == actions.DISCARD)
    as_pirate = playable[:, cards.TIGRESS - 1] & (phase == actions.PLAY)
    bid, dealt = table.at_seat(at.BIDS, seat), table[at.DEALT]
    move = numbers(3, rows.device) - 1 + bid[:, None]
    parts = (
        playable & holds[:, None],
        as_pirate[:, None],
        _first(actions.MOST_CARDS + 1, dealt + 1, phase == actions.BID),
        _first(actions.MOST_SEATS, dealt * 0 + table.seats, phase == actions.LEAD),
        _first(3, dealt * 0 + 3, phase == actions.BET),
        (move >= 0) & (move <= dealt[:, None]) & (phase == actions.MOVE)[:, None],
        _first(2, dealt * 0 + 2, phase == actions.LOAD),
    )
    return torch.cat(parts, 1)


def _first(width: int, n: Tensor, where: Tensor) -> Tensor:
    """Return bool [N, width]: the first n entries in the rows of a mask."""
    return (numbers(width, n.device) < n[:, None]) & where[:, None]


# --- tricks -----------------------------------------------------------------------------------


def resolve(table: Tensor, tigress_is_pirate: Tensor, options: at.Options) -> tuple[Tensor, Tensor, Tensor]:
    """Return (winner, next leader, bonus), [N] each, of complete tricks [N, T]: see `kernels.resolve`."""
    place = numbers(table.shape[1], table.device)
    number, suit, numbered = card_numbers(table), suits(table), is_numbered(table)
    mermaid, king, roger = is_mermaid(table), table == cards.KING, suit == cards.ROGER
    plain_pirate = is_pirate(table)
    pirate = plain_pirate | ((table == cards.TIGRESS) & tigress_is_pirate[:, None].bool())
    beast = (table == cards.WHALE) | (table == cards.KRAKEN)
    led = suit.gather(1, numbered.to(torch.int8).argmax(1, keepdim=True))

    # Rank: the led suit, Rogers, Mermaids, pirates, the King, Mermaids with the King; the first of equals.
    rank = torch.where(numbered & (suit == led), 50 + number, 0)
    rank = torch.where(numbered & roger, 100 + number, rank)
    rank = torch.where(mermaid, 200, torch.where(pirate, 300, torch.where(king, 400, rank)))
    rank = torch.where(mermaid & king.any(1, keepdim=True), 500, torch.where(beast, -1, rank))
    best = (rank * _FIRST_OFFSET - place).argmax(1)
    last_beast = torch.where(beast, place, -1).amax(1)
    last_card = table.gather(1, last_beast.clamp(min=0)[:, None])[:, 0]
    kraken_last = (last_beast >= 0) & (last_card == cards.KRAKEN)
    highest = torch.where(numbered.any(1), (number * _FIRST_OFFSET - place).argmax(1), -1)
    winner = torch.where(last_beast < 0, best, torch.where(kraken_last, -1, highest))

    leads = options[at.O_NOBODY_LEADS]
    if leads == at.STARTER_LEADS:
        best = torch.full_like(best, -1)
    elif leads == at.PRINT_2021:
        best = torch.where(kraken_last, (last_beast + 1) % table.shape[1], last_beast)

    card = table.gather(1, winner.clamp(min=0)[:, None])
    counted = pirate if options[at.O_TIGRESS_BONUS] else plain_pirate
    won_by_pirate = counted.gather(1, winner.clamp(min=0)[:, None])
    bonus = torch.where(number == cards.HIGHEST, torch.where(roger, 20, 10), 0)
    bonus = bonus + 20 * (won_by_pirate & mermaid) + 30 * ((card == cards.KING) & counted)
    bonus = (bonus + 40 * (is_mermaid(card) & king)).sum(1)
    is_won = winner >= 0
    return winner, torch.where(is_won, winner, best), torch.where(is_won, bonus, 0)


def _hand_at(table: _Table, place: Tensor) -> Tensor:
    """Return the hands at places [N] or [1, H] of the trick, [N] or [N, H]: see `kernels.hand_at`."""
    leader, starter, seats = table[at.LEADER], table[at.STARTER], table.seats
    if place.ndim == 2:
        leader, starter = leader[:, None], starter[:, None]
    if table.hands == seats:
        return (leader + place) % seats
    by_ghost = torch.where(place == 0, seats, (starter + place - 1) % seats)
    by_seat = torch.where(place == 1, seats, (leader + place // 2) % seats)
    return torch.where(leader == seats, by_ghost, by_seat)


def places_of_hands(rows: Tensor, options: at.Options) -> Tensor:
    """Return [N, H]: the hand that plays at each place of the trick."""
    table = _Table(rows, options)
    return _hand_at(table, numbers(table.hands, rows.device)[None])


# --- steps ------------------------------------------------------------------------------------


def step_rows(rows: Tensor, action: Tensor, options: at.Options) -> Tensor:
    """Return the rows after legal actions [N]; rounds that end are scored. Finished rows stay."""
    table = _Table(rows.clone(), options)
    phase, seat = rows[:, at.PHASE], rows[:, at.ACTOR]
    playing, bidding, loading = (phase == each for each in (actions.PLAY, actions.BID, actions.LOAD))
    table.put_at(at.BIDS, bidding, seat, action - actions.BID_0)
    if options[at.O_CANNONBALL]:
        table.put(at.PHASE, bidding, actions.LOAD)
        table.put_at(at.LOADED, loading, seat, (action == actions.CANNONBALL).long())
        _next_bidder(table, loading, seat)
    else:
        _next_bidder(table, bidding, seat)

    as_pirate = action == actions.TIGRESS_AS_PIRATE
    card = torch.where(as_pirate, cards.TIGRESS, action + 1).clamp(max=cards.N_CARDS)
    _note_void(table, playing, seat, card)
    _put(table, playing, seat, card, as_pirate)
    _go_on(table, playing)
    ended = playing & (table[at.IN_TRICK] == table.hands)
    goes_on = ended
    if options[at.O_ABILITIES]:
        winning, taker = _end_trick(table, ended)
        asks = _begin_ability(table, ended, winning, taker)
        goes_on = (ended & ~asks) | _use_ability(table, phase, seat, action)
    else:
        _end_trick(table, ended)
    _next_trick(table, goes_on)
    return table.rows


def _next_bidder(table: _Table, where: Tensor, seat: Tensor) -> None:
    following = (seat + 1) % table.seats
    all_have_bid = following == table[at.STARTER]
    table.put(at.ACTOR, where, following)
    table.put(at.PHASE, where, torch.where(all_have_bid, actions.PLAY, actions.BID))


def _note_void(table: _Table, where: Tensor, seat: Tensor, card: Tensor) -> None:
    led, suit = table[at.LED], suits(card)
    shows = where & (led >= 0) & (led < FREE) & (suit >= 0) & (suit != led)
    if table.options[at.O_FOLLOW_ENGINE]:
        shows &= suit != cards.ROGER
    shown = table.at_seat(at.VOIDS, seat) | (torch.ones_like(led) << led.clamp(min=0, max=3))
    table.put_at(at.VOIDS, shows, seat, shown)


def _put(table: _Table, where: Tensor, hand: Tensor, card: Tensor, as_pirate: Tensor) -> None:
    """Move a card from a hand to the table."""
    number_word, special_word = card_words(card)
    for words, held, played in (
        (number_word, at.NUMBERS, at.PLAYED_NUMBERS),
        (special_word, at.SPECIALS, at.PLAYED_SPECIALS),
    ):
        table.put_at(held, where, hand, table.at_seat(held, hand) & ~words)
        table.put_at(played, where, hand, table.at_seat(played, hand) | words)
    table.put_at(at.TABLE, where, table[at.IN_TRICK], card)
    table.put(at.IN_TRICK, where, table[at.IN_TRICK] + 1)
    table.put(at.TIGRESS_MODE, where & as_pirate, 1)
    is_open, suit = where & (table[at.LED] == OPEN), suits(card)
    if not table.options[at.O_FOLLOW_ENGINE]:
        frees = is_open & ((card < at.FIRST_NUMBERED) | as_pirate)
        table.put(at.LED, frees, FREE)
    table.put(at.LED, is_open & (suit >= 0), suit)


def _go_on(table: _Table, where: Tensor) -> None:
    """Let the ghost play if it is its turn, then name the seat that acts next."""
    if table.hands > table.seats:
        place = table[at.IN_TRICK]
        turn = where & (place < table.hands) & (_hand_at(table, place) == table.seats)
        card = table.block(at.GHOST, actions.MOST_CARDS).gather(1, table[at.TRICK].clamp(max=9)[:, None])
        ghost = torch.full_like(place, table.seats)
        _put(table, turn, ghost, card[:, 0], torch.zeros_like(turn))
    place = table[at.IN_TRICK]
    table.put(at.ACTOR, where & (place < table.hands), _hand_at(table, place))


def _end_trick(table: _Table, where: Tensor) -> tuple[Tensor, Tensor]:
    """Give tricks to their winners; return (the winning card, its seat), [N], 0 and -1 if no seat won."""
    seats, hands = table.seats, table.hands
    on_table = table.block(at.TABLE, hands)
    winner, next_leader, bonus = resolve(on_table, table[at.TIGRESS_MODE], table.options)
    hand_of_place = places_of_hands(table.rows, table.options)
    taker = torch.where(winner >= 0, hand_of_place.gather(1, winner.clamp(min=0)[:, None])[:, 0], -1)
    led_by = hand_of_place.gather(1, next_leader.clamp(min=0)[:, None])[:, 0]
    leader = torch.where(next_leader >= 0, led_by, table[at.STARTER])
    taken = where & (taker >= 0) & (taker < seats)
    table.put_at(at.WON, taken, taker, table.at_seat(at.WON, taker) + 1)
    table.put_at(at.BONUS, taken, taker, table.at_seat(at.BONUS, taker) + bonus)
    winning = torch.where(taken, on_table.gather(1, winner.clamp(min=0)[:, None])[:, 0], 0)
    is_allied = (on_table > cards.TIGRESS) & (numbers(hands, winner.device) != winner[:, None])
    is_allied &= taken[:, None]
    alliance = table[at.N_LOOT][:, None] + is_allied.cumsum(1) - 1
    for number in range(len(cards.LOOTS)):
        chosen = is_allied & (alliance == number)
        made, player = chosen.any(1), torch.where(chosen, hand_of_place, 0).sum(1)
        table.put(at.LOOT + 2 * number, made, player)
        table.put(at.LOOT + 2 * number + 1, made, taker)
    table[at.N_LOOT].add_(is_allied.sum(1))
    on_table[:] = torch.where(where[:, None], 0, on_table)
    for column, value in ((at.IN_TRICK, 0), (at.LED, OPEN), (at.TIGRESS_MODE, 0), (at.LEADER, leader)):
        table.put(column, where, value)
    table.put(at.TRICK, where, table[at.TRICK] + 1)
    return winning, taker


def _next_trick(table: _Table, where: Tensor) -> None:
    """Begin the next trick; after the last one, let Harry's holder move its bid, or score the round."""
    plays_on = where & (table[at.TRICK] < table[at.DEALT])
    table.put(at.PHASE, plays_on, actions.PLAY)
    _go_on(table, plays_on)
    moves = where & ~plays_on & (table[at.HARRY_SEAT] >= 0)
    table.put(at.PHASE, moves, actions.MOVE)
    table.put(at.ACTOR, moves, table[at.HARRY_SEAT])
    over = where & ~plays_on & ~moves
    table.put(at.PHASE, over, actions.SCORED)
    _score(table, over)


# --- abilities --------------------------------------------------------------------------------


def _begin_ability(table: _Table, where: Tensor, card: Tensor, seat: Tensor) -> Tensor:
    """Start the ability of the pirate that won; return [N] bool: it asks for a decision."""
    goes_on = where & (table[at.TRICK] < table[at.DEALT])
    harry = where & (card == cards.HARRY)
    phase = torch.full_like(card, -1)
    if table.options[at.O_HARRY_LAST]:
        table.put(at.HARRY_SEAT, harry, seat)
    else:
        phase = torch.where(harry, actions.MOVE, phase)
    phase = torch.where(goes_on & (card == cards.ROSIE), actions.LEAD, phase)
    phase = torch.where(goes_on & (card == cards.RASCAL), actions.BET, phase)
    jade = goes_on & (card == cards.JADE)
    left = undealt(table.rows, table.options)
    table.put(at.JADE_SEAT, jade, seat)
    table.put(at.JADE_NUMBERS, jade, left[0])
    table.put(at.JADE_SPECIALS, jade, left[1])
    draws = goes_on & (card == cards.BENDT) & (table[at.STOCK] > 0)
    _draw_stock(table, draws, seat)
    phase = torch.where(draws, actions.DISCARD, phase)
    asks = phase >= 0
    table.put(at.PHASE, asks, phase)
    table.put(at.ACTOR, asks, seat)
    return asks


def undealt(rows: Tensor, options: at.Options) -> tuple[Tensor, Tensor]:
    """Return the words of the undealt cards, [N] each: see `kernels.undealt`."""
    table, left = _Table(rows, options), []
    for held, played, discarded, deck in (
        (at.NUMBERS, at.PLAYED_NUMBERS, at.DISCARD_NUMBERS, at.O_DECK_NUMBERS),
        (at.SPECIALS, at.PLAYED_SPECIALS, at.DISCARD_SPECIALS, at.O_DECK_SPECIALS),
    ):
        gone = table[discarded]
        for hand in range(table.hands):
            gone = gone | table[held + hand] | table[played + hand]
        left.append(int(options[deck]) & ~gone)
    return left[0], left[1]


def _draw_stock(table: _Table, where: Tensor, seat: Tensor) -> None:
    table.put(at.BENDT_SEAT, where, seat)
    table.put_at(at.VOIDS, where, seat, 0)
    table.put(at.DISCARDS_DUE, where, (table.block(at.STOCK, 2) > 0).sum(1))
    for column in (at.STOCK, at.STOCK + 1):
        words = card_words(table[column])
        for word, held, seen in zip(
            words, (at.NUMBERS, at.SPECIALS), (at.JADE_NUMBERS, at.JADE_SPECIALS), strict=True
        ):
            table.put_at(held, where, seat, table.at_seat(held, seat) | word)
            table.put(seen, where, table[seen] & ~word)
        table.put(column, where, 0)


def _use_ability(table: _Table, phase: Tensor, seat: Tensor, action: Tensor) -> Tensor:
    """Take decisions that abilities ask for; return [N] bool: the next trick may begin."""
    leads, bets, moves = (phase == each for each in (actions.LEAD, actions.BET, actions.MOVE))
    discards = phase == actions.DISCARD
    table.put(at.LEADER, leads, (seat + action - actions.ROSIE_0) % table.seats)
    table.put_at(at.STAKES, bets, seat, 10 * (action - actions.BET_0))
    table.put(at.HARRY_SEAT, moves, at.NOBODY)
    table.put_at(at.BIDS, moves, seat, table.at_seat(at.BIDS, seat) + action - actions.HARRY_0 - 1)
    words = card_words(torch.where(discards, action + 1, 0))
    for word, held, gone in zip(
        words, (at.NUMBERS, at.SPECIALS), (at.DISCARD_NUMBERS, at.DISCARD_SPECIALS), strict=True
    ):
        table.put_at(held, discards, seat, table.at_seat(held, seat) & ~word)
        table.put(gone, discards, table[gone] | word)
    table.put(at.DISCARDS_DUE, discards, table[at.DISCARDS_DUE] - 1)
    return leads | bets | moves | (discards & (table[at.DISCARDS_DUE] == 0))


# --- scores -----------------------------------------------------------------------------------


def _score(table: _Table, where: Tensor) -> None:
    """Write the points of the round to DELTA, and add them to SCORE."""
    seats, options = table.seats, table.options
    bids, won, bonus = (table.block(column, seats) for column in (at.BIDS, at.WON, at.BONUS))
    stakes, dealt = table.block(at.STAKES, seats), table[at.DEALT][:, None]
    off = (won - bids).abs()
    exact = off == 0
    if options[at.O_RASCAL]:
        whole = 10 * dealt + bonus
        grapeshot = torch.where(exact, whole, torch.where(off == 1, whole // 2, 0))
        cannonball = torch.where(exact, 15 * dealt + bonus, 0)
        points = torch.where(table.block(at.LOADED, seats) > 0, cannonball, grapeshot)
    else:
        of_zero = torch.where(exact, 10 * dealt, -10 * dealt)
        points = torch.where(bids == 0, of_zero, torch.where(exact, 20 * bids + bonus, -10 * off))
    points = points + torch.where(exact, stakes, -stakes)
    loot, n_loot, seat = table.block(at.LOOT, 4), table[at.N_LOOT], numbers(seats, off.device)
    for pair in range(2):
        allied = loot[:, 2 * pair : 2 * pair + 2]
        counts = (n_loot > pair) & exact.gather(1, allied).all(1)
        if pair == 0 and not options[at.O_LOOT_PER_CARD]:
            counts &= ~((n_loot == 2) & (loot[:, 0] == loot[:, 2]))
        points = points + 20 * (counts[:, None] & (seat == allied[:, :1]))
        points = points + 20 * (counts[:, None] & (seat == allied[:, 1:]))
    delta, score = table.block(at.DELTA, seats), table.block(at.SCORE, seats)
    delta[:] = torch.where(where[:, None], points, delta)
    score += torch.where(where[:, None], points, 0)
