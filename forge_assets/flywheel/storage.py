"""The state of a flywheel as a JSON file in the store, always replaced as a whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from forge_assets.flywheel.flywheel import Flywheel, Words
from forge_assets.flywheel.state import Iteration, Phase, State
from forge_core.errors import BadInput
from forge_core.files import Store

FILE = "state.json"
SCHEMA_VERSION = 1


def folder_of(flywheel: Flywheel, root: Store) -> Store:
    """Return the folder of a flywheel in the store."""
    return root.join(flywheel.name)


def read_state(flywheel: Flywheel, root: Store) -> State | None:
    """Return the state of a flywheel; None if there is none. Raise BadInput if the file is damaged."""
    folder = folder_of(flywheel, root)
    if not folder.exists(FILE):
        return None
    try:
        return parse_state(flywheel, folder.read_json(FILE))
    except (ValueError, KeyError, TypeError, AttributeError, BadInput) as error:
        raise BadInput(
            f"{folder.path(FILE)} is not a readable flywheel state ({error}): delete it, then run "
            f"{flywheel.command} init; the data it made is kept and used again"
        ) from error


def write_state(flywheel: Flywheel, root: Store, state: State) -> None:
    """Replace the state file. Raise StoreUnusable if it cannot be written."""
    text = json.dumps(record_of(flywheel, state), indent=1)
    folder_of(flywheel, root).write(FILE, text.encode())


def forget_state(flywheel: Flywheel, root: Store) -> None:
    """Delete the state file, and with it the flywheel; the data it made stays."""
    folder_of(flywheel, root).delete(FILE)


def record_of(flywheel: Flywheel, state: State) -> dict[str, Any]:
    """Return the state as JSON types, under the names that the file uses."""
    of_state, of_iteration = _names(flywheel.words)
    record = {of_state.get(name, name): value for name, value in asdict(state).items()}
    record["history"] = [
        {of_iteration.get(name, name): value for name, value in past.items()} for past in record["history"]
    ]
    return {"schema_version": SCHEMA_VERSION, **record}


def parse_state(flywheel: Flywheel, record: Mapping[str, Any]) -> State:
    """Return the state that `record_of` made a record of.

    Raises ValueError, KeyError, TypeError, AttributeError or BadInput for a damaged record.
    """
    if record["schema_version"] != SCHEMA_VERSION:
        raise BadInput(
            f"it has schema version {record['schema_version']}, but this code reads {SCHEMA_VERSION}"
        )
    of_state, of_iteration = _names(flywheel.words)
    known = _renamed(record, of_state)
    del known["schema_version"]
    history = [_renamed(past, of_iteration) for past in known["history"]]
    for past in history:
        past["units"], past["reasons"] = tuple(past["units"]), tuple(past["reasons"])
    stored, names = known["settings"], [of.name for of in fields(flywheel.settings)]
    # A setting that an earlier version did not have takes its default.
    known["settings"] = flywheel.settings(**{name: stored[name] for name in names if name in stored})
    known["phase"] = Phase(known["phase"])
    known["history"] = tuple(Iteration(**past) for past in history)
    state = State(**known)
    numbers = (state.iteration, state.next_unit, state.attempt, state.failures, state.outages)
    if not all(type(number) is int for number in numbers):
        raise BadInput("one of its counters is not a whole number")
    return state


def _renamed(record: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Rename the entries of a record from the file's names to field names."""
    fields_of = {stored: name for name, stored in names.items()}
    return {fields_of.get(name, name): value for name, value in record.items()}


def _names(words: Words) -> tuple[dict[str, str], dict[str, str]]:
    """Map fields of State, and of Iteration, to the game's own names in the file."""
    of_iteration = {
        "units": f"{words.unit}s",
        "examples": words.examples,
        "challenger_figure": f"challenger_{words.figure}",
        "champion_figure": f"champion_{words.figure}",
    }
    return {"next_unit": f"next_{words.unit}"}, of_iteration
