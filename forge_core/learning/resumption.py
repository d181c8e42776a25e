"""The state of a training run as one file, from which the run resumes to the last digit.

A checkpoint is written whole or not at all, and read without trust: it is a zip archive by
`torch.save`, read with `weights_only=True`, which runs no code, and only if it unpacks to no
more than its own size.
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
"""Raised when a checkpoint holds other things, or the same things elsewhere."""

_SCHEMA = "forge_schema"


def write_checkpoint(path: str | Path, state: dict[str, Any]) -> None:
    """Write the state of a run: tensors and plain types, by name. Raises StoreUnusable."""
    data = io.BytesIO()
    torch.save({**state, _SCHEMA: CHECKPOINT_SCHEMA}, data)
    store, name = _place(path)
    store.write(name, data.getvalue())


def read_checkpoint(path: str | Path, required: Iterable[str], map_location: Any = None) -> dict[str, Any]:
    """Return the state in a checkpoint; `required`: the names that it must hold.

    Tensors come to the CPU unless `map_location` says otherwise, so a checkpoint of a GPU is read
    without one. Raises BadInput for a file that is no checkpoint, or one of another schema;
    StoreUnusable.
    """
    store, name = _place(path)
    try:
        state = _unpack(store.read(name), set(required), map_location)
    except ValueError as error:
        raise BadInput(
            f"{path} is not a checkpoint ({error}): the run cannot be resumed from it; begin another, which "
            "may start from its model with --init-from"
        ) from error
    if (schema := state.get(_SCHEMA, 1)) != CHECKPOINT_SCHEMA:
        raise BadInput(
            f"{path} is of schema {schema!r}, this code reads {CHECKPOINT_SCHEMA}: resume it with the "
            "version of Forge that wrote it, or begin another run with --init-from its model"
        )
    return state


def delete_checkpoint(path: str | Path) -> None:
    """Delete a checkpoint. Raises StoreUnusable."""
    store, name = _place(path)
    store.delete(name)


def generator_states() -> list[torch.Tensor]:
    """Return the states of torch's random generators: that of the CPU, then those of all GPUs."""
    return [torch.get_rng_state(), *torch.cuda.get_rng_state_all()]


def set_generator_states(states: list[torch.Tensor]) -> None:
    """Restore `generator_states`; those of GPUs only on a machine with as many."""
    cpu, *cuda = states
    torch.set_rng_state(cpu)
    if cuda and len(cuda) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(cuda)


def _place(path: str | Path) -> tuple[Store, str]:
    folder, _, name = str(path).rpartition("/")
    return Store(folder), name


def _unpack(data: bytes, required: set[str], map_location: Any) -> dict[str, Any]:
    """Return the state in the bytes of a checkpoint. Raises ValueError for anything else."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise ValueError("it is cut short, or not an archive") from error
    if any(entry.compress_type != zipfile.ZIP_STORED or entry.file_size > len(data) for entry in entries):
        raise ValueError("it would unpack to more bytes than it has")
    try:
        state = torch.load(io.BytesIO(data), map_location=map_location or "cpu", weights_only=True)
    except Exception as error:  # anything that a foreign or hostile archive provokes
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{type(error).__name__}: {reason}") from error
    if not isinstance(state, dict) or not state.keys() >= required:
        raise ValueError("it holds other things")
    return state
