"""Skull King in a browser: kernels (compiled to `page/skull_king.wasm`), page (the folder that is served)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from forge_core.web.pages import Page

if TYPE_CHECKING:
    from forge_core.web.serve import Files

FOLDER = Path(__file__).parent / "page"
PAGE = Page("Skull King", FOLDER)
"""The page: everything that a browser loads, but for the weights of the network"""
WASM = FOLDER / "skull_king.wasm"
"""The compiled kernels, committed so that nobody needs a linker; `make wasm` builds them again"""
WEIGHTS = Path(__file__).parents[3] / "models" / "skull-king-256x2" / "model.safetensors"
"""The network that ships with the project; the page reads the file as it is"""
PLAYERS = ("easy", "medium", "hard", "captain", "network")
"""The players that can take the other three seats: see `page/main.mjs`"""


def page_files() -> Files:
    """Return the files of the page by name, with the weights of the network."""
    return PAGE.files() | {WEIGHTS.name: WEIGHTS}
