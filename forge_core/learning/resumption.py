"""What it takes to go on with a training run: one file, written whole or not at all, read without trust.

A checkpoint is a zip archive by `torch.save`; it is read with `weights_only=True`, which runs
nothing, and only where it unpacks to no more than its own size.
"""

from __future__ import annotations

import io
import zipfile
from typing import Any

import torch
from lightning.fabric.plugins import CheckpointIO

from forge_core.errors import BadInput
from forge_core.files import Store

CHECKPOINT_SCHEMA = 1
"""Raised when a checkpoint holds other things, or the same elsewhere."""

_SCHEMA = "forge_schema"
_HELD = {"state_dict", "optimizer_states", "lr_schedulers", "callbacks", "loops", "global_step"}


class Checkpoints(CheckpointIO):
    """How Lightning reads and writes them."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Put a checkpoint under its name, whole. Raises StoreUnusable."""
        data = io.BytesIO()
        torch.save({**checkpoint, _SCHEMA: CHECKPOINT_SCHEMA}, data)
        folder, _, name = str(path).rpartition("/")
        Store(folder).write(name, data.getvalue())

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = True
    ) -> dict[str, Any]:
        """A checkpoint. Raises BadInput for what is none, or one of another schema; StoreUnusable."""
        folder, _, name = str(path).rpartition("/")
        try:
            checkpoint = _unpack(Store(folder).read(name), map_location)
        except ValueError as error:
            raise BadInput(
                f"{path} is no checkpoint ({error}): the run cannot go on from it; begin another, which may "
                "start from its model with --init-from"
            ) from error
        if (schema := checkpoint.get(_SCHEMA, 1)) != CHECKPOINT_SCHEMA:
            raise BadInput(
                f"{path} is of schema {schema!r}, this code reads {CHECKPOINT_SCHEMA}: go on with the "
                "version of Forge that wrote it, or begin another run with --init-from its model"
            )
        return checkpoint

    def remove_checkpoint(self, path: Any) -> None:
        """Delete a checkpoint."""
        folder, _, name = str(path).rpartition("/")
        Store(folder).delete(name)


def _unpack(data: bytes, map_location: Any) -> dict[str, Any]:
    """Onto the CPU, if not elsewhere: what a card wrote is read without one. ValueError for what is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise ValueError("it is cut, or no archive") from error
    if any(entry.compress_type != zipfile.ZIP_STORED or entry.file_size > len(data) for entry in entries):
        raise ValueError("it would unpack to more than it is")
    try:
        checkpoint = torch.load(io.BytesIO(data), map_location=map_location or "cpu", weights_only=True)
    except Exception as error:  # whatever a foreign or hostile archive provokes
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{type(error).__name__}: {reason}") from error
    if not isinstance(checkpoint, dict) or not checkpoint.keys() >= _HELD:
        raise ValueError("it holds something else")
    return checkpoint
