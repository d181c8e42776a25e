"""Records of shards: the key, the settings that select rows, the header, the rows and their columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.files import fingerprint
from forge_core.files.inspection import Provenance
from forge_core.files.records import JsonHeader
from forge_core.ranges import as_integer
from forge_core.streams import stream
from forge_core.texas42.deals import Hands, deal_from_seed
from forge_core.texas42.declarations import N_DECLARATIONS
from forge_core.texas42.declaring import suits
from forge_core.texas42.dominoes import HAND_SIZE, N_PLAYS
from forge_core.texas42.keys import PUBLISHED_DECL, ShardKey
from forge_core.texas42.oracle.sampling import N_SAMPLED_PLIES
from forge_core.texas42.oracle.solver import ORACLE_VERSION
from forge_core.texas42.settings.shards import DEFAULT_ROWS, Rows
from forge_core.texas42.state import LEADER_BIT, States
from forge_core.texas42.tables import Bytes

Declare = Literal["seed", "random", "hand", "all"]
"""ways to determine the declaration of a deal, other than naming one; see `seed_keys`"""
SHARDS_VERSION = "s1"
"""Raised when the same key gives different rows or deals"""
SCHEMA_VERSION = 1
"""Raised when columns or header change"""
FOREIGN = "foreign"
"""Version and fingerprint of a plain shard made by another program"""


def seed_keys(
    seeds: Iterable[int], declarations: Declare | int, opponents: int | None = None
) -> list[ShardKey]:
    """Return the keys of shards for some seeds.

    declarations: `seed` (one per seed, seed % 10), `random` (one per seed, drawn from `stream(seed,
    "declaration")`), `hand` (the one that suits seat 0's hand, see `declaring.suits`), `all` ten, or one for
    all seeds. opponents: number of marginalized deals per seed; None for the seed's own deal. Raises BadInput
    for invalid values.
    """
    if opponents is not None and (as_integer(opponents) or 0) < 1:
        raise BadInput(f"{opponents!r} opponents: use a whole number of at least 1")
    sets = [None] if opponents is None else range(opponents)
    return [
        ShardKey(seed, decl, opponent)
        for seed in seeds
        for decl in _declarations_of(seed, declarations)
        for opponent in sets
    ]


def _declarations_of(seed: int, declarations: str | int) -> Iterable[int]:
    if declarations == "seed":
        return [seed % N_DECLARATIONS]
    if declarations == "random":
        return [int(stream(seed, "declaration").integers(N_DECLARATIONS))]
    if declarations == "hand":
        hand = deal_from_seed(seed)[0]  # seat 0 keeps it in marginalized deals, too
        return [int(suits(np.array([hand], dtype=np.int8))[0])]
    if declarations == "all":
        return range(N_DECLARATIONS)
    if isinstance(declarations, str):
        raise BadInput(
            f"declarations {declarations!r}: use seed, random, hand, all or one of 0..{N_DECLARATIONS - 1}"
        )
    return [declarations]


@dataclass(frozen=True, slots=True)
class ShardConfig:
    """Settings that select the rows of each solved deal. Raises BadInput for invalid values."""

    rows: Rows = DEFAULT_ROWS
    """number of states to draw, by ply (fewer if a deal has fewer); `all`: all, with terminal ones"""
    sample_seed: int = 0
    """seed of the draw; no effect with rows=`all`"""

    def __post_init__(self) -> None:
        if self.rows != "all" and (type(self.rows) is not int or self.rows < N_SAMPLED_PLIES):
            raise BadInput(f"{self.rows!r} rows: use at least {N_SAMPLED_PLIES}, one per ply, or all")
        if type(self.sample_seed) is not int:
            raise BadInput(f"sample_seed {self.sample_seed!r}: use a whole number")

    @property
    def fingerprint(self) -> str:
        """16 hex digits: shards with equal fingerprint and key hold the same rows."""
        return self.fingerprint_of(ORACLE_VERSION, SHARDS_VERSION)

    def fingerprint_of(self, oracle_version: str, shards_version: str) -> str:
        """Return the fingerprint under given versions."""
        return fingerprint({"oracle": oracle_version, "shards": shards_version, **settings_made(self)})


@dataclass(frozen=True, slots=True)
class ShardHeader(JsonHeader):
    """The header of a shard, stored in its footer."""

    seed: int
    opponent: int | None
    decl: int
    hands: Hands
    """[4][7] domino ids, ascending within each hand; the slots of the states refer to these"""
    root_value: int
    """V of the initial position, with seat 0 leading"""
    states_per_ply: list[int]
    """number of reachable states at each of the 29 plies; the rows were drawn from these states"""
    rows_asked: Rows
    """the requested rows: `all`, or the number of rows in a stratified draw"""
    sample_seed: int
    rows: int
    """number of rows in the file"""
    oracle_version: str
    shards_version: str
    fingerprint: str

    @property
    def key(self) -> ShardKey:
        """The key of the shard: its deal and declaration."""
        return ShardKey(self.seed, self.decl, self.opponent)

    def to_footer(self) -> dict[str, str]:
        """Return the footer's entries, by name, PUBLISHED_DECL among them."""
        return JsonHeader.to_footer(self) | {PUBLISHED_DECL: str(self.decl)}

    @property
    def is_foreign(self) -> bool:
        """True if another program made the file."""
        return self.fingerprint == FOREIGN

    @property
    def provenance(self) -> Provenance:
        """Versions and settings; meaningless for a foreign shard."""
        return Provenance(f"{self.shards_version}/{self.oracle_version}", settings_made(self))

    @property
    def is_current(self) -> bool:
        """True if its values come from the current version of the oracle."""
        return self.oracle_version == ORACLE_VERSION


def settings_made(how: ShardHeader | ShardConfig) -> dict[str, Any]:
    """Return the settings of a shard apart from its key: rows and, if they are drawn, the sample seed."""
    rows = how.rows_asked if isinstance(how, ShardHeader) else how.rows
    return {"rows": rows} if rows == "all" else {"rows": rows, "sample_seed": how.sample_seed}


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """S states of one deal, ascending, with their values in team 0's frame."""

    header: ShardHeader
    state: States
    """[S] int64 packed states, strictly ascending"""
    value: Bytes
    """[S] int8 value to go: points of team 0 minus those of team 1"""
    q: Bytes
    """[S, 7] int8 by slot of the mover; -128 = illegal"""
    ply: npt.NDArray[np.uint8]
    """[S] uint8 number of plays so far, 0..28"""
    weight: npt.NDArray[np.float32]
    """[S] float32 inverse inclusion probabilities; they sum to the number of states drawn from"""


Types = dict[str, type[np.number]]

Q_NAMES = tuple(f"q{slot}" for slot in range(HAND_SIZE))
"""The columns of Q, by slot of the mover"""
PLAIN_TYPES: Types = {"state": np.int64, "V": np.int8, **dict.fromkeys(Q_NAMES, np.int8)}
"""Name and type of every column of a plain shard, in order"""
TYPES: Types = {**PLAIN_TYPES, "ply": np.uint8, "weight": np.float32}
"""Name and type of every column of a shard, in order"""


def count_plays(states: States) -> npt.NDArray[np.uint8]:
    """Return the ply, 0..28, of each of the well-formed states [S], as uint8 [S]."""
    return N_PLAYS - np.bitwise_count(states & (1 << LEADER_BIT) - 1)
