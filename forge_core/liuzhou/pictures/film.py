"""A game as an animated GIF: the board at each action, and the curves of the game beneath it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.liuzhou.analysis import Analysis
from forge_core.liuzhou.pictures.board import draw_grid, draw_stones
from forge_core.liuzhou.pictures.canvas import (
    BLACK_FILL,
    FILM_HEIGHT,
    GRID,
    PALE_BLUE,
    SHADES,
    SHAPE,
    SHAPE_TINT,
    WHITE_FILL,
    WIDTH,
    WOOD,
)
from forge_core.liuzhou.pictures.curves import draw_curves, move_cursor
from forge_core.liuzhou.pictures.panel import draw_legend, draw_panel
from forge_core.liuzhou.record import GameRecord
from forge_core.liuzhou.rules import State, outcome
from forge_core.liuzhou.state import unpack
from forge_core.pictures import BLUE, FAINT, ORANGE, SOFT, new_canvas

if TYPE_CHECKING:
    from PIL.Image import Image

FASTEST, SLOWEST = 50.0, 0.02
"""pictures per second of a GIF, which stores times in hundredths of a second"""
DEFAULT_FPS = 2.0
"""slow enough to see what each action does"""
_DPI, _COLOURS = 80, 64
"""resolution and number of colours of a film: 800 pixels wide; few colours halve its size"""
_SWATCH = 30
"""height of the field of each colour of _KEPT in the picture that the palette is made from"""
_KEPT = (BLUE, *SHADES, PALE_BLUE, ORANGE, SHAPE, SHAPE_TINT, WOOD, GRID, BLACK_FILL, WHITE_FILL, FAINT, SOFT)
"""colours that the palette keeps as they are, though some fill few pixels"""
_LAST_S = 3.0
"""seconds for which the last position is shown"""


def draw_film(
    game: GameRecord,
    analyses: Sequence[Analysis | None] | None = None,
    title: str = "",
    fps: float = DEFAULT_FPS,
    on_frame: Callable[[], None] | None = None,
) -> bytes:
    """Draw a game as an animated GIF, 800 x 688, in an endless loop.

    analyses: one per position [T + 1], None where nothing is known. fps: actions per second. on_frame: called
    after each picture. Raises BadInput for a game without actions, and for a speed that a GIF cannot have.
    """
    if not SLOWEST <= fps <= FASTEST:
        raise BadInput(f"{fps:g} pictures per second: a GIF can show {SLOWEST:g} to {FASTEST:g}")
    if not game.actions:
        raise BadInput("the game has no action: there is nothing to film")
    known = analyses or [None] * len(game.rows)
    frames = []
    for frame in _draw_frames(game, known, title):
        frames.append(frame)
        if on_frame:
            on_frame()
    palette = _palette(frames)
    paletted = [frame.quantize(palette=palette, dither=0) for frame in frames]
    durations = [round(1000 / fps)] * (len(frames) - 1) + [round(1000 * _LAST_S)]
    buffer = io.BytesIO()
    paletted[0].save(
        buffer, "GIF", save_all=True, append_images=paletted[1:], duration=durations, loop=0, disposal=1
    )
    return buffer.getvalue()


def _draw_frames(game: GameRecord, analyses: Sequence[Analysis | None], title: str) -> Iterator[Image]:
    """Yield the pictures. Everything that does not change is drawn once and copied into each of them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    states = [unpack(row) for row in game.rows]
    figure, still = new_canvas(WIDTH, FILM_HEIGHT)
    figure.set_dpi(_DPI)
    draw_grid(still, FILM_HEIGHT)
    draw_legend(still, FILM_HEIGHT, any(analyses))
    curves = draw_curves(figure, states, _values(states, analyses))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    background = canvas.copy_from_bbox(figure.bbox)
    moving = figure.add_axes((0, 0, 1, 1), label="moving")
    moving.set_xlim(0, WIDTH)
    moving.set_ylim(0, FILM_HEIGHT)
    moving.set_axis_off()
    for ply, (state, analysis) in enumerate(zip(states, analyses, strict=True)):
        canvas.restore_region(background)
        last = game.actions[ply - 1] if ply else None
        draw_stones(moving, state, FILM_HEIGHT, last, analysis)
        draw_panel(moving, state, FILM_HEIGHT, title, game.players, analysis)
        moving.draw(canvas.get_renderer())
        for axes, cursor in zip(curves, move_cursor(curves, ply), strict=True):
            axes.draw_artist(cursor)
            cursor.remove()
        yield Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())
        for artist in [*moving.patches, *moving.lines, *moving.texts]:
            artist.remove()


def _values(states: Sequence[State], analyses: Sequence[Analysis | None]) -> npt.NDArray[np.float64]:
    """Return [T + 1] the values in black's frame; that of a finished position is its result."""
    values = np.full(len(states), np.nan)
    for ply, (state, analysis) in enumerate(zip(states, analyses, strict=True)):
        if analysis:
            values[ply] = state.player * analysis.value
        elif any(analyses) and (result := outcome(state)) is not None:
            values[ply] = result
    return values


def _palette(frames: Sequence[Image]) -> Image:
    """Return an image whose palette suits all frames: made from some of them, side by side."""
    from PIL import Image

    some = frames[:: max(1, len(frames) // 6)]
    width, height = some[0].size
    joined = Image.new("RGB", (width, height * len(some) + _SWATCH * len(_KEPT)))
    for place, frame in enumerate(some):
        joined.paste(frame, (0, height * place))
    for place, color in enumerate(_KEPT):  # each fills enough of the picture to get an entry of its own
        joined.paste(color, (0, height * len(some) + _SWATCH * place, width, joined.height))
    return joined.quantize(_COLOURS, dither=Image.Dither.NONE)
