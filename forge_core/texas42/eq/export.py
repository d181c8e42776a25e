"""Recorded games as a plain dictionary of tensors, for programs that read the published schema 2.1."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from forge_core.files import Store
from forge_core.splits import Split
from forge_core.texas42.dominoes import N_PLAYS
from forge_core.texas42.eq.policies import MODES
from forge_core.texas42.eq.records import GameRecord, refuse_sealed, transcripts_of
from forge_core.texas42.tokens.transcript import TRANSCRIPT_VERSION

SCHEMA = "2.1"

_AS_THEY_ARE = ("legal_mask", "u_mean", "u_max", "ess", "max_w", "q_gap", "converged")
_WHOLE_NUMBERS = {
    "action_taken": "action_taken",
    "exploration_mode": "exploration_mode",
    "n_samples": "n_worlds",
}


def to_tensors(records: Sequence[GameRecord]) -> dict[str, Any]:
    """Convert N games to R = 28 N decisions, with the names of schema 2.1.

    transcript_tokens int8 [R, 36, 8]; legal_mask bool, e_q_mean and e_q_var float32, all [R, 7], 0
    where illegal; e_q_pdf float32 [R, 7, 85], only if all games have it; all others [R], int64, float32
    or bool. train_mask: True for the train split. metadata: a JSON object as a string. Raises BadInput
    if there are no games, for a game of the sealed test split, or for illegal plays.
    """
    import torch

    refuse_sealed(records)
    tokens = transcripts_of(records)
    n = len(records)

    def column(name: str):
        return torch.from_numpy(np.concatenate([getattr(record.decisions, name) for record in records]))

    return {
        "transcript_tokens": torch.from_numpy(tokens.tokens).flatten(0, 1),
        "transcript_lengths": torch.from_numpy(tokens.mask.sum(axis=2)).flatten(),
        "e_q_mean": column("e_q_mean").nan_to_num(0.0),
        "e_q_var": column("e_q_var").nan_to_num(0.0),
        **{name: column(name) for name in _AS_THEY_ARE},
        **{name: column(own_name).long() for name, own_name in _WHOLE_NUMBERS.items()},
        "game_idx": torch.arange(n).repeat_interleave(N_PLAYS),
        "decision_idx": torch.arange(N_PLAYS).repeat(n),
        "train_mask": torch.tensor([r.split == Split.TRAIN for r in records]).repeat_interleave(N_PLAYS),
        **({"e_q_pdf": column("e_q_pdf")} if all(r.decisions.e_q_pdf is not None for r in records) else {}),
        "metadata": json.dumps(_metadata(records)),
    }


def export_games(records: Sequence[GameRecord], path: str) -> int:
    """Write `to_tensors` atomically with torch.save; return the file size. Loads with weights_only=True."""
    import torch

    data = io.BytesIO()
    torch.save(to_tensors(records), data)
    folder, slash, name = path.rpartition("/")
    Store(folder or slash or ".").write(name, data.getvalue())
    return len(data.getvalue())


def _metadata(records: Sequence[GameRecord]) -> dict[str, Any]:
    settings = {record.fingerprint: record.settings for record in records}
    return {
        "schema_version": SCHEMA,
        "transcript_version": TRANSCRIPT_VERSION,
        "games": [
            {
                "seed": r.seed,
                "decl": r.decl,
                "leader": r.leader,
                "bidder": r.bidder,
                "bid": r.bid,
                "hands": r.hands.tolist(),
                "settings": r.fingerprint,
            }
            for r in records
        ],
        "settings": settings,
        "exploration_modes": list(MODES),
        "points": "of the mover's frame",
    }
