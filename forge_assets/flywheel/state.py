"""State of a flywheel: its settings, the current iteration, and the results of earlier ones.

Dagster's runs record the outcome of each step. The state changes only when an attempt at an iteration ends,
or when a step starts or stops waiting for MLflow.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal, Protocol, get_args

from forge_core.errors import BadInput
from forge_core.settings import setting

GIVE_UP_AFTER = 3
"""failed attempts at one iteration after which the flywheel stops and waits for a person"""
MOST_OUTAGES = 10
"""number of attempts at an iteration that MLflow outages may end; more suggest that runs cannot reach MLflow,
although the sensor can"""


class Phase(StrEnum):
    """Phase of a flywheel."""

    READY = "ready"
    """ready for the next iteration, or for another attempt at this one"""
    FAILED = "failed"
    """stopped until `reset`"""
    DONE = "done"
    """all units of data have been used; never stored, since units may be added"""


Begin = Literal["sensor", "schedule"]


@dataclass(frozen=True, slots=True)
class CommonSettings:
    """The settings that are alike in every flywheel."""

    begin: Begin = setting(
        "sensor",
        "Start of an iteration: sensor, as soon as the last one has ended; or schedule, every night at 1:00 "
        "UTC.",
    )


class FlywheelSettings(Protocol):
    """The settings that every game's flywheel has: a frozen dataclass, see `forge_core.settings`.

    A unit is the smallest range of new data that an iteration can add, such as a block of seeds. Units are
    numbered.
    """

    @property
    def group(self) -> str:
        """Name of the runs in Dagster and MLflow."""
        ...

    @property
    def begin(self) -> Begin:
        """The trigger of an iteration; the sensor continues it in either case."""
        ...

    @property
    def first_unit(self) -> int:
        """The number from which the first iteration looks for units."""
        ...

    def units_from(self, start: int) -> list[int]:
        """Return the units of an iteration, ascending, from `start` on; empty if none are left."""
        ...


def check_common(settings: FlywheelSettings) -> None:
    """Raise BadInput if the group cannot be part of a name in Dagster and MLflow, or for another `begin`."""
    group, begin = settings.group, settings.begin
    if not group or not group.replace("-", "").replace("_", "").isalnum():
        raise BadInput(f"group {group!r} is not a valid name: use only letters, digits, - and _")
    if begin not in get_args(Begin):
        raise BadInput(f"begin {begin!r}: use {' or '.join(get_args(Begin))}")


@dataclass(frozen=True, slots=True)
class Iteration:
    """An iteration that ended, with or without a new champion."""

    number: int
    units: tuple[int, ...]
    """units that it added"""
    examples: int
    """amount of data that the challenger was trained on, in the game's own unit (seeds, games)"""
    challenger: str
    """folder of the challenger"""
    challenger_figure: float
    """figure by which the gate compares networks"""
    champion_figure: float | None
    """the same figure of the champion after the gate; None if there is no champion yet"""
    promoted: bool
    reasons: tuple[str, ...]
    """reasons for the gate's decision; not empty"""
    attempts: int


@dataclass(frozen=True, slots=True)
class State:
    """The state of a flywheel."""

    settings: Any
    """the game's FlywheelSettings"""
    token: str
    """distinguishes its runs from those of a deleted flywheel with the same name"""
    phase: Literal[Phase.READY, Phase.FAILED] = Phase.READY
    iteration: int = 1
    """number of the current iteration, or of the next one"""
    next_unit: int = 0
    """number from which this iteration looks for units"""
    attempt: int = 1
    """number of the current attempt at this iteration"""
    failures: int = 0
    """failed attempts at this iteration"""
    outages: int = 0
    """attempts at this iteration that an MLflow outage ended"""
    away_since: str = ""
    """time at which a step began to wait for MLflow; empty if none is waiting"""
    error: str = ""
    """why the last attempt failed, and what to do; empty if it did not fail"""
    prepared: str = ""
    """version of the benchmark that was last prepared"""
    history: tuple[Iteration, ...] = field(default=())

    @classmethod
    def begin(cls, settings: FlywheelSettings) -> State:
        """Return the state of a new flywheel. Raise BadInput if there are no units for it."""
        state = cls(settings, secrets.token_hex(4), next_unit=settings.first_unit)
        if not state.units():
            raise BadInput(
                f"no training data is left from number {settings.first_unit} on: start at a lower number"
            )
        return state

    @property
    def current_phase(self) -> Phase:
        """The stored phase, or DONE if it is READY but no units are left."""
        return Phase.DONE if self.phase is Phase.READY and not self.units() else self.phase

    def units(self) -> list[int]:
        """Return the units of this iteration; fewer than usual if few are left."""
        return self.settings.units_from(self.next_unit)

    def failed(self, error: str, counts: bool = True) -> State:
        """Return the state after a failed attempt: READY for another one, or FAILED after GIVE_UP_AFTER.

        counts: False if the attempt does not count as a failure, for example because the user stopped it.
        """
        failures = self.failures + counts
        phase = Phase.FAILED if failures >= GIVE_UP_AFTER else Phase.READY
        return replace(self, phase=phase, attempt=self.attempt + 1, failures=failures, error=error)

    def cut_off(self, error: str) -> State:
        """Return the state after an MLflow outage ended an attempt, which does not count as a failure."""
        outages = self.outages + 1
        phase = Phase.FAILED if outages >= MOST_OUTAGES else Phase.READY
        return replace(self, phase=phase, attempt=self.attempt + 1, outages=outages, error=error)

    def waiting(self, since: str) -> State:
        """Return the state while a step waits for MLflow. since: start of the wait; empty once it is over."""
        return replace(self, away_since=since)

    def ended(self, iteration: Iteration, prepared: str) -> State:
        """Return the state after an iteration has ended. prepared: see the field."""
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
        """Return the state with failures and outages cleared, READY to try the iteration again."""
        return replace(
            self, phase=Phase.READY, attempt=self.attempt + 1, failures=0, outages=0, away_since="", error=""
        )
