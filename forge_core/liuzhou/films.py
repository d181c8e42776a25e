"""Films of self-play: one game of each generation, for people who browse a store."""

from __future__ import annotations

import numpy as np

from forge_core.files import Store
from forge_core.liuzhou.files import Games
from forge_core.liuzhou.pictures import draw_film, draw_position
from forge_core.liuzhou.record import stored_game
from forge_core.liuzhou.settings.selfplay import SelfPlaySettings
from forge_core.liuzhou.state import unpack
from forge_core.liuzhou.state.layout import COUNT_MASK, COUNT_SHIFT

FOLDER = "liuzhou-films"
"""below the root of a store; an animated GIF per generation"""
_OPENING = SelfPlaySettings().opening
"""default length of random openings; a game that is recorded from a later ply began with a handicap"""
_FPS = 4.0
"""twice the frame rate of a film of a user's own game: a game of a generation is only skimmed"""


def choose_game(games: Games) -> Games:
    """Return the shortest game with a winner, or the shortest drawn game if there is none.

    Games with handicaps are recorded from a later ply, and chosen only if there are no others.
    """
    ends = games.ends
    lengths, is_drawn = np.diff(ends, prepend=-1), games.result[ends] == 0
    first_ply = games.rows[ends - lengths + 1, 3] >> COUNT_SHIFT & COUNT_MASK
    shortest = np.lexsort((lengths, is_drawn, first_ply > _OPENING))[0]
    return games.take(games.game == games.game[ends[shortest]])


def keep_film(root: Store, generation: str, games: Games, redraw: bool = True) -> str:
    """Draw a game of a generation as a film, put it into the store, and return its path.

    Drawing takes some seconds. redraw: False keeps an existing film.
    """
    folder, name = root.join(FOLDER), f"{generation}.gif"
    if redraw or not folder.exists(name):
        record, analyses = stored_game(choose_game(games))
        folder.write(name, draw_film(record, analyses, f"Self-play, {generation}", _FPS))
    return folder.path(name)


def draw_end(games: Games) -> bytes:
    """Draw the last position of the same game, as a PNG."""
    record, analyses = stored_game(choose_game(games))
    title = "Self-play: the end of a game"
    return draw_position(unpack(record.rows[-1]), record.actions[-1], analyses[-1], title)
