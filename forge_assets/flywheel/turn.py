"""What comes next: from the state of a flywheel and from the runs that Dagster knows.

A step is under way, done or failed as its last run is. When the gate is done the iteration is over,
whichever way it went, and the range moves on; when a step failed, range and champion stay as they
were. Whoever asks writes nothing else, so that it does not matter who asks, how often, or who died.
A step that needs MLflow is not begun while that is away: an outage is no failure of an iteration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster import DagsterEventType, DagsterRunStatus

from forge_assets.flywheel.progress import tell
from forge_assets.flywheel.state import (
    GIVE_UP_AFTER,
    MOST_OUTAGES,
    Iteration,
    Phase,
    State,
    read_state,
    seeds_of,
    write_state,
)
from forge_assets.flywheel.steps import GATE, TEACH, TOKENS, Step, is_size, steps_of
from forge_assets.tracking.errors import TrackerAway, TrackerUnusable
from forge_assets.tracking.registry import CHAMPION, ModelRegistry
from forge_assets.tracking.tracker import Tracker
from forge_core.files import Store

UNDER_WAY = {
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
}


@dataclass(frozen=True, slots=True)
class Launch:
    """A run to be started."""

    step: Step
    settings: Mapping[str, Any]
    tags: Mapping[str, str]
    run_key: str
    """the same however often the same run is asked for"""


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to start now, and why."""

    reason: str
    over: bool = False
    """whether an attempt came to its end with this: see the state"""
    by_hand: bool = False
    """whether somebody ended it"""
    waits: bool = False
    """whether an iteration waits to be begun"""


def next_move(
    instance: dg.DagsterInstance, root: Store, tracker: Tracker, begin: bool = False
) -> Launch | Rest:
    """The next run of the flywheel of a store, or why there is none now.

    begin: whether to begin an iteration that waits for the schedule. Raises BadInput, StoreUnusable.
    """
    state = read_state(root)
    if not state:
        return Rest("there is no flywheel yet: forge-pipeline flywheel init")
    if state.standing is Phase.FAILED:
        return Rest(f"failed, and rests until forge-pipeline flywheel reset: {state.error}")
    if state.standing is Phase.DONE:
        return Rest(
            "done: all seeds there are were learnt from; raise N_BLOCKS in forge_assets/texas42/blocks.py"
        )
    runs = runs_of(instance, state)
    waits = state.settings.begin == "schedule" and not begin
    if waits and not runs and state.attempt == 1:
        return Rest(f"ready: iteration {state.iteration} waits for the schedule", waits=True)
    return _go_on(instance, root, tracker, state, runs)


def _go_on(
    instance: dg.DagsterInstance,
    root: Store,
    tracker: Tracker,
    state: State,
    runs: Mapping[str, dg.DagsterRun],
) -> Launch | Rest:
    made: dict[str, Mapping[str, Any]] = {}
    for step in steps_of(state):
        run = runs.get(step.name)
        if not run:
            if step.asks_tracker and (why := tracker.outage()):
                return _wait(root, state, step, why)
            if state.away_since:
                state = state.waiting("")
                write_state(root, state)
            return launch(state, step, made, ModelRegistry(tracker))
        if run.status in UNDER_WAY or will_be_retried(run):
            return Rest(f"iteration {state.iteration}: {step.name} is under way, run {run.run_id[:8]}")
        if run.status is not DagsterRunStatus.SUCCESS:
            return _fail(instance, root, tracker, state, step, run)
        if step.name in (TOKENS, TEACH, GATE):
            made[step.name] = metadata_of(instance, run)
    return _end(instance, root, tracker, state, made)


def begin(instance: dg.DagsterInstance, root: Store, tracker: Tracker) -> Launch | Rest:
    """The first run of an iteration that waits to be begun; otherwise, why it is not to be begun now."""
    move = next_move(instance, root, tracker)
    if isinstance(move, Rest) and move.over:
        move = next_move(instance, root, tracker)
    if isinstance(move, Rest) and move.waits:
        return next_move(instance, root, tracker, begin=True)
    if isinstance(move, Launch):
        return Rest(
            f"an iteration is on, or the sensor begins it: {move.step.name} is next, and the sensor's"
        )
    return move


def launch(
    state: State, step: Step, made: Mapping[str, Mapping[str, Any]], registry: ModelRegistry
) -> Launch:
    """The run of a step. made: what the steps before it have said. Raises TrackerUnusable."""
    settings = dict(step.settings) | ({"model": made[TEACH]["model"]} if step.of_challenger else {})
    asked = state.settings
    if step.name == TEACH and is_size(asked.model) and not registry.fetch(asked.objective, CHAMPION):
        del settings["init_from"]
        settings["size"] = asked.model
    tags = identity(state) | {"forge/step": step.name} | dict(step.partition)
    key = "/".join((state.token, str(state.iteration), str(state.attempt), step.name))
    return Launch(step, settings, tags, key)


def identity(state: State) -> dict[str, str]:
    """The tags of all runs of an attempt at an iteration."""
    return {
        "forge/flywheel": f"{state.settings.group}-{state.token}",
        "forge/iteration": str(state.iteration),
        "forge/attempt": str(state.attempt),
    }


def runs_of(instance: dg.DagsterInstance, state: State) -> dict[str, dg.DagsterRun]:
    """The last run of each step of the attempt that is on."""
    records = instance.get_run_records(dg.RunsFilter(tags=identity(state)))  # the last first
    return {record.dagster_run.tags["forge/step"]: record.dagster_run for record in reversed(records)}


def will_be_retried(run: dg.DagsterRun) -> bool:
    """Whether Dagster is about to repeat a failed run, as where run retries are configured."""
    return run.status is DagsterRunStatus.FAILURE and run.tags.get("dagster/will_retry") == "true"


def metadata_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dict[str, Any]:
    """What the one materialization of a run says."""
    logs = instance.all_logs(run.run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION)
    event = logs[-1].get_dagster_event().step_materialization_data.materialization
    return {name: entry.value for name, entry in event.metadata.items()}


def reason_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    """Why a run ended as it did, in a line."""
    for failure in _failures(instance, run):
        said = failure.user_failure_data and failure.user_failure_data.description
        if reason := said or (failure.error and (failure.error.cause or failure.error).message):
            return " ".join(reason.split())
    ends = {DagsterEventType.RUN_FAILURE, DagsterEventType.RUN_CANCELED}
    said = [log.get_dagster_event().message for log in instance.all_logs(run.run_id, of_type=ends)]
    return " ".join(said[-1].split()) if said and said[-1] else f"the run ended as {run.status.value}"


def ended_by_hand(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether a run was terminated in the UI, or by Ctrl-C: that says nothing against the iteration."""
    errors = [failure.error for failure in _failures(instance, run) if failure.error]
    interrupted = any(error.cls_name == "DagsterExecutionInterruptedError" for error in errors)
    return run.status is DagsterRunStatus.CANCELED or interrupted


def was_cut_off(instance: dg.DagsterInstance, run: dg.DagsterRun, tracker: Tracker) -> bool:
    """Whether a run failed because MLflow went away while it ran: it says so, or MLflow is away still."""

    def kinds(error: Any) -> list[str]:
        return [error.cls_name, *kinds(error.cause or error.context)] if error else []

    found = {kind for failure in _failures(instance, run) for kind in kinds(failure.error)}
    return TrackerAway.__name__ in found or (TrackerUnusable.__name__ in found and bool(tracker.outage()))


def _failures(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[Any]:
    logs = instance.all_logs(run.run_id, of_type=DagsterEventType.STEP_FAILURE)
    return [log.get_dagster_event().step_failure_data for log in logs]


def _wait(root: Store, state: State, step: Step, why: str) -> Rest:
    """A step is not begun: MLflow is away."""
    if not state.away_since:
        state = state.waiting(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
        write_state(root, state)
    return Rest(f"iteration {state.iteration}: {step.name} waits since {state.away_since}: {why}")


def _fail(
    instance: dg.DagsterInstance, root: Store, tracker: Tracker, state: State, step: Step, run: dg.DagsterRun
) -> Rest:
    """An attempt is over: another one comes, or the flywheel rests."""
    where = f"iteration {state.iteration}, {step.name} (run {run.run_id[:8]})"
    if by_hand := ended_by_hand(instance, run):
        error = f"{where} was stopped by hand"
    else:
        error = f"{where}: {reason_of(instance, run)}"
    cut_off = not by_hand and was_cut_off(instance, run, tracker)
    after = state.cut_off(error) if cut_off else state.failed(error, counts=not by_hand)
    write_state(root, after)
    tell(instance, tracker, after)
    if after.phase is Phase.FAILED:
        many = f"MLflow went away {MOST_OUTAGES} times" if cut_off else f"{GIVE_UP_AFTER} attempts failed"
        return Rest(f"{error}; {many}: mend it, then forge-pipeline flywheel reset", True)
    return Rest(f"{error}; range and champion stay as they were, the next attempt follows", True, by_hand)


def _end(
    instance: dg.DagsterInstance,
    root: Store,
    tracker: Tracker,
    state: State,
    made: Mapping[str, Mapping[str, Any]],
) -> Rest:
    """An iteration is over: champion or not, the range moves on."""
    gate, blocks = made[GATE], state.range()
    mine = float(gate["by_deal_points"])
    crowned = bool(gate["is_champion"])  # by this run, or by one that died before it could say so
    iteration = Iteration(
        number=state.iteration,
        blocks=tuple(blocks),
        seeds=int(made[TOKENS]["shards"]),
        challenger=str(gate["challenger"]),
        challenger_q_gap=mine,
        champion_q_gap=mine if crowned else gate.get("champion_by_deal_points"),
        promoted=crowned,
        reasons=tuple(line.removeprefix("- ") for line in str(gate["reasons"]).splitlines()),
        attempts=state.attempt,
    )
    after = state.ended(iteration)
    write_state(root, after)
    remark = tell(instance, tracker, after)
    came = "a new champion" if iteration.promoted else "the champion stays"
    told = f"iteration {iteration.number} is over, seeds {seeds_of(blocks)}: {came}; {iteration.reasons[0]}"
    return Rest(f"{told}{f'; {remark}' if remark else ''}", True)
