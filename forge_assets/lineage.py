"""Where a network comes from: its parents, the rows they learnt from, shards or games, seeds and versions.

Most of it stands in the card of the model itself, so that it is known wherever the folder
goes; runs are looked up in MLflow, and shards in their store, to say what has become of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forge_assets import versions
from forge_assets.tracker import (
    CHALLENGER,
    CHAMPION,
    EXPERIMENT,
    Tracker,
    TrackerUnusable,
    blaming,
    local_file,
    registered_name,
)
from forge_core.errors import BadInput, ForgeError
from forge_core.files import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from forge_core.texas42.tokens.origins import Presence, Shelves


@dataclass(frozen=True, slots=True)
class Item:
    """A line, and what stands below it."""

    text: str
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """Shards or games of a split, made alike, that rows were drawn from."""

    split: str
    folder: str
    files: int
    seeds: str
    """`0-49,100-149`"""
    declaration: str
    fingerprint: str
    made: Mapping[str, Any]
    """what the fingerprint stands for: settings and versions; empty if that is not known"""
    presence: Presence | None = None
    """what is on disk by now; None: not looked"""


@dataclass(frozen=True, slots=True)
class Rows:
    """What a network learnt from."""

    kind: str
    """`stored`: drawn from shards; `games`; `live`: dealt and judged while it learnt"""
    version: str
    """of the rows learnt from; their manifest's hash, or the fingerprint of the live configuration"""
    val_version: str | None
    store: str | None
    rows: Mapping[str, int]
    """by split"""
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    """of the algorithms that made rows, by name"""
    sources: tuple[Source, ...]
    on_disk: str | None
    """what the store holds under this name by now"""
    networks: tuple[Lineage, ...] = ()
    """those that games asked"""
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Generation:
    """One network."""

    name: str
    """as the registry has it, `texas42-oracle-qvalue/3`; else its folder"""
    folder: str | None
    weights: str
    """their digest"""
    parameters: int | None
    objective: str | None
    made: str | None
    """when, ISO 8601"""
    device: str | None
    precision: str | None
    version: str | None
    """`m1/l1/t1/e1/s1/o1`: of learning and of all that it rests on"""
    packages: Mapping[str, str]
    results: Mapping[str, float]
    dagster_run: str | None
    dagster_asset: str | None
    mlflow_run: str | None
    mlflow_url: str | None
    rows: Rows | None
    unknown: tuple[str, ...] = ()
    """what nobody recorded, or what is gone"""


@dataclass(frozen=True, slots=True)
class Lineage:
    """A network and its parents, the youngest first."""

    asked: str
    generations: tuple[Generation, ...]
    end: str
    """what stands before the last: nothing, or what is not known"""

    def to_dict(self) -> dict[str, Any]:
        """JSON types."""
        return json.loads(json.dumps(asdict(self)))

    def outline(self) -> Item:
        """The chain as lines below lines."""
        return Item(f"where {self.asked} comes from", tuple(_of_lineage(self)))

    def to_text(self) -> str:
        """The chain, a line each, drawn as a tree."""
        return "\n".join(_draw(self.outline()))


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
    search = _Search(tracker or Tracker(), store, look)
    folder, name, run = search.find(model, objective)
    return search.lineage(model, folder, name, run)


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
class _Search:
    tracker: Tracker
    store: str | None
    look: bool
    shelves: dict[str, Shelves] = field(default_factory=dict)
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

        place = versions.PROJECT / "runs" / "registered" / name
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
                    if folder and read_card(folder)["weights"] == weights:
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
            experiment = client.get_experiment_by_name(EXPERIMENT)
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
        if folder and (weights is None or read_card(folder)["weights"] == weights):
            return (folder, read_card(folder)), ""
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
        rows = self._rows(card["data"], card) if card.get("data") else None
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
            name=name or _short(folder) or f"weights {record['weights'][:12]}",
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
        root = Store(self.store or data["store"])
        origin, unknown = data.get("origin"), []
        held, on_disk = self._manifests(data)
        if origin is None and held:
            origin = held  # an older card, of rows that are still there
        if origin is None:
            unknown.append("its card does not say which shards and seeds, and the rows are no longer there")
            origin = {"splits": {}, "drawn": {}, "made": {}, "versions": {}}
        sources = tuple(
            self._source(root, split, source, origin["made"])
            for split, of_split in origin["splits"].items()
            for source in of_split["sources"]
        )
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
            sources=sources,
            on_disk=on_disk,
            networks=networks,
            unknown=(*unknown, *lost),
        )

    def _manifests(self, data: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str | None]:
        """The origin of rows that lie on disk as they were, and what lies there."""
        if not self.look:
            return None, None
        from forge_core.cli.train import origin_of, store_of
        from forge_core.texas42.splits import Split

        root = Store(data["store"])
        wanted = {Split.TRAIN: data["version"], Split.VAL: data.get("val_version")}
        try:
            rows = {split: store_of(data["kind"])(root, split) for split in wanted}
        except ForgeError:
            return None, "gone, or unreadable by this code"
        now = {split: of_split.manifest.hash for split, of_split in rows.items()}
        if now != wanted:
            return None, f"others by now: {now[Split.TRAIN]} (val {now[Split.VAL]})"
        return (None if "origin" in data else origin_of(data["kind"], root, rows)), "the same"

    def _source(
        self, root: Store, split: str, told: Mapping[str, Any], made: Mapping[str, Mapping[str, Any]]
    ) -> Source:
        from forge_core.texas42.declarations import NAMES
        from forge_core.texas42.splits import Split
        from forge_core.texas42.tokens.origins import SourceFiles

        files = SourceFiles(**told)
        presence = self._shelves(root).look(Split(split), files) if self.look else None
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

    def _shelves(self, root: Store) -> Shelves:
        from forge_core.texas42.eq.files import GAMES_FOLDER
        from forge_core.texas42.eq.origins import fingerprint_of_game
        from forge_core.texas42.tokens.origins import Shelves, fingerprint_of_shard

        kinds = ("shards-standard", "shards-marginalized")
        readers = {**dict.fromkeys(kinds, fingerprint_of_shard), GAMES_FOLDER: fingerprint_of_game}
        return self.shelves.setdefault(root.url, Shelves(root, readers))

    def _networks(
        self, asked: Mapping[str, Mapping[str, Any]], card: Mapping[str, Any]
    ) -> tuple[tuple[Lineage, ...], tuple[str, ...]]:
        """The chains of networks that games asked, known by a digest of their numbers; which are lost."""
        found, lost = [], []
        for digest, settings in asked.items():
            folder = self._by_numbers(digest, settings.get("parameters"))
            if folder:
                found.append(self.lineage(_short(folder) or folder, folder, None, None))
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
            for folder in sorted(versions.PROJECT.glob(pattern)):
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
    bases = (word,) if "://" in word else (str(Path(word).absolute()), str(versions.PROJECT / word))
    for base in dict.fromkeys(bases):
        for folder in (base, f"{base}/model"):
            try:
                if Store(folder).exists("model.json"):
                    return folder
            except ForgeError:
                continue
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


def _short(folder: str | None) -> str | None:
    """A folder of the project without its beginning."""
    return folder and folder.removeprefix(f"{versions.PROJECT}/")


# --- as text ------------------------------------------------------------------------------------


def _of_lineage(lineage: Lineage) -> Iterator[Item]:
    for place, generation in enumerate(lineage.generations):
        began = "" if place == 0 else "began from "
        yield Item(f"{began}{generation.name}", tuple(_of_generation(generation)))
    yield Item(lineage.end)


def _of_generation(of: Generation) -> Iterator[Item]:
    size = f"{of.parameters:,} parameters" if of.parameters else "size not recorded"
    yield Item(f"weights {of.weights or 'not recorded'}, {size}, objective {of.objective or 'not recorded'}")
    if of.folder and _short(of.folder) != of.name:
        yield Item(f"folder {_short(of.folder)}")
    where = ", ".join(filter(None, (of.device and f"on {of.device}", of.precision)))
    if of.made or where:
        yield Item(f"learnt {of.made or ''}{' ' if of.made and where else ''}{where}")
    if of.results:
        named = {
            "rows": "{:,.0f} rows",
            "step": "step {:,.0f}",
            "decision_q_gap": "{:.3f} points lost a decision",
            "spread_mae": "{:.3f} points of spread off",
            "cpu_seconds": "{:,.0f} CPU s",
        }
        said = [text.format(of.results[key]) for key, text in named.items() if key in of.results]
        yield Item("best: " + ", ".join(said))
    runs = {
        "Dagster run": of.dagster_run and f"{of.dagster_run} of {of.dagster_asset}",
        "MLflow run": of.mlflow_run and f"{of.mlflow_run} ({of.mlflow_url})",
    }
    for name, run in runs.items():
        if run:
            yield Item(f"{name} {run}")
    if of.version or of.packages:
        packages = ", ".join(f"{name} {number}" for name, number in of.packages.items())
        yield Item(f"version {of.version or 'not recorded'}{'; ' if packages else ''}{packages}")
    if of.rows:
        yield Item(_rows_line(of.rows), tuple(_of_rows(of.rows)))
    for sentence in of.unknown:
        yield Item(sentence)


def _rows_line(rows: Rows) -> str:
    if rows.kind == "live":
        return f"learnt from live rows, data version {rows.version}"
    what = "games" if rows.kind == "games" else "shards"
    return f"learnt from rows of {what}, data version {rows.version} (val {rows.val_version})"


def _of_rows(rows: Rows) -> Iterator[Item]:
    if rows.kind == "live":
        seed = rows.settings.get("seed")
        yield Item(f"seeds: stream({seed}, 'live', chunk, ...) deals them, all of train (seed % 1000 < 900)")
    else:
        now = f"; on disk: {rows.on_disk}" if rows.on_disk else ""
        yield Item(f"rows in {rows.store}{now}")
    if rows.settings:
        yield Item(_settings_text(rows.settings))
    if rows.versions:
        yield Item("versions: " + ", ".join(f"{name} {number}" for name, number in rows.versions.items()))
    for split, count in rows.rows.items():
        sources = [source for source in rows.sources if source.split == split]
        yield Item(f"{split}: {count:,} rows", tuple(_of_source(source) for source in sources))
    for network in rows.networks:
        yield Item(f"the network that was asked: {network.asked}", tuple(_of_lineage(network)))
    for sentence in rows.unknown:
        yield Item(sentence)


def _of_source(source: Source) -> Item:
    noun = "games" if source.folder.startswith("eq") else "shards"
    head = f"{source.files:,} {noun} in {source.folder}: seeds {source.seeds}, {source.declaration}"
    made = _settings_text(source.made) if source.made else "what it stands for is not known"
    items = [Item(f"fingerprint {source.fingerprint}: {made}")]
    if source.presence:
        items.append(Item(_presence_text(source.presence, source.files)))
    return Item(head, tuple(items))


def _presence_text(found: Presence, files: int) -> str:
    if found.unchanged == files:
        return "all still in the store, unchanged"
    said = [f"{found.unchanged:,} of {files:,} still in the store, unchanged"]
    for word, names in (("gone", found.gone), ("made otherwise by now, or damaged", found.changed)):
        if names:
            more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
            said.append(f"{len(names):,} {word}: {', '.join(names[:3])}{more}")
    return "; ".join(said)


def _settings_text(settings: Mapping[str, Any]) -> str:
    """`rows 1000, sample_seed 0`, nested ones by a point."""
    from forge_assets.tracker import flatten

    return ", ".join(f"{name} {value}" for name, value in flatten(settings) if value is not None)


def _draw(item: Item, above: str = "", last: bool | None = None) -> Iterator[str]:
    """Lines with the branches of a tree."""
    yield item.text if last is None else f"{above}{'└─ ' if last else '├─ '}{item.text}"
    below = "" if last is None else f"{above}{'   ' if last else '│  '}"
    for place, child in enumerate(item.items, start=1):
        yield from _draw(child, below, place == len(item.items))
