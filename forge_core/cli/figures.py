"""The record that every benchmark returns, and the conditions that every benchmark states."""

from __future__ import annotations

import math
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from forge_core.device import device_name


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement."""

    name: str
    value: float
    """NaN if this device or system does not report it"""
    unit: str
    limit: float | None = None
    """the largest acceptable value, in the same unit"""
    least: float | None = None
    """the smallest acceptable value, in the same unit"""
    published: str = ""
    """the figure of a published program for the same work, with its unit"""

    @property
    def is_over(self) -> bool:
        """True if the value exceeds its limit."""
        return self.limit is not None and self.value > self.limit

    @property
    def is_under(self) -> bool:
        """True if the value is below its lower limit."""
        return self.least is not None and self.value < self.least


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The figures of one subject, the conditions of the measurement, and the checks that were made first."""

    subject: str
    conditions: dict[str, str]
    """see `conditions`"""
    held: tuple[str, ...]
    """the assertions that held before anything was measured"""
    figures: tuple[Figure, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON types; values that were not measured are None."""
        record = asdict(self)
        for figure in record["figures"]:
            if math.isnan(figure["value"]):
                figure["value"] = None
        return record


def conditions(
    device: str, dtype: str, sizes: str, packages: tuple[str, ...], *, wall: str = "wall seconds", **more: str
) -> dict[str, str]:
    """Return the conditions of a benchmark, in the order in which they are printed.

    device: `cpu` (measured with one thread, in CPU seconds) or `cuda:N` (measured as `wall` says).
    packages: the distributions whose versions matter. more: further conditions, by name.
    """
    clock = "one thread, CPU seconds" if device == "cpu" else wall
    return {
        "device": f"{device_name(device)}, {clock}",
        "machine": f"{platform.system()} {platform.machine()}",
        "dtype": dtype,
        "sizes": sizes,
        "versions": ", ".join(
            [*(f"{name} {version(name)}" for name in packages), f"python {platform.python_version()}"]
        ),
        **more,
    }
