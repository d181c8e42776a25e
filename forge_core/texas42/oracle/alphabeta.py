"""One position, not a deal: what each play is worth, by alpha-beta search.

Within a deal a trick boundary is a set of 28 bits, the dominoes still held, and who leads.
So a position is two integers, the boundary its trick began at and the trick so far, and
rules, hands and legal plays are masks; nothing is renumbered for positions late in the play.
Bits follow power: the 21 dominoes with two pips by id, then the doubles, so that within any
suit a higher bit beats a lower one.

    boundary   bits  0..27  dominoes held when the trick began
                    28..29  leader
    trick      bits  0..27  dominoes played
                    28..32  the one that holds the trick
                    33..34  its player's offset from the leader
                    35..37  led suit
                    38..40  plays so far, 0..4

The search asks one question, "is V at least this?", again and again (MTD(f)), and keeps what
it learns at boundaries in a table: bounds of V and the best lead. The seven plays share it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from forge_core.device import core_count
from forge_core.errors import BadInput, StateUnreachable
from forge_core.kernels import kernel
from forge_core.lanes import highest_bit, popcount, trailing_zeros
from forge_core.texas42.deals import check_deal, check_leader
from forge_core.texas42.declarations import N_DECLARATIONS, check_declaration, has_trump_power
from forge_core.texas42.dominoes import HAND_SIZE, N_DOMINOES, N_SEATS
from forge_core.texas42.rules import CALLED_SUIT, N_SUITS
from forge_core.texas42.state import (
    ILLEGAL,
    IN_TRICK_BIT,
    LEADER_BIT,
    PLAYED_BIT,
    check_states,
    initial_state,
)
from forge_core.texas42.tables import COUNTS, FOLLOWS, HIGH_PIP, LED_SUIT, LOW_PIP, TRICK_RANK

_HELD = (1 << N_DOMINOES) - 1
_LEADER = 28
_HOLDER, _HOLDER_OFFSET, _LED, _PLAYS = 28, 33, 35, 38
_NO_LEAD = 31
_TABLE_BITS = 17
_WORLDS = 1 << 14
"""Worlds before the table is wiped; an entry knows its own, so that a new deal needs no wiping."""
_FEWEST_ROWS, _MOST_ROWS = 16, 1024
"""Rows that a thread takes at a time: enough to be worth it, few enough to interrupt."""

_RULES = np.dtype(
    [
        ("bit", np.int64, N_DOMINOES),  # domino id -> its bit; all other fields go by bits
        ("led_suit", np.int64, N_DOMINOES),
        ("follows", np.int64, N_SUITS),  # the dominoes that follow a suit
        ("beats", np.int64, (N_SUITS, N_DOMINOES)),  # those that beat a domino when the suit was led
        ("trumps", np.int64),
        ("fives", np.int64),
        ("tens", np.int64),
    ],
    align=True,
)
"""The rules under one declaration, as masks of dominoes."""

_SEARCH = np.dtype(
    [
        ("hands", np.int64, N_SEATS),  # as dealt
        ("decl", np.int64),
        ("world", np.int64),  # number of this deal and declaration, by which its entries are known
        ("slot_mask", np.int64),  # the part of the table in use
        ("table", np.int64, 1 << _TABLE_BITS),
    ],
    align=True,
)
"""What one thread searches with. A table entry, from bit 0: best lead 5, high + 64 and low + 64
7 each, boundary 30, world 14 bits."""


def _rules_by_declaration() -> npt.NDArray:
    """[10] _RULES."""
    by_power = np.lexsort((np.arange(N_DOMINOES), HIGH_PIP == LOW_PIP))  # bit -> id
    rulebook = np.zeros(N_DECLARATIONS, dtype=_RULES)
    for decl in range(N_DECLARATIONS):
        rules = rulebook[decl]
        count, led_suit = COUNTS[by_power], LED_SUIT[decl][by_power]
        follows, rank = FOLLOWS[decl][:, by_power], TRICK_RANK[decl][:, by_power]
        beats = rank[:, None, :] > rank[:, :, None]  # [suit, domino, what beats it]
        rules["bit"] = np.argsort(by_power)
        rules["led_suit"] = led_suit
        rules["follows"] = _masks(follows)
        rules["beats"] = _masks(beats)
        rules["trumps"] = _masks(follows[CALLED_SUIT]) if has_trump_power(decl) else 0
        rules["fives"], rules["tens"] = _masks(count == 5), _masks(count == 10)
    return rulebook


def _masks(members: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Bits along the last axis [..., 28] -> masks [...]."""
    return (members.astype(np.int64) << np.arange(N_DOMINOES)).sum(axis=-1)


_RULEBOOK = _rules_by_declaration()
_threads = threading.local()


def root_q(
    hands: Sequence | npt.NDArray,
    decls: int | Sequence[int] | npt.NDArray,
    leaders: int | Sequence[int] | npt.NDArray | None = 0,
    states: npt.ArrayLike | None = None,
    workers: int | None = None,
) -> npt.NDArray[np.int8]:
    """What each play of N positions is worth: int8 [N, 7] by slot of the mover.

    Team 0's frame, value-to-go; -128 marks an illegal slot, all seven of a terminal position.
    hands [N][4][7] domino ids, or [4][7] for all; decls 0..9 and leaders 0..3, each [N] or one
    for all. With `states` int64 [N] (slots of the initial hands) any position of the play, and
    `leaders` is ignored. `workers` threads (default: one a core). Rows in a run that share
    deal and declaration share what the search learns.

    Raises BadInput for what is no deal, declaration or leader, or for lengths that do not fit;
    StateUnreachable for a malformed state, or one whose trick breaks the rules.
    """
    deals = _checked_deals(hands)
    decl = _checked_each(decls, N_DECLARATIONS, check_declaration)
    if states is None:
        state = initial_state() | _checked_each(leaders, N_SEATS, check_leader) << LEADER_BIT
    else:
        state = check_states(states)
    lengths = {len(deals), len(decl), len(state)} - {1}
    if len(lengths) > 1:
        raise BadInput(
            f"{len(deals)} deals, {len(decl)} declarations, {len(state)} positions: give one of each a row"
        )
    n_rows = lengths.pop() if lengths else 1
    decl, state = np.broadcast_to(decl, n_rows).copy(), np.broadcast_to(state, n_rows).copy()
    q = np.full((n_rows, HAND_SIZE), ILLEGAL, dtype=np.int8)

    def answer(first: int) -> None:
        rows = slice(first, first + task)
        here = deals if len(deals) == 1 else deals[rows]
        broken = _answer_rows(_RULEBOOK, _workspace(), here, decl[rows], state[rows], q[rows])
        if broken >= 0:
            raise StateUnreachable(
                f"state {int(state[first + broken])} cannot occur: a play of its trick breaks the rules "
                f"under declaration {int(decl[first + broken])}; take states from this deal and declaration"
            )

    threads = workers or core_count()
    task = min(max(n_rows // (8 * threads), _FEWEST_ROWS), _MOST_ROWS)
    tasks = range(0, n_rows, task)
    if min(threads, len(tasks)) <= 1:
        deque(map(answer, tasks), maxlen=0)
    else:
        with ThreadPoolExecutor(threads, "root_q") as pool:
            deque(pool.map(answer, tasks), maxlen=0)
    return q


def _checked_deals(hands: Sequence | npt.NDArray) -> npt.NDArray[np.int8]:
    """[N or 1, 4, 7] int8, ascending in each hand; else BadInput."""
    try:
        deals = np.asarray(hands)
    except ValueError as ragged:
        raise BadInput("hands of different lengths: give [4][7] or [N][4][7] domino ids") from ragged
    if deals.ndim == 2:
        return check_deal(hands)[None]
    if deals.shape[1:] != (N_SEATS, HAND_SIZE) or not np.issubdtype(deals.dtype, np.integer):
        raise BadInput(f"hands {deals.shape} of {deals.dtype}: give [4][7] or [N][4][7] domino ids")
    in_set = (deals >= 0) & (deals < N_DOMINOES)
    dealt = np.bitwise_or.reduce(1 << (deals & 31).astype(np.int64), axis=(1, 2))
    fits = in_set.all(axis=(1, 2)) & (dealt == _HELD)
    if not fits.all():
        row = int(np.flatnonzero(~fits)[0])
        try:
            check_deal(deals[row])
        except BadInput as error:
            raise BadInput(f"deal {row}: {error}") from None
    return np.sort(deals.astype(np.int8), axis=2)


def _checked_each(numbers, n: int, check) -> npt.NDArray[np.int64]:
    """One number, or one a row, each in 0..n-1: int64 [N or 1]; else what `check` raises for the first."""
    array = np.atleast_1d(np.asarray(numbers))
    if array.ndim > 1 or not np.issubdtype(array.dtype, np.integer):
        raise BadInput(f"{numbers!r} is not one whole number a row: give 0..{n - 1}")
    bad = (array < 0) | (array >= n)
    if bad.any():
        check(array[bad][0].item())
    return array.astype(np.int64)


def _workspace() -> npt.NDArray:
    """[1] _SEARCH of this thread."""
    if not hasattr(_threads, "search"):
        _threads.search = np.zeros(1, dtype=_SEARCH)
    return _threads.search


@kernel
def _answer_rows(rulebook, workspace, deals, decls, states, q):
    """Fill q [N, 7]; the first row whose trick breaks the rules, or -1."""
    search = workspace[0]
    for row in range(len(states)):
        rules, deal = rulebook[decls[row]], deals[row % len(deals)]
        _take_up(rules, search, deal, decls[row])
        boundary, trick = _position(rules, search, deal, states[row])
        if boundary < 0:
            return row
        _worth_of_plays(rules, search, boundary, trick, deal, q[row])
    return -1


@kernel
def _take_up(rules, search, deal, decl):
    """Note who was dealt what; if that or the declaration is new, what the table holds is another world's."""
    new = decl != search.decl
    search.decl = decl
    for seat in range(N_SEATS):
        hand = np.int64(0)
        for domino in deal[seat]:
            hand |= np.int64(1) << rules.bit[domino]
        new |= hand != search.hands[seat]
        search.hands[seat] = hand
    if new:
        search.world += 1
    if search.world == _WORLDS:
        search.table[:] = 0
        search.world = 1


@kernel
def _position(rules, search, deal, state):
    """A packed state as (boundary, trick); (-1, 0) if a play of its trick breaks the rules."""
    leader, n_plays = state >> LEADER_BIT & 3, state >> IN_TRICK_BIT & 3
    boundary = leader << _LEADER
    for seat in range(N_SEATS):
        for slot in range(HAND_SIZE):
            if state >> (HAND_SIZE * seat + slot) & 1:
                boundary |= np.int64(1) << rules.bit[deal[seat, slot]]
    for place in range(n_plays):
        slot = state >> (PLAYED_BIT + 3 * place) & 7
        boundary |= np.int64(1) << rules.bit[deal[(leader + place) & 3, slot]]
    trick = np.int64(0)
    for place in range(n_plays):
        slot = state >> (PLAYED_BIT + 3 * place) & 7
        domino = rules.bit[deal[(leader + place) & 3, slot]]
        if not _legal(rules, search, boundary, trick) >> domino & 1:
            return np.int64(-1), np.int64(0)
        trick = _play(rules, trick, domino)
    return boundary, trick


@kernel
def _worth_of_plays(rules, search, boundary, trick, deal, q):
    """The q [7] of one position; a play's worth is the first guess at that of the next."""
    tricks_left = popcount(boundary & search.hands[boundary >> _LEADER])
    search.slot_mask = (1 << min(3 * tricks_left - 1, _TABLE_BITS)) - 1 if tricks_left else 0
    legal = _legal(rules, search, boundary, trick)
    mover = _seat(boundary, trick)
    worth = np.int64(0)
    for slot in range(HAND_SIZE):
        domino = rules.bit[deal[mover, slot]]
        if legal >> domino & 1:
            worth = _value(rules, search, boundary, _play(rules, trick, domino), worth)
            q[slot] = worth


@kernel
def _value(rules, search, boundary, trick, guess):
    """V of a position: asked with bounds next to the last answer until the answers meet."""
    high = _points_left(rules, boundary)
    low = -high
    value = guess
    while low < high:
        bound = max(value, low + 1)
        value = _search(rules, search, boundary, trick, bound)
        if value >= bound:
            low = value
        else:
            high = value
    return low


@kernel
def _search(rules, search, boundary, trick, bound):
    """Does V reach `bound`? If so a lower bound of V that does too, else an upper bound below it."""
    gained, boundary, trick, legal = _run_on(rules, search, boundary, trick)
    if legal & (legal - 1) == 0:  # the leader's only domino, or none
        return gained + _last_trick(rules, search, boundary) if legal else gained
    bound -= gained
    slot, low, high, lead = np.int64(0), np.int64(0), np.int64(0), np.int64(_NO_LEAD)
    if trick == 0:
        slot = _slot(search, boundary)
        low, high, lead = _known(rules, search, boundary, slot)
        if low >= bound:
            return gained + low
        if high < bound:
            return gained + high
    mover = _seat(boundary, trick)
    maximises = mover & 1 == 0
    best, best_play = (np.int64(-100) if maximises else np.int64(100)), np.int64(0)
    while legal:
        if lead != _NO_LEAD:
            domino, lead = lead, np.int64(_NO_LEAD)
        elif trick == 0:
            domino = _pick_lead(rules, search, boundary, legal)
        else:
            domino = _pick_answer(rules, search, boundary, trick, legal)
        legal ^= np.int64(1) << domino
        value = _search(rules, search, boundary, _play(rules, trick, domino), bound)
        if (value > best) if maximises else (value < best):
            best, best_play = value, domino
        if (best >= bound) == maximises:
            break
    if trick == 0:
        if best >= bound:
            low = max(low, best)
        else:
            high = min(high, best)
        _learn(search, boundary, slot, low, high, best_play)
    return gained + best


@kernel
def _run_on(rules, search, boundary, trick):
    """Play what is forced, up to the next choice or the end of the trick.

    (points gained, boundary, trick, legal plays)
    """
    gained = np.int64(0)
    while True:
        if trick >> _PLAYS == N_SEATS:
            taker = (boundary >> _LEADER) + (trick >> _HOLDER_OFFSET) & 3
            gained = _trick_value(rules, trick, taker)
            boundary = boundary & _HELD & ~trick | taker << _LEADER
            trick = np.int64(0)
        legal = _legal(rules, search, boundary, trick)
        if trick == 0 or legal & (legal - 1):
            return gained, boundary, trick, legal
        trick = _play(rules, trick, trailing_zeros(legal))


@kernel
def _last_trick(rules, search, boundary):
    """V where everyone holds one domino."""
    taker = boundary >> _LEADER
    holding = trailing_zeros(boundary & search.hands[taker])
    suit = rules.led_suit[holding]
    for offset in range(1, N_SEATS):
        seat = (boundary >> _LEADER) + offset & 3
        domino = trailing_zeros(boundary & search.hands[seat])
        if rules.beats[suit, holding] >> domino & 1:
            holding, taker = domino, seat
    return _trick_value(rules, boundary, taker)


@kernel
def _trick_value(rules, dominoes, taker):
    """Points of a trick in team 0's frame."""
    points = 1 + _counts(rules, dominoes)
    return -points if taker & 1 else points


@kernel
def _seat(boundary, trick):
    """Who is to play."""
    return (boundary >> _LEADER) + (trick >> _PLAYS) & 3


@kernel
def _legal(rules, search, boundary, trick):
    """What may be played: who can follow must, the leader is free."""
    hand = boundary & search.hands[_seat(boundary, trick)]
    return hand if trick == 0 else _answers(rules, hand, trick >> _LED & 7)


@kernel
def _answers(rules, hand, suit):
    """What of a hand may be played to a led suit."""
    following = hand & rules.follows[suit]
    return following if following else hand


@kernel
def _play(rules, trick, domino):
    """The trick with one more play."""
    if trick == 0:
        return np.int64(1) << domino | domino << _HOLDER | rules.led_suit[domino] << _LED | 1 << _PLAYS
    if _beating(rules, trick) >> domino & 1:
        offset = trick >> _PLAYS
        trick = trick & ~(127 << _HOLDER) | domino << _HOLDER | offset << _HOLDER_OFFSET
    return (trick | np.int64(1) << domino) + (1 << _PLAYS)


@kernel
def _beating(rules, trick):
    """The dominoes that would take over the trick."""
    return rules.beats[trick >> _LED & 7, trick >> _HOLDER & 31]


@kernel
def _counts(rules, dominoes):
    """Count points of a set of dominoes."""
    return 5 * popcount(dominoes & rules.fives) + 10 * popcount(dominoes & rules.tens)


@kernel
def _points_left(rules, boundary):
    """All points still to be won."""
    return (popcount(boundary & _HELD) >> 2) + _counts(rules, boundary)


@kernel
def _known(rules, search, boundary, slot):
    """(low, high, lead): bounds of V, and the best lead found before, if any."""
    entry = search.table[slot]
    if entry >> 19 == boundary | search.world << 30:
        return (entry >> 12 & 127) - 64, (entry >> 5 & 127) - 64, entry & 31
    left = _points_left(rules, boundary)
    sure_0, sure_1 = _sure_points(rules, search, boundary)
    return 2 * sure_0 - left, left - 2 * sure_1, np.int64(_NO_LEAD)


@kernel
def _learn(search, boundary, slot, low, high, lead):
    entry = boundary | search.world << 30
    search.table[slot] = entry << 19 | low + 64 << 12 | high + 64 << 5 | lead


@kernel
def _slot(search, boundary):
    """Where the table keeps a boundary: a multiplicative hash."""
    return boundary * -7046029254386353131 >> 30 & search.slot_mask


@kernel
def _sure_points(rules, search, boundary):
    """Points that (team 0, team 1) can't fail to win.

    Whoever holds the highest trumps wins a trick with each; the leader also by playing out,
    one after the other, all that nobody else can beat.
    """
    sure_0 = sure_1 = np.int64(0)
    trumps = boundary & rules.trumps
    if trumps:
        seat = 0
        while not search.hands[seat] >> highest_bit(trumps) & 1:
            seat += 1
        lower = trumps & ~search.hands[seat]
        top = trumps & -2 << highest_bit(lower) if lower else trumps
        points = popcount(top) + _counts(rules, top)
        if seat & 1:
            sure_1 = points
        else:
            sure_0 = points
    leader = boundary >> _LEADER
    hand = boundary & search.hands[leader]
    others = boundary & _HELD & ~hand
    unbeaten = np.int64(0)
    while hand:
        domino = trailing_zeros(hand)
        hand &= hand - 1
        if rules.beats[rules.led_suit[domino], domino] & others == 0:
            unbeaten |= np.int64(1) << domino
    points = popcount(unbeaten) + _counts(rules, unbeaten)
    if leader & 1:
        return sure_0, max(sure_1, points)
    return max(sure_0, points), sure_1


@kernel
def _pick_lead(rules, search, boundary, legal):
    """The lead to try next: the one that fewest opposing answers beat, the highest bit of these."""
    leader = boundary >> _LEADER
    left, right = boundary & search.hands[leader + 1 & 3], boundary & search.hands[leader + 3 & 3]
    fewest, pick = np.int64(N_DOMINOES), np.int64(0)
    while legal:
        domino = highest_bit(legal)
        legal ^= np.int64(1) << domino
        suit = rules.led_suit[domino]
        beating = rules.beats[suit, domino]
        n = popcount((_answers(rules, left, suit) | _answers(rules, right, suit)) & beating)
        if n < fewest:
            fewest, pick = n, domino
    return pick


@kernel
def _pick_answer(rules, search, boundary, trick, legal):
    """The answer to try next: most count into a trick the team is sure of, else the least.

    Of the players to come only the next one is an opponent.
    """
    place = trick >> _PLAYS
    beating = _beating(rules, trick)
    threats = np.int64(0)
    if place < 3:
        threats = _legal(rules, search, boundary, trick + (1 << _PLAYS))
    partner_holds = (trick >> _HOLDER_OFFSET ^ place) & 1 == 0
    if partner_holds and threats & beating == 0:
        return _most(rules, legal & ~beating if legal & ~beating else legal)
    winning, safe = legal & beating, np.int64(0)
    while winning:
        domino = trailing_zeros(winning)
        winning &= winning - 1
        if rules.beats[trick >> _LED & 7, domino] & threats == 0:
            safe |= np.int64(1) << domino
    return _most(rules, safe) if safe else _least(rules, legal)


@kernel
def _most(rules, dominoes):
    """The one of greatest count, the weakest of these."""
    for counting in (rules.tens, rules.fives):
        if dominoes & counting:
            return trailing_zeros(dominoes & counting)
    return trailing_zeros(dominoes)


@kernel
def _least(rules, dominoes):
    """The one of least count, the weakest of these."""
    for costly in (rules.tens | rules.fives, rules.tens):
        if dominoes & ~costly:
            return trailing_zeros(dominoes & ~costly)
    return trailing_zeros(dominoes)
