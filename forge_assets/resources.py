"""Resources of the assets: the data store and the compute device."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from forge_assets.versions import PROJECT
from forge_core.environment import variable
from forge_core.errors import BadInput, ForgeError

if TYPE_CHECKING:
    from forge_core.files import Store

_DATABASES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")
"""files that Dagster writes below DAGSTER_HOME, unless dagster.yaml names another database"""
COMPUTE_POOL = "compute"
"""Pool of the assets that use all cores or the accelerator; it allows one run at a time (dagster.yaml)."""


def find_instance() -> dg.DagsterInstance:
    """Return the Dagster instance of DAGSTER_HOME, or the project's if that is not set.

    Raise BadInput if DAGSTER_HOME is not a folder that Dagster can use.
    """
    home = variable("DAGSTER_HOME") or str(PROJECT / "dagster_home")
    os.environ["DAGSTER_HOME"] = home
    if not os.path.isabs(home):
        raise BadInput(f"DAGSTER_HOME={home} is relative: write its absolute path, {os.path.abspath(home)}")
    if not os.path.isdir(home):
        raise BadInput(f"DAGSTER_HOME={home} is not a folder: use the one that make ui uses")
    for path in (home, *(f"{home}/{name}" for name in _DATABASES)):
        if os.path.exists(path) and not os.access(path, os.W_OK):
            raise BadInput(
                f"{path} cannot be written, and Dagster must: become its owner, get permission, or set "
                "DAGSTER_HOME to another folder"
            )
    try:
        instance = dg.DagsterInstance.get()
        instance.event_log_storage.has_asset_key(dg.AssetKey("none"))  # opens the database of events
        return instance
    except Exception as error:
        reason = " ".join(str(error).partition("[SQL")[0].split())[:300]
        raise BadInput(
            f"Dagster cannot use DAGSTER_HOME={home} ({reason}): correct its dagster.yaml, move a damaged "
            "database away, or set DAGSTER_HOME to another folder"
        ) from error


class ShardStore(dg.ConfigurableResource):
    """The store that holds the data."""

    url: str = Field(default="", description="a folder or fsspec URL; empty: FORGE_STORE, or ./data")

    def root(self) -> Store:
        """Return the root of the store."""
        from forge_core.files import Store, default_store_url

        return Store(self.url or default_store_url())


class ComputeDevice(dg.ConfigurableResource):
    """The device that computes, and the number of deals solved at once."""

    device: str = Field(default="auto", description="auto, cpu, cuda or cuda:N")
    workers: int | None = Field(
        default=None, description="deals solved at once on a CPU; empty: one per core"
    )


@contextmanager
def failing_plainly() -> Iterator[None]:
    """Raise a ForgeError as dg.Failure, for which the UI shows the message and not a traceback."""
    from forge_core.files import redact

    try:
        yield
    except ForgeError as error:
        raise dg.Failure(redact(str(error))) from error
