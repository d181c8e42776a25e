"""One iteration in this process, by the steps that the sensor takes: no daemon, no queue."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg

from forge_assets import dagster_internals
from forge_assets.flywheel.flywheel import Flywheel
from forge_assets.flywheel.runs import STEP, UNDER_WAY, attempt_tags
from forge_assets.flywheel.state import State
from forge_assets.flywheel.storage import folder_of
from forge_assets.flywheel.turn import Launch, Turner
from forge_assets.in_process import materialize_here
from forge_assets.processes import is_process_alive
from forge_assets.run_config import asset_key, default_definitions
from forge_core.errors import BadInput

BY_HAND = "forge/by_hand"
"""tag of runs in the process of a person: host and number of the process"""


class IterationStopped(Exception):
    """A person ended the attempt, in the UI or by Ctrl-C; the message says how to continue."""


def turn_once(
    turner: Turner,
    say: Callable[[str], None],
    resources: Mapping[str, Any] | None = None,
    definitions: dg.Definitions | None = None,
) -> State:
    """Make one attempt at the iteration that is on; return the state after it.

    say: takes a line for each step. resources: settings by name of the resource. definitions: default, those
    of the project. Raises BadInput where something else turns the flywheel, or where it does not turn;
    IterationStopped.
    """
    flywheel, instance = turner.flywheel, turner.instance
    this_process = {BY_HAND: f"{socket.gethostname()}:{os.getpid()}"}
    with folder_of(flywheel, turner.root).held():
        state = _claim(turner)
        while isinstance(move := turner.next_move(begin=True), Launch):
            say(f"iteration {state.iteration}: {move.step.name}")
            tags = dict(move.tags) | this_process
            given = _required(move.step.asset, resources or {}, definitions)
            materialize_here(move.step.asset, instance, tags, move.settings, given, definitions)
            _refuse_sensor(turner)
    if not move.over:
        raise BadInput(f"the flywheel does not turn: {move.reason}")
    if move.by_hand:
        raise IterationStopped(
            f"stopped: all steps that were done are kept; continue with {flywheel.command} once"
        )
    say(move.reason)
    after = turner.read()
    assert after
    return after


def sensor_is_on(flywheel: Flywheel, instance: dg.DagsterInstance) -> bool:
    """Return True if the sensor of a flywheel is switched on."""
    return dagster_internals.is_switched_on(instance, flywheel.name)


def _claim(turner: Turner) -> State:
    """Return the state, if nothing else turns the flywheel; a run whose process died is ended as failed."""
    flywheel, instance, state = turner.flywheel, turner.instance, turner.read()
    if not state:
        raise BadInput(f"there is no flywheel yet: begin with {flywheel.command} init")
    _refuse_sensor(turner)
    wanted = dg.RunsFilter(tags=attempt_tags(state), statuses=list(UNDER_WAY))
    for record in instance.get_run_records(wanted):
        run = record.dagster_run
        if _is_gone(run.tags.get(BY_HAND, ""), record.create_timestamp.timestamp()):
            instance.report_run_failed(run, "its process is gone")
            state = state.failed(f"{run.tags[STEP]} died with its process", counts=False)
            turner.write(state)
        else:
            raise BadInput(
                f"{run.tags[STEP]} is under way, run {run.run_id[:8]}: wait for its end, or terminate it in "
                "the UI"
            )
    return state


def _refuse_sensor(turner: Turner) -> None:
    if sensor_is_on(turner.flywheel, turner.instance):
        raise BadInput(
            f"the sensor turns the flywheel: let it, or switch it off with {turner.flywheel.command} stop"
        )


def _is_gone(process: str, known_at: float) -> bool:
    """Return True if a process of this host, named as in BY_HAND, ended. known_at: when it was alive."""
    host, _, number = process.partition(":")
    return host == socket.gethostname() and not is_process_alive(int(number), known_at)


def _required(asset: str, resources: Mapping[str, Any], definitions: dg.Definitions | None) -> dict[str, Any]:
    """Return the settings of those resources that an asset requires; Dagster refuses others."""
    known = default_definitions(definitions)
    required = known.resolve_assets_def(asset_key(asset)).required_resource_keys
    return {name: value for name, value in resources.items() if name in required}
