"""Where a network comes from: its parents, the rows they learnt from, shards or games, seeds and versions.

Most of it stands in the card of the model itself, so that it is known wherever the folder
goes; runs are looked up in MLflow, and shards in their store, to say what has become of them.

records (what is said), search (how it is found), text (as lines): `trace` is the door.
"""

from __future__ import annotations

from forge_assets.lineage.records import Generation, Lineage, Rows, Source
from forge_assets.lineage.search import Search
from forge_assets.tracking.tracker import Tracker

__all__ = ["Generation", "Lineage", "Rows", "Source", "trace"]


def trace(
    model: str,
    objective: str = "qvalue",
    tracker: Tracker | None = None,
    store: str | None = None,
    look: bool = True,
) -> Lineage:
    """The chain from a network back to seeds and versions.

    model: champion or challenger, of `objective` (qvalue, policy, eq); a registered version,
    `texas42-oracle-qvalue/3`; an MLflow run id; or a folder of a model or of its run, which
    begins here or at the project. tracker: default, as `forge-pipeline` has it. store: root of
    the store in which shards are looked up; default, that which the rows lay in. look: whether
    they are. Raises BadInput for what is no model; TrackerUnusable where MLflow is asked for a
    name and does not answer. What is merely not known is said in the result.
    """
    search = Search(tracker or Tracker(), store, look)
    folder, name, run = search.find(model, objective)
    return search.lineage(model, folder, name, run)
