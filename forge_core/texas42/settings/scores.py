"""User settings of evaluation: the number of benchmark rows."""

from __future__ import annotations

from dataclasses import dataclass

from forge_core.settings import setting
from forge_core.texas42.settings.tokens import read_row_count

DEFAULT_ROWS = 2_000
"""rows per deal of the benchmark"""


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """Settings of scores: the number of rows per deal of the benchmark."""

    rows: int = setting(DEFAULT_ROWS, "Rows per deal of the benchmark.", read=read_row_count)
