"""Stage 1 tokens: a position with all hands visible, relative to the player to move.

The same encoder makes training rows and every later query, so the two cannot disagree. All features
are relative to the mover: neither features nor positions reveal the absolute seat.

    positions   0..6  the mover's hand    7..13 seat + 1   14..20 seat + 2 (the partner)
                21..27 seat + 3           28 context       29..31 the current trick, lead first

    feature  0 high pip 0..6               6 declaration 0..9
             1 low pip 0..6                7 leader, relative to the mover 0..3
             2 count class 0/1/2 = 0/5/10  8 legal now 0/1 (the mover's dominoes)
             3 place in the called set     9 beats the trick so far 0/1 (trick tokens: is winning)
               0 (best)..6, 7 = not called 10 number of the opponents' dominoes that would
             4 owner, relative 0..3            beat it if it were led 0..3 (3 = 3 or more)
             5 status, see Status         11 the owner's partner holds such a domino 0/1

A played domino keeps its pips and its owner, but `mask` excludes it: when all hands are visible, the
past does not affect the future. Features 8..11 are 0 where they do not apply.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from forge_core.errors import BadInput
from forge_core.kernels import kernel
from forge_core.lanes import popcount, trailing_zeros
from forge_core.texas42 import tables
from forge_core.texas42.dominoes import HAND_SIZE, N_DOMINOES, N_SEATS
from forge_core.texas42.state import FULL_HAND, IN_TRICK_BIT, LEADER_BIT, PLAYED_BIT, check_states

ENCODER_VERSION = "e1"
"""Raised when the tokens change; making the encoder faster does not raise it"""

N_POSITIONS, N_FEATURES = 32, 12
CONTEXT, FIRST_OF_TRICK = 28, 29
VOCABULARY = (7, 7, 3, 8, 4, 6, 10, 4, 2, 2, 4, 2)
"""The number of values of each feature"""


class Status(IntEnum):
    """The values of feature 5."""

    CONTEXT = 0
    IN_HAND = 1
    PLAYED = 2
    FIRST = 3
    SECOND = 4
    THIRD = 5


@dataclass(frozen=True, slots=True)
class Tokens:
    """N positions in the form that a network reads: arrays, or tensors on one device."""

    tokens: Any
    """[N, 32, 12] int8; for transcripts [N, 36, 8]"""
    mask: Any
    """[N, 32] bool: dominoes still held, the context, the current trick; for [N, 36] see `transcript`"""
    legal: Any
    """[N, 7] bool: slots that the mover may play"""


def encode(hands, decls, states, deal_of=None) -> Tokens:
    """Encode packed states of D deals as tokens.

    hands: [D, 4, 7] ids. decls: [D]. states: int64 [N]. deal_of: [N] the deal of each state (default:
    state i belongs to deal i). A CPU kernel encodes arrays; if `states` is a torch tensor, tensor
    operations on its device give the same result, without checks. Raises BadInput for mismatched
    shapes, StateUnreachable for a malformed state.
    """
    if type(states).__module__.partition(".")[0] == "torch":
        return _encode_tensors(hands, decls, states, deal_of)
    hands = np.ascontiguousarray(hands, dtype=np.int8).reshape(-1, N_SEATS, HAND_SIZE)
    decls = np.asarray(decls, dtype=np.int64).reshape(-1)
    packed = check_states(states)
    deal_of = np.arange(len(packed)) if deal_of is None else np.asarray(deal_of, dtype=np.int64)
    if len(deal_of) != len(packed) or len(hands) != len(decls):
        counts = f"{len(packed)} states with {len(deal_of)} deal_of, {len(hands)} deals, {len(decls)} decls"
        raise BadInput(f"{counts}: give one deal_of per state and one declaration per deal")
    if len(deal_of) and not (deal_of.min() >= 0 and deal_of.max() < len(hands)):
        raise BadInput(f"deal_of has an index outside the {len(hands)} deals: use 0..{len(hands) - 1}")
    n = len(packed)
    out = Tokens(
        np.zeros((n, N_POSITIONS, N_FEATURES), dtype=np.int8),
        np.zeros((n, N_POSITIONS), dtype=np.bool_),
        np.zeros((n, HAND_SIZE), dtype=np.bool_),
    )
    _encode(
        hands,
        decls,
        deal_of,
        packed,
        tables.DOMINO_FEATURES,
        tables.LED_SUIT,
        tables.FOLLOWING,
        tables.BEATEN_BY,
        out.tokens,
        out.mask,
        out.legal,
    )
    return out


@kernel
def _encode(hands, decls, deal_of, states, domino, led_suit, following, beaten_by, tokens, mask, legal):
    """Fill tokens [N, 32, 12], mask [N, 32] and legal [N, 7], which must be zeros.

    Reads hands [D, 4, 7], decls [D], deal_of [N], states [N], and the tables of the domino set: domino
    [10, 28, 4], led_suit [10, 28], following [10, 8] and beaten_by [10, 8, 28] (28-bit masks).
    """
    held = np.empty(N_SEATS, dtype=np.int64)  # 28-bit domino masks, by seat relative to the mover
    for row in range(len(states)):
        # First, the four hands as domino masks: every later question is then an `and` with a mask
        # from the tables, and a count of bits.
        state, deal, decl = states[row], hands[deal_of[row]], decls[deal_of[row]]
        leader, in_trick = state >> LEADER_BIT & 3, state >> IN_TRICK_BIT & 3
        mover = (leader + in_trick) % N_SEATS
        lead_by = (leader - mover) % N_SEATS
        for relative in range(N_SEATS):
            seat = (mover + relative) % N_SEATS
            held[relative] = 0
            slots = state >> HAND_SIZE * seat & FULL_HAND
            while slots:
                held[relative] |= 1 << deal[seat, trailing_zeros(slots)]
                slots &= slots - 1

        # Next, replay the trick from its lead: the led suit, the domino that is winning, and the
        # dominoes that would beat it. The mover's legal plays follow from the suit.
        suit, winning, to_beat = np.int64(0), np.int64(0), np.int64(0)
        for place in range(in_trick):
            played = np.int64(deal[(leader + place) % N_SEATS, state >> PLAYED_BIT + 3 * place & 7])
            if place == 0:
                suit = np.int64(led_suit[decl, played])
            if place == 0 or to_beat >> played & 1:
                winning, to_beat = played, np.int64(beaten_by[decl, suit, played])
        may = held[0]
        if in_trick and held[0] & following[decl, suit]:
            may = held[0] & following[decl, suit]

        # Next, the 28 tokens of the hands, seat by seat from the mover. A played domino keeps
        # features 0..7 but stays outside the mask.
        out = tokens[row]
        for relative in range(N_SEATS):
            seat = (mover + relative) % N_SEATS
            opponents = held[(relative + 1) % N_SEATS] | held[(relative + 3) % N_SEATS]
            partner = held[(relative + 2) % N_SEATS]
            for slot in range(HAND_SIZE):
                position = HAND_SIZE * relative + slot
                played = np.int64(deal[seat, slot])
                is_held = held[relative] >> played & 1
                for feature in range(4):
                    out[position, feature] = domino[decl, played, feature]
                out[position, 4] = relative
                out[position, 5] = Status.IN_HAND if is_held else Status.PLAYED
                out[position, 6] = decl
                out[position, 7] = lead_by
                mask[row, position] = is_held
                if is_held:
                    higher = np.int64(beaten_by[decl, led_suit[decl, played], played])
                    out[position, 9] = to_beat >> played & 1
                    out[position, 10] = min(popcount(higher & opponents), 3)
                    out[position, 11] = (higher & partner) != 0
                    if relative == 0:
                        out[position, 8] = legal[row, slot] = may >> played & 1
        # Last, the context, and one token for each play of the trick.
        out[CONTEXT, 5] = Status.CONTEXT
        out[CONTEXT, 6] = decl
        out[CONTEXT, 7] = lead_by
        mask[row, CONTEXT] = True
        for place in range(in_trick):
            position = FIRST_OF_TRICK + place
            played = np.int64(deal[(leader + place) % N_SEATS, state >> PLAYED_BIT + 3 * place & 7])
            for feature in range(4):
                out[position, feature] = domino[decl, played, feature]
            out[position, 4] = (lead_by + place) % N_SEATS
            out[position, 5] = Status.FIRST + place
            out[position, 6] = decl
            out[position, 7] = lead_by
            out[position, 9] = played == winning
            mask[row, position] = True


def _encode_tensors(hands, decls, states, deal_of) -> Tokens:
    """Encode with tensor operations, using booleans [N, 28] and [N, 28, 28] instead of bit masks."""
    import torch

    device = states.device
    known = tables.on_device(device)
    n, rows = len(states), torch.arange(len(states), device=device)
    deal_index = rows if deal_of is None else torch.as_tensor(deal_of, device=device)
    deal = torch.as_tensor(hands, device=device).reshape(-1, N_SEATS, HAND_SIZE).long()[deal_index]
    decl = torch.as_tensor(decls, device=device).reshape(-1).long()[deal_index]
    seats, slots = torch.arange(N_SEATS, device=device), torch.arange(HAND_SIZE, device=device)
    leader, in_trick = states >> LEADER_BIT & 3, states >> IN_TRICK_BIT & 3
    mover = (leader + in_trick) % N_SEATS
    lead_by = (leader - mover) % N_SEATS

    seat = (mover[:, None] + seats) % N_SEATS  # [N, relative]
    ids = deal[rows[:, None], seat]  # [N, relative, slot]
    held = (states[:, None, None] >> (HAND_SIZE * seat[:, :, None] + slots) & 1).bool()
    who_holds = torch.zeros(n, N_SEATS, N_DOMINOES, dtype=torch.bool, device=device)
    who_holds.scatter_(2, ids, held)

    # [N, place]: the current trick; then, for each domino [N, 28], whether it beats the trick so far
    place = torch.arange(3, device=device)
    is_played = place < in_trick[:, None]
    slot = torch.where(is_played, states[:, None] >> (PLAYED_BIT + 3 * place) & 7, 0)
    played = deal[rows[:, None], (leader[:, None] + place) % N_SEATS, slot]
    suit = known.led_suit[decl, played[:, 0]]
    rank = known.trick_rank[decl, suit]  # [N, 28]
    best, winning = torch.where(is_played, rank.gather(1, played), -1).max(dim=1)
    beats_table = (rank > best[:, None]) & (in_trick > 0)[:, None]

    follow = known.follows[decl, suit] & who_holds[:, 0]
    must = (in_trick > 0) & follow.any(dim=1)
    may = torch.where(must[:, None], follow, who_holds[:, 0])

    higher = known.beats_led[decl]  # [N, 28 led, 28 other]
    n_higher = torch.einsum("nij,npj->npi", higher.float(), who_holds.float()).long()  # [N, P, 28]
    of_opponents = n_higher[:, (seats + 1) % N_SEATS] + n_higher[:, (seats + 3) % N_SEATS]
    of_partner = n_higher[:, (seats + 2) % N_SEATS]

    tokens = torch.zeros(n, N_POSITIONS, N_FEATURES, dtype=torch.int64, device=device)
    hand = tokens[:, :CONTEXT].view(n, N_SEATS, HAND_SIZE, N_FEATURES)
    hand[..., :4] = known.domino_features[decl[:, None, None], ids]
    hand[..., 4] = seats[:, None]
    hand[..., 5] = torch.where(held, Status.IN_HAND, Status.PLAYED)
    hand[:, 0, :, 8] = may.gather(1, ids[:, 0])
    hand[..., 9] = beats_table.gather(1, ids.flatten(1)).view_as(ids) & held
    hand[..., 10] = of_opponents.gather(2, ids).clamp(max=3) * held
    hand[..., 11] = (of_partner.gather(2, ids) > 0) & held
    tokens[:, CONTEXT, 5] = Status.CONTEXT
    trick = tokens[:, FIRST_OF_TRICK:]
    trick[..., :4] = known.domino_features[decl[:, None], played]
    trick[..., 4] = (lead_by[:, None] + place) % N_SEATS
    trick[..., 5] = Status.FIRST + place
    trick[..., 9] = place == winning[:, None]
    tokens[..., 6] = decl[:, None]
    tokens[..., 7] = lead_by[:, None]
    trick *= is_played[:, :, None]
    mask = torch.cat([held.flatten(1), torch.ones(n, 1, dtype=torch.bool, device=device), is_played], dim=1)
    return Tokens(tokens.to(torch.int8), mask, tokens[:, :HAND_SIZE, 8].bool())
