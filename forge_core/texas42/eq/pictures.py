"""One decision of a recorded game as a picture, and a game as a series of them.

Below, the mover's hand: over each domino that could be played, how Q is spread over the
worlds. Above, what everybody saw: the tricks so far, the table with the mover nearest, and
which seat is known to have none of which suit.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.texas42.declarations import is_called
from forge_core.texas42.domino_art import CALLED_EDGE, INK, draw_back, draw_domino, draw_place
from forge_core.texas42.dominoes import HAND_POINTS, HAND_SIZE, N_PLAYS, N_SEATS, team
from forge_core.texas42.eq.records import GameRecord
from forge_core.texas42.eq.scenes import Option, Scene, scenes, suit_text, suits_of
from forge_core.texas42.eq.view import settings_text
from forge_core.texas42.notation import declaration_text
from forge_core.texas42.rules import CALLED_SUIT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyBboxPatch

WIDTH, HEIGHT = 1600, 1000
"""pixels of a picture; the axes it is drawn on measure as much"""
FASTEST, SLOWEST = 50.0, 0.02
"""pictures a second of a GIF, which counts time in hundredths of a second"""

_TEAM, _TEAM_TINT = ("#2f6f9f", "#d9822b"), ("#eaf1f6", "#fcf2e7")
_TEAM_PALE = ("#b5cede", "#f2d3b0")
_SOFT, _FAINT, _TABLE, _DIAL = "#777777", "#dddddd", "#eef3ee", "#5b7f5b"
_DPI = 100

_RIGHT_PANEL = 1110
_HAND_LEFT, _HAND_STEP = 124, 206
"""left edge of the hand, and from one of its dominoes to the next"""
_PLOT_BOTTOM, _PLOT_TOP = 214, 480

_Floats = npt.NDArray[np.float64]


def draw_decision(record: GameRecord, step: int) -> bytes:
    """Decision `step`, 0..27: a PNG, 1600 x 1000. Raises BadInput for another."""
    buffer = io.BytesIO()
    draw_scene(Scene(record, step)).savefig(buffer, format="png")
    return buffer.getvalue()


def draw_small(scene: Scene) -> bytes:
    """A PNG, 1000 x 625 in 64 colours: a fifth of the bytes, where one of many is kept."""
    from PIL import Image

    figure, buffer = draw_scene(scene), io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI * 1000 / WIDTH)
    small = Image.open(buffer).convert("RGB").quantize(64, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    small.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def draw_game(record: GameRecord, steps: Sequence[int] | None = None, fps: float = 0.5) -> bytes:
    """Decisions as an animated GIF, 1600 x 1000, that starts over at its end.

    steps: which, in order; default: the seven of seat 0. fps: pictures a second. Raises
    BadInput for no or other decisions than 0..27, and for a speed that a GIF has not.
    """
    from PIL import Image

    if not SLOWEST <= fps <= FASTEST:
        raise BadInput(f"{fps:g} pictures a second: a GIF can show {SLOWEST:g} to {FASTEST:g}")
    steps = steps_of_seat(record, 0) if steps is None else steps
    if not steps:
        raise BadInput(f"a film of no decisions: name some of 0..{N_PLAYS - 1}")
    frames = []
    for step in steps:
        pixels = Image.frombuffer("RGBA", (WIDTH, HEIGHT), _pixels(draw_scene(Scene(record, step))))
        frames.append(pixels.convert("RGB").quantize(dither=Image.Dither.NONE))
    buffer = io.BytesIO()
    frames[0].save(
        buffer, "GIF", save_all=True, append_images=frames[1:], duration=round(1000 / fps), loop=0, disposal=1
    )
    return buffer.getvalue()


def steps_of_seat(record: GameRecord, seat: int) -> list[int]:
    """The seven decisions of a seat, in order."""
    return [scene.step for scene in scenes(record) if scene.seat == seat]


def draw_scene(scene: Scene) -> Figure:
    """One decision as a matplotlib figure, 1600 x 1000."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH / _DPI, HEIGHT / _DPI), dpi=_DPI, facecolor="white")
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_xlim(0, WIDTH)
    ax.set_ylim(0, HEIGHT)
    ax.set_axis_off()
    _draw_heading(ax, scene)
    _draw_tricks(ax, scene)
    _draw_table(ax, scene)
    _draw_dials(ax, scene)
    _draw_voids(ax, scene)
    _draw_hand(ax, scene)
    return figure


def _pixels(figure: Figure) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return bytes(canvas.buffer_rgba())


# --- heading and score ------------------------------------------------------------------------


def _draw_heading(ax: Axes, scene: Scene) -> None:
    record = scene.record
    seed = "" if record.seed is None else f"Seed {record.seed} · "
    number, place = divmod(scene.step, N_SEATS)
    title = f"{seed}{declaration_text(record.decl)}"
    _write(ax, 40, 958, title[:1].upper() + title[1:], 21, weight="bold")
    now = f"trick {number + 1}, play {place + 1} · seat {scene.seat} to play"
    _write(ax, 40, 922, f"{now} · {settings_text(record.settings)}", 12.5, _SOFT)

    left, width, y = 960, 600, 943
    points = scene.points
    _fill(ax, left, y - 9, width, 18, _FAINT)
    ours, theirs = (width * taken / HAND_POINTS for taken in points)
    _fill(ax, left, y - 9, ours, 18, _TEAM[0])
    _fill(ax, left + width - theirs, y - 9, theirs, 18, _TEAM[1])
    _write(ax, left, y - 25, f"seats 0 and 2: {points[0]}", 13, _TEAM[0], weight="bold")
    _write(ax, left + width, y - 25, f"seats 1 and 3: {points[1]}", 13, _TEAM[1], ha="right", weight="bold")
    bidders = team(record.bidder)
    from_left = width * scene.needed / HAND_POINTS
    goal = left + (from_left if bidders == 0 else width - from_left)
    ax.plot([goal, goal], [y - 15, y + 15], color=INK, linewidth=2, solid_capstyle="butt")
    align = "right" if goal > left + width - 70 else "left" if goal < left + 70 else "center"
    _write(ax, goal, y + 29, f"seat {record.bidder} bid {record.bid}", 13, _TEAM[bidders], ha=align)


# --- what everybody saw -----------------------------------------------------------------------


def _draw_tricks(ax: Axes, scene: Scene) -> None:
    """A row a trick, a column a seat: who led, who took it, for how much."""
    left, step, top, row, end = 128, 88, 820, 43, 486
    _write(ax, 40, 884, "Tricks", 14, weight="bold")
    for seat in range(N_SEATS):
        x, style = left + step * seat, {"weight": "bold" if seat == scene.seat else "normal"}
        _write(ax, x, top + 33, f"seat {seat}", 12.5, _TEAM[team(seat)], ha="center", **style)
    _write(ax, end, top + 33, "points", 12.5, _SOFT, ha="right")
    for number in range(HAND_SIZE):
        y = top - row * number
        trick = scene.tricks[number] if number < len(scene.tricks) else None
        _write(ax, 40, y, str(number + 1), 12.5, _SOFT if trick else _FAINT)
        for seat in range(N_SEATS):
            x = left + step * seat
            if trick is None or seat not in trick.seats:
                ax.plot([x - 5, x + 5], [y, y], color=_FAINT, linewidth=1.5)
                continue
            domino = trick.dominoes[trick.seats.index(seat)]
            took = trick.complete and seat == trick.winner
            draw_domino(
                ax,
                domino,
                x,
                y,
                30,
                horizontal=True,
                called=is_called(domino, scene.record.decl),
                edge=_TEAM[team(seat)] if took else None,
            )
            if seat == trick.leader:
                ax.plot([x - 40], [y], marker=">", color=_SOFT, markersize=6, linewidth=0)
        if trick and trick.complete and trick.winner is not None:
            _write(ax, end, y, str(trick.points), 13.5, _TEAM[team(trick.winner)], ha="right", weight="bold")


def _draw_table(ax: Axes, scene: Scene) -> None:
    """From above, the mover nearest: seats go clockwise, so the next sits to the left."""
    x, y, decl, trick = 795, 716, scene.record.decl, scene.trick
    table = _box(x - 255, y - 172, 510, 344, 34, facecolor=_TABLE, edgecolor=_FAINT, linewidth=1.2)
    ax.add_patch(table)
    if trick.suit is not None:
        color = CALLED_EDGE if trick.suit == CALLED_SUIT else _SOFT
        _write(ax, x, y, f"{suit_text(trick.suit, decl)}\nled", 13, color, ha="center")
    for offset, (dx, dy) in enumerate(((0, -1), (-1, 0), (0, 1), (1, 0))):
        seat = (scene.seat + offset) % N_SEATS
        color, at = _TEAM[team(seat)], (x + 98 * dx, y + 80 * dy)
        if seat in trick.seats:
            domino = trick.dominoes[trick.seats.index(seat)]
            draw_domino(
                ax,
                domino,
                *at,
                44,
                horizontal=dx != 0,
                called=is_called(domino, decl),
                edge=color if seat == trick.winner else None,
            )
        name = f"seat {seat} led" if trick.dominoes and seat == trick.leader else f"seat {seat}"
        if offset == 0:
            draw_place(ax, *at, 44, color=color)
            asked = "to play" if trick.dominoes else "to lead"
            _write(ax, x, y - 148, f"{name} {asked}", 13, color, ha="center", weight="bold")
            continue
        held = set(scene.record.hands[seat].tolist()) - scene.played.keys()
        for place in range(len(held)):
            along = 19 * (place - (len(held) - 1) / 2)
            back = (x + along, y + 149) if dx == 0 else (x + 230 * dx, y - 8 + along)
            draw_back(ax, *back, 15, horizontal=dx != 0, color=color)
        if dx == 0:
            _write(ax, x + 82, y + 149, name, 13, color)
        else:
            _write(ax, x + 232 * dx, y + 84, name, 13, color, ha="left" if dx < 0 else "right")


def _draw_voids(ax: Axes, scene: Scene) -> None:
    """Seats x suits: a cross where a seat did not follow; below, how many the mover has not seen."""
    left, step, top, row, decl = 1218, 46, 684, 27, scene.record.decl
    _write(ax, _RIGHT_PANEL, 714, "Known voids", 14, weight="bold")
    for seat in range(N_SEATS):
        weight = "bold" if seat == scene.seat else "normal"
        y = top - row * (seat + 1)
        _write(ax, _RIGHT_PANEL, y, f"seat {seat}", 12.5, _TEAM[team(seat)], weight=weight)
    _write(ax, _RIGHT_PANEL, top - row * 5, "unseen", 12.5, _SOFT)
    for place, suit in enumerate(suits_of(decl)):
        x, pip = left + step * place, str(place) if place < HAND_SIZE else "dbl"
        _write(ax, x, top, pip, 13, CALLED_EDGE if suit == CALLED_SUIT else INK, ha="center", weight="bold")
        _write(ax, x, top - row * 5, str(scene.unseen[suit]), 12.5, _SOFT, ha="center")
        for seat, voids in enumerate(scene.voids):
            y = top - row * (seat + 1)
            if suit in voids:
                ax.add_patch(_box(x - 18, y - 11, 36, 22, 5, facecolor=_TEAM_PALE[team(seat)], linewidth=0))
                ax.plot([x], [y], marker="x", color=INK, markersize=8, markeredgewidth=1.8)
            else:
                ax.plot([x], [y], marker="o", color=_FAINT, markersize=3)


# --- how sure the mover is --------------------------------------------------------------------


def _draw_dials(ax: Axes, scene: Scene) -> None:
    fitting = f"{scene.world_count:,} that fit"
    notes = (f"{scene.n_worlds:,} asked", f"of {fitting}")
    if scene.every:
        notes = ("the only one that fits" if scene.world_count == 1 else f"all {fitting}", "")
    _draw_dial(ax, 1205, "Worlds", scene.ess / scene.n_worlds, _QUARTERS, f"ESS {scene.ess:,.1f}", notes)
    lead = scene.lead_in_errors
    if lead is None:
        _draw_dial(ax, 1455, "Decision", 0, (), "forced", ("one legal play", ""))
        return
    ahead = sorted(option.behind for option in scene.options)[1]
    errors = "no sampling error" if math.isinf(lead) else f"{lead:.1f} standard errors"
    notes = (f"best by {ahead:.1f} points", errors) if ahead >= 0.05 else ("two are as good", "")
    named = next(name for most, name in _CLARITY if lead <= most)
    marks = [_turn(most) for most, _ in _CLARITY[:-1]]
    _draw_dial(ax, 1455, "Decision", _turn(lead), marks, named, notes)


_QUARTERS = (0.25, 0.5, 0.75)
_CLARITY = ((1.0, "a toss-up"), (2.0, "close"), (4.0, "clear"), (math.inf, "sure"))
"""how far the best play leads the second, in standard errors at most"""


def _turn(errors: float) -> float:
    """0..1, how far a dial turns for a lead of so many standard errors."""
    return 1 - math.exp(-errors / 3)


def _draw_dial(
    ax: Axes, x: float, title: str, share: float, marks: Sequence[float], reading: str, notes: tuple[str, str]
) -> None:
    """Half a circle, filled from the left up to `share`."""
    from matplotlib.patches import Wedge

    y, radius, width = 786, 78, 19
    _write(ax, x, 884, title, 14, ha="center", weight="bold")
    for part, color in ((1.0, _FAINT), (min(share, 1.0), _DIAL)):
        ax.add_patch(Wedge((x, y), radius, 180 * (1 - part), 180, width=width, facecolor=color, linewidth=0))
    for mark in marks:
        ray = np.exp(1j * math.pi * (1 - mark)) * np.array((radius - width, radius))
        ax.plot(x + ray.real, y + ray.imag, color="white", linewidth=2, solid_capstyle="butt")
    _write(ax, x, y + 13, reading, 14, ha="center", weight="bold")
    for line, note in enumerate(notes):
        _write(ax, x, y - 16 - 20 * line, note, 12, _SOFT, ha="center")


# --- the hand ---------------------------------------------------------------------------------


def _draw_hand(ax: Axes, scene: Scene) -> None:
    """What each play is worth, over the domino itself."""
    options, side = {option.domino: option for option in scene.options}, team(scene.seat)
    scale = _Scale.around(scene)
    title = f"Q over the worlds: points from here on, seat {scene.seat}'s team less the other's"
    _write(ax, 40, 508, title, 14, weight="bold")
    guide = "dot: E[Q] · line: ± spread"
    if any(option.pdf is not None for option in options.values()):
        guide += f" · dark: {'the bid is made' if scene.bids else 'the bid is set'}"
    _write(ax, 1560, 508, guide, 12.5, _SOFT, ha="right")
    x = _HAND_LEFT + _HAND_STEP * scene.hand.index(scene.chosen)
    style = {"facecolor": _TEAM_TINT[side], "linewidth": 0, "zorder": 0.5}
    ax.add_patch(_box(x + 6, 26, _HAND_STEP - 12, 462, 14, **style))
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
            edge=_TEAM[side] if domino == scene.chosen else None,
        )
        if option:
            _draw_spread(ax, x, option, scale, scene)
            _draw_figures(ax, x, option, scene)
        else:
            said = f"trick {scene.played[domino] + 1}" if gone else "does not follow"
            _write(ax, x, 116, said, 12.5, "#aaaaaa", ha="center")


@dataclass(frozen=True, slots=True)
class _Scale:
    """Points of Q as heights of the picture."""

    low: float
    high: float

    @classmethod
    def around(cls, scene: Scene) -> _Scale:
        """All that a play may well be worth, and where the bid is made if that is near."""
        ends = [value for option in scene.options for value in _reach(option)]
        low, high, line = min(ends), max(ends), scene.makes_from
        if line is not None and low - 8 <= line <= high + 8:
            low, high = min(low, line - 1), max(high, line + 1)
        margin = max(4.0, 0.08 * (high - low))
        return cls(low - margin, high + margin)

    def y(self, points):
        """Pixels from the bottom; of a number or an array."""
        return _PLOT_BOTTOM + (_PLOT_TOP - _PLOT_BOTTOM) * (points - self.low) / (self.high - self.low)

    @property
    def ticks(self) -> list[int]:
        """Round numbers of points, eight at most."""
        step = next(step for step in (1, 2, 5, 10, 20) if self.high - self.low <= 8 * step)
        return list(range(math.ceil(self.low / step) * step, math.floor(self.high) + 1, step))


def _reach(option: Option) -> tuple[float, float]:
    """From where to where Q lies in nearly all worlds."""
    if option.pdf is None:
        return option.mean - 2 * option.spread, option.mean + 2 * option.spread
    values = np.flatnonzero(option.pdf > 0.001) - HAND_POINTS
    return min(values[0], option.mean - option.spread), max(values[-1], option.mean + option.spread)


def _draw_axis(ax: Axes, scene: Scene, scale: _Scale) -> None:
    """Lines across the hand; a dashed one from where on the mover's side has its way with the bid."""
    ends, line = [_HAND_LEFT, _HAND_LEFT + _HAND_STEP * HAND_SIZE], scene.makes_from
    if line is not None and scale.low < line < scale.high:
        y, word = scale.y(line), "makes" if scene.bids else "sets"
        ax.plot(ends, [y, y], color=INK, linewidth=1.2, linestyle=(0, (5, 4)), zorder=1.5)
        _write(ax, _HAND_LEFT - 12, y, f"{word} ↑", 12.5, ha="right", weight="bold")
    else:
        y = -math.inf
    for tick in scale.ticks:
        ax.plot(ends, [scale.y(tick)] * 2, color=_FAINT, linewidth=1.6 if tick == 0 else 0.8, zorder=1)
        if abs(scale.y(tick) - y) > 19:
            _write(ax, _HAND_LEFT - 12, scale.y(tick), _signed(tick, 0), 12.5, _SOFT, ha="right")


def _draw_spread(ax: Axes, x: float, option: Option, scale: _Scale, scene: Scene) -> None:
    """A violin, as wide as Q is likely, dark where the mover's side has its way; without one, a bar."""
    color, pale = _TEAM[team(scene.seat)], _TEAM_PALE[team(scene.seat)]
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
    """Q and how likely it is, as a curve: the values themselves are two points apart."""
    width = max(0.7, (scale.high - scale.low) / 36)
    values = np.flatnonzero(pdf) - HAND_POINTS
    q = np.linspace(values[0] - 3 * width, values[-1] + 3 * width, 400)
    share = np.exp(-0.5 * ((q[:, None] - values) / width) ** 2) @ pdf[values + HAND_POINTS].astype(np.float64)
    seen = np.flatnonzero(share > 0.01 * share.max())
    return q[seen[0] : seen[-1] + 1], share[seen[0] : seen[-1] + 1]


def _draw_figures(ax: Axes, x: float, option: Option, scene: Scene) -> None:
    worth = f"{_signed(option.mean, 1)} ± {option.spread:.1f}"
    _write(ax, x, 117, worth, 15, ha="center", weight="bold")
    chance = f"{'makes' if scene.bids else 'sets'} {option.p_make:.0%}"
    _write(ax, x, 86, chance, 14, _TEAM[team(scene.seat)], ha="center")
    said = f"{option.behind:.1f} behind" if option.behind >= 0.05 else "best"
    said = "no choice" if scene.forced else said
    if option.chosen:
        _write(ax, x, 55, f"played, {said}", 12, ha="center", weight="bold")
    else:
        _write(ax, x, 55, said, 13, _SOFT, ha="center")


# --- strokes ----------------------------------------------------------------------------------


def _write(ax: Axes, x: float, y: float, text: str, size: float, color: str = INK, **style) -> None:
    ax.text(x, y, text, fontsize=size, color=color, **{"va": "center", "zorder": 4} | style)


def _signed(points: float, digits: int) -> str:
    """`+4.2`, `−4.2`, `0`."""
    text = f"{points:+.{digits}f}"
    return text.lstrip("+-") if not float(text) else text.replace("-", "−")


def _box(x: float, y: float, width: float, height: float, rounding: float, **style) -> FancyBboxPatch:
    from matplotlib.patches import FancyBboxPatch

    return FancyBboxPatch((x, y), width, height, boxstyle=f"round,pad=0,rounding_size={rounding}", **style)


def _fill(ax: Axes, x: float, y: float, width: float, height: float, color: str) -> None:
    from matplotlib.patches import Rectangle

    ax.add_patch(Rectangle((x, y), width, height, facecolor=color, linewidth=0))
