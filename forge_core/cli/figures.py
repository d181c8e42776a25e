"""The record that every benchmark returns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    """what it is meant not to exceed, in the same unit"""

    @property
    def is_over(self) -> bool:
        """Whether it exceeds its limit."""
        return self.limit is not None and self.value > self.limit


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What was measured, where, and what was held before."""

    subject: str
    conditions: dict[str, str]
    """device, dtype, sizes, versions"""
    held: tuple[str, ...]
    """what was asserted before anything was measured"""
    figures: tuple[Figure, ...]
