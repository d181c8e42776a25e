"""Files that a page saved, which users hand to a verb: read as far as their size allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from forge_core.errors import BadInput
from forge_core.files import Store

_MOST_BYTES = 1 << 20
"""A hand of Texas 42 takes about 10 kB, a game of Skull King less"""

Saved = TypeVar("Saved")


def open_saved(path: str, kind: str, read: Callable[[bytes], Saved]) -> Saved:
    """Return what `read` makes of the file at a path or URL.

    kind: of the file, as errors name it. Raises StoreUnusable, and BadInput if the file is too large or
    `read` raises BadInput or ValueError.
    """
    folder, slash, name = path.rpartition("/")
    store = Store(folder or slash or ".")
    if store.size(name) > _MOST_BYTES:
        raise BadInput(f"{path} is not {kind}: it is too large")
    try:
        return read(store.read(name))
    except (BadInput, ValueError) as error:
        raise BadInput(f"{path} is not {kind}: {error}") from error
