"""Addresses of the two web pages that `make ui` opens, for links: they follow the ports in use."""

from __future__ import annotations

import os
from enum import Enum

from forge_assets.versions import PROJECT


class Page(Enum):
    """A web server of `make ui`: the variable that names its port, and the default of the Makefile."""

    DAGSTER = ("DAGSTER_PORT", 3000)
    MLFLOW = ("MLFLOW_PORT", 5000)

    @property
    def url(self) -> str:
        """Its address: the one that runs now, else the port of the environment, else the default."""
        variable, default = self.value
        port = _running().get(variable) or os.environ.get(variable) or str(default)
        return f"http://127.0.0.1:{port if port.isdecimal() else default}"


def _running() -> dict[str, str]:
    """Return the ports of the pages that run now, by variable: `make ui` keeps them in a file."""
    file = PROJECT / "mlruns" / "ports"
    try:
        lines = file.read_text().split()
    except OSError:
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line)


def dagster_url(path: str) -> str:
    """Return the URL of a page of Dagster's UI. path: `runs/ID` or `asset-groups`."""
    return f"{Page.DAGSTER.url}/{path}"
