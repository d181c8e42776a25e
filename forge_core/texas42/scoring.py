"""Scores of networks on rows that none has learnt from: the benchmark, or for Stage 2 recorded games."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.learning.labelled.answers import Answers, ask
from forge_core.learning.labelled.rows import Rows
from forge_core.splits import Split
from forge_core.texas42.dominoes import N_PLAYS
from forge_core.texas42.eq.files import read_header
from forge_core.texas42.eq.splits import judged_rows, kept_games
from forge_core.texas42.folders import GAMES_FOLDER, GOLDEN_SHARDS
from forge_core.texas42.tokens import golden

if TYPE_CHECKING:
    from forge_core.learning.networks.transformer import TokenTransformer


@dataclass(frozen=True, slots=True, eq=False)
class Questions:
    """Rows that networks are asked about, deal by deal."""

    deals: Generator[Rows, None, None]
    """may be closed before its end"""
    n: int
    """deals"""
    record: dict[str, Any]
    """which rows these are, JSON types"""


def golden_questions(split: Split, root: Store | None, rows: int) -> Questions:
    """Return the benchmark of a split: `rows` rows of each deal.

    root: the store whose golden shards are read; deals that it lacks, without it all, are solved
    here. Raises BadInput for the train split, and as `golden_rows`.
    """
    keys = golden.golden_keys(split)
    store = root.join(GOLDEN_SHARDS) if root else None
    record = {"version": golden.GOLDEN_VERSION, "deals": len(keys), "rows_per_deal": rows}
    return Questions(golden.golden_rows(keys, store, rows), len(keys), record)


def count_unsolved(split: Split, root: Store) -> int:
    """Return how many deals of the benchmark a store lacks. Raises BadInput if it holds none of them."""
    keys, store = golden.golden_keys(split), root.join(GOLDEN_SHARDS)
    n_stored = len(golden.stored_keys(keys, store))
    if not n_stored:
        raise BadInput(
            f"{store.url} holds none of the {split} benchmark's deals: name the root of a store that does, "
            "or leave --data out, and they are solved here"
        )
    return len(keys) - n_stored


def game_questions(split: Split, root: Store) -> Questions:
    """Return the rows of the games of a split that are kept for evaluation. Raises BadInput for none."""
    games = root.join(GAMES_FOLDER)
    keys = kept_games(games, split)
    settings = sorted({read_header(games, key).fingerprint for key in keys})
    record = {"settings": settings, "deals": len(keys), "rows_per_deal": N_PLAYS}
    return Questions(judged_rows(games, keys), len(keys), record)


def ask_all(
    models: Mapping[str, TokenTransformer], questions: Questions, advance: Callable[[], None] | None = None
) -> dict[str, Answers]:
    """Return what each model answers. advance: called after each deal.

    Stopped before its end it waits only for the deals that are being solved.
    """
    parts: dict[str, list[Answers]] = {name: [] for name in models}
    with closing(questions.deals) as deals:
        for rows in deals:
            for name, model in models.items():
                parts[name].append(ask(model, [rows]))
            if advance:
                advance()
    return {name: Answers.join(asked) for name, asked in parts.items()}


def random_play(answers: Answers) -> dict[str, Any]:
    """Return what random play loses on the rows of some answers, by both weightings."""
    return {"decisions": answers.measure_random(), "uniform": answers.measure_random(uniform=True)}


def compare(mine: Answers, other: Answers, path: str) -> dict[str, Any]:
    """Return the points per decision that the other model, of the folder `path`, loses more than mine.

    Paired by deal: mean and standard error over deals.
    """
    _, my_gaps = mine.gap_by_deal()
    _, other_gaps = other.gap_by_deal()
    saved = other_gaps - my_gaps
    return {
        "path": path,
        "decisions": other.measure(),
        "uniform": other.measure(uniform=True),
        "saved": float(saved.mean()),
        "standard_error": float(saved.std(ddof=1) / np.sqrt(len(saved))),
        "deals": len(saved),
        "deals_better": int((saved > 0).sum()),
    }
