"""The mover's hand, with the distribution of Q over worlds above each legal play."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from forge_core.pictures import FAINT, INK, SOFT
from forge_core.texas42.declarations import is_called
from forge_core.texas42.domino_art import draw_domino
from forge_core.texas42.dominoes import HAND_POINTS, HAND_SIZE, team
from forge_core.texas42.eq.pictures.canvas import TEAM, TEAM_PALE, TEAM_TINT, box, signed, write
from forge_core.texas42.eq.scenes import Option, Scene

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HAND_LEFT, _HAND_STEP = 124, 206
"""left edge of the hand, and the distance from one domino to the next"""
_PLOT_BOTTOM, _PLOT_TOP = 214, 480
"""lower and upper edge of the distributions"""
_ABSENT = "#aaaaaa"
"""colour of the text that says why a domino has no distribution"""

_Floats = npt.NDArray[np.float64]


def draw_hand(ax: Axes, scene: Scene) -> None:
    """Draw the hand, with the chosen domino on a tinted background and the estimate above each play."""
    options, side = {option.domino: option for option in scene.options}, team(scene.seat)
    scale = _Scale.around(scene)
    title = f"Q over the worlds: points from here on, seat {scene.seat}'s team less the other's"
    write(ax, 40, 508, title, 14, weight="bold")
    guide = "dot: E[Q] · line: ± spread"
    if any(option.pdf is not None for option in options.values()):
        guide += f" · dark: {'the bid is made' if scene.bids else 'the bid is set'}"
    write(ax, 1560, 508, guide, 12.5, SOFT, ha="right")
    x = _HAND_LEFT + _HAND_STEP * scene.hand.index(scene.chosen)
    style = {"facecolor": TEAM_TINT[side], "linewidth": 0, "zorder": 0.5}
    ax.add_patch(box(x + 6, 26, _HAND_STEP - 12, 462, 14, **style))
    _draw_axis(ax, scene, scale)
    for place, domino in enumerate(scene.hand):
        x, option = _HAND_LEFT + _HAND_STEP * (place + 0.5), options.get(domino)
        gone = domino in scene.played
        draw_domino(
            ax,
            domino,
            x,
            168,
            54,
            horizontal=True,
            ghost=gone,
            called=is_called(domino, scene.record.decl),
            fade=0 if option or gone else 0.65,
            edge=TEAM[side] if domino == scene.chosen else None,
        )
        if option:
            _draw_spread(ax, x, option, scale, scene)
            _draw_figures(ax, x, option, scene)
        else:
            note = f"trick {scene.played[domino] + 1}" if gone else "does not follow"
            write(ax, x, 116, note, 12.5, _ABSENT, ha="center")


@dataclass(frozen=True, slots=True)
class _Scale:
    """The vertical axis of the distributions: points of Q to pixels."""

    low: float
    high: float

    @classmethod
    def around(cls, scene: Scene) -> _Scale:
        """Return a scale that spans nearly all of every distribution, and the bid's line if it is close."""
        ends = [value for option in scene.options for value in _reach(option)]
        low, high, line = min(ends), max(ends), scene.makes_from
        if line is not None and low - 8 <= line <= high + 8:
            low, high = min(low, line - 1), max(high, line + 1)
        margin = max(4.0, 0.08 * (high - low))
        return cls(low - margin, high + margin)

    def y(self, points):
        """Convert points, a number or an array, to pixels from the bottom."""
        return _PLOT_BOTTOM + (_PLOT_TOP - _PLOT_BOTTOM) * (points - self.low) / (self.high - self.low)

    @property
    def ticks(self) -> list[int]:
        """Return round numbers of points for the axis, at most eight."""
        step = next(step for step in (1, 2, 5, 10, 20) if self.high - self.low <= 8 * step)
        return list(range(math.ceil(self.low / step) * step, math.floor(self.high) + 1, step))


def _reach(option: Option) -> tuple[float, float]:
    """Return the range that contains Q in nearly all worlds."""
    if option.pdf is None:
        return option.mean - 2 * option.spread, option.mean + 2 * option.spread
    values = np.flatnonzero(option.pdf > 0.001) - HAND_POINTS
    return min(values[0], option.mean - option.spread), max(values[-1], option.mean + option.spread)


def _draw_axis(ax: Axes, scene: Scene, scale: _Scale) -> None:
    """Draw lines across the hand, dashed at the smallest Q with which the mover's team succeeds."""
    ends, line = [_HAND_LEFT, _HAND_LEFT + _HAND_STEP * HAND_SIZE], scene.makes_from
    if line is not None and scale.low < line < scale.high:
        y, word = scale.y(line), "makes" if scene.bids else "sets"
        ax.plot(ends, [y, y], color=INK, linewidth=1.2, linestyle=(0, (5, 4)), zorder=1.5)
        write(ax, _HAND_LEFT - 12, y, f"{word} ↑", 12.5, ha="right", weight="bold")
    else:
        y = -math.inf
    for tick in scale.ticks:
        ax.plot(ends, [scale.y(tick)] * 2, color=FAINT, linewidth=1.6 if tick == 0 else 0.8, zorder=1)
        if abs(scale.y(tick) - y) > 19:
            write(ax, _HAND_LEFT - 12, scale.y(tick), signed(tick, 0), 12.5, SOFT, ha="right")


def _draw_spread(ax: Axes, x: float, option: Option, scale: _Scale, scene: Scene) -> None:
    """Draw a violin whose width is the density of Q, dark where the mover's team succeeds.

    If no distribution is stored, draw a bar of mean ± spread.
    """
    color, pale = TEAM[team(scene.seat)], TEAM_PALE[team(scene.seat)]
    within = scale.y(option.mean + option.spread * np.array((-1, 1)))
    if option.pdf is None:
        ax.plot([x, x], within, color=color, linewidth=12, solid_capstyle="butt", zorder=2)
    else:
        q, share = _smooth(option.pdf, scale)
        line, half = scene.makes_from, 72 * share / share.max()
        if line is None:
            line = -math.inf if option.p_make > 0.5 else math.inf
        for part, shade in ((q >= line, color), (q < line, pale)):
            ax.fill_betweenx(scale.y(q), x - half, x + half, where=part, color=shade, linewidth=0, zorder=2)
        for color, linewidth in (("white", 4.5), (INK, 1.8)):
            ax.plot([x, x], within, color=color, linewidth=linewidth, solid_capstyle="round", zorder=2.5)
    dot = {"color": "white", "markeredgecolor": INK, "markeredgewidth": 1.6, "markersize": 9}
    ax.plot([x], [scale.y(option.mean)], marker="o", zorder=2.6, **dot)


def _smooth(pdf: npt.NDArray[np.float32], scale: _Scale) -> tuple[_Floats, _Floats]:
    """Return Q [K] and its density [K] as a smooth curve; the values themselves are two points apart."""
    width = max(0.7, (scale.high - scale.low) / 36)
    values = np.flatnonzero(pdf) - HAND_POINTS
    q = np.linspace(values[0] - 3 * width, values[-1] + 3 * width, 400)
    share = np.exp(-0.5 * ((q[:, None] - values) / width) ** 2) @ pdf[values + HAND_POINTS].astype(np.float64)
    seen = np.flatnonzero(share > 0.01 * share.max())
    return q[seen[0] : seen[-1] + 1], share[seen[0] : seen[-1] + 1]


def _draw_figures(ax: Axes, x: float, option: Option, scene: Scene) -> None:
    worth = f"{signed(option.mean, 1)} ± {option.spread:.1f}"
    write(ax, x, 117, worth, 15, ha="center", weight="bold")
    chance = f"{'makes' if scene.bids else 'sets'} {option.p_make:.0%}"
    write(ax, x, 86, chance, 14, TEAM[team(scene.seat)], ha="center")
    note = f"{option.behind:.1f} behind" if option.behind >= 0.05 else "best"
    note = "no choice" if scene.forced else note
    if option.chosen:
        write(ax, x, 55, f"played, {note}", 12, ha="center", weight="bold")
    else:
        write(ax, x, 55, note, 13, SOFT, ha="center")
