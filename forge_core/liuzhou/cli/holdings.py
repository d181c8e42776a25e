"""The kinds of files that Liuzhou keeps in a store, for `forge doctor`."""

from __future__ import annotations

from forge_core.files import Store
from forge_core.files.holdings import Stock, StorePart
from forge_core.liuzhou.settings.generation import GAMES_FOLDER


def _games(root: Store, whole: bool) -> Stock:
    from forge_core.liuzhou.generations import take_stock

    return take_stock(root, whole)


PARTS = (StorePart((GAMES_FOLDER,), _games),)
