"""Skull King in a browser: kernels (compiled to `page/skull_king.wasm`), page (the folder that is served),
games (games that were played there, read and replayed)."""

from __future__ import annotations

from pathlib import Path

from forge_core.skull_king.reference import REFERENCE
from forge_core.web.pages import Page

FOLDER = Path(__file__).parent / "page"
WASM = FOLDER / "skull_king.wasm"
"""The compiled kernels, committed so that nobody needs a linker; `make wasm` builds them again"""
WEIGHTS = Path(__file__).parents[3] / REFERENCE / "model.safetensors"
"""The network that ships with the project; the page reads the file as it is"""
PAGE = Page(
    "skull-king",
    "Skull King",
    "A card game for three to eight. You bid how many tricks you win, and score if you are exactly right.",
    FOLDER,
    {WEIGHTS.name: WEIGHTS},
)
"""The page: everything that a browser loads"""
PLAYERS = ("easy", "medium", "hard", "captain", "network")
"""The players that can take the other seats: see `page/link.mjs`; the network plays at four seats only"""
FEWEST_SEATS = 3
"""At a table of two, a ghost plays, too, which the page does not draw"""
