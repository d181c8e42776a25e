"""A lineage as lines below lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from forge_assets.versions import PROJECT

if TYPE_CHECKING:
    from forge_assets.lineage.records import Generation, Lineage, Rows, Source
    from forge_core.texas42.tokens.origins import Presence


@dataclass(frozen=True, slots=True)
class Item:
    """A line, and what stands below it."""

    text: str
    items: tuple[Item, ...] = ()


def outline(lineage: Lineage) -> Item:
    """All of it."""
    return Item(f"where {lineage.asked} comes from", tuple(_of_lineage(lineage)))


def short(folder: str | None) -> str | None:
    """A folder of the project without its beginning."""
    return folder and folder.removeprefix(f"{PROJECT}/")


def _of_lineage(lineage: Lineage) -> Iterator[Item]:
    for place, generation in enumerate(lineage.generations):
        began = "" if place == 0 else "began from "
        yield Item(f"{began}{generation.name}", tuple(_of_generation(generation)))
    yield Item(lineage.end)


def _of_generation(of: Generation) -> Iterator[Item]:
    size = f"{of.parameters:,} parameters" if of.parameters else "size not recorded"
    yield Item(f"weights {of.weights or 'not recorded'}, {size}, objective {of.objective or 'not recorded'}")
    if of.folder and short(of.folder) != of.name:
        yield Item(f"folder {short(of.folder)}")
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
    from forge_assets.tracking.runs import flatten

    return ", ".join(f"{name} {value}" for name, value in flatten(settings) if value is not None)


def draw(item: Item, above: str = "", last: bool | None = None) -> Iterator[str]:
    """Lines with the branches of a tree."""
    yield item.text if last is None else f"{above}{'└─ ' if last else '├─ '}{item.text}"
    below = "" if last is None else f"{above}{'   ' if last else '│  '}"
    for place, child in enumerate(item.items, start=1):
        yield from draw(child, below, place == len(item.items))
