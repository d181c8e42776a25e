"""Columns that several tables of Texas 42 have."""

from __future__ import annotations

from forge_assets.frames.tables import Column

SPLIT = Column("split", "string", "train, val or test, decided by the seed")
SEED = Column("seed", "int64", "seed of the deal")
DECL = Column("decl", "int8", "declaration: 0-6 the suit of blanks to sixes, 7 and 8 doubles, 9 no trump")
