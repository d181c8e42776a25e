"""Decisions of deals that a policy plays against itself, with the value of every legal play.

The value of a play is the number of points to come if all seats follow the policy afterwards, in the deal as
it is. That is one draw from the hands that the mover may face, given everything that was played, so that a
mean over many decisions needs no belief and has no bias; one value alone has an error of several points.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forge_core.device import worker_count
from forge_core.kernels import kernel
from forge_core.lanes import trailing_zeros
from forge_core.texas42.dominoes import HAND_SIZE, N_PLAYS, N_SEATS
from forge_core.texas42.one_hand.choose import NETWORK, Policy, new_memory
from forge_core.texas42.one_hand.features import N_CONTEXT, N_PLAY, fill_features
from forge_core.texas42.one_hand.network import best_place, fill_logits
from forge_core.texas42.one_hand.playouts import play_on
from forge_core.texas42.one_hand.sight import DOMINO_TABLE, note_void, see
from forge_core.texas42.oracle.alphabeta.positions import workspace
from forge_core.texas42.oracle.alphabeta.rulebook import (
    HELD,
    HOLDER_OFFSET,
    LEADER,
    PLAYS,
    RULEBOOK,
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
"""deals per task of a thread"""


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
    """[N, 7] points of the mover's team minus those of the other from here on"""

    def __len__(self) -> int:
        return len(self.n_legal)

    def first(self, n: int) -> Decisions:
        """Return the first n decisions."""
        return Decisions(self.context[:n], self.plays[:n], self.n_legal[:n], self.q[:n])

    @classmethod
    def join(cls, parts: list[Decisions]) -> Decisions:
        """Concatenate decisions."""
        columns = zip(*((p.context, p.plays, p.n_legal, p.q) for p in parts), strict=True)
        return cls(*map(np.concatenate, columns))


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

    def play_task(first: int) -> Decisions:
        rows = slice(first, first + _DEALS)
        n = len(hands[rows]) * _MOST_CHOICES
        found = Decisions(
            np.empty((n, N_CONTEXT), np.float32),
            np.zeros((n, HAND_SIZE, N_PLAY), np.float32),
            np.empty(n, np.int64),
            np.zeros((n, HAND_SIZE), np.float32),
        )
        columns = found.context, found.plays, found.n_legal, found.q
        deals = hands[rows], decls[rows], draws[rows]
        memory = new_memory(policy.sizes)
        made = self_play_rows(
            RULEBOOK, workspace(), DOMINO_TABLE, *memory, *deals, epsilon, policy.weights, *columns
        )
        return found.first(made)

    tasks = range(0, len(hands), _DEALS)
    threads = min(worker_count(workers), len(tasks))
    if threads <= 1:
        return Decisions.join(list(map(play_task, tasks)))
    with ThreadPoolExecutor(threads, "self_play") as pool:
        return Decisions.join(list(pool.map(play_task, tasks)))


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
):
    """Fill the columns of `Decisions`, and return how many there are; see `self_play`."""
    search, dominoes, sight, memory = workspace[0], table[0], sights[0], memories[0]
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
                n = fill_features(rules, dominoes, sight, memory.context, memory.plays, memory.order)
                fill_logits(weights[0], n, memory)
                chosen = best_place(memory, n)
                if draws[row, t] < epsilon:
                    chosen = int(draws[row, t] / epsilon * n)
                domino = memory.order[chosen]
                context[made] = memory.context
                plays[made, :n] = memory.plays[:n]
                n_legal[made] = n
                # The plays in ascending order, as in `memory`, which the playouts overwrite.
                for k in range(n):
                    played = trailing_zeros(legal)
                    legal &= legal - 1
                    after[:] = barred
                    note_void(rules, trick, played, seat, after)
                    gained = play_on(
                        rules,
                        search,
                        dominoes,
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
            note_void(rules, trick, domino, seat, barred)
            trick = play(rules, trick, domino)
            if trick >> PLAYS == N_SEATS:
                taker = (boundary >> LEADER) + (trick >> HOLDER_OFFSET) & 3
                boundary = boundary & HELD & ~trick | taker << LEADER
                trick = np.int64(0)
    return made
