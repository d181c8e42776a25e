"""Folders of models, and the cards in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from forge_assets.versions import PROJECT
from forge_core.errors import BadInput, ForgeError
from forge_core.files import Store

CARD = "model.json"


def short(folder: str) -> str:
    """Return a folder of the project without its beginning, any other as it is."""
    return folder.removeprefix(f"{PROJECT}/")


def folder_of(word: str) -> str | None:
    """Return the folder of a model that a word names: it, or that of its run, here or below the project."""
    if not word:
        return None
    word = word.removeprefix("file://").rstrip("/").removesuffix(f"/{CARD}")
    bases = (word,) if "://" in word else (str(Path(word).absolute()), str(PROJECT / word))
    for base in dict.fromkeys(bases):
        for folder in (base, f"{base}/model"):
            try:
                if Store(folder).exists(CARD):
                    return folder
            except ForgeError:
                continue
    return None


def read_card(folder: str) -> dict[str, Any]:
    """Return model.json of a folder. Raises BadInput for a file that is no card."""
    store = Store(folder)
    try:
        record = json.loads(store.read(CARD))
        if not (isinstance(record["weights"], str) and isinstance(record["card"], dict)):
            raise ValueError("weights and card are of other types")
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{store.path(CARD)} is no model card ({error!r}): copy it again") from error
    return record


def weights_in(folder: str) -> str | None:
    """Return the digest of the weights that the card of a folder names; None where it cannot be read."""
    try:
        return str(read_card(folder)["weights"])
    except ForgeError:
        return None
