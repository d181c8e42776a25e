"""Random walks: positions from games in which all legal plays are equally likely."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forge_core.kernels import kernel
from forge_core.lanes import popcount, trailing_zeros
from forge_core.texas42.dominoes import HAND_SIZE, N_PLAYS, N_SEATS
from forge_core.texas42.state import FULL_HAND, IN_TRICK_BIT, LEADER_BIT, NO_SLOT, PLAYED_BIT, initial_state
from forge_core.texas42.tables import BEATEN_BY, FOLLOWING, LED_SUIT


@dataclass(frozen=True, slots=True, eq=False)
class Walks:
    """W walks through each of D deals; seat 0 leads the first trick."""

    state: npt.NDArray[np.int64]
    """[D, W, 28] packed states at plies 0..27"""
    n_legal: npt.NDArray[np.int8]
    """[D, W, 28] number of legal plays in each state; the walk chose among them uniformly"""

    @property
    def weight(self) -> npt.NDArray[np.float64]:
        """[D, W, 28] inverse probability of the walk up to this state.

        The mean over a deal's walks estimates the number of histories, i.e. of ways to play from the
        root to that ply. At plies 0..3 each state has exactly one history.
        """
        before = np.ones(self.n_legal.shape, dtype=np.float64)
        np.cumprod(self.n_legal[..., :-1], axis=2, dtype=np.float64, out=before[..., 1:])
        return before


def walk(
    hands: npt.NDArray[np.int8], decls: npt.ArrayLike, n_walks: int, generator: np.random.Generator
) -> Walks:
    """Play D deals to the end `n_walks` times, choosing uniformly among the legal plays.

    hands: [D, 4, 7] int8, ascending within each hand. decls: [D].
    """
    draws = generator.random((len(hands), n_walks, N_PLAYS), dtype=np.float32)
    walks = Walks(np.empty(draws.shape, dtype=np.int64), np.empty(draws.shape, dtype=np.int8))
    decls = np.asarray(decls, dtype=np.int64)
    _walk(hands, decls, draws, initial_state(), LED_SUIT, FOLLOWING, BEATEN_BY, walks.state, walks.n_legal)
    return walks


@kernel
def _walk(hands, decls, draws, start, led_suit, following, beaten_by, states, n_legal):
    """Fill states int64 and n_legal int8, both [D, W, 28].

    Reads hands [D, 4, 7], decls [D], draws float32 [D, W, 28] in [0, 1), and the tables of the domino
    set: led_suit [10, 28], following [10, 8], beaten_by [10, 8, 28]. Every walk starts from `start`.
    """
    # One walk at a time, ply by ply. Besides the packed state, a walk keeps track of the current
    # trick: the led suit, the seat that is winning, and the dominoes that would beat it.
    for deal in range(len(hands)):
        decl = decls[deal]
        for which in range(draws.shape[1]):
            state = np.int64(start)
            suit, to_beat, winner = np.int64(0), np.int64(0), np.int64(0)
            for ply in range(N_PLAYS):
                leader, in_trick = state >> LEADER_BIT & 3, state >> IN_TRICK_BIT & 3
                mover = (leader + in_trick) % N_SEATS
                # The legal slots: those that follow the led suit, or the whole hand.
                hand = state >> HAND_SIZE * mover & FULL_HAND
                legal = hand
                if in_trick:
                    legal = np.int64(0)
                    for slot in range(HAND_SIZE):
                        follows = following[decl, suit] >> np.int64(hands[deal, mover, slot]) & 1
                        legal |= (hand >> slot & follows) << slot
                    if legal == 0:
                        legal = hand
                n = popcount(legal)
                states[deal, which, ply] = state
                n_legal[deal, which, ply] = n
                # Take the slot of the drawn number by clearing lower bits. In float32, draw * n may
                # round up to n, hence the minimum.
                for _ in range(min(np.int64(draws[deal, which, ply] * n), n - 1)):
                    legal &= legal - 1
                slot = trailing_zeros(legal)
                # Update the trick, then the state. The fourth play closes the trick.
                played = np.int64(hands[deal, mover, slot])
                if in_trick == 0:
                    suit = np.int64(led_suit[decl, played])
                if in_trick == 0 or to_beat >> played & 1:
                    winner, to_beat = mover, np.int64(beaten_by[decl, suit, played])
                state ^= 1 << HAND_SIZE * mover + slot
                if in_trick < 3:
                    state += 1 << IN_TRICK_BIT
                    state ^= (slot ^ NO_SLOT) << PLAYED_BIT + 3 * in_trick
                else:
                    state &= (1 << LEADER_BIT) - 1
                    state |= winner << LEADER_BIT | 0o777 << PLAYED_BIT
