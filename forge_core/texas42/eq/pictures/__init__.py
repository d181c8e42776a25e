"""Pictures of a recorded game: one decision, or a series of them.

The lower part shows the mover's hand; above each legal play is the distribution of Q over worlds. The
upper part shows what everybody has seen: the tricks so far, the table with the mover nearest, and the
known voids of each seat. In reading order: canvas, table, dials, hand.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from forge_core.errors import BadInput
from forge_core.pictures import DPI, new_canvas, to_png
from forge_core.texas42.dominoes import N_PLAYS
from forge_core.texas42.eq.pictures.canvas import HEIGHT, WIDTH
from forge_core.texas42.eq.pictures.dials import draw_dials
from forge_core.texas42.eq.pictures.hand import draw_hand
from forge_core.texas42.eq.pictures.table import draw_heading, draw_table, draw_tricks, draw_voids
from forge_core.texas42.eq.records import GameRecord
from forge_core.texas42.eq.scenes import Scene, scenes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["HEIGHT", "WIDTH", "draw_decision", "draw_game", "draw_scene", "draw_small", "steps_of_seat"]

FASTEST, SLOWEST = 50.0, 0.02
"""limits in pictures per second of a GIF, which stores times in hundredths of a second"""
_SMALL_WIDTH, _SMALL_COLOURS = 1000, 64


def draw_decision(record: GameRecord, step: int) -> bytes:
    """Draw decision `step`, 0..27, as a PNG, 1600 x 1000. Raises BadInput for any other step."""
    return to_png(draw_scene(Scene(record, step)))


def draw_small(scene: Scene) -> bytes:
    """Draw a PNG, 1000 x 625 in 64 colours: a fifth of the bytes, for a picture that is stored per game."""
    from PIL import Image

    whole = to_png(draw_scene(scene), DPI * _SMALL_WIDTH / WIDTH)
    small = Image.open(io.BytesIO(whole)).convert("RGB").quantize(_SMALL_COLOURS, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    small.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def draw_game(record: GameRecord, steps: Sequence[int] | None = None, fps: float = 0.5) -> bytes:
    """Draw decisions as an animated GIF, 1600 x 1000, in an endless loop.

    steps: the decisions to draw, in order; default: the seven of seat 0. fps: pictures per second. Raises
    BadInput for an empty list, a step outside 0..27, or a speed that GIFs do not support.
    """
    from PIL import Image

    if not SLOWEST <= fps <= FASTEST:
        raise BadInput(f"fps {fps:g}: use {SLOWEST:g} to {FASTEST:g} pictures per second")
    steps = steps_of_seat(record, 0) if steps is None else steps
    if not steps:
        raise BadInput(f"no decisions to draw: name at least one of 0..{N_PLAYS - 1}")
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
    """Return the seven decisions of a seat, in order."""
    return [scene.step for scene in scenes(record) if scene.seat == seat]


def draw_scene(scene: Scene) -> Figure:
    """Draw one decision as a matplotlib figure, 1600 x 1000."""
    figure, axes = new_canvas(WIDTH, HEIGHT)
    draw_heading(axes, scene)
    draw_tricks(axes, scene)
    draw_table(axes, scene)
    draw_dials(axes, scene)
    draw_voids(axes, scene)
    draw_hand(axes, scene)
    return figure


def _pixels(figure: Figure) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return bytes(canvas.buffer_rgba())
