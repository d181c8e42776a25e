"""Texas 42 in a browser: kernels (compiled to `page/texas42.wasm`), page (the folder that is served), hands
(hands played there, read as recorded games), weights (the networks of one hand as files of the page), folder
(all files of a page, with a network of the user's choice)."""

from pathlib import Path

from forge_core.web.pages import Page

FOLDER = Path(__file__).parent / "page"
PAGE = Page(
    "texas42",
    "Texas 42",
    "Dominoes for two partnerships. You bid, play seven tricks, and see what each play was worth.",
    FOLDER,
)
"""The page: everything that a browser loads"""
WASM = FOLDER / "texas42.wasm"
"""The compiled kernels, committed so that nobody needs a linker; `make wasm` builds them again"""
LEVELS = ("heuristic", "network", "exact", "strongest")
"""The players that can take the other three seats: see `page/link.mjs`"""
DEFAULT_LEVEL = "exact"
STRONGEST = "strong"
"""The player of the level `strongest`, as `forge match` names it; `page/estimate.mjs` has the same numbers"""
