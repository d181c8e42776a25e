"""Films of self-play: what a generation looks like, for people who browse a store."""

from __future__ import annotations

from forge_core.files import Store
from forge_core.liuzhou.files import Games
from forge_core.liuzhou.pictures import draw_film, draw_position
from forge_core.liuzhou.record import stored_game
from forge_core.liuzhou.state import unpack

FOLDER = "liuzhou-films"
"""below the root of a store; an animated GIF per generation"""
_FPS = 4.0
"""twice the pace of a film of one's own game: a game of a generation is skimmed"""


def keep_film(root: Store, generation: str, games: Games) -> str:
    """Draw the first of some games as a film, put it into the store, and return its path."""
    record, analyses = stored_game(games.take(games.game == games.game[0]))
    folder, name = root.join(FOLDER), f"{generation}.gif"
    folder.write(name, draw_film(record, analyses, f"Self-play, {generation}", _FPS))
    return folder.path(name)


def draw_end(games: Games) -> bytes:
    """Draw the last position of the first of some games, as a PNG."""
    record, analyses = stored_game(games.take(games.game == games.game[0]))
    return draw_position(
        unpack(record.rows[-1]), record.actions[-1], analyses[-1], "Self-play: the end of a game"
    )
