"""New names for partitions that earlier versions of a game named otherwise."""

from __future__ import annotations

import re
from dataclasses import dataclass

OLD_NAMES = "Dagster's partitions have the names of an earlier version: run forge-pipeline migrate once"
"""error and remark where a program meets old names"""


@dataclass(frozen=True, slots=True)
class Renaming:
    """A rule that turns old names of partitions into new ones."""

    word: str
    """`seeds_`: text that every old name contains"""
    pattern: str
    """regular expression that matches an old name in any text, and nothing else"""
    replacement: str

    def apply(self, text: str) -> str:
        """Return a text with the new names."""
        return re.sub(self.pattern, self.replacement, text)
