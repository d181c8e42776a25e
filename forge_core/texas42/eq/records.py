"""The record of a game played without seeing the other hands, with the estimates of each decision.

All values are in points, in the frame of the decision's mover.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.files import fingerprint
from forge_core.splits import Split
from forge_core.texas42.dominoes import HAND_SIZE, N_PLAYS
from forge_core.texas42.eq.adaptive import Sampling
from forge_core.texas42.games import Games, start
from forge_core.texas42.oracle.shards import ShardKey
from forge_core.texas42.tokens.encoder import Tokens
from forge_core.texas42.tokens.transcript import transcripts
from forge_core.texas42.views import Bytes

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

N_POINTS = 85
"""The number of values of Q in a distribution: -42..42"""


class OracleKind(IntEnum):
    """The oracle that evaluated the worlds of a decision."""

    EXACT = 0
    MODEL = 1
    PLAYOUT = 2


KINDS = tuple(kind.name.lower() for kind in OracleKind)


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """The 28 decisions of a game, in order: arrays [28, ...], or [N, 28, ...] for N games.

    E[Q] is a weighted mean over worlds, i.e. deals of the unseen dominoes that are consistent with
    everything the mover knows.
    """

    player: Bytes
    """[28] int8 seat of the mover"""
    e_q_mean: Floats
    """[28, 7] float32 E[Q] by slot, NaN where illegal"""
    e_q_var: Floats
    """[28, 7] float32 variance of Q over worlds, points squared, NaN where illegal"""
    legal_mask: Flags
    """[28, 7] bool legal slots"""
    p_make: Floats
    """[28, 7] float32 share of worlds in which the mover's team succeeds (bidders make the bid, defenders
    set it); NaN where illegal"""
    e_q_pdf: Floats | None
    """[28, 7, 85] float32 share of worlds with each Q, -42..42; sums to 1 where legal, all 0 where illegal"""
    points_so_far: npt.NDArray[np.int16]
    """[28, 2] int16 points taken by the mover's team and by the other team"""
    action_taken: Bytes
    """[28] int8 slot of the hand as dealt"""
    q_gap: Floats
    """[28] float32 criterion of the best play minus that of the chosen play; at least 0"""
    exploration_mode: Bytes
    """[28] int8 index into `policies.MODES`: how the play was chosen"""
    forced: Flags
    """[28] bool True if only one play was legal"""
    u_mean: Floats
    """[28] float32 mean over legal slots of the standard deviation of Q, in points"""
    u_max: Floats
    """[28] float32 largest of these standard deviations"""
    ess: Floats
    """[28] float32 effective number of worlds, 1..n_worlds"""
    max_w: Floats
    """[28] float32 the largest normalised weight of a world"""
    entropy: Floats
    """[28] float32 entropy of the normalised weights, in nats"""
    n_worlds: npt.NDArray[np.int32]
    """[28] int32 number of worlds used"""
    world_count: npt.NDArray[np.int64]
    """[28] int64 exact number of worlds consistent with the mover's knowledge"""
    converged: Flags
    """[28] bool True if E[Q] is as precise as requested"""
    oracle: Bytes
    """[28] int8 index into KINDS: the oracle that evaluated the worlds"""
    actual_outcome: Bytes
    """[28] int8 points from here on, current trick included: the mover's team minus the other"""

    def take(self, index) -> Decisions:
        """Return the decisions at `index`; for N games, the games at `index`."""
        columns = (getattr(self, field.name) for field in fields(self))
        return Decisions(*(None if column is None else column[index] for column in columns))  # pyright: ignore

    def by_game(self) -> Iterator[Decisions]:
        """Yield the decisions of each of N games, as views."""
        columns = (getattr(self, field.name) for field in fields(self))
        return map(Decisions, *(repeat(None) if column is None else column for column in columns))


_NUMBERS = {
    np.int8: ("player", "action_taken", "exploration_mode", "oracle", "actual_outcome"),
    np.float32: ("q_gap", "u_mean", "u_max", "ess", "max_w", "entropy"),
    np.bool_: ("forced", "converged"),
    np.int32: ("n_worlds",),
    np.int64: ("world_count",),
}
LAYOUT: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {
    **{name: (dtype, ()) for dtype, names in _NUMBERS.items() for name in names},
    **dict.fromkeys(("e_q_mean", "e_q_var", "p_make"), (np.float32, (HAND_SIZE,))),
    "legal_mask": (np.bool_, (HAND_SIZE,)),
    "e_q_pdf": (np.float32, (HAND_SIZE, N_POINTS)),
    "points_so_far": (np.int16, (2,)),
}
"""Type of each array of Decisions, and its shape after [28]"""


@dataclass(frozen=True, slots=True, eq=False)
class GameRecord:
    """One game and its 28 decisions."""

    seed: int | None
    """seed of the deal; None if it was not dealt from a seed"""
    decl: int
    leader: int
    """seat that led the first trick"""
    bidder: int
    bid: int
    hands: Bytes
    """[4, 7] int8 ids as dealt, ascending within each hand"""
    plays: Bytes
    """[28] int8 ids in playing order"""
    decisions: Decisions
    settings: dict[str, Any]
    """everything else that the game depends on, in JSON types: configuration, versions, leader, bidder, bid;
    also the device"""

    @property
    def key(self) -> ShardKey:
        """Seed and declaration, under which the game is stored. Raises BadInput if there is no seed."""
        if self.seed is None:
            raise BadInput("a game without a seed cannot be stored: set its seed")
        return ShardKey(self.seed, self.decl)

    @property
    def split(self) -> Split | None:
        """The split of the seed; None if there is no seed."""
        return None if self.seed is None else self.key.split

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the settings; see `fingerprint_of`."""
        return fingerprint_of(self.settings)

    @property
    def is_exact(self) -> Flags:
        """[28] bool: True if every consistent world was used once, so that E[Q] has no sampling error.

        False if the worlds were drawn at random, even if there were as many. Raises BadInput for invalid
        settings.
        """
        decisions, sampling = self.decisions, Sampling.of(self.settings)
        limits = np.array([sampling.at(step).enumerate_up_to for step in range(N_PLAYS)])
        return (decisions.n_worlds == decisions.world_count) & (decisions.world_count <= limits)

    def transcripts(self) -> Tokens:
        """Encode the movers' knowledge: tokens [28, 36, 8], mask [28, 36], legal [28, 7]."""
        tokens = transcripts_of([self])
        return Tokens(tokens.tokens[0], tokens.mask[0], tokens.legal[0])


def fingerprint_of(settings: Mapping[str, Any]) -> str:
    """Return 16 hex digits that identify settings, ignoring the device. Raises BadInput if not JSON types."""
    return fingerprint({name: value for name, value in settings.items() if name != "device"})


def start_again(records: Sequence[GameRecord]) -> Games:
    """Return the games of N records before their first play. Raises BadInput for an invalid record."""
    return start(*(_each(records, name) for name in ("hands", "decl", "leader", "bidder", "bid")))


def transcripts_of(records: Sequence[GameRecord]) -> Tokens:
    """Encode the movers' knowledge in N records: tokens [N, 28, 36, 8], mask [N, 28, 36], legal [N, 28, 7].

    Raises BadInput if there are no games, and for illegal plays.
    """
    if not len(records):
        raise BadInput("there are no games: give at least one")
    return transcripts(*(_each(records, name) for name in ("hands", "decl", "leader", "plays")))


def refuse_sealed(records: Sequence[GameRecord]) -> None:
    """Raise BadInput if a game belongs to the test split, which must never be trained on."""
    for record in records:
        if record.split == Split.TEST:
            raise BadInput(
                f"seed {record.seed} belongs to the test split, which is sealed: use train and val games"
            )


def _each(records: Sequence[GameRecord], name: str) -> Any:
    return np.array([getattr(record, name) for record in records])
