"""The text of a lineage, as an outline of nested lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from forge_assets.games import Game, all_games
from forge_assets.lineage.cards import short
from forge_assets.lineage.outline import Line, draw
from forge_assets.lineage.records import Generation, Lineage, Presence, Rows, Source
from forge_assets.tracking.runs import flatten

_NAMED = 3
"""number of changed or missing files that are listed by name; the others are only counted"""


def lineage_text(lineage: Lineage, games: Sequence[Game] | None = None) -> str:
    """Return the lineage as text, drawn as a tree. games: all by default."""
    return "\n".join(draw(outline(lineage, games)))


def outline(lineage: Lineage, games: Sequence[Game] | None = None) -> Line:
    """Return the lineage as an outline. games: all by default."""
    known = all_games() if games is None else games
    formats = {game.name: {name: text for name, text in game.results.items() if text} for game in known}
    return Line(f"lineage of {lineage.asked}", tuple(_of_lineage(lineage, formats)))


Formats = Mapping[str, Mapping[str, str]]
"""text formats of results, by the name of a game, then by the name of a result"""


def _of_lineage(lineage: Lineage, formats: Formats) -> Iterator[Line]:
    """Yield one line per network."""
    for place, generation in enumerate(lineage.generations):
        began = "" if place == 0 else "trained from "
        yield Line(f"{began}{generation.name}", tuple(_of_generation(generation, formats)))
    yield Line(lineage.end)


def _of_generation(of: Generation, formats: Formats) -> Iterator[Line]:
    size = f"{of.parameters:,} parameters" if of.parameters else "size not recorded"
    objective = f", objective {of.objective}" if of.objective else ""
    yield Line(f"weights {of.weights or 'not recorded'}, {size}{objective}")
    if of.folder and short(of.folder) != of.name:
        yield Line(f"folder {short(of.folder)}")
    where = ", ".join(filter(None, (of.device and f"on {of.device}", of.precision)))
    if of.made or where:
        yield Line(f"trained {of.made or ''}{' ' if of.made and where else ''}{where}")
    of_game = formats.get(of.game, {})
    if results := [text.format(of.results[name]) for name, text in of_game.items() if name in of.results]:
        yield Line("best: " + ", ".join(results))
    runs = {
        "Dagster run": of.dagster_run and f"{of.dagster_run} of {of.dagster_asset}",
        "MLflow run": of.mlflow_run and f"{of.mlflow_run} ({of.mlflow_url})",
    }
    for name, run in runs.items():
        if run:
            yield Line(f"{name} {run}")
    if of.version or of.packages:
        packages = ", ".join(f"{name} {number}" for name, number in of.packages.items())
        yield Line(f"version {of.version or 'not recorded'}{'; ' if packages else ''}{packages}")
    if of.rows:
        yield Line(of.rows.heading(), tuple(_of_rows(of.rows, formats)))
    for sentence in of.unknown:
        yield Line(sentence)


def _of_rows(rows: Rows, formats: Formats) -> Iterator[Line]:
    if place := rows.place():
        yield Line(place)
    if rows.settings:
        yield Line(_settings_text(rows.settings))
    if rows.versions:
        yield Line("versions: " + ", ".join(f"{name} {number}" for name, number in rows.versions.items()))
    for split, count in rows.rows.items():
        sources = tuple(_of_source(rows, source) for source in rows.sources if source.split == split)
        yield Line(f"{split}: {rows.count_text(count)}", sources)
    for network in rows.networks:
        yield Line(f"made with the network {network.asked}", tuple(_of_lineage(network, formats)))
    for sentence in rows.unknown:
        yield Line(sentence)


def _of_source(rows: Rows, source: Source) -> Line:
    made = _settings_text(source.made) if source.made else "its settings are unknown"
    lines = [Line(f"fingerprint {source.fingerprint}: {made}")]
    if source.presence:
        lines.append(Line(_presence_text(source.presence, source.files)))
    return Line(rows.source_heading(source), tuple(lines))


def _presence_text(found: Presence, files: int) -> str:
    if found.unchanged == files:
        return "all are still in the store, unchanged"
    parts = [f"{found.unchanged:,} of {files:,} are still in the store, unchanged"]
    for word, names in (("gone", found.gone), ("remade with other settings, or damaged", found.changed)):
        if names:
            more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
            parts.append(f"{len(names):,} {word}: {', '.join(names[:_NAMED])}{more}")
    return "; ".join(parts)


def _settings_text(settings: Mapping[str, Any]) -> str:
    """Return settings on one line, with nested names joined by dots: `rows 1000, sample_seed 0`."""
    return ", ".join(f"{name} {value}" for name, value in flatten(settings) if value is not None)
