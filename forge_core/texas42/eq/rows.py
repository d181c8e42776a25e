"""Recorded games as stage 2 training rows: the mover's knowledge and its estimates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forge_core.errors import BadInput
from forge_core.learning.labelled.rows import ILLEGAL, Rows
from forge_core.texas42.dominoes import N_PLAYS
from forge_core.texas42.eq.records import GameRecord, refuse_sealed, transcripts_of
from forge_core.texas42.tokens.encoder import Tokens
from forge_core.texas42.tokens.inferences import infer


def collate(records: Sequence[GameRecord], *, final: bool = False) -> Rows:
    """Convert N games to 28 N rows of STAGE2_SPEC, game by game: E[Q], its variance and its precision.

    q and value are float32; `deal` is the index of the game in `records`; all rows have equal weight. ess
    is infinite if every world was used. final: allow games of the sealed test split, for the final
    evaluation only. Raises BadInput if there are no games, for a sealed game, for illegal plays, or for
    invalid numbers.
    """
    if not final:
        refuse_sealed(records)
    told = transcripts_of(records)
    tokens = infer(
        Tokens(*(column.reshape(-1, *column.shape[2:]) for column in (told.tokens, told.mask, told.legal)))
    )

    def column(name: str) -> np.ndarray:
        return np.concatenate([getattr(record.decisions, name) for record in records])

    legal = tokens.legal
    mean, variance = column("e_q_mean"), column("e_q_var")
    ess = np.maximum(column("ess"), np.float32(1))
    q = np.where(legal, mean, np.float32(ILLEGAL))
    faults = {
        "E[Q] is not finite exactly where a play is legal": (np.isfinite(mean) != legal).any(axis=1),
        "a variance is negative or not a number": (legal & ~((variance >= 0) & np.isfinite(variance))).any(
            axis=1
        ),
        "the effective number of worlds is not a number": ~np.isfinite(ess),
    }
    for reason, wrong in faults.items():
        if wrong.any():
            game, step = divmod(int(np.argmax(wrong)), N_PLAYS)
            which = f"seed {records[game].seed}, step {step}"
            raise BadInput(f"{wrong.sum():,} rows are wrong ({reason}; {which}): play their games again")
    return Rows(
        tokens=tokens.tokens,
        mask=tokens.mask,
        legal=legal,
        q=q,
        value=q.max(axis=1),
        weight=np.ones(len(q), dtype=np.float32),
        decl=np.repeat(np.array([record.decl for record in records], dtype=np.int8), N_PLAYS),
        ply=np.tile(np.arange(N_PLAYS, dtype=np.uint8), len(records)),
        seat=column("player"),
        deal=np.repeat(np.arange(len(records), dtype=np.int32), N_PLAYS),
        variance=np.where(legal, variance, np.float32(0)),
        ess=np.where(np.concatenate([record.is_exact for record in records]), np.float32(np.inf), ess),
    )
