"""Films of self-play: an impression of a generation, for people who browse a store."""

from __future__ import annotations

import numpy as np

from forge_core.files import Store
from forge_core.liuzhou.files import Games
from forge_core.liuzhou.pictures import draw_film, draw_position
from forge_core.liuzhou.record import stored_game
from forge_core.liuzhou.state import unpack

FOLDER = "liuzhou-films"
"""below the root of a store; an animated GIF per generation"""
_FPS = 4.0
"""twice the pace of a film of one's own game: a game of a generation is skimmed"""


def choose_game(games: Games) -> Games:
    """Return the shortest game that somebody won, or the shortest of all: it shows most in the least time."""
    ends = games.ends
    lengths, is_drawn = np.diff(ends, prepend=-1), games.result[ends] == 0
    shortest = np.lexsort((lengths, is_drawn))[0]
    return games.take(games.game == games.game[ends[shortest]])


def keep_film(root: Store, generation: str, games: Games, anew: bool = True) -> str:
    """Draw a game of a generation as a film, put it into the store, and return its path.

    That takes some seconds. anew: False keeps a film that is there.
    """
    folder, name = root.join(FOLDER), f"{generation}.gif"
    if anew or not folder.exists(name):
        record, analyses = stored_game(choose_game(games))
        folder.write(name, draw_film(record, analyses, f"Self-play, {generation}", _FPS))
    return folder.path(name)


def draw_end(games: Games) -> bytes:
    """Draw the last position of the same game, as a PNG."""
    record, analyses = stored_game(choose_game(games))
    title = "Self-play: the end of a game"
    return draw_position(unpack(record.rows[-1]), record.actions[-1], analyses[-1], title)
