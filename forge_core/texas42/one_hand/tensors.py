"""Sights, features and choices of the one-hand policies as tensors, for many decisions on one device.

They equal those of the kernels in `sight`, `features` and `heuristic`. Logits are float32 sums in another
order than in `network.fill_logits`, so choices may differ between plays whose logits are nearly equal.

All shapes are fixed, and no function makes the host wait for a card: none reads a tensor there, and none
passes a Python number to `torch.where`, which copies it. Letters: P decisions; K places, up to seven, for the
mover's dominoes, those that it holds ascending by bit of the rulebook. P comes last, so that each feature is
contiguous in memory.
Masks are int32. A *key* is 28 * declaration + bit, and addresses the tables of dominoes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from forge_core.texas42.dominoes import N_DOMINOES
from forge_core.texas42.one_hand.choose import HEURISTIC, Policy
from forge_core.texas42.one_hand.features import CONTEXT, N_CONTEXT, N_PLAY, PLAY
from forge_core.texas42.one_hand.sight import DOMINO_TABLE
from forge_core.texas42.oracle.alphabeta.rulebook import RULEBOOK

_HALF = N_DOMINOES // 2
"""bits of half a mask, which address a table of 64 KiB: small enough for the first cache of a card"""
_POINTS, _TENS = 8, 16
"""first bits of the fields of a tally; the number of dominoes begins at bit 0"""
_FIXED = ("trump", "double", "five", "ten", "rank")
"""the features of a play that depend only on the domino and the declaration; the first ones of PLAY"""
assert tuple(PLAY)[: len(_FIXED)] == _FIXED
_CONTEXT, _PLAY = ({name: row for row, name in enumerate(names)} for names in (CONTEXT, PLAY))


class Rules(NamedTuple):
    """The tables of the rulebook on one device."""

    bit: Tensor
    """int32 [28] domino id -> bit"""
    trumps: Tensor
    """int32 [10] masks, by declaration"""
    following: Tensor
    """int32 [80] masks of the dominoes that follow a suit, by 8 * declaration + suit"""
    beats: Tensor
    """int32 [2240] masks of the dominoes that beat one, by 28 * (8 * declaration + suit led) + bit"""
    led_suit: Tensor
    """int32 [280] by key"""
    masks: Tensor
    """int32 [5, 280] by key: the domino; those that follow the suit it leads, and those that beat it there;
    those that follow the suit of its low pip, and those of them that beat it there (none for trumps and
    doubles)"""
    fixed: Tensor
    """float32 [5, 280] by key: the features _FIXED"""
    count: Tensor
    """int32 [280] by key: points"""
    heuristic: Tensor
    """int32 [2, 280] by key: 50 for a trump plus the rank; the domino id"""
    tallies: Tensor
    """int32 [2, 16384] tallies of the lower and of the upper half of a mask"""
    number: Tensor
    """float32 [21] the numbers 0..20: a division by a tensor is rounded correctly, which on a card a division
    by a Python number is not"""
    seats: Tensor
    """int64 [4, 1] the numbers 0..3"""


@cache
def rules_on(device: Any) -> Rules:
    """Return the tables on a device. Cached, because a host-to-device copy synchronises."""
    table, book = DOMINO_TABLE[0], RULEBOOK
    bits = np.arange(N_DOMINOES)
    decls = np.arange(len(book))[:, None]
    led, low = book["led_suit"], np.broadcast_to(table["low_pip"], (len(book), N_DOMINOES))
    is_trump = book["trumps"][:, None] >> bits & 1
    has_low = (is_trump == 0) & (table["is_double"] == 0)
    low_following = np.where(has_low, book["follows"][decls, low], 0)
    masks = (
        np.broadcast_to(1 << bits, led.shape),
        book["follows"][decls, led],
        book["beats"][decls, led, bits],
        low_following,
        low_following & book["beats"][decls, low, bits],
    )
    rank, count = table["rank"], table["count"]
    fixed = np.broadcast_arrays(is_trump, table["is_double"], count == 5, count == 10, rank / 14)
    halves = np.arange(1 << _HALF)[:, None] >> np.arange(_HALF) & 1
    tally = 1 | count << _POINTS | (count == 10).astype(np.int64) << _TENS
    tallies = [halves @ tally[:_HALF], halves @ tally[_HALF:]]
    heuristic = np.broadcast_arrays(50 * is_trump + rank, table["id"])

    def placed(array: Any, dtype: torch.dtype = torch.int32) -> Tensor:
        return torch.tensor(np.array(array), dtype=dtype, device=device)

    with torch.inference_mode(False):  # the cached tensors must not inherit the first caller's inference mode
        return Rules(
            bit=placed(book["bit"][0]),
            trumps=placed(book["trumps"]),
            following=placed(book["follows"].reshape(-1)),
            beats=placed(book["beats"].reshape(-1)),
            led_suit=placed(led.reshape(-1)),
            masks=placed(np.stack(masks).reshape(len(masks), -1)),
            fixed=placed(np.stack(fixed).reshape(len(fixed), -1), torch.float32),
            count=placed(np.broadcast_to(count, led.shape).reshape(-1)),
            heuristic=placed(np.stack(heuristic).reshape(2, -1)),
            tallies=placed(tallies),
            number=placed(np.arange(21), torch.float32),
            seats=placed(np.arange(4)[:, None], torch.int64),
        )


def look_up(table: Tensor, index: Tensor) -> Tensor:
    """Return the columns [..., *index.shape] of a table [..., K] at an index."""
    return table.index_select(-1, index.flatten()).view(*table.shape[:-1], *index.shape)


class Tally(NamedTuple):
    """Counts of sets of dominoes, packed into one int32 per set."""

    packed: Tensor

    @property
    def size(self) -> Tensor:
        """Their number of dominoes."""
        return self.packed & 255

    @property
    def points(self) -> Tensor:
        """Their count points."""
        return self.packed >> _POINTS & 255

    @property
    def tens(self) -> Tensor:
        """Their number of dominoes that count 10."""
        return self.packed >> _TENS


def tally(rules: Rules, masks: Tensor) -> Tally:
    """Return the tallies of sets of dominoes, in their shape."""
    low, high = masks & (1 << _HALF) - 1, masks >> _HALF
    return Tally(look_up(rules.tallies[0], low) + look_up(rules.tallies[1], high))


def answers(hand: Tensor, following: Tensor) -> Tensor:
    """Return the dominoes of hands that may be played to a led suit. following: those that follow it."""
    able = hand & following
    return torch.where(able != 0, able, hand)


@dataclass(frozen=True, slots=True, eq=False)
class Sights:
    """The knowledge of the movers of P decisions; see `sight.SIGHT`."""

    decl: Tensor
    """int32 [P]"""
    bidder: Tensor
    """int64 [P] offset from the mover, clockwise"""
    keys: Tensor
    """int32 [K, P] the mover's dominoes; among them all that it holds, ascending"""
    hand: Tensor
    """[P] mask of those that it still holds"""
    legal: Tensor
    """[P] mask of those that it may play"""
    unseen: Tensor
    """[P] mask"""
    may_hold: Tensor
    """[3, P] unseen dominoes that the next seat, the partner and the last seat may hold"""
    place: Tensor
    """int64 [P] plays in the trick so far, 0..3"""
    trick: Tensor
    """[P] mask of the dominoes in it"""
    suit: Tensor
    """int64 [P] 8 * declaration + led suit; any suit if the mover leads"""
    holder: Tensor
    """int64 [P] bit of the domino that is winning; any bit if the mover leads"""
    offset: Tensor
    """int64 [P] its player's offset from the leader; 0 if the mover leads"""


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """Facts on which both policies depend: the dominoes of P movers, and those which stand."""

    masks: Tensor
    """[5, K, P] see `Rules.masks`"""
    count: Tensor
    """int32 [K, P] points"""
    legal: Tensor
    """bool [K, P]"""
    leads: Tensor
    """bool [P] True if the mover leads"""
    to_come: Tensor
    """[P] mask: dominoes that opponents still to play may hold, if the mover does not lead"""
    following: Tensor
    """[P] mask: dominoes that follow the led suit"""
    winning: Tensor
    """[P] mask: dominoes that would take the trick"""
    beats: Tensor
    """[K, P] masks: dominoes that beat this one in the led suit"""
    wins: Tensor
    """bool [K, P] True if the domino takes the trick; False if the mover leads"""
    led_stands: Tensor
    led_sure: Tensor
    """bool [K, P] True if the domino would stand (surely) if it were led"""
    stands: Tensor
    sure: Tensor
    """bool [K, P] True if the domino takes the trick and stands (surely)"""
    partner_holds: Tensor
    """bool [P] True if the partner's domino is winning"""
    partner_stands: Tensor
    partner_sure: Tensor
    """bool [P] True if it is, and it stands (surely)"""


def look_ahead(rules: Rules, sights: Sights) -> Outlook:
    """Return the facts on which both policies depend."""
    # As leads: both opponents are to come.
    masks = look_up(rules.masks, sights.keys)
    domino, own_suit, own_better = masks[0], masks[1], masks[2]
    next_seat, last_seat = sights.may_hold[0], sights.may_hold[2]
    led_sure = own_better & (next_seat | last_seat) == 0
    led_stands = own_better & (answers(next_seat, own_suit) | answers(last_seat, own_suit)) == 0
    # As answers: only the next seat may be an opponent still to play.
    leads, place = sights.place == 0, sights.place
    following = look_up(rules.following, sights.suit)
    winning = look_up(rules.beats, N_DOMINOES * sights.suit + sights.holder)
    winning, to_come = winning * ~leads, next_seat * (place < 3)
    likely = answers(to_come, following)
    beats = look_up(rules.beats, sights.keys + (N_DOMINOES * (sights.suit - sights.decl)).int())
    wins = winning & domino != 0
    partner_holds = (place >= 2) & (sights.offset == place - 2)
    return Outlook(
        masks=masks,
        count=look_up(rules.count, sights.keys),
        legal=sights.legal & domino != 0,
        leads=leads,
        to_come=to_come,
        following=following,
        winning=winning,
        beats=beats,
        wins=wins,
        led_stands=led_stands,
        led_sure=led_sure,
        stands=wins & (beats & likely == 0),
        sure=wins & (beats & to_come == 0),
        partner_holds=partner_holds,
        partner_stands=partner_holds & (winning & likely == 0),
        partner_sure=partner_holds & (winning & to_come == 0),
    )


def fill_features(rules: Rules, sights: Sights) -> tuple[Tensor, Tensor, Tensor]:
    """Return the features of the situations [32, P] and of the plays [32, K, P], and legal, bool [K, P].

    The features of plays that are not legal mean nothing.
    """
    outlook = look_ahead(rules, sights)
    n = len(sights.decl)
    context = torch.zeros(N_CONTEXT, n, device=sights.decl.device)
    plays = torch.empty(N_PLAY, *sights.keys.shape, device=sights.decl.device)
    _fill_context(rules, sights, outlook, context)
    _fill_plays(rules, sights, outlook, plays)
    return context, plays, outlook.legal


def _fill_context(rules: Rules, sights: Sights, outlook: Outlook, context: Tensor) -> None:
    """Fill context [32, P], which must be zeros."""

    def put(name: str, feature: Tensor) -> None:
        context[_CONTEXT[name]] = feature

    hand, unseen, number = sights.hand, sights.unseen, rules.number
    trumps = look_up(rules.trumps, sights.decl)
    has_trumps, leads, answering = trumps != 0, outlook.leads, ~outlook.leads
    sets = [hand, unseen, sights.trick, hand & trumps, unseen & trumps, unseen & outlook.winning]
    tallies = tally(rules, torch.stack(sets))
    sizes, points, tens = tallies.size, tallies.points, tallies.tens
    # Place in the trick, and who bids.
    context[:4] = sights.place == rules.seats
    put("bids", sights.bidder == 0)
    put("partner_bids", sights.bidder == 2)
    put("next_bids", sights.bidder == 1)
    # Trumps and count, in the hand and unseen.
    put("hand", sizes[0] / number[7])
    put("has_trumps", has_trumps)
    put("own_trumps", sizes[3] / number[4])
    put("unseen_trumps", sizes[4] / number[4])
    no_trumps = has_trumps & (sights.may_hold & trumps == 0)
    put("next_no_trumps", no_trumps[0])
    put("partner_no_trumps", no_trumps[1])
    put("last_no_trumps", no_trumps[2])
    put("no_trumps_unseen", sizes[4] == 0)
    put("unseen_count", points[1] / number[20])
    put("own_count", points[0] / number[20])
    put("unseen_tens", tens[1] / number[2])
    put("own_tens", tens[0] / number[2])
    # The trick so far.
    holder = look_up(rules.masks[0], (N_DOMINOES * sights.decl + sights.holder).int())
    partner = sights.may_hold[1]
    put("partner_holds", outlook.partner_holds)
    put("partner_stands", outlook.partner_stands)
    put("partner_sure", outlook.partner_sure)
    put("trick_count", points[2] / number[10])
    put("trumped", answering & (trumps & holder != 0))
    put("follows", answering & (sights.legal & outlook.following != 0))
    put("threats", sizes[5] / number[4])
    put("trumps_led", answering & (outlook.following & ~trumps == 0))
    can_win = partner & outlook.winning & outlook.following != 0
    put("partner_can_win", (sights.place == 1) & can_win)
    # The possible leads.
    legal = outlook.legal & leads
    standing = legal & outlook.led_stands
    put("leads_standing", standing.sum(dim=0) / number[4])
    put("leads_sure", (standing & outlook.led_sure).sum(dim=0) / number[4])
    put("exposed_count", ((legal & ~outlook.led_stands) * outlook.count).sum(dim=0) / number[10])


def _fill_plays(rules: Rules, sights: Sights, outlook: Outlook, plays: Tensor) -> None:
    """Fill plays [32, K, P]."""

    def put(name: str, feature: Tensor) -> None:
        plays[_PLAY[name]] = feature

    hand, unseen, number, count = sights.hand, sights.unseen, rules.number, outlook.count
    domino, own_suit, own_better, low_suit, low_better = outlook.masks.unbind()
    partner = sights.may_hold[1]
    leads, answering, wins = outlook.leads, ~outlook.leads, outlook.wins
    in_suit = unseen & own_suit
    sets = [
        in_suit,
        in_suit & own_better,
        hand & own_suit,
        hand & own_better,
        hand & low_suit,
        unseen & low_better,
        (outlook.beats & outlook.to_come) * wins,
    ]
    tallies = tally(rules, torch.stack(sets))
    sizes, of_suit = tallies.size, Tally(tallies.packed[0])
    quarters = sizes / number[4]
    # The domino itself.
    plays[: len(_FIXED)] = look_up(rules.fixed, sights.keys)
    # Its own suit: who is left in it, and above it.
    put("better_unseen", quarters[1])
    put("best_of_suit", sizes[1] == 0)
    put("led_stands", outlook.led_stands)
    put("led_sure", outlook.led_sure)
    put("suit_in_hand", quarters[2])
    put("alone", sizes[2] == 1)
    put("suit_unseen", quarters[0])
    put("lower_unseen", quarters[0] - quarters[1])
    put("better_in_hand", quarters[3])
    is_void = sights.may_hold[:, None] & own_suit == 0
    put("next_void", is_void[0])
    put("partner_void", is_void[1])
    put("last_void", is_void[2])
    put("draws_ten", of_suit.tens != 0)
    put("suit_gone", sizes[0] == 0)
    # The suit of its low pip, which it follows but does not lead.
    put("low_in_hand", quarters[4])
    put("low_better", quarters[5])
    put("low_best", (low_suit != 0) & (sizes[5] == 0))
    # As a lead.
    put("partner_beats", leads & (partner & own_suit & own_better != 0))
    put("suit_count", leads * of_suit.points / number[10])
    # As an answer.
    in_trick = tally(rules, sights.trick).points
    neither = answering & (domino & outlook.following == 0)
    is_trump = plays[_PLAY["trump"]] != 0
    put("wins", wins)
    put("stands", outlook.stands)
    put("sure", outlook.sure)
    put("next_beats", quarters[6])
    put("trumps_in", neither & is_trump)
    put("discard", neither & ~is_trump)
    put("gives", (outlook.partner_holds & ~wins) * count / number[10])
    put("takes", wins * (count + in_trick) / number[10])


@lru_cache(maxsize=8)
def weights_on(policy: Policy, device: Any) -> tuple[Tensor, ...]:
    """Return the weights of a network on a device, transposed: [H, 32], [H, 1], [H, 32], [H2, H], [H2, 1],
    [1, H2]. Cached, because a host-to-device copy synchronises."""
    packed = policy.weights[0]
    columns: tuple[npt.NDArray, ...] = (
        packed["context"].T,
        packed["bias"][:, None],
        packed["play"].T,
        packed["second"].T,
        packed["second_bias"][:, None],
        packed["out"][None],
    )
    with torch.inference_mode(False):
        return tuple(torch.tensor(np.ascontiguousarray(column), device=device) for column in columns)


def fill_logits(weights: tuple[Tensor, ...], context: Tensor, plays: Tensor) -> Tensor:
    """Return logits [K, P] of features context [32, P] and plays [32, K, P]. weights: see `weights_on`."""
    of_context, bias, of_play, second, second_bias, out = weights
    situation = torch.addmm(bias, of_context, context)
    hidden = (of_play @ plays.flatten(1)).view(-1, *plays.shape[1:])
    hidden = hidden.add_(situation[:, None]).relu_()
    units = torch.addmm(second_bias, second, hidden.flatten(1)).relu_()
    return (out @ units).view(plays.shape[1:])


def choose_places(rules: Rules, sights: Sights, policy: Policy) -> Tensor:
    """Return int64 [P]: the place of the play of a policy; 0 if the mover has no legal play."""
    if policy.index == HEURISTIC:
        return _heuristic_places(rules, sights)
    context, plays, legal = fill_features(rules, sights)
    logits = fill_logits(weights_on(policy, sights.decl.device), context, plays)
    return logits.masked_fill(~legal, -torch.inf).argmax(dim=0)


def _heuristic_places(rules: Rules, sights: Sights) -> Tensor:
    """Return int64 [P]: the place of the play of the heuristic player; see `heuristic_play`."""
    outlook = look_ahead(rules, sights)
    base, domino_id = look_up(rules.heuristic, sights.keys).unbind()
    dear, count = base + 20 * outlook.led_stands, 100 * outlook.count
    lead = dear + 10_000 + 10_000 * outlook.led_sure  # cash what cannot be beaten
    give = torch.where(outlook.partner_stands, count, -count) - dear  # to a trick that the partner wins
    take = 10_000 + count - dear  # win the trick cheaply
    worth = torch.where(outlook.stands, take, -count - dear)
    worth = torch.where(outlook.partner_holds, give, worth)
    worth = torch.where(outlook.leads, torch.where(outlook.led_stands, lead, -count - dear), worth)
    order = worth * (N_DOMINOES + 4) - domino_id  # among equals, the lowest domino id
    return order.masked_fill(~outlook.legal, torch.iinfo(torch.int32).min).argmax(dim=0)
