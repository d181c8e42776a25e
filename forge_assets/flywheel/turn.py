"""The choice of a flywheel's next step, from its state and from Dagster's runs.

A step has the status of its last run: under way, done or failed. When the gate is done the iteration ends,
with or without a promotion, and the range advances. When a step fails, range and champion stay. Nothing is
written but the state and the names of the partitions that the next step needs, so it does not matter who asks
for the next step, how often, or which process died. A step that needs MLflow does not begin during an outage,
and an outage does not count as a failure.
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
    """identical whenever the same run is requested again"""


@dataclass(frozen=True, slots=True)
class Rest:
    """A decision not to start a run now."""

    reason: str
    over: bool = False
    """True if an attempt has just ended: see the state"""
    by_hand: bool = False
    """True if the user stopped that attempt"""
    waits: bool = False
    """True if the next iteration is waiting for the schedule"""


@dataclass(frozen=True, slots=True)
class Turner:
    """A flywheel together with the services on which it runs."""

    flywheel: Flywheel
    instance: dg.DagsterInstance
    root: Store
    """root of the store"""
    tracker: Tracker

    def next_move(self, begin: bool = False) -> Launch | Rest:
        """Return the next run, or the reason why there is none now.

        begin: True to begin an iteration that waits for the schedule. Raise BadInput if the state file is
        damaged, StoreUnusable if the store cannot be used.
        """
        state = self.read()
        if not state:
            return Rest(f"there is no flywheel yet: create one with {self.flywheel.command} init")
        if state.current_phase is Phase.FAILED:
            return Rest(f"failed, and stopped until {self.flywheel.command} reset: {state.error}")
        if state.current_phase is Phase.DONE:
            examples, remedy = self.flywheel.words.examples, self.flywheel.exhausted
            return Rest(f"done: no {examples} are left to train on; {remedy}")
        runs = runs_of(self.instance, state)
        waits = state.settings.begin == "schedule" and not begin
        if waits and not runs and state.attempt == 1:
            return Rest(f"ready: iteration {state.iteration} waits for the schedule", waits=True)
        return self._continue(state, runs)

    def begin_iteration(self) -> Launch | Rest:
        """Return the first run of an iteration that waits for the schedule, or the reason not to begin it."""
        move = self.next_move()
        if isinstance(move, Rest) and move.over:
            move = self.next_move()
        if isinstance(move, Rest) and move.waits:
            return self.next_move(begin=True)
        if isinstance(move, Launch):
            return Rest(
                "an iteration is under way, or the sensor begins it: the sensor will start "
                f"{move.step.name} next"
            )
        return move

    def launch(self, state: State, step: Step, reports: Reports) -> Launch:
        """Return the run of a step. reports: from earlier steps. Raise TrackerUnusable if MLflow fails."""
        settings = dict(step.settings)
        if step.complete:
            settings |= step.complete(reports, ModelRegistry(self.tracker))
        tags = attempt_tags(state) | {STEP: step.name} | dict(step.partition)
        key = "/".join((state.token, str(state.iteration), str(state.attempt), step.name))
        return Launch(step, settings, tags, key)

    def read(self) -> State | None:
        """Return the state; None if there is no flywheel. Raise BadInput if the file is damaged."""
        return read_state(self.flywheel, self.root)

    def write(self, state: State) -> None:
        """Replace the state. Raise StoreUnusable if it cannot be written."""
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
                self.flywheel.register(self.instance, state)
                return self.launch(state, step, reports)
            if run.status in UNDER_WAY or will_be_retried(run):
                return Rest(f"iteration {state.iteration}: {step.name} is under way, run {run.run_id[:8]}")
            if run.status is not DagsterRunStatus.SUCCESS:
                return self._fail(state, step, run)
            if step.reports:
                reports[step.name] = report_of(self.instance, run)
        return self._end(state, reports)

    def _wait(self, state: State, step: Step, why: str) -> Rest:
        """Record in the state that a step is waiting for MLflow."""
        if not state.away_since:
            state = state.waiting(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
            self.write(state)
        return Rest(f"iteration {state.iteration}: {step.name} has waited since {state.away_since}: {why}")

    def _fail(self, state: State, step: Step, run: dg.DagsterRun) -> Rest:
        """End a failed attempt: another one follows, or the flywheel stops."""
        where = f"iteration {state.iteration}, {step.name} (run {run.run_id[:8]})"
        if by_hand := was_stopped_by_hand(self.instance, run):
            error = f"{where} was stopped by hand"
        else:
            error = f"{where}: {reason_of(self.instance, run)}"
        cut_off = not by_hand and was_cut_off(self.instance, run, self.tracker)
        after = state.cut_off(error) if cut_off else state.failed(error, counts=not by_hand)
        self.write(after)
        report(self.flywheel, self.instance, self.root, self.tracker, after)
        if after.phase is Phase.FAILED:
            many = f"MLflow failed {MOST_OUTAGES} times" if cut_off else f"{GIVE_UP_AFTER} attempts failed"
            return Rest(f"{error}; {many}: fix the cause, then run {self.flywheel.command} reset", True)
        return Rest(f"{error}; range and champion are unchanged, another attempt follows", True, by_hand)

    def _end(self, state: State, reports: Reports) -> Rest:
        """End an iteration and advance the range."""
        iteration = self.flywheel.result(state, reports)
        after = state.ended(iteration, self.flywheel.version())
        self.write(after)
        remark = report(self.flywheel, self.instance, self.root, self.tracker, after)
        added = f"{self.flywheel.words.examples} {self.flywheel.units_text(iteration.units)}"
        outcome = "a new champion" if iteration.promoted else "the champion stays"
        reason = f"iteration {iteration.number} is over, {added}: {outcome}; {iteration.reasons[0]}"
        return Rest(f"{reason}{f'; {remark}' if remark else ''}", True)
