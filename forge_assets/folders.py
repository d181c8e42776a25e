"""Folders and files of training runs."""

from __future__ import annotations

from pathlib import Path

from forge_assets.versions import PROJECT
from forge_core.environment import variable
from forge_core.learning.folders import RUNS

RESULT = "result.json"
"""file in the folder of a run that reached its end: its result and what was recorded of it"""


def runs_folder(asked: str = RUNS) -> Path:
    """Return the folder of training runs: `asked`, relative to the project.

    FORGE_RUNS replaces the default, for example for a folder that several hosts share.
    """
    shared = variable("FORGE_RUNS")
    return Path(shared) if shared and asked == RUNS else PROJECT / asked
