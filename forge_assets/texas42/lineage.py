"""Origins of the training rows of Texas 42 networks: shards or games, their seeds and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from forge_assets.lineage.cards import read_card, short
from forge_assets.lineage.models import Found
from forge_assets.lineage.records import Lineage, Presence, Rows, Source
from forge_assets.lineage.search import Card, Search
from forge_core.errors import ForgeError, StoreUnusable
from forge_core.files import Store, fingerprint
from forge_core.splits import FIRST_VAL, PERIOD, Split
from forge_core.texas42.folders import GAMES_FOLDER, MARGINALIZED_SHARDS, STANDARD_SHARDS
from forge_core.texas42.settings.self_play import SELF_PLAY
from forge_core.texas42.sources import SOURCES, EndlessRows, StoredRows, source_kind

if TYPE_CHECKING:
    from forge_core.texas42.tokens.origins import SourceIndex

_TRAIN = f"train (seed % {PERIOD} < {FIRST_VAL})"


@dataclass(frozen=True, slots=True)
class SelfPlayDeals(Rows):
    """Deals that a network played against itself, described in the terms of the game."""

    def heading(self) -> str:
        """Return a line that describes the deals."""
        return f"trained on deals of self-play, data version {self.version}"

    def place(self) -> str:
        """Return a line that says how the deals are drawn."""
        seed = self.settings.get("seed")
        return f"seeds: stream({seed}, 'self-play-deals', step) draws them from {_TRAIN}"

    def count_text(self, count: int) -> str:
        """Return a number of deals as text."""
        return f"{count:,} deals"


@dataclass(frozen=True, slots=True)
class DealRows(Rows):
    """Rows of deals, described in the terms of the game."""

    def heading(self) -> str:
        """Return a line that describes the rows."""
        if source_kind(self.kind).is_live:
            return f"trained on live rows, data version {self.version}"
        noun = source_kind(self.kind).noun
        return f"trained on rows of {noun}, data version {self.version} (val {self.val_version})"

    def place(self) -> str:
        """Return a line that says where the rows are, or how live rows are dealt."""
        if source_kind(self.kind).is_live:
            seed = self.settings.get("seed")
            return f"seeds: stream({seed}, 'live', chunk, ...) deals them, all of {_TRAIN}"
        return f"rows in {self.store}{f'; on disk: {self.on_disk}' if self.on_disk else ''}"

    def source_heading(self, source: Source) -> str:
        """Return a line that describes a source."""
        noun = "games" if source.folder == GAMES_FOLDER else "shards"
        return f"{source.files:,} {noun} in {source.folder}: seeds {source.seeds}, {source.declaration}"


def read_rows(search: Search, card: Card) -> Rows:
    """Return the training rows of a network. Raise KeyError, TypeError or ValueError for a bad card."""
    data = card["data"]
    if data["kind"] == SELF_PLAY:
        return _self_play_deals(data, card)
    is_live = SOURCES[data["kind"]].is_live
    return _live_rows(data, card) if is_live else _stored_rows(search, data)


def _self_play_deals(data: Mapping[str, Any], card: Card) -> SelfPlayDeals:
    """Return the deals of self-play, which follow from the settings and versions of the run."""
    deals = card.get("results", {}).get("rows")
    return SelfPlayDeals(
        kind=SELF_PLAY,
        version=fingerprint(data),
        val_version=None,
        store=None,
        rows={"train": int(deals)} if deals else {},
        settings=card["train"],
        versions=data["versions"],
        sources=(),
        on_disk=None,
    )


def _live_rows(data: Mapping[str, Any], card: Card) -> Rows:
    """Return the live rows of a training run, which follow from its configuration and versions."""
    kind = source_kind(data["kind"])
    assert issubclass(kind, EndlessRows)
    versions, unknown = data.get("origin", {}).get("versions"), []
    config = dict(data["config"])
    if versions is None:
        try:
            present = kind.config_kind()(**config)
            versions = present.versions() if present.fingerprint == data["version"] else None
        except (TypeError, ForgeError):
            versions = None
    if versions is None:
        unknown.append("the versions that made its rows are not recorded, and are not the current ones")
    rows = card.get("results", {}).get("rows")
    return DealRows(
        kind=kind.kind,
        version=data["version"],
        val_version=None,
        store=None,
        rows={"train": int(rows)} if rows else {},
        settings=config,
        versions=versions or {},
        sources=(),
        on_disk=None,
        unknown=tuple(unknown),
    )


def _stored_rows(search: Search, data: Mapping[str, Any]) -> Rows:
    origin, unknown = data.get("origin"), []
    from_disk, on_disk = _rows_on_disk(search, data)
    if origin is None:
        origin = from_disk  # an older card, whose rows are still on disk
    if origin is None:
        gone = ", and the rows no longer exist" if search.look else ""
        unknown.append(f"its card does not name its shards and seeds{gone}")
        origin = {"splits": {}, "drawn": {}, "made": {}, "versions": {}}
    splits, made = origin["splits"], origin["made"]
    recorded = [(split, source) for split, of_split in splits.items() for source in of_split["sources"]]
    try:
        root = Store(search.store or data["store"]) if search.look else None
        sources = [_source(search, root, *each, made) for each in recorded]
    except StoreUnusable as error:
        unknown.append(str(error))
        sources = [_source(search, None, *each, made) for each in recorded]
    asked = {settings["weights"]: settings for settings in made.values() if "weights" in settings}
    networks, lost = _networks(search, asked)
    return DealRows(
        kind=data["kind"],
        version=data["version"],
        val_version=data.get("val_version"),
        store=data["store"],
        rows={split: of_split["rows"] for split, of_split in splits.items()},
        settings=origin["drawn"],
        versions=origin["versions"],
        sources=tuple(sources),
        on_disk=on_disk,
        networks=tuple(networks),
        unknown=(*unknown, *lost),
    )


def _rows_on_disk(search: Search, data: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str | None]:
    """Return the origin of the rows if they are unchanged on disk, and a phrase that compares the two.

    The origin is read only if the card does not contain it.
    """
    if not search.look:
        return None, None
    wanted = {Split.TRAIN: data["version"], Split.VAL: data.get("val_version")}
    try:
        root, kind = Store(data["store"]), source_kind(data["kind"])
        assert issubclass(kind, StoredRows)
        rows = kind.find(root)
    except ForgeError:
        return None, "gone, or unreadable by this code"
    found = {split: of_split.manifest.hash for split, of_split in rows.items()}
    if found != wanted:
        return None, f"now other rows, {found[Split.TRAIN]} (val {found[Split.VAL]})"
    return (None if "origin" in data else kind.origin_of(root, rows)), "the same"


def _source(
    search: Search,
    root: Store | None,
    split: str,
    recorded: Mapping[str, Any],
    made: Mapping[str, Mapping[str, Any]],
) -> Source:
    """Return a source as recorded in a card. root: store in which to look up its files, if any."""
    from forge_core.texas42.declarations import NAMES
    from forge_core.texas42.tokens.origins import SourceFiles

    files = SourceFiles(**recorded)
    found = _index(search, root).look(Split(split), files) if root else None
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
        presence=Presence(*astuple(found)) if found else None,
    )


def _index(search: Search, root: Store) -> SourceIndex:
    """Return the index of the files of a store; each folder and footer is read once per query."""
    from forge_core.texas42.eq.origins import fingerprint_of_game
    from forge_core.texas42.tokens.origins import SourceIndex, fingerprint_of_shard

    key = ("texas42 files", root.url)
    if key not in search.kept:
        readers = dict.fromkeys((STANDARD_SHARDS, MARGINALIZED_SHARDS), fingerprint_of_shard)
        search.kept[key] = SourceIndex(root, {**readers, GAMES_FOLDER: fingerprint_of_game})
    return search.kept[key]


def _networks(search: Search, asked: Mapping[str, Mapping[str, Any]]) -> tuple[list[Lineage], list[str]]:
    """Return the lineages of the networks that the games used, and a sentence for each one not found.

    asked: digest of a network's parameters -> settings of the games.
    """
    found, lost = list[Lineage](), list[str]()
    for digest, settings in asked.items():
        folder = _folder_by_numbers(search, digest, settings.get("parameters"))
        if folder:
            found.append(search.lineage(short(folder), Found(folder)))
        else:
            lost.append(f"the network that the games used ({digest}) was not found in any known folder")
    return found, lost


def _folder_by_numbers(search: Search, digest: str, parameters: int | None) -> str | None:
    """Return the folder of the network with this digest, from the project or MLflow; None if not found."""
    from forge_core.learning.checkpoints import load_model
    from forge_core.texas42.eq.oracles import digest_of

    for folder in search.models.known_folders():
        try:
            if read_card(folder).get("parameters") == parameters and digest_of(load_model(folder)) == digest:
                return folder
        except ForgeError:
            continue
    return None
