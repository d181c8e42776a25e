"""Dagster runs that belong to a flywheel: found by their tags, with their outcome and its reason."""

from __future__ import annotations

from typing import Any

import dagster as dg
from dagster import DagsterRunStatus

from forge_assets import dagster_internals
from forge_assets.flywheel.state import State
from forge_assets.tracking.errors import TrackerAway, TrackerUnusable
from forge_assets.tracking.tracker import Tracker

UNDER_WAY = {
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
}
STEP = "forge/step"
"""tag: name of the step"""


def attempt_tags(state: State) -> dict[str, str]:
    """Return the tags that all runs of the current attempt share."""
    return {
        "forge/flywheel": f"{state.settings.group}-{state.token}",
        "forge/iteration": str(state.iteration),
        "forge/attempt": str(state.attempt),
    }


def runs_of(instance: dg.DagsterInstance, state: State) -> dict[str, dg.DagsterRun]:
    """Return the last run of each step of the current attempt, by step name."""
    records = instance.get_run_records(dg.RunsFilter(tags=attempt_tags(state)))  # the newest first
    return {record.dagster_run.tags[STEP]: record.dagster_run for record in reversed(records)}


def will_be_retried(run: dg.DagsterRun) -> bool:
    """Return True if the run failed and Dagster's run retries will repeat it."""
    return run.status is DagsterRunStatus.FAILURE and dagster_internals.will_retry(run)


def report_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dict[str, Any]:
    """Return the metadata of the last materialization of a run."""
    metadata = dagster_internals.materializations(instance, run.run_id)[-1].metadata
    return {name: entry.value for name, entry in metadata.items()}


def reason_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    """Return the reason why a run failed or was cancelled, on one line."""
    for failure in dagster_internals.step_failures(instance, run.run_id):
        if reason := dagster_internals.failure_reason(failure):
            return reason
    message = dagster_internals.ending_message(instance, run.run_id)
    return " ".join(message.split()) if message else f"the run ended as {run.status.value}"


def was_stopped_by_hand(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Return True if the user stopped the run, in the UI or with Ctrl-C."""
    failures = dagster_internals.step_failures(instance, run.run_id)
    interrupted = any(dagster_internals.is_interruption(failure) for failure in failures)
    return run.status is DagsterRunStatus.CANCELED or interrupted


def was_cut_off(instance: dg.DagsterInstance, run: dg.DagsterRun, tracker: Tracker) -> bool:
    """Return True if an MLflow outage ended the run: its error says so, or MLflow is still unreachable."""

    def classes(error: Any) -> list[str]:
        return [error.cls_name, *classes(error.cause or error.context)] if error else []

    failures = dagster_internals.step_failures(instance, run.run_id)
    found = {name for failure in failures for name in classes(failure.error)}
    return TrackerAway.__name__ in found or (TrackerUnusable.__name__ in found and bool(tracker.outage()))
