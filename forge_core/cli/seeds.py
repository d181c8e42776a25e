"""Seeds as one writes them: `7`, `0-49`, `0-9,900-919`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from forge_core.cli.numbers import WHOLE, shortened
from forge_core.errors import BadInput
from forge_core.ranges import ranges_text

MOST_SEEDS = 1_000_000
"""in one command: beyond it lies a typing error, or a job to cut in pieces"""


def parse_blocks(text: str) -> list[int]:
    """`0-9,18` -> the blocks of seeds, ascending, each once. Raises BadInput."""
    return parse_seeds(text, "blocks")


def parse_seeds(text: str, what: str = "seeds") -> list[int]:
    """`0-9,900-919` -> the seeds, ascending, each once. what: their name. Raises BadInput."""
    seeds: set[int] = set()
    for part in text.replace(" ", "").split(","):
        match = re.fullmatch(rf"({WHOLE})(?:-({WHOLE}))?", part)
        if match is None:
            raise BadInput(f"{shortened(text)!r} names no {what}: write 7, 0-49 or 0-9,900-919")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise BadInput(f"{what} {part} run backwards: write {last}-{first}")
        if len(seeds) + last - first >= MOST_SEEDS:
            raise BadInput(f"{shortened(text)} is more than {MOST_SEEDS:,} {what}: ask for fewer at a time")
        seeds.update(range(first, last + 1))
    return sorted(seeds)


def seeds_text(seeds: Iterable[int]) -> str:
    """Seeds -> `0-9,900-919`: what `parse_seeds` reads."""
    return ranges_text(seeds)
