"""Device functions shared by all kernels: bits of a hand, items of a list, indices of boundaries.

Each works on LANES values at once: arguments are blocks of [LANES] integers unless noted otherwise.
They are inlined at the call site.
"""

# Kernels are written in Triton's language, whose types are not Python's:
# pyright: reportArgumentType=false

from __future__ import annotations

import triton
import triton.language as tl

from forge_core.texas42.dominoes import HAND_SIZE, N_SEATS
from forge_core.texas42.oracle.boundary import INDEX, N_ROWS, N_VALUES

# Constants of the game, in the form that kernels can read.
SEATS, SLOTS = tl.constexpr(N_SEATS), tl.constexpr(HAND_SIZE)
VALUES, ROWS = tl.constexpr(N_VALUES), tl.constexpr(N_ROWS)
LARGEST = tl.constexpr(int(INDEX.n_subsets.max()))
"""35: the row length of the mask table"""


# --- bits ---------------------------------------------------------------------------------
# Sums over increasingly wide fields of bits. libdevice has single instructions for them, but Triton's
# interpreter, which the tests use, does not support libdevice.


@triton.jit
def count(hand):
    """Return the number of slots in a 7-bit mask."""
    pairs = hand - ((hand >> 1) & 0x55)
    fours = (pairs & 0x33) + ((pairs >> 2) & 0x33)
    return (fours + (fours >> 4)) & 0xF


@triton.jit
def slot_of(bit):
    """Return the slot of a one-bit mask; 7 for an empty mask."""
    return count((bit - 1) & 0x7F)


@triton.jit
def count_word(word):
    """Return the number of bits set in an int64, as int32."""
    word = word - ((word >> 1) & 0x5555555555555555)
    word = (word & 0x3333333333333333) + ((word >> 2) & 0x3333333333333333)
    word = (word + (word >> 4)) & 0x0F0F0F0F0F0F0F0F
    word += word >> 8
    word += word >> 16
    word += word >> 32
    return (word & 0x7F).to(tl.int32)


@triton.jit
def nth_bit(word, nth):
    """Return the position of the nth set bit of an int64, counting from 0."""
    # Lanes remove their lowest bits together; a lane that has removed enough keeps its word.
    for passed in range(tl.max(nth, 0)):
        word = tl.where(passed < nth, word & (word - 1), word)
    return count_word((word & -word) - 1)


# --- lists, hands and boundaries ------------------------------------------------------------


@triton.jit
def lanes_from(start, total, LANES: tl.constexpr):
    """Return the items [LANES] of a list starting at `start`; past the end, repeat the last item.

    Repeated lanes compute and store the same result as the last item, so no mask is needed.
    """
    return tl.minimum(start + tl.arange(0, LANES), total - 1)


@triton.jit
def hand_of(rank, masks, level):
    """Return the 7-bit mask with a given rank among the masks of `level` bits (a scalar)."""
    return tl.load(masks + level * LARGEST + rank).to(tl.int32)


@triton.jit
def rank_of(hand, ranks):
    """Return the rank of a 7-bit mask among the masks with the same number of bits."""
    return tl.load(ranks + hand).to(tl.int32)


@triton.jit
def legal_slots(hand, follow, lead, offset):
    """Return the slots of `hand` that may be played: those that follow, or all if none does.

    lead: (deal x 4 + leader) x 7 + slot led. offset: the player's, from the leader (a scalar).
    """
    fits = hand & tl.load(follow + lead * SEATS + offset).to(tl.int32)
    return tl.where(fits != 0, fits, hand)


@triton.jit
def most_options(options):
    """Return the largest number of options in any lane: the number of iterations the lanes need."""
    return tl.max(count(options), 0)


@triton.jit
def index_after(taker, leader, a, b, c, d, n):
    """Return the index, within its level, of the boundary that a trick leads to.

    a, b, c, d: ranks of the remaining hands, by offset from the trick's leader. n: number of hands at
    the level (a scalar). The layout starts at the next leader, so the ranks rotate.
    """
    ahead = (taker - leader) & 3
    by_a = ((b * n + c) * n + d) * n + a
    by_b = ((c * n + d) * n + a) * n + b
    by_c = ((d * n + a) * n + b) * n + c
    by_d = ((a * n + b) * n + c) * n + d
    by_taker = tl.where(ahead < 2, tl.where(ahead == 0, by_a, by_b), tl.where(ahead == 2, by_c, by_d))
    return taker * (n * n * n * n) + by_taker
