"""Policies by name, and their plays: in a kernel for one sight, and for many views at once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.kernels import kernel
from forge_core.texas42.dominoes import HAND_SIZE, N_SEATS
from forge_core.texas42.one_hand.features import FEATURES_VERSION, N_CONTEXT, N_PLAY, fill_features
from forge_core.texas42.one_hand.heuristic import HEURISTIC_VERSION, heuristic_play
from forge_core.texas42.one_hand.network import (
    NO_WEIGHTS,
    ONE_HAND_MODEL,
    best_place,
    fill_logits,
    load_weights,
)
from forge_core.texas42.one_hand.sight import DOMINO_TABLE, SIGHT, replay, see
from forge_core.texas42.oracle.alphabeta.rulebook import HELD, RULEBOOK
from forge_core.texas42.settings.one_hand import HIDDEN, SECOND
from forge_core.texas42.views import Views

POLICIES = ("heuristic", "network")
"""the policies; kernels take the index into this list"""
HEURISTIC, NETWORK = range(2)

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A fast policy that sees one hand."""

    name: str
    """one of POLICIES"""
    weights: npt.NDArray
    """[1] WEIGHTS of the network; zeros for the heuristic, which does not read them"""

    @property
    def sizes(self) -> tuple[int, int]:
        """The sizes of the hidden layers of the network."""
        return self.weights["bias"].shape[1], self.weights["out"].shape[1]

    @property
    def index(self) -> int:
        """The index into POLICIES, as kernels take it."""
        return POLICIES.index(self.name)

    def describe(self) -> dict[str, Any]:
        """Return everything its plays depend on, as JSON types."""
        if self.index == HEURISTIC:
            return {"policy": self.name, "heuristic": HEURISTIC_VERSION}
        weights = hashlib.blake2b(self.weights.tobytes(), digest_size=8).hexdigest()
        return {"policy": self.name, "features": FEATURES_VERSION, "one_hand_weights": weights}


def open_policy(name: str) -> Policy:
    """Return a policy: heuristic; network, the one that ships with the project; or that of a folder.

    A name with a slash is the folder of a one-hand network. Raises BadInput for another name, and for a
    folder without such a network.
    """
    if name not in POLICIES and "/" not in name:
        raise BadInput(
            f"policy {name!r}: use {' or '.join(POLICIES)}, or the folder of a one-hand network, as in "
            "models/NAME or ./NAME"
        )
    if name == POLICIES[HEURISTIC]:
        return Policy(name, NO_WEIGHTS)
    return load_policy(ONE_HAND_MODEL if name == POLICIES[NETWORK] else name)


def load_policy(folder: str) -> Policy:
    """Return the policy of the one-hand network in a folder. Raises BadInput and StoreUnusable."""
    return Policy(POLICIES[NETWORK], load_weights(folder))


@cache
def memory_of_size(hidden: int, second: int) -> np.dtype:
    """Return the record in which kernels compute a decision of a network with layers of these sizes."""
    return np.dtype(
        [
            ("context", np.float32, N_CONTEXT),
            ("plays", np.float32, (HAND_SIZE, N_PLAY)),
            ("order", np.int64, HAND_SIZE),  # the bit of each legal play
            ("logits", np.float32, HAND_SIZE),
            ("situation", np.float32, hidden),
            ("hidden", np.float32, hidden),
            ("second", np.float32, second),
        ],
        align=True,
    )


MEMORY = memory_of_size(HIDDEN, SECOND)
"""The memory of one decision of a network of the usual size"""


def new_memory(sizes: tuple[int, int] = (HIDDEN, SECOND)) -> tuple[npt.NDArray, npt.NDArray]:
    """Return [1] SIGHT and [1] MEMORY for one thread. sizes: see `Policy.sizes`.

    The caller of a kernel holds them: numba frees an array made in a kernel while a record in it is in use.
    """
    return np.zeros(1, dtype=SIGHT), np.zeros(1, dtype=memory_of_size(*sizes))


@kernel
def policy_play(rules, dominoes, sight, policy, weights, memory):
    """Return the play (a bit number) of a policy. policy: index into POLICIES. weights: WEIGHTS."""
    if policy == HEURISTIC:
        return heuristic_play(rules, dominoes, sight)
    n = fill_features(rules, dominoes, sight, memory.context, memory.plays, memory.order)
    fill_logits(weights, n, memory)
    return memory.order[best_place(memory, n)]


def choose_slots(views: Views, policy: Policy) -> npt.NDArray[np.int64]:
    """Return [N]: the slot that a policy plays in each of N views."""
    slots = np.zeros(len(views), dtype=np.int64)
    sight, memory = new_memory(policy.sizes)
    choose_rows(
        RULEBOOK, DOMINO_TABLE, sight, memory, *_arguments(views), policy.index, policy.weights, slots
    )
    return slots


def features_of(
    views: Views,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return the features of N views: context [N, 32], plays [N, 7, 32], slots [N, 7].

    Row k of plays belongs to slot slots[k]; -1 and zeros after the last legal play.
    """
    made = np.full(len(views), views.seen.step)
    return _features(_arguments(views), made)


def features_of_games(
    decl: npt.NDArray, plays: npt.NDArray, players: npt.NDArray, made: npt.NDArray, hand: npt.NDArray
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return the features of N decisions in complete games, as `features_of` does.

    decl: [N]. plays, players: [N, 28] in order; the leader of the first trick bids. made: [N] number of
    plays before the decision; later plays have no effect. hand: [N, 7], the mover's hand as dealt. The plays
    are not checked against the rules.
    """
    made = np.asarray(made, dtype=np.int64)
    seat = players[np.arange(len(made)), made].astype(np.int64)
    numbers = np.asarray(decl, dtype=np.int64), seat, players[:, 0].astype(np.int64)
    return _features((*numbers, *map(np.ascontiguousarray, (plays, players, hand))), made)


def _features(
    past: tuple[npt.NDArray, ...], made: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return the features of N decisions. past: see `_arguments`. made: [N] plays that come before each."""
    n = len(made)
    context, plays = np.zeros((n, N_CONTEXT), np.float32), np.zeros((n, HAND_SIZE, N_PLAY), np.float32)
    slots = np.full((n, HAND_SIZE), -1)
    sight, _ = new_memory()
    _extract(RULEBOOK, DOMINO_TABLE, sight, *past, made, context, plays, slots)
    return context, plays, slots


def _arguments(views: Views) -> tuple[npt.NDArray, ...]:
    """Return the arrays from which `_see_row` builds sights: decl, seat, bidder, plays, players, hands."""
    seen = views.seen
    numbers = (column.astype(np.int64) for column in (seen.decl, views.seat, seen.bidder))
    rows = (np.ascontiguousarray(column) for column in (seen.plays, seen.players, views.hand))
    return *numbers, *rows


@kernel
def _see_row(rules, sight, seat, bidder, plays, players, hand, barred):
    """Fill the sight of one view from its public plays [t] and its mover's hand [7]."""
    boundary, trick = replay(rules, plays, players, barred)
    dealt = np.int64(0)
    for slot in range(HAND_SIZE):
        dealt |= np.int64(1) << rules.bit[hand[slot]]
    see(rules, sight, boundary & HELD & ~trick, dealt, trick, barred, seat, bidder)


@kernel
def _slot_of(rules, hand, domino):
    """Return the slot of a domino (a bit number) in a hand [7] of ids."""
    for slot in range(HAND_SIZE):
        if rules.bit[hand[slot]] == domino:
            return slot
    return -1


@kernel
def choose_rows(
    rulebook, table, sights, memories, decls, seats, bidders, plays, players, hands, policy, weights, slots
):
    """Fill slots [N] with the plays of a policy in N views; see `new_memory` and `_arguments`."""
    barred = np.zeros(N_SEATS, np.int64)
    sight, memory = sights[0], memories[0]
    for row in range(len(decls)):
        rules = rulebook[decls[row]]
        _see_row(rules, sight, seats[row], bidders[row], plays[row], players[row], hands[row], barred)
        domino = policy_play(rules, table[0], sight, policy, weights[0], memory)
        slots[row] = _slot_of(rules, hands[row], domino)


@kernel
def _extract(
    rulebook, table, sights, decls, seats, bidders, plays, players, hands, made, context, features, slots
):
    """Fill context [N, 32], features [N, 7, 32] and slots [N, 7] of N decisions, each after `made` plays."""
    barred, order = np.zeros(N_SEATS, np.int64), np.zeros(HAND_SIZE, np.int64)
    sight = sights[0]
    for row in range(len(decls)):
        rules, past = rulebook[decls[row]], made[row]
        before, by = plays[row, :past], players[row, :past]
        _see_row(rules, sight, seats[row], bidders[row], before, by, hands[row], barred)
        n = fill_features(rules, table[0], sight, context[row], features[row], order)
        for k in range(n):
            slots[row, k] = _slot_of(rules, hands[row], order[k])
