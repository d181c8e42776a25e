"""Playouts as tensors on one device: all of them make their next play at the same time.

They are those of `playouts`, for a card; the two differ only where a network finds two plays nearly equal
(see `tensors`). A step launches the same operations for any number of playouts and reads nothing on the host.
Letters: D deals, S positions, P playouts.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from forge_core.texas42.dominoes import HAND_SIZE, N_DOMINOES, N_PLAYS, N_SEATS
from forge_core.texas42.one_hand.choose import Policy
from forge_core.texas42.one_hand.playouts import check_until, exact_rest
from forge_core.texas42.one_hand.tensors import (
    Rules,
    Sights,
    answers,
    choose_places,
    look_up,
    rules_on,
    tally,
)
from forge_core.texas42.oracle.alphabeta.positions import unreachable_in_trick
from forge_core.texas42.oracle.alphabeta.rulebook import HELD, HOLDER, HOLDER_OFFSET, LEADER, LED, PLAYS
from forge_core.texas42.rules import N_SUITS
from forge_core.texas42.state import FULL_HAND, ILLEGAL, IN_TRICK_BIT, LEADER_BIT, PLAYED_BIT

BATCH = 1 << 18
"""playouts at once: enough to keep a card busy; they take 1.5 GB"""
_GONE = 1 << 9
"""added to the keys of dominoes no longer held, to sort them last: a power of 2 above all 280 keys"""


@dataclass(frozen=True, slots=True, eq=False)
class Playouts:
    """P playouts after some plays: the deals, who bids, and what has been played."""

    decl: Tensor
    """int32 [P]"""
    bidder: Tensor
    """int64 [P]"""
    keys: Tensor
    """int32 [4, 7, P] the hands as dealt, in the order of `tensors` and `hold_first`"""
    hands: Tensor
    """int32 [4, P] the same as masks"""
    remaining: Tensor
    """int32 [P] mask of the dominoes not yet played"""
    n_left: Tensor
    """int64 [P] their number"""
    leader: Tensor
    """int64 [P] seat that leads the trick"""
    place: Tensor
    trick: Tensor
    suit: Tensor
    holder: Tensor
    offset: Tensor
    """[P] the trick so far, as in Sights"""
    barred: Tensor
    """int32 [4, P] by seat: the dominoes of suits that the seat has failed to follow"""
    gained: Tensor
    """int64 [P] points so far in team 0's frame"""

    def __len__(self) -> int:
        return len(self.decl)

    @property
    def mover(self) -> Tensor:
        """int64 [P] the seat to play"""
        return self.leader + self.place & 3

    def take(self, rows: Tensor | slice) -> Playouts:
        """Return the playouts at these indices or of this slice."""
        return Playouts(*(getattr(self, field.name)[..., rows] for field in fields(self)))


def deal_playouts(
    rules: Rules, hands: Tensor, decl: Tensor, deal_of: Tensor, leader: Tensor, bidder: Tensor
) -> Playouts:
    """Return playouts before their first play. hands: int8 [D, 4, 7]. decl: [D]. The others: [P]."""
    bits = rules.bit[hands.long()]
    keys = (bits.sort(dim=2).values + N_DOMINOES * decl.int()[:, None, None]).permute(1, 2, 0)
    masks = (torch.ones_like(bits) << bits).sum(dim=2, dtype=torch.int32).T
    nothing = torch.zeros_like(leader)
    some_decl = decl.int()[deal_of]
    return Playouts(
        decl=some_decl,
        bidder=bidder.long(),
        keys=keys[..., deal_of].contiguous(),
        hands=masks[:, deal_of],
        remaining=torch.full_like(some_decl, HELD),
        n_left=torch.full_like(leader, N_PLAYS),
        leader=leader,
        place=nothing,
        trick=torch.zeros_like(some_decl),
        suit=N_SUITS * some_decl.long(),
        holder=nothing,
        offset=nothing,
        barred=torch.zeros_like(some_decl).expand(N_SEATS, -1).contiguous(),
        gained=nothing,
    )


def legal_plays(rules: Rules, now: Playouts) -> Tensor:
    """Return [P] masks of the dominoes that the movers may play."""
    hand = now.hands.gather(0, now.mover[None])[0] & now.remaining
    return torch.where(now.place == 0, hand, answers(hand, look_up(rules.following, now.suit)))


def hold_first(rules: Rules, now: Playouts) -> Playouts:
    """Return the playouts with the dominoes that a seat still holds first among its keys, ascending."""
    is_gone = look_up(rules.masks[0], now.keys) & now.remaining == 0
    order = (now.keys + _GONE * is_gone.int()).sort(dim=1).values
    return replace(now, keys=order & _GONE - 1)


def see(rules: Rules, now: Playouts, places: int = HAND_SIZE) -> Sights:
    """Return the sights of the movers; see `sight.see`. places: the first keys that hold their dominoes."""
    mover = now.mover
    dealt = now.hands.gather(0, mover[None])[0]
    unseen = now.remaining & ~dealt
    others = mover + 1 + rules.seats[:3] & 3
    return Sights(
        decl=now.decl,
        bidder=now.bidder - mover & 3,
        keys=now.keys[:, :places].gather(0, mover.expand(1, places, -1))[0],
        hand=dealt & now.remaining,
        legal=legal_plays(rules, now),
        unseen=unseen,
        may_hold=unseen & ~now.barred.gather(0, others),
        place=now.place,
        trick=now.trick,
        suit=now.suit,
        holder=now.holder,
        offset=now.offset,
    )


def play(rules: Rules, now: Playouts, bit: Tensor, active: Tensor) -> Playouts:
    """Return the playouts after one more play, [P] bit, in those that are active, bool [P]."""
    domino = (torch.ones_like(now.decl) << bit) * active
    key, leads, seat = N_DOMINOES * now.decl + bit, now.place == 0, now.mover
    # The play: it may fail to follow, and it may take the trick.
    following = look_up(rules.following, now.suit)
    fails = active & ~leads & (domino & following == 0)
    barred = now.barred | following * (fails & (seat == rules.seats))
    beating = look_up(rules.beats, N_DOMINOES * now.suit + now.holder)
    takes = active & (leads | (domino & beating != 0))
    led = N_SUITS * now.decl + look_up(rules.led_suit, key)
    offset = torch.where(takes, now.place, now.offset)
    trick = now.trick | domino
    # The fourth play closes the trick.
    closes = active & (now.place == 3)
    taker = now.leader + offset & 3
    points = (1 + tally(rules, trick).points) * closes
    return replace(
        now,
        remaining=now.remaining & ~domino,
        n_left=now.n_left - active.long(),
        leader=torch.where(closes, taker, now.leader),
        place=now.place + active.long() & 3,
        trick=trick * ~closes,
        suit=torch.where(active & leads, led.long(), now.suit),
        holder=torch.where(takes, bit.long(), now.holder),
        offset=offset * ~closes,
        barred=barred,
        gained=now.gained + torch.where(taker & 1 == 1, -points, points),
    )


def play_on(rules: Rules, now: Playouts, policy: Policy, until: int, most_left: int) -> Playouts:
    """Return the playouts once each has at most `until` dominoes left. most_left: in any of them, now."""
    for left in range(most_left, until, -1):
        now = play_step(rules, now, policy, until, left, left % N_SEATS == 0 or left == most_left)
    return now


def play_step(
    rules: Rules, now: Playouts, policy: Policy, until: int, left: int, is_sorted_first: bool
) -> Playouts:
    """Return the playouts after a play in those with more than `until` dominoes left.

    left: the most that any of them has left. is_sorted_first: call `hold_first` before; needed in each trick.
    """
    if is_sorted_first:
        now = hold_first(rules, now)
    sights = see(rules, now, places=-(-left // N_SEATS))  # no mover holds more dominoes
    place = choose_places(rules, sights, policy)
    bit = sights.keys.gather(0, place[None])[0] - N_DOMINOES * now.decl
    # A finished playout has no legal play: any bit of its keys will do, as it plays none.
    return play(rules, now, bit, now.n_left > until)


def deal_values(hands: Tensor, decl: Tensor, policy: Policy, batch: int = BATCH) -> Tensor:
    """Return int64 [D]: points of team 0 minus those of team 1 in whole deals, as `playouts.play_deals` does.

    Seat 0 bids and leads. hands: int8 [D, 4, 7], ascending. decl: [D]. Reads nothing on the host.
    """
    rules = rules_on(hands.device)
    parts = []
    for some_hands, some_decl in zip(hands.split(batch), decl.split(batch), strict=True):
        deal_of = torch.arange(len(some_decl), device=hands.device)
        seat_0 = torch.zeros_like(deal_of)
        now = deal_playouts(rules, some_hands, some_decl, deal_of, seat_0, seat_0)
        parts.append(play_on(rules, now, policy, 0, N_PLAYS).gained)
    return torch.cat(parts)


def lockstep_q(
    hands: Tensor,
    decl: Tensor,
    states: Tensor,
    deal_of: Tensor,
    voids: Tensor,
    bidder: Tensor,
    policy: Policy,
    until: int,
    workers: int | None = None,
    batch: int = BATCH,
    captured: bool = True,
) -> Tensor:
    """Return the value of every play in S positions as `playouts.playout_q` does, on their device.

    hands: int8 [D, 4, 7]. decl: [D]. states: int64 [S]. deal_of: int64 [S]. voids: uint8 [S, 4]. bidder: [S].
    batch: playouts at once. captured: on CUDA, play by the graphs of the module `captured`, which is faster;
    False is for comparison and gives the same values. The host waits twice, and with until > 0 twice more per
    batch: the solver, which values the rest, computes on the CPU. Returns int8 [S, 7]; raises what
    `playout_q` raises.
    """
    check_until(until)
    q = torch.full((len(states) * HAND_SIZE,), ILLEGAL, dtype=torch.int8, device=states.device)
    if not len(states):
        return q.view(-1, HAND_SIZE)
    rules = rules_on(states.device)
    bits = rules.bit[hands.long()][deal_of]
    start, is_broken = _unpack(rules, hands, decl, states, deal_of, bits, bidder)
    start = replace(start, barred=_bar(rules, start.decl, voids))
    legal = legal_plays(rules, start)[:, None] >> bits[_rows(states), start.mover] & 1
    which = legal.flatten().nonzero().squeeze(1)  # one wait: their number
    state, slot = which // HAND_SIZE, which % HAND_SIZE
    found = [is_broken.sum(), is_broken.int().argmax(), start.n_left.max()]
    n_broken, broken, most_left = torch.stack(found).tolist()  # the second wait
    if n_broken:
        raise unreachable_in_trick(states[broken], decl[deal_of[broken]])
    graphs = None
    if captured:
        from forge_core.texas42.one_hand.captured import SIZE, can_capture, step_graphs

        if can_capture(states.device):
            graphs, batch = step_graphs(policy, until, states.device), min(batch, SIZE)
    for some, played in zip(state.split(batch), slot.split(batch), strict=True):
        now = start.take(some)
        bit = bits[some, now.mover, played]
        now = play(rules, now, bit, torch.ones_like(bit, dtype=torch.bool))
        if graphs:
            now = graphs.play_on(now, most_left - 1)
        else:
            now = play_on(rules, now, policy, until, most_left - 1)
        gained = now.gained
        if until:
            gained = gained + _exact_rest(now, hands, decl, deal_of[some], workers)
        q[some * HAND_SIZE + played] = gained.to(torch.int8)
    return q.view(-1, HAND_SIZE)


def _rows(states: Tensor) -> Tensor:
    return torch.arange(len(states), device=states.device)


def _unpack(
    rules: Rules, hands: Tensor, decl: Tensor, states: Tensor, deal_of: Tensor, bits: Tensor, bidder: Tensor
) -> tuple[Playouts, Tensor]:
    """Return S playouts at packed states, and bool [S]: True if a play in the trick breaks the rules.

    bits: int32 [S, 4, 7] by slot.
    """
    # First, the boundary: all dominoes still held, and those played since.
    leader, n_plays = states >> LEADER_BIT & 3, states >> IN_TRICK_BIT & 3
    now = deal_playouts(rules, hands, decl, deal_of, leader, bidder)
    slots = torch.arange(HAND_SIZE, device=states.device)
    by_seat = states >> HAND_SIZE * rules.seats & FULL_HAND  # [4, S]
    is_held = by_seat.T[..., None] >> slots & 1  # [S, 4, 7]
    remaining = (is_held.int() << bits).sum(dim=(1, 2), dtype=torch.int32)
    plays = []
    for place in range(N_SEATS - 1):
        slot = (states >> PLAYED_BIT + 3 * place & 7).clamp(max=HAND_SIZE - 1)
        bit, active = bits[_rows(states), leader + place & 3, slot], place < n_plays
        remaining = remaining | (torch.ones_like(bit) << bit) * active
        plays.append((bit, active))
    now = replace(now, remaining=remaining, n_left=is_held.sum(dim=(1, 2)) + n_plays)
    # Then, the trick: make its plays one by one, checking each against the rules.
    is_broken = torch.zeros_like(n_plays, dtype=torch.bool)
    for bit, active in plays:
        is_broken = is_broken | (active & (legal_plays(rules, now) >> bit & 1 == 0))
        now = play(rules, now, bit, active)
    return now, is_broken


def _bar(rules: Rules, decl: Tensor, voids: Tensor) -> Tensor:
    """Return int32 [4, S]: the dominoes that each seat cannot hold. voids: uint8 [S, 4] masks of suits."""
    barred = torch.zeros(N_SEATS, len(decl), dtype=torch.int32, device=decl.device)
    for suit in range(N_SUITS):
        following = look_up(rules.following, N_SUITS * decl + suit)
        barred |= following * (voids.T >> suit & 1)
    return barred


def _exact_rest(now: Playouts, hands: Tensor, decl: Tensor, deal_of: Tensor, workers: int | None) -> Tensor:
    """Return int64 [P]: the exact points to come, in team 0's frame, as the solver finds them on the CPU."""
    boundary = (now.remaining | now.trick).long() | now.leader << LEADER
    led = now.suit - N_SUITS * now.decl
    fields_of_trick = now.holder << HOLDER | now.offset << HOLDER_OFFSET | led << LED | now.place << PLAYS
    trick = (now.trick | fields_of_trick) * (now.place != 0)
    asked = torch.stack([boundary, trick, decl.long()[deal_of]])
    dealt = hands.view(len(hands), -1)[deal_of].T.long()
    on_host = torch.cat([asked, dealt]).cpu().numpy()
    deals = np.ascontiguousarray(on_host[3:].T.astype(np.int8)).reshape(-1, N_SEATS, HAND_SIZE)
    rest = exact_rest(deals, on_host[2], on_host[0], on_host[1], workers)
    return torch.from_numpy(rest).to(now.gained.device)
