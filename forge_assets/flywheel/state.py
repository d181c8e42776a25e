"""State of a flywheel: what every iteration does, which one is on, and how earlier ones ended.

Dagster's runs tell how each step went. The state changes only when an iteration, or an attempt at it, begins
or ends.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal, Protocol

from forge_core.errors import BadInput

GIVE_UP_AFTER = 3
"""failures of one iteration in a row: a cause that lasts needs a person"""
MOST_OUTAGES = 10
"""attempts at one iteration that an outage of MLflow may end: the sensor may reach it where runs do not"""


class Phase(StrEnum):
    """Phase of a flywheel."""

    READY = "ready"
    """for its next iteration, or for a new attempt at this one"""
    FAILED = "failed"
    """until `reset`"""
    DONE = "done"
    """all units of data were used; never stored, since there may be more tomorrow"""


class FlywheelSettings(Protocol):
    """The settings that a flywheel of any game has; a frozen dataclass, see `forge_core.settings`.

    A unit is the smallest range of new data that an iteration can add, such as a block of seeds. Units are
    numbered.
    """

    @property
    def group(self) -> str:
        """Names the runs in Dagster and MLflow."""
        ...

    @property
    def begin(self) -> Literal["sensor", "schedule"]:
        """The trigger of an iteration; the sensor continues it in either case."""
        ...

    @property
    def first_unit(self) -> int:
        """The place where the first iteration looks for units."""
        ...

    def units_from(self, start: int) -> list[int]:
        """Return the units of an iteration, ascending, none below `start`; empty: none is left."""
        ...


def check_group(group: str) -> None:
    """Raise BadInput for a group that cannot be part of a name in Dagster and MLflow."""
    if not group or not group.replace("-", "").replace("_", "").isalnum():
        raise BadInput(f"a flywheel named {group!r}: use letters, digits, - and _")


@dataclass(frozen=True, slots=True)
class Iteration:
    """An iteration that ended, with or without a new champion."""

    number: int
    units: tuple[int, ...]
    """that it added"""
    examples: int
    """all that the challenger learnt from, in the game's own measure (seeds, games)"""
    challenger: str
    """folder"""
    challenger_figure: float
    """by which the gate compares networks"""
    champion_figure: float | None
    """of the champion after the gate; None: there is none yet"""
    promoted: bool
    reasons: tuple[str, ...]
    """of the gate; not empty"""
    attempts: int


@dataclass(frozen=True, slots=True)
class State:
    """A flywheel."""

    settings: Any
    """FlywheelSettings of the game"""
    token: str
    """distinguishes its runs from those of a flywheel of the same name that was forgotten"""
    phase: Literal[Phase.READY, Phase.FAILED] = Phase.READY
    iteration: int = 1
    """that is on, or comes next"""
    next_unit: int = 0
    """where this iteration looks for units"""
    attempt: int = 1
    """at this iteration"""
    failures: int = 0
    """of this iteration, in a row"""
    outages: int = 0
    """attempts at this iteration that an outage of MLflow ended"""
    away_since: str = ""
    """when a step began to wait for MLflow; empty: none waits"""
    error: str = ""
    """why the last attempt failed, and what to do; empty: it did not"""
    prepared: str = ""
    """version of the algorithms by which the benchmark was prepared last"""
    history: tuple[Iteration, ...] = field(default=())

    @classmethod
    def begin(cls, settings: FlywheelSettings) -> State:
        """Return a new flywheel. Raises BadInput where no units are left for it."""
        state = cls(settings, secrets.token_hex(4), next_unit=settings.first_unit)
        if not state.units():
            raise BadInput(f"from {settings.first_unit} on there is nothing to learn from: start earlier")
        return state

    @property
    def current_phase(self) -> Phase:
        """The phase, DONE if no units are left."""
        return Phase.DONE if self.phase is Phase.READY and not self.units() else self.phase

    def units(self) -> list[int]:
        """Return the units of this iteration; fewer than usual where few are left."""
        return self.settings.units_from(self.next_unit)

    def failed(self, error: str, counts: bool = True) -> State:
        """Return the state after a failed attempt: ready for another one, or FAILED after GIVE_UP_AFTER.

        counts: False for an attempt that a person stopped.
        """
        failures = self.failures + counts
        phase = Phase.FAILED if failures >= GIVE_UP_AFTER else Phase.READY
        return replace(self, phase=phase, attempt=self.attempt + 1, failures=failures, error=error)

    def cut_off(self, error: str) -> State:
        """Return the state after an attempt that an outage of MLflow ended: no failure of the iteration."""
        outages = self.outages + 1
        phase = Phase.FAILED if outages >= MOST_OUTAGES else Phase.READY
        return replace(self, phase=phase, attempt=self.attempt + 1, outages=outages, error=error)

    def waiting(self, since: str) -> State:
        """Return the state while a step waits for MLflow. since: a time; empty once MLflow is back."""
        return replace(self, away_since=since)

    def ended(self, iteration: Iteration, prepared: str) -> State:
        """Return the state after an iteration. prepared: see the field."""
        return replace(
            self,
            phase=Phase.READY,
            iteration=self.iteration + 1,
            next_unit=iteration.units[-1] + 1,
            prepared=prepared,
            attempt=1,
            failures=0,
            outages=0,
            error="",
            history=(*self.history, iteration),
        )

    def reset(self) -> State:
        """Return the state with nothing held against the iteration: ready to try it again."""
        return replace(
            self, phase=Phase.READY, attempt=self.attempt + 1, failures=0, outages=0, away_since="", error=""
        )
