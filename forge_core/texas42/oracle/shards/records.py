"""Records of shards: the key, the choice of rows, the header, the rows and their columns."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.files import fingerprint
from forge_core.files.inspection import Provenance
from forge_core.files.records import JsonHeader
from forge_core.splits import Split, check_seed, split_of
from forge_core.texas42.deals import Hands, deal_from_seed, marginalized_deal
from forge_core.texas42.declarations import N_DECLARATIONS, check_declaration
from forge_core.texas42.dominoes import HAND_SIZE, N_PLAYS
from forge_core.texas42.oracle.sampling import N_SAMPLED_PLIES
from forge_core.texas42.oracle.solver import ORACLE_VERSION
from forge_core.texas42.settings.shards import DEFAULT_ROWS, Rows
from forge_core.texas42.state import LEADER_BIT, States
from forge_core.texas42.tables import Bytes

SHARDS_VERSION = "s1"
"""Raised when other rows, or other deals for the same key, come out."""
SCHEMA_VERSION = 1
"""Raised when columns or header change."""
FOREIGN = "foreign"
"""Version and fingerprint of a plain shard that someone else made"""

MOST_SEED, MOST_OPPONENT = 10**18 - 1, 10**9 - 1
"""What the name of a shard has digits for"""


@dataclass(frozen=True, slots=True)
class ShardKey:
    """The key of a shard: deal and declaration. Raises BadInput for an impossible one."""

    seed: int
    decl: int
    opponent: int | None = None
    """of a marginalised deal, which set of other hands; None for the deal of the seed itself"""

    def __post_init__(self) -> None:
        check_seed(self.seed)
        check_declaration(self.decl)
        if self.seed > MOST_SEED:
            raise BadInput(f"a seed of more than 18 digits: use at most {MOST_SEED}")
        if self.opponent is not None and not 0 <= self.opponent <= MOST_OPPONENT:
            raise BadInput(f"opponent index {self.opponent} is not in 0..{MOST_OPPONENT}")

    @property
    def filename(self) -> str:
        """`seed_00000042_decl_6.parquet`, marginalised `seed_00000042_opp1_decl_6.parquet`."""
        opponent = "" if self.opponent is None else f"_opp{self.opponent}"
        return f"seed_{self.seed:08d}{opponent}_decl_{self.decl}.parquet"

    @property
    def split(self) -> Split:
        """Decided by the seed alone."""
        return split_of(self.seed)

    @property
    def folder(self) -> str:
        """The folder in the store of its kind: the split."""
        return self.split

    def deal(self) -> Hands:
        """The four hands. Only for making a shard: who has one takes the hands from it."""
        if self.opponent is None:
            return deal_from_seed(self.seed)
        return marginalized_deal(self.seed, self.opponent)

    @classmethod
    def parse(cls, filename: str) -> ShardKey:
        """The key of a file name. Raises BadInput for a name that no shard has."""
        match = re.fullmatch(r"seed_(\d{8,18})(?:_opp(\d{1,9}))?_decl_(\d)\.parquet", filename, re.ASCII)
        if match:
            key = cls(int(match[1]), int(match[3]), int(match[2]) if match[2] else None)
            if key.filename == filename:
                return key
        raise BadInput(f"{filename!r} is not the name of a shard: expected one like {cls(42, 6).filename}")


def seed_keys(
    seeds: Iterable[int], declarations: Literal["seed", "all"] | int, opponents: int | None = None
) -> list[ShardKey]:
    """The shards of some seeds.

    declarations: `seed` (one each, seed % 10), `all` ten, or one for all. opponents: how
    many marginalised deals of each; None for the deal of the seed. Raises BadInput.
    """
    if opponents is not None and opponents < 1:
        raise BadInput(f"{opponents} opponents make no deal: use at least 1")
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
    if declarations == "all":
        return range(N_DECLARATIONS)
    if isinstance(declarations, str):
        raise BadInput(f"declarations {declarations!r}: use seed, all or one of 0..{N_DECLARATIONS - 1}")
    return [declarations]


@dataclass(frozen=True, slots=True)
class ShardConfig:
    """The choice of rows of each solved deal. Raises BadInput for too few rows."""

    rows: Rows = DEFAULT_ROWS
    """states drawn, by ply with weights (all there are where a deal has fewer); or `all`, terminals too"""
    sample_seed: int = 0
    """the draw is repeated by this seed; nothing to `all`"""

    def __post_init__(self) -> None:
        if self.rows != "all" and (type(self.rows) is not int or self.rows < N_SAMPLED_PLIES):
            raise BadInput(f"{self.rows!r} rows: use at least {N_SAMPLED_PLIES}, one a ply, or all")
        if type(self.sample_seed) is not int:
            raise BadInput(f"sample seed {self.sample_seed!r}: use a whole number")

    @property
    def fingerprint(self) -> str:
        """16 hex digits: shards of equal fingerprint and key hold the same rows."""
        return self.fingerprint_of(ORACLE_VERSION, SHARDS_VERSION)

    def fingerprint_of(self, oracle_version: str, shards_version: str) -> str:
        """The same as it is, or was, under given versions."""
        return fingerprint({"oracle": oracle_version, "shards": shards_version, **settings_made(self)})


@dataclass(frozen=True, slots=True)
class ShardHeader(JsonHeader):
    """The header of a shard, in its footer."""

    seed: int
    opponent: int | None
    decl: int
    hands: Hands
    """[4][7] domino ids, ascending in each hand: the slots of the states refer to these"""
    root_value: int
    """V of the initial position, seat 0 on lead"""
    states_per_ply: list[int]
    """29 counts of reachable states, by plays made: what the rows were drawn from"""
    rows_asked: Rows
    """how the rows were chosen: `all`, or a stratified draw of so many"""
    sample_seed: int
    rows: int
    """rows of the file"""
    oracle_version: str
    shards_version: str
    fingerprint: str

    @property
    def key(self) -> ShardKey:
        """The key of the shard: its deal and declaration."""
        return ShardKey(self.seed, self.decl, self.opponent)

    @property
    def is_foreign(self) -> bool:
        """True if another program made the file."""
        return self.fingerprint == FOREIGN

    @property
    def provenance(self) -> Provenance:
        """Versions and settings. A foreign shard has neither."""
        return Provenance(f"{self.shards_version}/{self.oracle_version}", settings_made(self))

    @property
    def is_current(self) -> bool:
        """True if its values are those of the present oracle."""
        return self.oracle_version == ORACLE_VERSION


def settings_made(how: ShardHeader | ShardConfig) -> dict[str, Any]:
    """Return the settings of a shard besides its key: rows, and the seed of the draw if they were drawn."""
    rows = how.rows_asked if isinstance(how, ShardHeader) else how.rows
    return {"rows": rows} if rows == "all" else {"rows": rows, "sample_seed": how.sample_seed}


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """S states of one deal, ascending, and what they are worth in team 0's frame."""

    header: ShardHeader
    state: States
    """[S] int64 packed states, strictly ascending"""
    value: Bytes
    """[S] int8 value-to-go, points of team 0 minus team 1"""
    q: Bytes
    """[S, 7] int8 by slot of the mover, -128 illegal"""
    ply: npt.NDArray[np.uint8]
    """[S] uint8 plays made, 0..28"""
    weight: npt.NDArray[np.float32]
    """[S] float32 inverse inclusion probability: their sum is the number of states drawn from"""


Types = dict[str, type[np.number]]

Q_NAMES = tuple(f"q{slot}" for slot in range(HAND_SIZE))
"""The columns of q, by slot of the mover."""
PLAIN_TYPES: Types = {"state": np.int64, "V": np.int8, **dict.fromkeys(Q_NAMES, np.int8)}
"""Name and type of every column of a plain shard, in order."""
TYPES: Types = {**PLAIN_TYPES, "ply": np.uint8, "weight": np.float32}
"""Name and type of every column of a shard, in order."""


def count_plays(states: States) -> npt.NDArray[np.uint8]:
    """Return the ply of each of the well-formed states [S]: [S] uint8, 0..28."""
    return N_PLAYS - np.bitwise_count(states & (1 << LEADER_BIT) - 1)
