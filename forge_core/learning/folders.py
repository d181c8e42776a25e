"""Names of folders that settings, verbs and runs refer to, and of networks that have no folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RUNS = "runs"
"""default folder of all runs"""
MODEL = "model"
"""folder of the network in that of a run"""

ALIASES = ("champion", "challenger")
"""networks in the registry of the pipeline, each of which is one of a kind"""


def fetch_text(alias: str) -> str:
    """Return the error for an alias in a place where a player or the folder of a network belongs."""
    return (
        f"{alias!r} is a network in the registry of the pipeline: copy it with forge-pipeline fetch {alias} "
        "--objective KIND, and name the folder that the command prints"
    )


def run_name(stem: str, settings: Mapping[str, Any]) -> str:
    """Return the name of a run that the user did not name: `stem` and eight digits of its settings.

    settings: all that makes the result, JSON types. Different settings therefore have different folders.
    """
    from forge_core.files import fingerprint

    return f"{stem}-{fingerprint(settings)[:8]}"
