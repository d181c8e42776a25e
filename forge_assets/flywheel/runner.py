"""One iteration in this process, with the same steps as the sensor takes, but without a daemon or queue."""

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
"""tag of runs that a user started in a terminal: host and pid of the process"""


class IterationStopped(Exception):
    """The user stopped the attempt, in the UI or with Ctrl-C; the message says how to continue."""


def turn_once(
    turner: Turner,
    say: Callable[[str], None],
    resources: Mapping[str, Any] | None = None,
    definitions: dg.Definitions | None = None,
) -> State:
    """Run one attempt at the current iteration; return the state after it.

    say: receives one line per step. resources: settings by resource name. definitions: the project's by
    default. Raise BadInput if the flywheel cannot run or something else is running it, IterationStopped if
    the user stops the attempt.
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
        raise BadInput(f"the flywheel cannot run: {move.reason}")
    if move.by_hand:
        raise IterationStopped(
            f"stopped: all completed steps are kept; continue with {flywheel.command} once"
        )
    say(move.reason)
    after = turner.read()
    assert after
    return after


def sensor_is_on(flywheel: Flywheel, instance: dg.DagsterInstance) -> bool:
    """Return True if the flywheel's sensor is switched on."""
    return dagster_internals.is_switched_on(instance, flywheel.name)


def _claim(turner: Turner) -> State:
    """Return the state if nothing else runs the flywheel, after marking runs of dead processes as failed."""
    flywheel, instance, state = turner.flywheel, turner.instance, turner.read()
    if not state:
        raise BadInput(f"there is no flywheel yet: create one with {flywheel.command} init")
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
                f"{run.tags[STEP]} is under way (run {run.run_id[:8]}): wait until it ends, or terminate it "
                "in the UI"
            )
    return state


def _refuse_sensor(turner: Turner) -> None:
    if sensor_is_on(turner.flywheel, turner.instance):
        raise BadInput(
            "the sensor is already running the flywheel: leave it to the sensor, or switch the sensor off "
            f"with {turner.flywheel.command} stop"
        )


def _is_gone(process: str, known_at: float) -> bool:
    """Return True if a process of this host (as in BY_HAND) has ended. known_at: a time when it was alive."""
    host, _, number = process.partition(":")
    return host == socket.gethostname() and not is_process_alive(int(number), known_at)


def _required(asset: str, resources: Mapping[str, Any], definitions: dg.Definitions | None) -> dict[str, Any]:
    """Return the settings of the resources that an asset requires; Dagster rejects others."""
    known = default_definitions(definitions)
    required = known.resolve_assets_def(asset_key(asset)).required_resource_keys
    return {name: value for name, value in resources.items() if name in required}
