"""One iteration in this process: no daemon, no queue, and the same steps as the sensor takes."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg

from forge_assets.flywheel.sensor import flywheel_sensor
from forge_assets.flywheel.state import FOLDER, State, read_state, write_state
from forge_assets.flywheel.turn import UNDER_WAY, Launch, identity, next_move
from forge_assets.in_process import materialize_here
from forge_assets.launcher import is_process_alive
from forge_assets.tracking.tracker import Tracker
from forge_core.cli.status import Stopped
from forge_core.errors import BadInput
from forge_core.files import Store

BY_HAND = "forge/by_hand"
"""tag of runs of this kind: host and number of the process"""


def turn_once(
    instance: dg.DagsterInstance,
    root: Store,
    tracker: Tracker,
    say: Callable[[str], None],
    resources: Mapping[str, Any] | None = None,
) -> State:
    """Take an attempt at the iteration that is on, to its end; the state after it.

    say: told of each step. Raises BadInput where the flywheel is turned by another, or does not turn;
    Stopped after Ctrl-C.
    """
    mine = {BY_HAND: f"{socket.gethostname()}:{os.getpid()}"}
    with root.join(FOLDER).held():
        state = _claim(instance, root)
        while isinstance(move := next_move(instance, root, tracker, begin=True), Launch):
            say(f"iteration {state.iteration}: {move.step.name}")
            given = _known_by(move.step.asset, resources or {})
            materialize_here(move.step.asset, instance, dict(move.tags) | mine, move.settings, given)
            _refuse_sensor(instance)
    if not move.over:
        raise BadInput(f"the flywheel does not turn: {move.reason}")
    if move.by_hand:
        raise Stopped("stopped: all steps that were done are kept; go on with forge-pipeline flywheel once")
    say(move.reason)
    after = read_state(root)
    assert after
    return after


def sensor_is_on(instance: dg.DagsterInstance) -> bool:
    """Whether the sensor turns the flywheel."""
    return any(
        found.instigator_name == flywheel_sensor.name and found.is_running
        for found in instance.all_instigator_state()
    )


def _claim(instance: dg.DagsterInstance, root: Store) -> State:
    """The flywheel, if nobody else turns it; a run that died with its process is no obstacle."""
    state = read_state(root)
    if not state:
        raise BadInput("there is no flywheel yet: begin with forge-pipeline flywheel init")
    _refuse_sensor(instance)
    wanted = dg.RunsFilter(tags=identity(state), statuses=list(UNDER_WAY))
    for record in instance.get_run_records(wanted):
        run = record.dagster_run
        if _is_gone(run.tags.get(BY_HAND, ""), record.create_timestamp.timestamp()):
            instance.report_run_failed(run, "its process is gone")
            state = state.failed(f"{run.tags['forge/step']} died with its process", counts=False)
            write_state(root, state)
        else:
            raise BadInput(
                f"{run.tags['forge/step']} is under way, run {run.run_id[:8]}: wait for its end, or "
                "terminate it in the UI"
            )
    return state


def _refuse_sensor(instance: dg.DagsterInstance) -> None:
    if sensor_is_on(instance):
        raise BadInput("the sensor turns the flywheel: forge-pipeline flywheel stop, or let it")


def _is_gone(process: str, known_at: float) -> bool:
    """Whether a process of this host, as BY_HAND names it, is no more; known_at: when it was there."""
    host, _, number = process.partition(":")
    return host == socket.gethostname() and not is_process_alive(int(number), known_at)


def _known_by(asset: str, resources: Mapping[str, Any]) -> dict[str, Any]:
    """Of some resources' settings those that an asset asks for: Dagster refuses others."""
    from forge_assets.definitions import defs

    wanted = defs.resolve_asset_graph().get(dg.AssetKey(asset)).assets_def.required_resource_keys
    return {name: value for name, value in resources.items() if name in wanted}
