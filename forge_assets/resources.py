"""What assets are given: where data lies, and what computes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from forge_assets.versions import PROJECT
from forge_core.errors import BadInput, ForgeError
from forge_core.learning.labelled.settings import RUNS

if TYPE_CHECKING:
    from forge_core.files import Store

COMPUTE_POOL = "compute"
"""The assets that use all cores or the accelerator: one run of them at a time (dagster.yaml)."""


def runs_folder(asked: str = RUNS) -> Path:
    """Where training runs are kept: `asked`, which begins at the project; FORGE_RUNS stands for the default,
    as where several hosts share a folder."""
    shared = os.environ.get("FORGE_RUNS")
    return Path(shared) if shared and asked == RUNS else PROJECT / asked


def find_instance() -> dg.DagsterInstance:
    """Dagster's records: those of DAGSTER_HOME; where none is set, the project's. Raises BadInput."""
    home = os.environ.setdefault("DAGSTER_HOME", str(PROJECT / "dagster_home"))
    if not os.path.isdir(home):
        raise BadInput(f"DAGSTER_HOME={home} is no folder: name the one that make ui uses")
    return dg.DagsterInstance.get()


class ShardStore(dg.ConfigurableResource):
    """Where the data lies."""

    url: str = Field(default="", description="a folder or fsspec URL; empty: FORGE_STORE, or ./data")

    def root(self) -> Store:
        """The root of the store."""
        from forge_core.files import Store, default_store_url

        return Store(self.url or default_store_url())


class ComputeDevice(dg.ConfigurableResource):
    """What computes, and how many deals at once."""

    device: str = Field(default="auto", description="auto, cpu, cuda or cuda:N")
    workers: int | None = Field(default=None, description="deals solved at once on a CPU; empty: one a core")


@contextmanager
def failing_plainly() -> Iterator[None]:
    """A ForgeError within is dg.Failure: the UI then shows its sentence, not a stack of frames."""
    from forge_core.files import redact

    try:
        yield
    except ForgeError as error:
        raise dg.Failure(redact(str(error))) from error
