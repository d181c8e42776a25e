"""Tables of JSON files, which are small: every file is read whole, and a damaged one is named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from forge_core.errors import BadInput, FileCorrupt
from forge_core.splits import Split

if TYPE_CHECKING:
    import polars as pl

    from forge_assets.frames.tables import Column, Documents
    from forge_core.files import Store

_SUFFIX = ".json"


def read_documents(
    documents: Documents, columns: Sequence[Column], root: Store, final: bool
) -> tuple[pl.DataFrame, int]:
    """Return the rows of all files, and the number of files with sealed rows that were left out.

    final: include the test split. Raises FileCorrupt and StoreUnusable.
    """
    import polars as pl

    from forge_assets.frames.scan import schema_of

    schema = schema_of(list(columns))
    faults = (AttributeError, BadInput, KeyError, TypeError, ValueError, pl.exceptions.PolarsError)
    frames, n_sealed = [pl.DataFrame(schema=schema)], 0
    for folder, place, name in _find(documents, root):
        try:
            found = list(documents.read_rows(folder, name, place.read_json(name)))
            kept = [row for row in found if final or row.get("split") != Split.TEST]
            frames.append(pl.DataFrame(kept, schema=schema))
        except faults as error:
            reason = f"it is damaged ({type(error).__name__}: {' '.join(str(error).split())})"
            raise FileCorrupt(place.path(name), reason, f"to write it again, {documents.remake}") from error
        n_sealed += len(kept) < len(found)
    return pl.concat(frames), n_sealed


def _find(documents: Documents, root: Store) -> Iterator[tuple[str, Store, str]]:
    """Yield the folder, the place and the name of each file, in order."""
    for folder in documents.folders:
        place = root.join(folder)
        for part in map(place.join, place.folders()) if documents.has_subfolders else (place,):
            for name in part.names(_SUFFIX):
                yield folder, part, name
