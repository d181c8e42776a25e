"""Addresses of MLflow: the URL of a server, or an SQLite file."""

from __future__ import annotations

import os
from pathlib import Path

from forge_assets.tracking.mlflow_internals import CURVES_QUERY
from forge_assets.versions import PROJECT
from forge_core.files import redact

LOCAL_UI = "http://127.0.0.1:5000"
"""URL at which `make ui` shows the content of the SQLite file"""


def default_address() -> str:
    """Return MLFLOW_TRACKING_URI, or the project's SQLite file if that is not set."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{PROJECT / 'mlruns' / 'mlflow.db'}"


def is_server(address: str) -> bool:
    """Return True if an address is that of a server, False if it is that of a file."""
    return address.startswith("http")


def local_file(address: str) -> Path | None:
    """Return the file of an SQLite address; None for a server."""
    return Path(address.removeprefix("sqlite:///")) if address.startswith("sqlite:///") else None


def run_url(address: str, experiment_id: str, run_id: str) -> str:
    """Return the URL of a run for a browser, never with a password."""
    shown = redact(address).replace("***@", "")
    ui = shown.rstrip("/") if is_server(shown) else LOCAL_UI
    return f"{ui}/#/experiments/{experiment_id}/runs/{run_id}{CURVES_QUERY}"
