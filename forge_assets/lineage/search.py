"""The search along the chain of networks: from each network to its parent and to its training rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forge_assets.games import Game
from forge_assets.lineage.cards import folder_of, read_card, short, weights_in
from forge_assets.lineage.models import Found, ModelFinder, TrackedNetwork
from forge_assets.lineage.records import Generation, Lineage, Rows
from forge_assets.tracking.errors import TrackerUnusable
from forge_core.errors import BadInput

Card = Mapping[str, Any]
"""the parsed content of model.json"""


@dataclass(slots=True)
class Search:
    """One query. A game uses it to read the rows of its networks: see `Game.read_rows`."""

    models: ModelFinder
    games: Sequence[Game]
    store: str | None
    """root of the store in which files are looked up; None for the one that the rows came from"""
    look: bool
    """False to look up no files"""
    kept: dict[Any, Any] = field(default_factory=dict)
    """a game's cache for this query"""

    def lineage(self, asked: str, found: Found) -> Lineage:
        """Trace the ancestors of a network. asked: its name in the answer. Raise BadInput for a bad card."""
        generations: list[Generation] = []
        record, seen = read_card(found.folder), set[str]()
        folder, name, run_id = found.folder, found.name, found.run_id
        while True:
            generation = self._generation(folder, record, name, run_id)
            generations.append(generation)
            seen.add(generation.weights)
            before, end = self._parent(record)
            if before is None:
                return Lineage(asked, tuple(generations), end)
            folder, record = before
            if record["weights"] in seen:
                end = "trained from one of its own descendants: a card is wrong"
                return Lineage(asked, tuple(generations), end)
            name = run_id = None

    def _parent(self, record: Card) -> tuple[tuple[str | None, Card] | None, str]:
        """Return the folder and card of the parent of a network.

        At the end of the chain, return None and a sentence about the origin of the oldest network.
        """
        card = record["card"]
        if "init_from" not in card:
            return None, "its card does not say which weights it started from"
        parent, weights = card["init_from"], card.get("parent_weights")
        if parent is None:
            return None, "trained from scratch: the seed determined its first weights"
        if isinstance(parent, Mapping):  # the parent's own card, copied into that of the child
            known = parent.get("weights")
            folder = self.models.by_weights(known) if known else None
            if folder:
                return (folder, read_card(folder)), ""
            copied = {"weights": known or "", "config": parent.get("train", {}).get("model", {})}
            return (None, {**copied, "card": parent}), ""
        folder = folder_of(parent)
        if folder and (weights is None or weights_in(folder) == weights):
            try:
                return (folder, read_card(folder)), ""
            except BadInput as error:
                return None, f"trained from {parent}: {error}"
        if weights and (found := self.models.by_weights(weights)):
            return (found, read_card(found)), ""
        what = f"{parent}, which is gone" if not folder else f"{parent}, which now holds other weights"
        digest = f" (weights {weights})" if weights else ""
        return None, f"trained from {what}{digest}: its origin is unknown"

    def _generation(
        self, folder: str | None, record: Card, name: str | None, run_id: str | None
    ) -> Generation:
        card, unknown = record["card"], []
        tracked: TrackedNetwork | None = None
        try:
            tracked = self.models.tracked(folder, record["weights"], run_id)
            name = name or (self.models.name_of(tracked.run_id) if tracked else None)
        except TrackerUnusable as error:
            unknown.append(str(error))
        tags = tracked.tags if tracked else {}
        version = tags.get("forge.code_version")
        rows = None
        try:
            rows = self._rows(card) if card.get("data") else None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            unknown.append(f"the description of its rows in its card cannot be read ({error!r})")
        if version is None and card.get("model_version"):
            version = f"learning {card['model_version']}"
        began = tracked.began if tracked else None
        needed = {
            "the time of training": card.get("made") or began,
            "the device": card.get("device"),
            "the version of learning": version,
            "the training rows": rows,
            "its run": tracked,
        }
        if missing := ", ".join(what for what, known in needed.items() if not known):
            unknown.append(f"not recorded: {missing}")
        if card.get("note"):
            unknown.append(card["note"])
        if folder is None:
            unknown.append("its folder is not available: this is known only from the card of its child")
        elif tags.get("forge.weights") not in (None, record["weights"]):
            unknown.append(f"its MLflow run names other weights, {tags['forge.weights']}")
        results = card.get("results", {})
        game = self._game(card)
        return Generation(
            name=name or (short(folder) if folder else f"weights {record['weights'][:12]}"),
            game=game.name,
            folder=folder,
            weights=record["weights"],
            parameters=record.get("parameters"),
            objective=record.get("config", {}).get("objective"),
            made=card.get("made") or began,
            device=card.get("device"),
            precision=card.get("precision"),
            version=version,
            packages=card.get("versions", {}),
            results={key: results[key] for key in game.results if key in results},
            dagster_run=tags.get("dagster.run_id"),
            dagster_asset=tags.get("dagster.asset"),
            mlflow_run=tracked.run_id if tracked else None,
            mlflow_url=tracked.url if tracked else None,
            rows=rows,
            unknown=tuple(unknown),
        )

    def _rows(self, card: Card) -> Rows:
        """Return the rows of a card, read by its game. Raise ValueError for an unknown game."""
        game, named = self._game(card), card["data"].get("game")
        if named not in (None, game.name):
            raise ValueError(f"there is no game called {named}")
        return game.read_rows(self, card)

    def _game(self, card: Card) -> Game:
        """Return the game that a card names; by default, and for an unknown name, the first game."""
        data = card.get("data")
        named = data.get("game") if isinstance(data, Mapping) else None
        return next((game for game in self.games if game.name == named), self.games[0])
