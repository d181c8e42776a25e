"""Liuzhou in a browser: search (the tree search of one position as kernels), kernels (the exported functions,
compiled to `page/liuzhou.wasm`), page (the folder that is served)."""

from __future__ import annotations

from pathlib import Path

from forge_core.liuzhou.reference import REFERENCE
from forge_core.web.pages import Page

FOLDER = Path(__file__).parent / "page"
WASM = FOLDER / "liuzhou.wasm"
"""The compiled kernels, committed so that nobody needs a linker; `make wasm` builds them again"""
WEIGHTS = Path(__file__).parents[3] / REFERENCE / "model.safetensors"
"""The network that ships with the project; the page reads the file as it is"""
PAGE = Page(
    "liuzhou",
    "Liuzhou",
    "A Chinese board game. You place stones, build squares and lines, and capture by them.",
    FOLDER,
    {WEIGHTS.name: WEIGHTS},
)
"""The page: everything that a browser loads"""
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
