"""Lineage of a network: its parents, the rows they learnt from, shards or games, seeds and versions.

Most of it stands in the card of the model itself, so that it is known wherever the folder goes; runs are
looked up in MLflow, and files in their store, to say what has become of them.

records (the answer), outline and text (the answer as lines), cards (folders of models), models (models in
MLflow), search (the walk along the chain), rows (what a card alone tells of the rows that taught a network; a
game may know more). `trace` is the door.
"""

from __future__ import annotations

from collections.abc import Sequence

from forge_assets.games import Game, all_games
from forge_assets.lineage.models import ModelFinder
from forge_assets.lineage.records import Generation, Lineage, Rows, Source
from forge_assets.lineage.search import Search
from forge_assets.lineage.text import lineage_text
from forge_assets.tracking.tracker import Tracker

__all__ = ["Generation", "Lineage", "Rows", "Source", "lineage_text", "trace"]


def trace(
    model: str,
    objective: str = "qvalue",
    tracker: Tracker | None = None,
    store: str | None = None,
    look: bool = True,
    games: Sequence[Game] | None = None,
) -> Lineage:
    """Follow the chain from a network back to seeds and versions.

    model: champion or challenger, of `objective` (qvalue, policy, eq); a registered version,
    `texas42-oracle-qvalue/3`; an MLflow run id; or a folder of a model or of its run, which begins here or
    at the project. tracker: default, that of `forge-pipeline`. store: root of the store in which files are
    looked up; default, the one that the rows lay in. look: whether files are looked up. games: default, all.

    Raises BadInput for what is no model; TrackerUnusable where MLflow is asked for a name and does not
    answer. Anything else that is unknown is said in the result.
    """
    games = tuple(all_games() if games is None else games)
    models = ModelFinder(tracker or Tracker(), games)
    return Search(models, games, store, look).lineage(model, models.find(model, objective))
