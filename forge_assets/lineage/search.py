"""Following the chain: what stands in cards, what MLflow knows of runs, what stores hold by now."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forge_assets.lineage.records import Generation, Lineage, Rows, Source
from forge_assets.lineage.text import short
from forge_assets.resources import runs_folder
from forge_assets.texas42.game import TEXAS42
from forge_assets.tracking.address import local_file
from forge_assets.tracking.errors import TrackerUnusable
from forge_assets.tracking.errors import mlflow_errors as blaming
from forge_assets.tracking.registry import CHALLENGER, CHAMPION, registered_name
from forge_assets.tracking.tracker import Tracker
from forge_assets.versions import PROJECT
from forge_core.errors import BadInput, ForgeError, StoreUnusable
from forge_core.files import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from forge_core.texas42.tokens.origins import SourceIndex


@dataclass(frozen=True, slots=True)
class _Tracked:
    """A run, as MLflow has it."""

    run_id: str
    url: str
    tags: Mapping[str, str]
    began: str | None


_COMMON = ("rows", "step", "decision_q_gap", "spread_mae", "seconds", "cpu_seconds")
"""results that are said"""


@dataclass(slots=True)
class Search:
    """One question: what was read for it is kept until it is answered."""

    tracker: Tracker
    store: str | None
    look: bool
    shelves: dict[str, SourceIndex] = field(default_factory=dict)
    _client: Any = None

    # --- finding a model ----------------------------------------------------------------------

    def client(self) -> MlflowClient | None:
        """None where nothing was ever tracked. Raises TrackerUnusable."""
        file = local_file(self.tracker.address())
        if self._client is None and not (file and not file.exists()):
            self._client = self.tracker.client()
        return self._client

    def find(self, model: str, objective: str) -> tuple[str, str | None, str | None]:
        """The folder of a model, its name in the registry, its MLflow run; None: to be looked up."""
        if model in (CHAMPION, CHALLENGER):
            name = registered_name(objective)
            found = self._alias(name, model)
            if found is None:
                raise BadInput(f"{name} has no {model} yet: name a version, an MLflow run or a folder")
            return self._of_version(found)
        folder = folder_of(model)
        if folder:
            return folder, None, None
        named = re.fullmatch(r"(texas42-[\w-]+)/(\d+)", model)
        if named:
            return self._of_version(self._version(named[1], named[2]))
        if re.fullmatch(r"[0-9a-f]{32}", model):
            return self._of_run(model)
        raise BadInput(
            f"{model!r} is no model: name champion, challenger, a version such as "
            f"{registered_name('qvalue')}/1, an MLflow run, or a folder with model.json"
        )

    def _alias(self, name: str, alias: str) -> Any:
        from mlflow.exceptions import MlflowException

        client = self.client()
        with blaming(self.tracker.address()):
            try:
                return client and client.get_model_version_by_alias(name, alias)
            except MlflowException as error:
                if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                    return None
                raise

    def _version(self, name: str, number: str) -> Any:
        from mlflow.exceptions import MlflowException

        client = self.client()
        with blaming(self.tracker.address()):
            try:
                found = client and client.get_model_version(name, number)
            except MlflowException as error:
                if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                    raise
                found = None
        if found is None:
            raise BadInput(f"MLflow at {self.tracker.address()} has no {name}/{number}: see its models")
        return found

    def _of_version(self, version: Any) -> tuple[str, str, str | None]:
        folder = self._fetch(version.source, f"{version.name}-v{version.version}")
        return folder, f"{version.name}/{version.version}", version.run_id

    def _of_run(self, run_id: str) -> tuple[str, str | None, str]:
        from mlflow.exceptions import MlflowException

        client = self.client()
        with blaming(self.tracker.address()):
            try:
                run = client and client.get_run(run_id)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                run = None
        if run is None:
            raise BadInput(f"MLflow at {self.tracker.address()} has no run {run_id}: see its runs")
        folder = folder_of(run.data.tags.get("forge.model", ""))
        return folder or self._fetch(f"{run.info.artifact_uri}/model", f"run-{run_id}"), None, run_id

    def _fetch(self, source: str, name: str) -> str:
        """A local folder with what lies at `source`."""
        if folder := folder_of(source):
            return folder
        from mlflow.artifacts import download_artifacts

        place = runs_folder() / "registered" / name
        place.mkdir(parents=True, exist_ok=True)
        with blaming(self.tracker.address()):
            return download_artifacts(
                artifact_uri=source, dst_path=str(place), tracking_uri=self.tracker.address()
            )

    def by_weights(self, weights: str) -> str | None:
        """The folder of a tracked network with these weights."""
        try:
            for run in self._runs(f"tags.`forge.weights` = '{weights}'"):
                with_card = (run.data.tags.get("forge.model", ""), f"{run.info.artifact_uri}/model")
                for place in with_card:
                    folder = folder_of(place)
                    if folder and weights_in(folder) == weights:
                        return folder
        except TrackerUnusable:
            pass
        return None

    def _runs(self, condition: str) -> list[Any]:
        """Runs that fulfil a condition, in every experiment that is not deleted."""
        client = self.client()
        if client is None:
            return []
        with blaming(self.tracker.address()):
            experiment = client.get_experiment_by_name(TEXAS42.experiment)
            return list(client.search_runs([experiment.experiment_id], condition)) if experiment else []

    # --- following the chain ------------------------------------------------------------------

    def lineage(self, asked: str, folder: str, name: str | None, run: str | None) -> Lineage:
        """The chain from the network in `folder` on."""
        generations: list[Generation] = []
        record, seen = read_card(folder), set()
        place: str | None = folder
        while True:
            generation = self._generation(place, record, name, run)
            generations.append(generation)
            seen.add(generation.weights)
            before, end = self._parent(record)
            if before is None:
                return Lineage(asked, tuple(generations), end)
            place, record = before
            if record["weights"] in seen:
                end = "which is its own ancestor: a card is wrong"
                return Lineage(asked, tuple(generations), end)
            name = run = None

    def _parent(self, record: Mapping[str, Any]) -> tuple[tuple[str | None, Mapping[str, Any]] | None, str]:
        """The network another began from: its folder and card; None at an end, and which end."""
        card = record["card"]
        if "init_from" not in card:
            return None, "its card does not say what it began from"
        parent, weights = card["init_from"], card.get("parent_weights")
        if parent is None:
            return None, "which began from nothing: its first weights were drawn by its seed"
        if isinstance(parent, Mapping):  # the parent's own card, told in the child's
            known = parent.get("weights")
            folder = self.by_weights(known) if known else None
            if folder:
                return (folder, read_card(folder)), ""
            told = {"weights": known or "", "config": parent.get("train", {}).get("model", {})}
            return (None, {**told, "card": parent}), ""
        folder = folder_of(parent)
        if folder and (weights is None or weights_in(folder) == weights):
            try:
                return (folder, read_card(folder)), ""
            except BadInput as error:
                return None, f"which began from {parent}: {error}"
        if weights and (found := self.by_weights(weights)):
            return (found, read_card(found)), ""
        what = f"{parent}, which is gone" if not folder else f"{parent}, where other weights lie by now"
        digest = f" (weights {weights})" if weights else ""
        return None, f"which began from {what}{digest}: what taught it is not known"

    def _generation(
        self, folder: str | None, record: Mapping[str, Any], name: str | None, run_id: str | None
    ) -> Generation:
        card, unknown = record["card"], []
        tracked: _Tracked | None = None
        try:
            tracked = self._tracked(folder, record["weights"], run_id)
            name = name or (tracked and self._name(tracked.run_id))
        except TrackerUnusable as error:
            unknown.append(str(error))
        tags = tracked.tags if tracked else {}
        version = tags.get("forge.code_version")
        rows = None
        try:
            rows = self._rows(card["data"], card) if card.get("data") else None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            unknown.append(f"what its card says of its rows cannot be read ({error!r})")
        if version is None and card.get("model_version"):
            version = f"learning {card['model_version']}"
        missing = {
            "when it was made": card.get("made") or (tracked and tracked.began),
            "the device": card.get("device"),
            "the version of learning": version,
            "the rows it learnt from": rows,
            "its run": tracked,
        }
        if lacking := ", ".join(what for what, known in missing.items() if not known):
            unknown.append(f"not recorded: {lacking}")
        if card.get("note"):
            unknown.append(card["note"])
        if folder is None:
            unknown.append("only what its child's card says of it is known: its folder is not here")
        elif tags.get("forge.weights") not in (None, record["weights"]):
            unknown.append(f"its MLflow run speaks of other weights, {tags['forge.weights']}")
        return Generation(
            name=name or short(folder) or f"weights {record['weights'][:12]}",
            folder=folder,
            weights=record["weights"],
            parameters=record.get("parameters"),
            objective=record.get("config", {}).get("objective"),
            made=card.get("made") or (tracked.began if tracked else None),
            device=card.get("device"),
            precision=card.get("precision"),
            version=version,
            packages=card.get("versions", {}),
            results={key: card["results"][key] for key in _COMMON if key in card.get("results", {})},
            dagster_run=tags.get("dagster.run_id"),
            dagster_asset=tags.get("dagster.asset"),
            mlflow_run=tracked.run_id if tracked else None,
            mlflow_url=tracked.url if tracked else None,
            rows=rows,
            unknown=tuple(unknown),
        )

    def _tracked(self, folder: str | None, weights: str, run_id: str | None) -> _Tracked | None:
        """The MLflow run that taught a network: known, or noted beside it, or by its weights."""
        client = self.client()
        if client is None:
            return None
        if run_id is None and folder and "://" not in folder:
            noted = self.tracker.reopen(Path(folder).parent)
            run_id = noted.run_id if noted else None
        if run_id is None:
            found = self._runs(f"tags.`forge.weights` = '{weights}'")
            run_id = found[-1].info.run_id if found else None  # the first that made them
        if run_id is None:
            return None
        with blaming(self.tracker.address()):
            run = client.get_run(run_id)
        url = self.tracker.url_of(run.info)
        began = None if "forge.adopted" in run.data.tags else _when(run.info.start_time)
        return _Tracked(run_id, url, run.data.tags, began)

    def _name(self, run_id: str) -> str | None:
        """`texas42-oracle-qvalue/3` of the run that made it."""
        client = self.client()
        with blaming(self.tracker.address()):
            found = client.search_model_versions(f"run_id = '{run_id}'") if client else []
        return f"{found[0].name}/{found[0].version}" if found else None

    # --- what it learnt from ------------------------------------------------------------------

    def _rows(self, data: Mapping[str, Any], card: Mapping[str, Any]) -> Rows:
        if data["kind"] == "live":
            return _live_rows(data, card)
        origin, unknown = data.get("origin"), []
        held, on_disk = self._manifests(data)
        if origin is None and held:
            origin = held  # an older card, of rows that are still there
        if origin is None:
            gone = ", and the rows are no longer there" if self.look else ""
            unknown.append(f"its card does not say which shards and seeds{gone}")
            origin = {"splits": {}, "drawn": {}, "made": {}, "versions": {}}
        told = [
            (split, source) for split, of_split in origin["splits"].items() for source in of_split["sources"]
        ]
        try:
            root = Store(self.store or data["store"]) if self.look else None
            sources = [self._source(root, *each, origin["made"]) for each in told]
        except StoreUnusable as error:
            unknown.append(str(error))
            sources = [self._source(None, *each, origin["made"]) for each in told]
        asked = {made["weights"]: made for made in origin["made"].values() if "weights" in made}
        networks, lost = self._networks(asked, card)
        return Rows(
            kind=data["kind"],
            version=data["version"],
            val_version=data.get("val_version"),
            store=data["store"],
            rows={split: of_split["rows"] for split, of_split in origin["splits"].items()},
            settings=origin["drawn"],
            versions=origin["versions"],
            sources=tuple(sources),
            on_disk=on_disk,
            networks=networks,
            unknown=(*unknown, *lost),
        )

    def _manifests(self, data: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str | None]:
        """The origin of rows that lie on disk as they were, and what lies there."""
        if not self.look:
            return None, None
        from forge_core.splits import Split
        from forge_core.texas42.cli.train import origin_of, store_of

        wanted = {Split.TRAIN: data["version"], Split.VAL: data.get("val_version")}
        try:
            root = Store(data["store"])
            rows = {split: store_of(data["kind"])(root, split) for split in wanted}
        except ForgeError:
            return None, "gone, or unreadable by this code"
        now = {split: of_split.manifest.hash for split, of_split in rows.items()}
        if now != wanted:
            return None, f"others by now: {now[Split.TRAIN]} (val {now[Split.VAL]})"
        return (None if "origin" in data else origin_of(data["kind"], root, rows)), "the same"

    def _source(
        self, root: Store | None, split: str, told: Mapping[str, Any], made: Mapping[str, Mapping[str, Any]]
    ) -> Source:
        """root: where to look for its files; None: nowhere."""
        from forge_core.splits import Split
        from forge_core.texas42.declarations import NAMES
        from forge_core.texas42.tokens.origins import SourceFiles

        files = SourceFiles(**told)
        presence = self._shelves(root).look(Split(split), files) if root else None
        declaration = "each under seed % 10" if files.decl is None else f"under {NAMES[files.decl]}"
        if files.opponent is not None:
            declaration += f", against other hands {files.opponent}"
        return Source(
            split=split,
            folder=files.folder,
            files=files.files,
            seeds=files.seeds,
            declaration=declaration,
            fingerprint=files.fingerprint,
            made=made.get(files.fingerprint, {}),
            presence=presence,
        )

    def _shelves(self, root: Store) -> SourceIndex:
        from forge_core.texas42.eq.files import GAMES_FOLDER
        from forge_core.texas42.eq.origins import fingerprint_of_game
        from forge_core.texas42.tokens.origins import SourceIndex, fingerprint_of_shard

        kinds = ("shards-standard", "shards-marginalized")
        readers = {**dict.fromkeys(kinds, fingerprint_of_shard), GAMES_FOLDER: fingerprint_of_game}
        return self.shelves.setdefault(root.url, SourceIndex(root, readers))

    def _networks(
        self, asked: Mapping[str, Mapping[str, Any]], card: Mapping[str, Any]
    ) -> tuple[tuple[Lineage, ...], tuple[str, ...]]:
        """The chains of networks that games asked, known by a digest of their numbers; which are lost."""
        found, lost = [], []
        for digest, settings in asked.items():
            folder = self._by_numbers(digest, settings.get("parameters"))
            if folder:
                found.append(self.lineage(short(folder) or folder, folder, None, None))
            else:
                lost.append(
                    f"the network that the games asked ({digest}) is in none of the folders known here"
                )
        return tuple(found), tuple(lost)

    def _by_numbers(self, digest: str, parameters: int | None) -> str | None:
        """A network of these numbers among those of the project and of the registry."""
        from forge_core.learning.checkpoints import load_model
        from forge_core.texas42.eq.oracles import digest_of

        for folder in self._known_folders():
            try:
                if read_card(folder).get("parameters") != parameters:
                    continue
                if digest_of(load_model(folder)) == digest:
                    return folder
            except ForgeError:
                continue
        return None

    def _known_folders(self) -> Iterator[str]:
        for pattern in ("models/*", "runs/*/model", "runs/registered/*/model"):
            for folder in sorted(PROJECT.glob(pattern)):
                if (folder / "model.json").exists():
                    yield str(folder)
        try:
            for run in self._runs(""):
                places = (run.data.tags.get("forge.model", ""), f"{run.info.artifact_uri}/model")
                if folder := next(filter(None, map(folder_of, places)), None):
                    yield folder
        except TrackerUnusable:
            return


def folder_of(word: str) -> str | None:
    """The folder of a model that a word names: it, or that of its run, here or below the project."""
    if not word:
        return None
    word = word.removeprefix("file://").rstrip("/").removesuffix("/model.json")
    bases = (word,) if "://" in word else (str(Path(word).absolute()), str(PROJECT / word))
    for base in dict.fromkeys(bases):
        for folder in (base, f"{base}/model"):
            try:
                if Store(folder).exists("model.json"):
                    return folder
            except ForgeError:
                continue
    return None


def weights_in(folder: str) -> str | None:
    """What the card of a folder says of its weights; None for one that cannot be read."""
    try:
        return str(read_card(folder)["weights"])
    except ForgeError:
        return None


def read_card(folder: str) -> dict[str, Any]:
    """model.json of a folder. Raises BadInput for what is none."""
    store = Store(folder)
    try:
        record = json.loads(store.read("model.json"))
        record["weights"], record["card"].items()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{store.path('model.json')} is no model card ({error!r}): copy it again") from error
    return record


def _live_rows(data: Mapping[str, Any], card: Mapping[str, Any]) -> Rows:
    """Of rows that were made while one learnt: they follow from configuration and versions."""
    from forge_core.texas42.tokens.live import LiveConfig

    told, unknown = data.get("origin", {}).get("versions"), []
    config = dict(data["config"])
    if told is None:
        try:
            present = LiveConfig(**config)
            told = present.versions() if present.fingerprint == data["version"] else None
        except (TypeError, ForgeError):
            told = None
    if told is None:
        unknown.append("the versions that made its rows are not recorded, and are not the present ones")
    rows = card.get("results", {}).get("rows")
    return Rows(
        kind="live",
        version=data["version"],
        val_version=None,
        store=None,
        rows={"train": int(rows)} if rows else {},
        settings=config,
        versions=told or {},
        sources=(),
        on_disk=None,
        unknown=tuple(unknown),
    )


def _when(milliseconds: int | None) -> str | None:
    from datetime import UTC, datetime

    if not milliseconds:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")
