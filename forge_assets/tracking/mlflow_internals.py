"""Undocumented parts of MLflow; tests/test_mlflow_internals.py fails if a new version changes one."""

from __future__ import annotations

import logging
import os

CURVES_FIRST = {"mlflow.experimentKind": "custom_model_development"}
"""tags of an experiment that make the UI open it with curves, not with chats"""
CURVES_QUERY = "?workflowType=machine_learning"
"""end of the URL of a run that does the same for its page, which does not look at the experiment"""


def configure_client() -> None:
    """Set the defaults of MLflow's client for this process: no telemetry, few retries, no output."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # MLflow's default, 7, takes minutes
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # --json owns standard output
    for name in ("mlflow.store.db.utils", "alembic"):  # these log each table of a new database
        logging.getLogger(name).setLevel(logging.WARNING)


def ask_database(address: str, timeout_s: float) -> None:
    """Make a server query its database once.

    Raise MLflow's exception if the server does not answer; every answer counts as success.
    """
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    http_request(
        get_default_host_creds(address),
        "/api/2.0/mlflow/experiments/get-by-name",
        "GET",
        max_retries=0,
        timeout=timeout_s,
        params={"experiment_name": "Default"},
    )


def delete_artifacts(uri: str, address: str) -> None:
    """Delete the files below an artifact URI. address: address of MLflow."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    get_artifact_repository(uri, tracking_uri=address).delete_artifacts()


def delete_run_rows(address: str, run_id: str) -> None:
    """Delete a run for good from an SQLite file, as `mlflow gc` does; it must be marked as deleted first."""
    from mlflow.tracking._tracking_service.utils import _get_store

    _get_store(address)._hard_delete_run(run_id)
