"""The golden facts of Skull King (`golden/skull_king.json`, `golden/skull_king_rules.json`)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from forge_core.skull_king.rules import Rules

GOLDEN = Path(__file__).parent / "golden"
PRESETS = {"printed": Rules.printed(), "print_2021": Rules.print_2021(), "engine": Rules.engine()}


@cache
def engine_facts() -> dict[str, Any]:
    """Tricks, follow-suit cases and rounds of the published engine."""
    return json.loads((GOLDEN / "skull_king.json").read_text())


@cache
def rule_facts() -> dict[str, Any]:
    """Tricks, masks, rounds and a game by each print of the rules."""
    return json.loads((GOLDEN / "skull_king_rules.json").read_text())


def by_seat(given: Any) -> dict[int, Any]:
    """Return a dict by seat: JSON has strings as keys, and the engine one [seat, value]."""
    if isinstance(given, list):
        return {given[0]: given[1]}
    return {int(seat): value for seat, value in (given or {}).items()}
