"""Addresses of MLflow: the URL of a server, or an SQLite file."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

from forge_assets.tracking.mlflow_internals import CURVES_QUERY
from forge_assets.uis import Page
from forge_assets.versions import PROJECT
from forge_core.environment import variable
from forge_core.files import redact


def default_address() -> str:
    """Return MLFLOW_TRACKING_URI, or the project's SQLite file if that is not set."""
    return variable("MLFLOW_TRACKING_URI") or sqlite_address(PROJECT / "mlruns" / "mlflow.db")


def sqlite_address(file: Path) -> str:
    """Return the address of an SQLite file; of its path, `%`, `?` and `#` are escaped."""
    return "sqlite:///" + str(file).replace("%", "%25").replace("?", "%3F").replace("#", "%23")


def is_server(address: str) -> bool:
    """Return True if an address is that of a server, False if it is that of a file."""
    return address.startswith("http")


def local_file(address: str) -> Path | None:
    """Return the file of an SQLite address; None for a server."""
    if not address.startswith("sqlite:///"):
        return None
    return Path(unquote(address.removeprefix("sqlite:///").partition("?")[0]))


def run_url(address: str, experiment_id: str, run_id: str) -> str:
    """Return the URL of a run for a browser, never with a password."""
    shown = redact(address).replace("***@", "")
    ui = shown.rstrip("/") if is_server(shown) else Page.MLFLOW.url
    return f"{ui}/#/experiments/{experiment_id}/runs/{run_id}{CURVES_QUERY}"
