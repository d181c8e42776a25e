"""The golden facts of Skull King: `golden/skull_king.json`, and those that come with the package."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from forge_core.skull_king.golden import PRESETS as PRESETS
from forge_core.skull_king.golden import by_seat as by_seat
from forge_core.skull_king.golden import read_facts

GOLDEN = Path(__file__).parent / "golden"


@cache
def engine_facts() -> dict[str, Any]:
    """Tricks, follow-suit cases and rounds of the published engine."""
    return json.loads((GOLDEN / "skull_king.json").read_text())


@cache
def rule_facts() -> dict[str, Any]:
    """Tricks, masks, rounds and a game by each print of the rules."""
    return read_facts()
