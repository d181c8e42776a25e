"""Keys of the files in a store: from seed and declaration to folder and file name, and back.

This module imports no solver and no network, so that a listing of files needs neither.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from forge_core.errors import BadInput
from forge_core.splits import BLOCK_SIZE, Split, check_seed, split_of
from forge_core.texas42.deals import Hands, deal_from_seed, marginalized_deal
from forge_core.texas42.declarations import check_declaration

MOST_SEED, MOST_OPPONENT = 10**18 - 1, 10**9 - 1
"""Limits set by the number of digits in a file name"""

PUBLISHED_DECL = "decl_id"
"""Entry of a shard's footer that repeats `decl` and is not part of the checksum: readers of the published
format look for it, and take 0 (blanks) if it is absent"""


def _check_stored_seed(seed: int) -> None:
    check_seed(seed)
    if seed > MOST_SEED:
        raise BadInput(f"the seed has more than 18 digits: use at most {MOST_SEED}")


@dataclass(frozen=True, slots=True)
class ShardKey:
    """The key of a shard: deal and declaration. Raises BadInput for an invalid one."""

    seed: int
    decl: int
    opponent: int | None = None
    """for marginalized deals, the index of the other hands; None for the seed's own deal"""

    def __post_init__(self) -> None:
        _check_stored_seed(self.seed)
        check_declaration(self.decl)
        if self.opponent is not None and not 0 <= self.opponent <= MOST_OPPONENT:
            raise BadInput(f"opponent index {self.opponent}: use 0..{MOST_OPPONENT}")

    @property
    def filename(self) -> str:
        """`seed_00000042_decl_6.parquet`, or if marginalized `seed_00000042_opp1_decl_6.parquet`."""
        opponent = "" if self.opponent is None else f"_opp{self.opponent}"
        return f"seed_{self.seed:08d}{opponent}_decl_{self.decl}.parquet"

    @property
    def split(self) -> Split:
        """The split, decided by the seed alone."""
        return split_of(self.seed)

    @property
    def folder(self) -> str:
        """The shard's folder within the store of its kind: its split."""
        return self.split

    def deal(self) -> Hands:
        """Deal the four hands. Use it only to make a shard; readers take the hands from the header."""
        if self.opponent is None:
            return deal_from_seed(self.seed)
        return marginalized_deal(self.seed, self.opponent)

    @classmethod
    def parse(cls, filename: str) -> ShardKey:
        """Return the key for a file name. Raises BadInput if it is not the name of a shard."""
        match = re.fullmatch(r"seed_(\d{8,18})(?:_opp(\d{1,9}))?_decl_(\d)\.parquet", filename, re.ASCII)
        if match:
            key = cls(int(match[1]), int(match[3]), int(match[2]) if match[2] else None)
            if key.filename == filename:
                return key
        raise BadInput(f"{filename!r} is not the name of a shard: use a name like {cls(42, 6).filename}")


@dataclass(frozen=True, slots=True)
class TableKey:
    """The key of a bidding table. Raises BadInput for an invalid seed."""

    seed: int

    def __post_init__(self) -> None:
        _check_stored_seed(self.seed)

    @property
    def filename(self) -> str:
        """`seed_00000042.parquet`."""
        return f"seed_{self.seed:08d}.parquet"

    @property
    def split(self) -> Split:
        """The split of the seed."""
        return split_of(self.seed)

    @property
    def folder(self) -> str:
        """The folder in a store of tables: the split."""
        return self.split

    @classmethod
    def parse(cls, filename: str) -> TableKey:
        """Return the key for a file name. Raises BadInput if it is not the name of a bidding table."""
        match = re.fullmatch(r"seed_([0-9]{8,18})\.parquet", filename)
        if match:
            key = cls(int(match[1]))
            if key.filename == filename:
                return key
        raise BadInput(f"{filename!r} is not the name of a bidding table: use a name like {cls(42).filename}")


def block_name(seed: int) -> str:
    """Return the name of the file with the deal of a seed: `seeds_00000900_00000949.parquet`."""
    first = seed - seed % BLOCK_SIZE
    return f"seeds_{first:08d}_{first + BLOCK_SIZE - 1:08d}.parquet"


@dataclass(frozen=True, slots=True)
class BlockKey:
    """The key of a block of boards."""

    folder: str
    """the folder of its seating, relative to the folder of all matches: the fingerprint of the seating"""
    seed: int
    """the lowest seed of the block"""

    @property
    def filename(self) -> str:
        """The name of its file; see `block_name`."""
        return block_name(self.seed)

    @classmethod
    def of(cls, fingerprint: str, seed: int) -> BlockKey:
        """Return the key of the block that contains a seed. fingerprint: that of the seating."""
        return cls(fingerprint, seed - seed % BLOCK_SIZE)

    @classmethod
    def parse(cls, name: str, folder: str) -> BlockKey:
        """Return the key for a file name in a seating's folder. Raises BadInput for an invalid name."""
        named = re.match(r"seeds_([0-9]{8,18})_", name)
        if named and block_name(int(named[1])) == name:
            return cls(folder, int(named[1]))
        raise BadInput("it does not have the name of a block of boards; delete it and play the match again")
