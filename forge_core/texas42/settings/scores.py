"""Settings of evaluation: how much of the benchmark a network is asked."""

from __future__ import annotations

from dataclasses import dataclass

from forge_core.settings import setting
from forge_core.texas42.settings.tokens import read_row_count

DEFAULT_ROWS = 2_000
"""rows of each deal of the benchmark"""


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """Settings of scores: the number of rows per deal of the benchmark."""

    rows: int = setting(DEFAULT_ROWS, "Rows of each deal of the benchmark.", read=read_row_count)
