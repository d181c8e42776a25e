"""Films: rounds that players play, written down as text or as a page, with advice for one seat."""

from forge_core.skull_king.film.page import films_page
from forge_core.skull_king.film.record import RoundFilm, film_actions, film_round
from forge_core.skull_king.film.text import LEGEND, film_text

__all__ = ["LEGEND", "RoundFilm", "film_actions", "film_round", "film_text", "films_page"]
