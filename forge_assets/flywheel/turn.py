"""The next step of a flywheel, by its state and by the runs that Dagster knows.

A step is under way, done or failed as its last run is. When the gate is done the iteration ends, promoted or
not, and the range moves on; when a step failed, range and champion stay. The state is all that is written, so
that it does not matter who asks for the next step, how often, or who died. A step that needs MLflow is not
begun during an outage, which is no failure of an iteration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster import DagsterRunStatus

from forge_assets.flywheel.flywheel import Flywheel
from forge_assets.flywheel.progress import report
from forge_assets.flywheel.runs import (
    STEP,
    UNDER_WAY,
    attempt_tags,
    reason_of,
    report_of,
    runs_of,
    was_cut_off,
    was_stopped_by_hand,
    will_be_retried,
)
from forge_assets.flywheel.state import GIVE_UP_AFTER, MOST_OUTAGES, Phase, State
from forge_assets.flywheel.steps import Reports, Step
from forge_assets.flywheel.storage import read_state, write_state
from forge_assets.tracking.registry import ModelRegistry
from forge_assets.tracking.tracker import Tracker
from forge_core.files import Store


@dataclass(frozen=True, slots=True)
class Launch:
    """A run to start."""

    step: Step
    settings: Mapping[str, Any]
    tags: Mapping[str, str]
    run_key: str
    """the same however often the same run is requested"""


@dataclass(frozen=True, slots=True)
class Rest:
    """No run to start now."""

    reason: str
    over: bool = False
    """True if an attempt ended with this: see the state"""
    by_hand: bool = False
    """True if a person ended that attempt"""
    waits: bool = False
    """True if an iteration waits for the schedule"""


@dataclass(frozen=True, slots=True)
class Turner:
    """A flywheel with what turns it."""

    flywheel: Flywheel
    instance: dg.DagsterInstance
    root: Store
    """of the store"""
    tracker: Tracker

    def next_move(self, begin: bool = False) -> Launch | Rest:
        """Return the next run, or why there is none now.

        begin: True to begin an iteration that waits for the schedule. Raises BadInput, StoreUnusable.
        """
        state = self.read()
        if not state:
            return Rest(f"there is no flywheel yet: {self.flywheel.command} init")
        if state.current_phase is Phase.FAILED:
            return Rest(f"failed, and rests until {self.flywheel.command} reset: {state.error}")
        if state.current_phase is Phase.DONE:
            examples, remedy = self.flywheel.words.examples, self.flywheel.exhausted
            return Rest(f"done: no {examples} are left to learn from; {remedy}")
        runs = runs_of(self.instance, state)
        waits = state.settings.begin == "schedule" and not begin
        if waits and not runs and state.attempt == 1:
            return Rest(f"ready: iteration {state.iteration} waits for the schedule", waits=True)
        return self._continue(state, runs)

    def begin_iteration(self) -> Launch | Rest:
        """Return the first run of an iteration that waits for the schedule, or why not to begin it now."""
        move = self.next_move()
        if isinstance(move, Rest) and move.over:
            move = self.next_move()
        if isinstance(move, Rest) and move.waits:
            return self.next_move(begin=True)
        if isinstance(move, Launch):
            return Rest(
                f"an iteration is on, or the sensor begins it: the sensor will start {move.step.name} next"
            )
        return move

    def launch(self, state: State, step: Step, reports: Reports) -> Launch:
        """Return the run of a step. reports: of the steps before it. Raises TrackerUnusable."""
        settings = dict(step.settings)
        if step.complete:
            settings |= step.complete(reports, ModelRegistry(self.tracker))
        tags = attempt_tags(state) | {STEP: step.name} | dict(step.partition)
        key = "/".join((state.token, str(state.iteration), str(state.attempt), step.name))
        return Launch(step, settings, tags, key)

    def read(self) -> State | None:
        """Return the state; None if no flywheel was begun. Raises BadInput for a damaged file."""
        return read_state(self.flywheel, self.root)

    def write(self, state: State) -> None:
        """Replace the state. Raises StoreUnusable."""
        write_state(self.flywheel, self.root, state)

    def _continue(self, state: State, runs: Mapping[str, dg.DagsterRun]) -> Launch | Rest:
        reports: dict[str, Mapping[str, Any]] = {}
        for step in self.flywheel.steps(state):
            run = runs.get(step.name)
            if not run:
                if step.needs_tracker and (why := self.tracker.outage()):
                    return self._wait(state, step, why)
                if state.away_since:
                    state = state.waiting("")
                    self.write(state)
                return self.launch(state, step, reports)
            if run.status in UNDER_WAY or will_be_retried(run):
                return Rest(f"iteration {state.iteration}: {step.name} is under way, run {run.run_id[:8]}")
            if run.status is not DagsterRunStatus.SUCCESS:
                return self._fail(state, step, run)
            if step.reports:
                reports[step.name] = report_of(self.instance, run)
        return self._end(state, reports)

    def _wait(self, state: State, step: Step, why: str) -> Rest:
        """Note since when a step waits for MLflow."""
        if not state.away_since:
            state = state.waiting(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
            self.write(state)
        return Rest(f"iteration {state.iteration}: {step.name} waits since {state.away_since}: {why}")

    def _fail(self, state: State, step: Step, run: dg.DagsterRun) -> Rest:
        """End an attempt: another one follows, or the flywheel rests."""
        where = f"iteration {state.iteration}, {step.name} (run {run.run_id[:8]})"
        if by_hand := was_stopped_by_hand(self.instance, run):
            error = f"{where} was stopped by hand"
        else:
            error = f"{where}: {reason_of(self.instance, run)}"
        cut_off = not by_hand and was_cut_off(self.instance, run, self.tracker)
        after = state.cut_off(error) if cut_off else state.failed(error, counts=not by_hand)
        self.write(after)
        report(self.flywheel, self.instance, self.tracker, after)
        if after.phase is Phase.FAILED:
            many = f"MLflow went away {MOST_OUTAGES} times" if cut_off else f"{GIVE_UP_AFTER} attempts failed"
            return Rest(f"{error}; {many}: correct the cause, then {self.flywheel.command} reset", True)
        return Rest(f"{error}; range and champion stay as they were, the next attempt follows", True, by_hand)

    def _end(self, state: State, reports: Reports) -> Rest:
        """End an iteration: the range moves on."""
        iteration = self.flywheel.result(state, reports)
        after = state.ended(iteration, self.flywheel.version())
        self.write(after)
        remark = report(self.flywheel, self.instance, self.tracker, after)
        added = f"{self.flywheel.words.examples} {self.flywheel.units_text(iteration.units)}"
        outcome = "a new champion" if iteration.promoted else "the champion stays"
        reason = f"iteration {iteration.number} is over, {added}: {outcome}; {iteration.reasons[0]}"
        return Rest(f"{reason}{f'; {remark}' if remark else ''}", True)
