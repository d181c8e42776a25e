"""Standings: results of each player against all others, and of every pair, as records and as tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from typing import Any, Generic, Literal, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

from forge_core.stats import Difference, Measure, Sprt, Verdict, mean_interval


class PairMatch(Protocol):
    """A match of two players in any game."""

    @property
    def a(self) -> str:
        """The name of the first player."""
        ...

    @property
    def b(self) -> str:
        """The name of the second player."""
        ...

    @property
    def seed(self) -> npt.NDArray[np.int64]:
        """[D] The seeds played."""
        ...

    @property
    def swing(self) -> npt.NDArray[np.float64]:
        """[D] The advantage of a over b on each seed."""
        ...

    @property
    def sprt(self) -> Sprt | None:
        """The state of the sequential test; None if there was none."""
        ...

    def swapped(self) -> Self:
        """Return the same match with a and b exchanged."""
        ...


M = TypeVar("M", bound=PairMatch)


@dataclass(frozen=True, slots=True)
class Standing:
    """The result of one player against all others."""

    name: str
    swing: Difference
    """its mean advantage per seed over the other players, on the seeds it played against all of them"""

    def to_dict(self) -> dict[str, Any]:
        """Return the standing as JSON types."""
        return asdict(self)


def standings(matches: Sequence[PairMatch]) -> list[Standing]:
    """Return the standings of all players in the matches, best first.

    Raises BadInput if a player's matches have fewer than two seeds in common.
    """
    names = list(dict.fromkeys(name for match in matches for name in (match.a, match.b)))
    found = [_standing(name, [match for match in matches if name in (match.a, match.b)]) for name in names]
    return sorted(found, key=lambda standing: -standing.swing.mean)


def _standing(name: str, matches: Sequence[PairMatch]) -> Standing:
    common = reduce(np.intersect1d, [match.seed for match in matches])
    own = [match if match.a == name else match.swapped() for match in matches]
    swings = [match.swing[np.isin(match.seed, common)] for match in own]
    return Standing(name, mean_interval(np.mean(swings, axis=0)))


def by_rank(matches: Sequence[M], ranked: Sequence[Standing]) -> list[M]:
    """Return the matches in order of rank, swapped where needed so that a is the higher-ranked player."""
    names = [standing.name for standing in ranked]
    turned = [match if names.index(match.a) <= names.index(match.b) else match.swapped() for match in matches]
    return sorted(turned, key=lambda match: (names.index(match.a), names.index(match.b)))


def better_side(sprt: Sprt | None) -> Literal["a", "b"] | None:
    """Return the player that a sequential test found better; None if it is undecided or there was none."""
    if sprt is None or sprt.verdict is Verdict.CONTINUE:
        return None
    return "a" if sprt.verdict is Verdict.ACCEPT_H1 else "b"


# --- tables as lines of cells, titles first ----------------------------------------------------

Lines = list[list[str]]


@dataclass(frozen=True, slots=True)
class Column(Generic[M]):
    """A column that a game adds to the table of pairs."""

    title: str
    cell: Callable[[M], str]


def swing_text(swing: Difference) -> str:
    """Return a difference with its interval as `+2.35 ± 0.41`."""
    return f"{swing.mean:+.2f} ± {swing.high - swing.mean:.2f}"


def rank_table(ranked: Sequence[Standing], measure: Measure) -> Lines:
    """Return a table with one line per player: rank, name, swing and number of seeds."""
    lines = [["", "against all others", measure.per_case, measure.cases]]
    for place, standing in enumerate(ranked, start=1):
        swing = standing.swing
        lines.append([str(place), standing.name, swing_text(swing), f"{swing.n:,}"])
    return lines


def pair_table(
    matches: Sequence[M],
    measure: Measure,
    columns: Sequence[Column[M]] = (),
    label: Callable[[str], str] = str,
    undecided: str = "",
) -> Lines:
    """Return a table with one line per match: players, swing, the game's columns, seeds and verdict.

    label: converts a player's name to its text in the table. undecided: the text for an undecided test.
    """
    lines = [["pair", measure.per_case, *(column.title for column in columns), measure.cases, "test"]]
    for match in matches:
        a, b = label(match.a), label(match.b)
        verdicts = {"a": f"{a} is better", "b": f"{b} is better", None: undecided if match.sprt else ""}
        cells = [f"{a} : {b}", swing_text(mean_interval(match.swing))]
        cells += [column.cell(match) for column in columns]
        lines.append([*cells, f"{len(match.seed):,}", verdicts[better_side(match.sprt)]])
    return lines


def to_markdown(lines: Lines) -> str:
    """Return a table as Markdown."""
    titles, *rows = lines
    ruler = "|" + "-|" * len(titles)
    return "\n".join([_markdown_line(titles), ruler, *map(_markdown_line, rows)])


def _markdown_line(cells: Sequence[str]) -> str:
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)
