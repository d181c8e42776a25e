"""Model folders and their cards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from forge_assets.versions import PROJECT
from forge_core.errors import BadInput, ForgeError
from forge_core.files import Store

CARD = "model.json"


def short(folder: str) -> str:
    """Return a folder as a path relative to the project if it is inside the project, otherwise unchanged."""
    return folder.removeprefix(f"{PROJECT}/")


def folder_of(word: str) -> str | None:
    """Return the folder of a model, given that folder or its run's; None if there is no model.

    Relative paths start at the current folder or at the project.
    """
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
    """Return the parsed model.json of a folder. Raise BadInput if it is not a model card."""
    store = Store(folder)
    try:
        record = json.loads(store.read(CARD))
        if not (isinstance(record["weights"], str) and isinstance(record["card"], dict)):
            raise ValueError("weights or card has the wrong type")
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{store.path(CARD)} is not a model card ({error!r}): copy the model again") from error
    return record


def weights_in(folder: str) -> str | None:
    """Return the digest of the weights in the card of a folder; None if the card cannot be read."""
    try:
        return str(read_card(folder)["weights"])
    except ForgeError:
        return None
