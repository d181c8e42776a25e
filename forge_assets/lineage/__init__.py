"""Lineage of a network: its parents, their training rows, the source shards or games, seeds and versions.

Most of it is stored in the model's own card, so that a copy of the folder keeps it. Runs are looked up in
MLflow, and files in their store, to report whether they still exist.

Modules: records (the answer), outline and text (the answer as lines), cards (folders of models), models
(models in MLflow), search (follows the chain), rows (training rows as a card alone describes them; a game may
know more). The entry point is `trace`.
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
    """Trace a network back to its seeds and versions.

    model: champion or challenger of `objective` (qvalue, policy, eq, regret, one-hand); a registered version
    such as `texas42-oracle-qvalue/3`; an MLflow run id; or the folder of a model or of its run, relative to
    the current folder or to the project. tracker: that of `forge-pipeline` by default. store: root of the
    store in which files are looked up; by default the one that the rows came from. look: False to look up no
    files. games: all by default.

    Raise BadInput if `model` names no model, TrackerUnusable if MLflow is needed to find it and does not
    answer. The result states everything else that is unknown.
    """
    games = tuple(all_games() if games is None else games)
    models = ModelFinder(tracker or Tracker(), games)
    return Search(models, games, store, look).lineage(model, models.find(model, objective))
