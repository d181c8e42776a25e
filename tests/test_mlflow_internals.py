"""The undocumented parts of MLflow that the tracker uses exist and behave as expected."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import mlflow
import pytest
from running import free_port

from forge_assets.tracking import mlflow_internals
from forge_assets.tracking.errors import TrackerAway, mlflow_errors
from forge_assets.tracking.tracker import Tracker

MLFLOW = Path(mlflow.__file__).parent


@pytest.fixture(scope="module")
def uri(tmp_path_factory) -> str:
    """A database made by the first test, because that takes seconds."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


def test_the_client_is_configured_by_variables_that_mlflow_reads(monkeypatch):
    from mlflow import environment_variables as variables

    names = (
        "MLFLOW_DISABLE_TELEMETRY",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT",
    )
    for name in names:
        monkeypatch.delenv(name, raising=False)
    mlflow_internals.configure_client()
    assert variables.MLFLOW_DISABLE_TELEMETRY.get() is True
    assert variables.MLFLOW_HTTP_REQUEST_MAX_RETRIES.get() == 3
    assert variables.MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT.get() is True


def test_a_new_database_announces_no_tables(uri, capfd, caplog):
    Tracker(uri=uri).client().search_experiments()
    assert capfd.readouterr() == ("", "") and not caplog.records


@pytest.mark.parametrize(
    "words",
    [
        next(iter(mlflow_internals.CURVES_FIRST.items())),
        mlflow_internals.CURVES_QUERY.removeprefix("?").split("="),
    ],
    ids=["experiment", "run"],
)
def test_curves_are_the_first_page_of_an_experiment_and_of_a_run(words):
    pages = list((MLFLOW / "server" / "js" / "build").rglob("*.js"))
    assert pages and any(all(word in page.read_text() for word in words) for page in pages)


@pytest.fixture
def server():
    """A server that answers every request with status 404, and records the requested paths."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}", asked
        listening.shutdown()


def test_a_server_is_asked_once_and_any_answer_is_good(server):
    address, asked = server
    mlflow_internals.ask_database(address, 5.0)
    assert asked == ["/api/2.0/mlflow/experiments/get-by-name?experiment_name=Default"]


def test_the_path_that_is_asked_needs_the_database():
    from mlflow.server.handlers import get_endpoints

    handlers = {path: handler for path, handler, methods in get_endpoints() if "GET" in methods}
    assert "get_experiment_by_name" in handlers["/api/2.0/mlflow/experiments/get-by-name"].__name__


def test_a_server_that_is_not_there_is_an_outage():
    address = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(TrackerAway, match="does not answer"), mlflow_errors(address):
        mlflow_internals.ask_database(address, 5.0)


def test_files_and_rows_of_a_run_are_deleted_for_good(uri):
    from mlflow.exceptions import MlflowException

    tracker = Tracker(uri=uri)
    run = tracker.begin("x", "first", {})
    run.file("plots/curve.png", b"png")
    assert list(Path(run.artifacts).rglob("curve.png"))
    mlflow_internals.delete_artifacts(run.artifacts, tracker.address())
    assert not list(Path(run.artifacts).rglob("curve.png"))
    run.client.delete_run(run.run_id)
    assert run.client.get_run(run.run_id).info.lifecycle_stage == "deleted"
    mlflow_internals.delete_run_rows(tracker.address(), run.run_id)
    with pytest.raises(MlflowException, match="not found"):
        run.client.get_run(run.run_id)
