"""The state of a training run in one file, from which the run resumes exactly.

A checkpoint is written atomically. Reading one does not trust it: it is a zip archive written by
`torch.save`, it is read with `weights_only=True`, which runs no code, and it is rejected if it would
unpack to more than its own size.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from forge_core.errors import BadInput
from forge_core.files import Store

CHECKPOINT_SCHEMA = 1
"""Increased when the contents or the layout of checkpoints change."""

_SCHEMA = "forge_schema"


def write_checkpoint(path: str | Path, state: dict[str, Any]) -> None:
    """Write the state of a run, a dict of tensors and plain types. Raises StoreUnusable."""
    data = io.BytesIO()
    torch.save({**state, _SCHEMA: CHECKPOINT_SCHEMA}, data)
    store, name = _place(path)
    store.write(name, data.getvalue())


def read_checkpoint(path: str | Path, required: Iterable[str], map_location: Any = None) -> dict[str, Any]:
    """Return the state in a checkpoint. required: the keys that it must have.

    Tensors are loaded to the CPU unless `map_location` says otherwise, so a checkpoint from a GPU can be
    read without one. Raises BadInput if the file is not a checkpoint or has another schema, and
    StoreUnusable.
    """
    store, name = _place(path)
    try:
        state = _unpack(store.read(name), set(required), map_location)
    except ValueError as error:
        raise BadInput(
            f"{path} is not a valid checkpoint ({error}), so the run cannot be resumed: start a new run, for "
            "example from this run's model (init_from)"
        ) from error
    if (schema := state.get(_SCHEMA, 1)) != CHECKPOINT_SCHEMA:
        raise BadInput(
            f"{path} has schema {schema!r}, but this code reads schema {CHECKPOINT_SCHEMA}: resume the run "
            "with the version of Forge that wrote it, or start a new run from its model (init_from)"
        )
    return state


def delete_checkpoint(path: str | Path) -> None:
    """Delete a checkpoint. Raises StoreUnusable."""
    store, name = _place(path)
    store.delete(name)


def generator_states() -> list[torch.Tensor]:
    """Return the states of torch's random generators: the CPU's first, then those of all GPUs."""
    return [torch.get_rng_state(), *torch.cuda.get_rng_state_all()]


def set_generator_states(states: list[torch.Tensor]) -> None:
    """Restore `generator_states`; GPU states only if this machine has the same number of GPUs."""
    cpu, *cuda = states
    torch.set_rng_state(cpu)
    if cuda and len(cuda) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(cuda)


def _place(path: str | Path) -> tuple[Store, str]:
    folder, _, name = str(path).rpartition("/")
    return Store(folder), name


def _unpack(data: bytes, required: set[str], map_location: Any) -> dict[str, Any]:
    """Return the state in the bytes of a checkpoint. Raises ValueError if they are not a checkpoint."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise ValueError("it is truncated or not an archive") from error
    if any(entry.compress_type != zipfile.ZIP_STORED or entry.file_size > len(data) for entry in entries):
        raise ValueError("it would unpack to more bytes than it has")
    try:
        state = torch.load(io.BytesIO(data), map_location=map_location or "cpu", weights_only=True)
    except Exception as error:  # a foreign or hostile archive can cause any error
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{type(error).__name__}: {reason}") from error
    if not isinstance(state, dict) or not state.keys() >= required:
        raise ValueError("it lacks part of the state of a run")
    return state
