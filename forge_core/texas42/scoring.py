"""Scores of networks on rows they were not trained on: the benchmark or, for stage 2, recorded games."""

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
    """Rows that networks are scored on, deal by deal."""

    deals: Generator[Rows, None, None]
    """yields the rows of one deal at a time; may be closed early"""
    n: int
    """number of deals"""
    record: dict[str, Any]
    """describes the rows, in JSON types"""


def golden_questions(split: Split, root: Store | None, rows: int) -> Questions:
    """Return the benchmark of a split, with `rows` rows per deal.

    root: the store to read golden shards from; deals missing from it, or all deals if root is None,
    are solved on the fly. Raises BadInput for the train split, and the errors of `golden_rows`.
    """
    keys = golden.golden_keys(split)
    store = root.join(GOLDEN_SHARDS) if root else None
    record = {"version": golden.GOLDEN_VERSION, "deals": len(keys), "rows_per_deal": rows}
    return Questions(golden.golden_rows(keys, store, rows), len(keys), record)


def count_unsolved(split: Split, root: Store) -> int:
    """Count the benchmark deals missing from a store. Raises BadInput if the store has none of them."""
    keys, store = golden.golden_keys(split), root.join(GOLDEN_SHARDS)
    n_stored = len(golden.stored_keys(keys, store))
    if not n_stored:
        raise BadInput(
            f"{store.url} holds no deals of the {split} benchmark: name the root of a store with some, "
            "or omit --data to solve them on the fly"
        )
    return len(keys) - n_stored


def game_questions(split: Split, root: Store) -> Questions:
    """Return the rows of the games held out for evaluation in a split. Raises BadInput if there are none."""
    games = root.join(GAMES_FOLDER)
    keys = kept_games(games, split)
    settings = sorted({read_header(games, key).fingerprint for key in keys})
    record = {"settings": settings, "deals": len(keys), "rows_per_deal": N_PLAYS}
    return Questions(judged_rows(games, keys), len(keys), record)


def ask_all(
    models: Mapping[str, TokenTransformer], questions: Questions, advance: Callable[[], None] | None = None
) -> dict[str, Answers]:
    """Return the answers of each model. advance: called after each deal.

    If interrupted, it waits only for the deals being solved at that moment.
    """
    parts: dict[str, list[Answers]] = {name: [] for name in models}
    with closing(questions.deals) as deals:
        for rows in deals:
            for name, model in models.items():
                parts[name].append(ask(model, [rows]))
            if advance:
                advance()
    return {name: Answers.join(asked) for name, asked in parts.items()}


def report_of(mine: Answers, other: Answers | None, path: str | None) -> dict[str, Any]:
    """Return the figures of a model, under both weightings, next to random play and to another model.

    path: the folder of the other model, if there is one; see `compare`.
    """
    return {
        "decisions": mine.measure(),
        "uniform": mine.measure(uniform=True),
        "random": {"decisions": mine.measure_random(), "uniform": mine.measure_random(uniform=True)},
        "against": compare(mine, other, path) if other and path else None,
    }


def compare(mine: Answers, other: Answers, path: str) -> dict[str, Any]:
    """Return how many more points per decision the other model loses than this one.

    Mean and standard error over deals, paired by deal. path: the folder of the other model.
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
