"""What a store holds: every shard by its footer, counted and drawn.

A store keeps one folder a kind, in it one a split. A file that is no sound shard of its
folder is listed with the reason, never passed over.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from forge_core.errors import BadInput, ShardCorrupt
from forge_core.files import Store, fingerprint
from forge_core.splits import Split
from forge_core.streams import stream
from forge_core.texas42.declarations import NAMES
from forge_core.texas42.oracle.shards import ShardHeader, ShardKey, read_header

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = ("standard", "marginalized", "golden")
_READERS = 8
"""Footers read at once: it is the waiting for files that takes the time."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One sound shard."""

    kind: str
    split: Split
    filename: str
    nbytes: int
    header: ShardHeader


@dataclass(frozen=True, slots=True)
class Fault:
    """One file that does not belong where it lies."""

    path: str
    """below the root of the store"""
    reason: str


@dataclass(frozen=True, slots=True)
class Total:
    """All shards of one kind and split."""

    kind: str
    split: Split
    shards: int
    rows: int
    states: int
    nbytes: int
    first_seed: int
    last_seed: int
    fingerprints: tuple[str, ...]
    """the different ones: one, unless settings or algorithms have changed"""


@dataclass(frozen=True, slots=True)
class Catalog:
    """What a store holds."""

    entries: tuple[Entry, ...]
    """by kind, split and file name"""
    faults: tuple[Fault, ...]

    @property
    def fingerprint(self) -> str:
        """16 hex digits, equal if and only if the same shards of the same versions are there."""
        return fingerprint(
            {
                f"{entry.kind}/{entry.split}/{entry.filename}": [entry.header.fingerprint, entry.header.rows]
                for entry in self.entries
            }
        )

    def totals(self) -> list[Total]:
        """One record for each kind and split that holds anything."""
        groups = groupby(self.entries, key=lambda entry: (entry.kind, entry.split))
        return [_total(kind, split, list(entries)) for (kind, split), entries in groups]


def read_catalog(store: Store) -> Catalog:
    """List a store from the footers of its shards. store: the root, above the folders of the kinds.

    Raises StoreUnusable where it cannot be listed.
    """
    places = [
        (kind, split, folder, filename)
        for kind in KINDS
        for split in Split
        for folder in [store.join(f"shards-{kind}")]
        for filename in folder.join(split).names()
    ]
    with ThreadPoolExecutor(_READERS, "catalog") as pool:
        found = list(pool.map(lambda place: _read_entry(*place), places))
    return Catalog(
        tuple(entry for entry in found if isinstance(entry, Entry)),
        tuple(fault for fault in found if isinstance(fault, Fault)),
    )


def _read_entry(kind: str, split: Split, folder: Store, filename: str) -> Entry | Fault:
    path = f"shards-{kind}/{split}/{filename}"
    try:
        key = ShardKey.parse(filename)
        if key.split != split:
            return Fault(path, f"seed {key.seed} belongs to {key.split}: move the file, or delete it")
        if (key.opponent is not None) != (kind == "marginalized"):
            return Fault(path, f"is not named as a {kind} shard is: move the file, or delete it")
        return Entry(kind, split, filename, folder.join(split).size(filename), read_header(folder, filename))
    except ShardCorrupt as error:
        return Fault(path, f"{error.reason}; {error.remedy}")
    except BadInput as error:
        return Fault(path, str(error))


def _total(kind: str, split: Split, entries: list[Entry]) -> Total:
    headers = [entry.header for entry in entries]
    seeds = [header.seed for header in headers]
    return Total(
        kind,
        split,
        shards=len(entries),
        rows=sum(header.rows for header in headers),
        states=sum(sum(header.states_per_ply) for header in headers),
        nbytes=sum(entry.nbytes for entry in entries),
        first_seed=min(seeds),
        last_seed=max(seeds),
        fingerprints=tuple(sorted({header.fingerprint for header in headers})),
    )


def draw_root_values(catalog: Catalog) -> bytes:
    """What deals are worth to team 0, which leads, by declaration: a PNG 1000 pixels wide.

    Without the test split, whose labels are sealed.
    """
    values = _by_declaration(catalog, lambda header: header.root_value, sealed=True)
    label = "value at the root: points of team 0, who leads, minus those of team 1"
    figure = _figure("What deals are worth, by declaration (train and val)", label)
    axes = figure.axes[0]
    axes.set_xlim(-45, 45)
    axes.set_xticks(range(-42, 43, 14))
    axes.xaxis.set_major_formatter(lambda tick, _: f"{tick:+.0f}" if tick else "0")
    axes.axvline(0, color=_INK, linewidth=0.8)
    _draw_rows(figure, values, spread=0.6)
    _draw_margin(figure, values, "mean", lambda of_decl: f"{of_decl.mean():+.1f}")
    return _png(figure)


def draw_states(catalog: Catalog) -> bytes:
    """How many states deals have, by declaration: a PNG 1000 pixels wide."""
    states = _by_declaration(catalog, lambda header: sum(header.states_per_ply) / 1e6, sealed=False)
    figure = _figure(
        "How large deals are, by declaration", "reachable states, millions; each step is a doubling"
    )
    axes = figure.axes[0]
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(lambda tick, _: f"{tick:g}")
    _draw_rows(figure, states, spread=0.0)
    _draw_margin(figure, states, "median", lambda of_decl: f"{np.median(of_decl):.1f}")
    return _png(figure)


_INK, _SOFT, _FAINT, _POINT, _BOX = "#333333", "#777777", "#dddddd", "#2f6f9f", "#d9822b"
_MOST_POINTS = 200
"""drawn of one declaration, evenly taken; box and figures at the margin are of all"""


def _by_declaration(
    catalog: Catalog, measure: Callable[[ShardHeader], float], sealed: bool
) -> list[np.ndarray]:
    """Ten arrays: the measure of every shard of a declaration; with `sealed`, none of test."""
    groups: list[list[float]] = [[] for _ in NAMES]
    for entry in catalog.entries:
        if not (sealed and entry.split is Split.TEST):
            groups[entry.header.decl].append(measure(entry.header))
    return [np.array(group, dtype=np.float64) for group in groups]


def _figure(title: str, label: str) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 5.2), dpi=100)
    figure.subplots_adjust(left=0.125, right=0.845, top=0.87, bottom=0.115)
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=13, color=_INK, pad=26)
    guide = f"point: a deal (at most {_MOST_POINTS} a row); box: the middle half; line in it: the median"
    axes.text(0, 1.025, guide, transform=axes.transAxes, fontsize=9, color=_SOFT)
    axes.set_xlabel(label, color=_INK)
    axes.set_yticks(range(len(NAMES)), NAMES)
    axes.set_ylim(len(NAMES) - 0.4, -0.6)
    axes.grid(axis="x", color=_FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, colors=_INK)
    axes.spines[:].set_visible(False)
    return figure


def _draw_rows(figure: Figure, values: list[np.ndarray], spread: float) -> None:
    """A row a declaration: points, jittered so that equal ones show, over a box of the middle half."""
    axes = figure.axes[0]
    jitter = stream(0, "jitter")
    for row, of_decl in enumerate(values):
        if not len(of_decl):
            continue
        low, median, high = np.percentile(of_decl, [25, 50, 75])
        axes.barh(row, high - low, left=low, height=0.62, color=_BOX, alpha=0.25, linewidth=0)
        axes.plot([median, median], [row - 0.31, row + 0.31], color=_BOX, linewidth=2)
        shown = of_decl[:: max(1, -(-len(of_decl) // _MOST_POINTS))]
        x = shown + jitter.uniform(-spread, spread, len(shown))
        y = row + jitter.uniform(-0.24, 0.24, len(shown))
        alpha = 0.8 if len(shown) <= 60 else 0.35
        axes.scatter(x, y, s=16, color=_POINT, alpha=alpha, linewidths=0)


def _draw_margin(
    figure: Figure, values: list[np.ndarray], name: str, summary: Callable[[np.ndarray], str]
) -> None:
    """At the right of each row: how many deals, and one figure of them."""
    axes = figure.axes[0]
    rows = [(f"{len(of_decl):,}", summary(of_decl) if len(of_decl) else "") for of_decl in values]
    for row, cells in enumerate([("deals", name), *rows], start=-1):
        for cell, x in zip(cells, (1.08, 1.18), strict=True):
            axes.text(
                x,
                row,
                cell,
                transform=axes.get_yaxis_transform(),
                ha="right",
                va="center",
                fontsize=9,
                color=_SOFT if row < 0 else _INK,
            )


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
