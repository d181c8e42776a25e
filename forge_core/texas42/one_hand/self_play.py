"""Decisions of deals that a policy plays against itself, with the value of every legal play.

The value of a play is the number of points to come if all seats follow the policy afterwards, in the deal as
it is. That is one draw from the hands that the mover may face, given everything that was played, so that a
mean over many decisions needs no belief and has no bias; one value alone has an error of several points.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from forge_core.chunks import map_chunks
from forge_core.kernels import kernel
from forge_core.lanes import trailing_zeros
from forge_core.splits import Split, draw_seeds
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.declaring import declaration_scores
from forge_core.texas42.dominoes import HAND_SIZE, N_PLAYS, N_SEATS
from forge_core.texas42.one_hand.choose import NETWORK, Policy, new_memory
from forge_core.texas42.one_hand.features import N_CONTEXT, N_PLAY, fill_features
from forge_core.texas42.one_hand.network import best_place, fill_logits
from forge_core.texas42.one_hand.playouts import play_on
from forge_core.texas42.one_hand.sight import DOMINO_TABLE, note_void, see
from forge_core.texas42.oracle.alphabeta.positions import workspace
from forge_core.texas42.oracle.alphabeta.rulebook import (
    HELD,
    PLAYS,
    RULEBOOK,
    close_trick,
    legal_plays,
    mover,
    play,
)
from forge_core.texas42.oracle.alphabeta.search import enter

SELF_PLAY_VERSION = "s1"
"""Raised when the same deals, draws and weights give other decisions or values"""
_MOST_CHOICES = N_PLAYS - N_SEATS
"""decisions with a choice in a deal: plays of the last trick are forced"""
_DEALS = 64
"""deals per chunk of a thread"""
_BIT = RULEBOOK["bit"][0]
"""[28] the bit of each domino, the same under all declarations"""

STRONGEST_BIDS = 0.4
"""share of deals in which the hand with the best declaration bids, as in auctions; in others any hand does"""
UNSUITABLE = 0.15
"""share of deals whose declaration is drawn by softmax of its score / SPREAD instead of being the best"""
SPREAD = 0.6


def draw_deals(
    draw: np.random.Generator, n: int, split: Split = Split.TRAIN
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int64]]:
    """Draw n deals of a split: hands [n, 4, 7], ascending, seat 0 bidding, and declarations [n]."""
    hands = np.array([deal_from_seed(each) for each in draw_seeds(draw, n, split)], dtype=np.int8)
    scores = declaration_scores(hands.reshape(-1, HAND_SIZE)).reshape(n, N_SEATS, -1)
    strongest = scores.max(axis=2).argmax(axis=1)
    bidder = np.where(draw.random(n) < STRONGEST_BIDS, strongest, 0)
    seats = (np.arange(N_SEATS) + bidder[:, None]) % N_SEATS
    own = scores[np.arange(n), bidder]
    drawn = (own + SPREAD * draw.gumbel(size=own.shape)).argmax(axis=1)
    decls = np.where(draw.random(n) < UNSUITABLE, drawn, own.argmax(axis=1))
    return np.take_along_axis(hands, seats[:, :, None], axis=1), decls


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """N decisions with a choice, deal by deal."""

    context: npt.NDArray[np.float32]
    """[N, 32] features of the situations; see `features`"""
    plays: npt.NDArray[np.float32]
    """[N, 7, 32] features of the legal plays"""
    n_legal: npt.NDArray[np.int64]
    """[N] number of legal plays, 2..7; what follows them in the rows above and below is undefined"""
    q: npt.NDArray[np.float32]
    """[N, 7] points of the mover's team minus those of the other from here on, in the order of the bits of
    `legal`"""
    legal: npt.NDArray[np.int64]
    """[N] the legal plays, as bits of the rulebook"""
    deal: npt.NDArray[np.int32]
    """[N] index of the deal"""
    ply: npt.NDArray[np.uint8]
    """[N] number of plays made before"""
    dominoes: npt.NDArray[np.int8]
    """[D, 28] the plays of each deal in order"""
    seats: npt.NDArray[np.int8]
    """[D, 28] the seats that made them"""

    def __len__(self) -> int:
        return len(self.n_legal)

    @classmethod
    def empty(cls, n: int, deals: int) -> Decisions:
        """Return room for n decisions of some deals."""
        dominoes, seats = np.empty((2, deals, N_PLAYS), np.int8)
        return cls(
            np.empty((n, N_CONTEXT), np.float32),
            np.zeros((n, HAND_SIZE, N_PLAY), np.float32),
            np.empty(n, np.int64),
            np.zeros((n, HAND_SIZE), np.float32),
            np.empty(n, np.int64),
            np.empty(n, np.int32),
            np.empty(n, np.uint8),
            dominoes,
            seats,
        )

    def columns(self) -> tuple[npt.NDArray, ...]:
        """Return all fields in order."""
        return tuple(getattr(self, field.name) for field in fields(self))

    def q_by_slot(self, hands: npt.NDArray[np.int8]) -> npt.NDArray[np.float32]:
        """Return q as [N, 7] by slot of the mover, NaN where illegal. hands: [D, 4, 7] ids, as dealt."""
        hand = hands[self.deal, self.seats[self.deal, self.ply]]
        bit = _BIT[hand]
        place = np.bitwise_count(self.legal[:, None] & ((np.int64(1) << bit) - 1))
        q = np.take_along_axis(self.q, np.minimum(place, HAND_SIZE - 1).astype(np.int64), axis=1)
        return np.where(self.legal[:, None] >> bit & 1, q, np.float32(np.nan))

    def first(self, n: int) -> Decisions:
        """Return the first n decisions, with all deals."""
        of_decisions = ("context", "plays", "n_legal", "q", "legal", "deal", "ply")
        return replace(self, **{name: getattr(self, name)[:n] for name in of_decisions})

    @classmethod
    def join(cls, parts: list[Decisions]) -> Decisions:
        """Concatenate decisions, renumbering the deals of later parts."""
        starts = np.cumsum([0, *(len(part.dominoes) for part in parts)])[:-1].astype(np.int32)
        moved = [replace(part, deal=part.deal + start) for part, start in zip(parts, starts, strict=True)]
        return cls(*map(np.concatenate, zip(*(part.columns() for part in moved), strict=True)))


def self_play(
    hands: npt.NDArray[np.int8],
    decls: npt.NDArray[np.int64],
    draws: npt.NDArray[np.float64],
    epsilon: float,
    policy: Policy,
    workers: int | None = None,
) -> Decisions:
    """Play D deals by a network at all seats, and value every legal play where there is a choice.

    hands: [D, 4, 7], ascending; seat 0 bids and leads. decls: [D]. draws: [D, 28] in 0..1, which decide when
    a play is random, and which; epsilon: the share of such plays, 0..1. Playouts are not random. policy: with
    a network. workers: threads (default: one per core); the result does not depend on them.
    """

    def play_chunk(rows: slice) -> Decisions:
        found = Decisions.empty(len(hands[rows]) * _MOST_CHOICES, len(hands[rows]))
        memory = new_memory(policy.sizes)
        deals = hands[rows], decls[rows], draws[rows]
        made = self_play_rows(
            RULEBOOK, workspace(), DOMINO_TABLE, *memory, *deals, epsilon, policy.weights, *found.columns()
        )
        found.dominoes[:] = np.argsort(_BIT)[found.dominoes]  # from bits to ids
        return found.first(made)

    return Decisions.join(map_chunks(play_chunk, len(hands), fewest=_DEALS, most=_DEALS, workers=workers))


@kernel
def self_play_rows(
    rulebook,
    workspace,
    table,
    sights,
    memories,
    deals,
    decls,
    draws,
    epsilon,
    weights,
    context,
    plays,
    n_legal,
    q,
    legal_bits,
    deal_of,
    ply,
    dominoes,
    seats,
):
    """Fill the columns of `Decisions`, and return how many there are; see `self_play`."""
    search, of_dominoes, sight, memory = workspace[0], table[0], sights[0], memories[0]
    barred, after = np.zeros(N_SEATS, np.int64), np.zeros(N_SEATS, np.int64)
    bidder, to_the_end = np.int64(0), np.int64(0)
    made = 0
    for row in range(len(decls)):
        rules = rulebook[decls[row]]
        enter(rules, search, deals[row], decls[row])
        barred[:] = 0
        boundary, trick = np.int64(HELD), np.int64(0)
        for t in range(N_PLAYS):
            seat, domino = mover(boundary, trick), np.int64(0)
            legal = legal_plays(rules, search, boundary, trick)
            if legal & (legal - 1):
                remaining = boundary & HELD & ~trick
                see(rules, sight, remaining, search.hands[seat], trick, barred, seat, bidder)
                n = fill_features(rules, of_dominoes, sight, memory.context, memory.plays, memory.order)
                fill_logits(weights[0], n, memory)
                chosen = best_place(memory, n)
                if draws[row, t] < epsilon:
                    chosen = int(draws[row, t] / epsilon * n)
                domino = memory.order[chosen]
                context[made] = memory.context
                plays[made, :n] = memory.plays[:n]
                n_legal[made] = n
                legal_bits[made], deal_of[made], ply[made] = legal, row, t
                # The plays in ascending order, as in `memory`, which the playouts overwrite.
                for k in range(n):
                    played = trailing_zeros(legal)
                    legal &= legal - 1
                    after[:] = barred
                    note_void(rules, trick, played, seat, after)
                    gained = play_on(
                        rules,
                        search,
                        of_dominoes,
                        sight,
                        memory,
                        boundary,
                        play(rules, trick, played),
                        after,
                        bidder,
                        NETWORK,
                        weights[0],
                        to_the_end,
                    )
                    q[made, k] = gained if seat % 2 == 0 else -gained
                made += 1
            else:
                domino = trailing_zeros(legal)
            dominoes[row, t], seats[row, t] = domino, seat
            note_void(rules, trick, domino, seat, barred)
            trick = play(rules, trick, domino)
            if trick >> PLAYS == N_SEATS:
                boundary, _ = close_trick(boundary, trick)
                trick = np.int64(0)
    return made
