"""Liuzhou in a browser: search (the tree search of one position as kernels), kernels (the exported functions,
compiled to `page/liuzhou.wasm`), page (the folder that is served)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from forge_core.web.pages import Page

if TYPE_CHECKING:
    from forge_core.web.serve import Files

FOLDER = Path(__file__).parent / "page"
PAGE = Page("Liuzhou", FOLDER)
"""The page: everything that a browser loads, but for the weights of the network"""
WASM = FOLDER / "liuzhou.wasm"
"""The compiled kernels, committed so that nobody needs a linker; `make wasm` builds them again"""
WEIGHTS = Path(__file__).parents[3] / "models" / "liuzhou-32x3" / "model.safetensors"
"""The network that ships with the project; the page reads the file as it is"""
OPPONENTS = {
    "greedy": "greedy",
    "reply": "reply",
    "network": "network:model={model}",
    "search-32": "search:sims=32,model={model}",
    "search-128": "search:sims=128,model={model}",
    "search-512": "search:sims=512,model={model}",
}
"""The players on the page (see `page/link.mjs`), and their names for `make_player`"""
SIDES = ("black", "white")
"""The sides that the visitor may take"""


def page_files() -> Files:
    """Return the files of the page by name, with the weights of the network."""
    return PAGE.files() | {WEIGHTS.name: WEIGHTS}
