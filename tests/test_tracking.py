"""Addresses of MLflow, and experiments and runs that somebody deleted there."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from mlflow.experiments import commands
from running import free_port, mlflow_server
from test_faults import followed

from forge_assets.cli.main import main as forge_pipeline
from forge_assets.tracking import errors
from forge_assets.tracking.address import VARIABLE, default_address, normal_address
from forge_assets.tracking.errors import TrackerUnusable, mlflow_errors
from forge_assets.tracking.evaluation import version_of_evaluation
from forge_assets.tracking.notes import NOTE
from forge_assets.tracking.registry import ModelRegistry
from forge_assets.tracking.tracker import TRACKING, Tracker
from forge_assets.tracking.training import CONTINUES
from forge_assets.training_runs import TrackedTraining, find_or_train
from forge_core.errors import BadInput, ModelMissing
from forge_core.learning.runs import CHECKPOINT

REFUSED = {
    "./mlruns": "is a folder, but MLflow keeps its records in a database: write sqlite:///{here}/mlruns/mlflow.db",
    "/srv/x": "is a folder, but MLflow keeps its records in a database: write sqlite:////srv/x/mlflow.db",
    "file:///srv/x": "is a folder, but MLflow keeps its records in a database: write sqlite:////srv/x/mlflow.db",
    "file:x": "is a folder, but MLflow keeps its records in a database: write sqlite:///{here}/x/mlflow.db",
    "runs.db": "has no scheme: write sqlite:///{here}/runs.db",
    "localhost:5000": "has no scheme: write http://localhost:5000",
    "127.0.0.1:5000/": "has no scheme: write http://127.0.0.1:5000",
    "[::1]:5000": "has no scheme: write http://[::1]:5000",
    "mlflow.example:5000": "has no scheme: write http://mlflow.example:5000",
    "http:/x": "names no host: write http://HOST:5000",
    "https://": "names no host: write https://HOST:5000",
    "http://h:99999": "has no valid port: write http://HOST:5000",
    "http://h:5000/#/experiments/1": "is the address of one page of MLflow: write http://h:5000",
    "sqlite:runs.db": "has no three slashes before its file: write sqlite:///{here}/runs.db",
    "sqlite://runs.db": "has no three slashes before its file: write sqlite:///{here}/runs.db",
    "sqlite:///": "names no file: write sqlite:////FOLDER/mlflow.db",
    "sqlite:///:memory:": "names no file: write sqlite:////FOLDER/mlflow.db",
    "sqlite:///{here}": "names a folder, not a file: write sqlite:///{here}/mlflow.db",
    "postgresql:x": "lacks the two slashes after the colon: write postgresql://HOST/DATABASE",
    "postgres://h/db": "has a scheme that MLflow does not know: write postgresql://h/db",
    "s3://bucket/x": "has the scheme s3, at which MLflow keeps no records: write http://HOST:PORT or sqlite:",
}


@pytest.mark.parametrize("typed", REFUSED)
def test_an_address_without_records_is_refused_with_the_one_to_write(typed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given, expected = typed.format(here=tmp_path), REFUSED[typed].format(here=tmp_path)
    monkeypatch.setenv(VARIABLE, given)
    with pytest.raises(BadInput) as caught:
        default_address()
    assert str(caught.value).startswith(f"MLFLOW_TRACKING_URI={given} {expected}")
    with pytest.raises(BadInput, match=r"^uri of tracker="):
        Tracker(uri=given).begin("x", "x", {})
    assert not list(tmp_path.iterdir())


def test_no_password_of_a_refused_address_is_shown():
    for text in ("anna:secret@host:5000", "http://anna:secret@", "postgres://anna:secret@host/db"):
        with pytest.raises(BadInput) as caught:
            normal_address(text, VARIABLE)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        (" http://127.0.0.1:5000/ ", "http://127.0.0.1:5000"),
        ("HTTP://Localhost:5000", "http://localhost:5000"),
        ("https://Anna:Se%40@Host/mlflow//", "https://Anna:Se%40@host/mlflow"),
        ("http://[::1]:5000/", "http://[::1]:5000"),
        ("sqlite:///x.db", "sqlite:///{here}/x.db"),
        ("SQLITE:////a%20b/x.db?timeout=5", "sqlite:////a b/x.db?timeout=5"),
        ("PostgreSQL+psycopg2://u@h/DB", "postgresql+psycopg2://u@h/DB"),
        ("databricks", "databricks"),
        ("databricks://profile", "databricks://profile"),
    ],
)
def test_spellings_of_an_address_have_one_normal_form(typed, normal, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = normal_address(typed, VARIABLE)
    assert found == normal.format(here=tmp_path) == normal_address(found, VARIABLE)


def test_verbs_refuse_a_wrong_address_before_any_work(tmp_path, monkeypatch, capsys):
    from forge_assets.quickstart import main as make_run

    monkeypatch.setenv(VARIABLE, "localhost:5000")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    said = "MLFLOW_TRACKING_URI=localhost:5000 has no scheme: write http://localhost:5000"
    asked = ["train", "--data", str(tmp_path / "none"), "--runs", str(tmp_path / "runs"), "--name", "x"]
    assert forge_pipeline(asked) == 2
    assert capsys.readouterr().err == f"forge-pipeline: {said}\n"
    assert make_run() == 2
    assert capsys.readouterr().err == f"{said}\n"
    assert not list(tmp_path.iterdir())


# --- messages ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("word " * 200, "see the log of that server, or set MLFLOW_TRACKING_URI to another address"),
        ("API request failed with error code 403 != 200", "MLFLOW_TRACKING_USERNAME"),
        ("API request failed with error code 404 != 200", "check that it is the address of MLflow's server"),
        ("Detected out-of-date database schema", "mlflow db upgrade"),
    ],
)
def test_a_server_that_answers_is_not_to_be_started(message, remedy):
    from mlflow.exceptions import MlflowException

    with pytest.raises(TrackerUnusable) as caught, mlflow_errors("http://h:5000"):
        raise MlflowException(message)
    said = str(caught.value)
    assert remedy in said and "start it" not in said
    assert "wor " not in said and "wor;" not in said and len(said) < 500


def test_a_file_that_is_no_database_is_named_with_what_to_do(tmp_path):
    (tmp_path / "x.db").write_text("not a database " * 100)
    with pytest.raises(TrackerUnusable, match=r"x\.db.*file is not a database.*; move the file away, or set"):
        Tracker(uri=f"sqlite:///{tmp_path}/x.db").begin("x", "x", {})


def test_words_of_remedies_are_words_of_messages():
    assert all(words == words.lower() for words in errors._REMEDIES)


# --- deleted experiments and runs -------------------------------------------------------------


@pytest.fixture(scope="module")
def database(tmp_path_factory) -> str:
    """A database made by the first test, because that takes seconds."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


def test_a_deleted_experiment_is_named_with_the_command_that_restores_it(database):
    tracker = Tracker(uri=database)
    run = tracker.begin("gone", "first", {})
    client = run.client
    (number,) = {found.experiment_id for found in client.search_experiments() if found.name == "gone"}
    client.delete_experiment(number)
    with pytest.raises(TrackerUnusable) as caught:
        tracker.begin("gone", "second", {})
    said = str(caught.value)
    assert said.startswith(f"the experiment gone was deleted in MLflow at {database}: restore it with ")
    assert "start it" not in said
    with pytest.raises(TrackerUnusable, match="the experiment gone was deleted"):
        tracker.curve("gone", "x", {1: {"y": 2.0}})
    command = said.split("restore it with ")[1].split(", or set")[0]
    where, program, *arguments = shlex.split(command)
    assert (where, program, arguments[0]) == (f"{VARIABLE}={database}", "mlflow", "experiments")
    restored = CliRunner().invoke(commands, arguments[1:], env={VARIABLE: database})
    assert restored.exit_code == 0, restored.output
    assert tracker.begin("gone", "second", {})


def test_a_write_to_a_deleted_run_names_the_command_that_restores_it(database):
    run = Tracker(uri=database).begin("x", "first", {})
    run.client.delete_run(run.run_id)
    with pytest.raises(
        TrackerUnusable, match=f"the run {run.run_id} was deleted .* mlflow runs restore --run-id"
    ):
        run.metrics({"x": 1.0})


def test_resumed_training_whose_run_was_deleted_goes_on_in_a_new_run(database, tmp_path, caplog):
    tracker, folder = Tracker(uri=database), tmp_path / "run"

    def interrupt(point) -> None:
        if point["step"] == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        followed(tracker, folder, on_point=interrupt)
    assert (folder / CHECKPOINT).exists()
    first = tracker.reopen(folder)
    assert first
    first.client.delete_run(first.run_id)
    assert tracker.reopen(folder) is None and tracker.noted(folder) == first.run_id
    followed(tracker, folder, resume=True)
    second = tracker.reopen(folder)
    assert second and second.run_id != first.run_id
    assert f"no longer has run {first.run_id} of {folder}" in caplog.text
    assert second.steps("loss") == {10, 20, 30}, "the curve of the first run is there, too"
    found = second.client.get_run(second.run_id)
    assert found.info.status == "FINISHED" and found.data.tags[CONTINUES] == first.run_id
    assert f"continues the training of run {first.run_id}" in found.data.tags[NOTE]
    version = ModelRegistry(tracker).fetch("qvalue", "challenger")
    assert version and second.run_id in version.folder

    caplog.clear()
    followed(tracker, folder, resume=True)  # once more, and nothing is new
    assert tracker.noted(folder) == second.run_id and "no longer" not in caplog.text

    second.client.delete_run(second.run_id)
    again, number = ModelRegistry(tracker).register_folder(
        str(folder / "model"), "qvalue", found.data.tags["forge.weights"]
    )
    assert again.run_id != second.run_id and int(number) > int(version.number)


# --- one server, several spellings ------------------------------------------------------------


@pytest.fixture
def port(tmp_path) -> Iterator[int]:
    """The port of a server of MLflow."""
    number = free_port()
    with mlflow_server(tmp_path, number):
        yield number


@pytest.mark.slow
def test_a_run_is_found_under_every_spelling_of_its_server(port, tmp_path):
    run = Tracker(uri=f"http://127.0.0.1:{port}").begin("texas42", "first", {})
    tracker = Tracker(uri=f"http://127.0.0.1:{port}")
    tracker.remember(run, tmp_path)
    for host in (f"http://127.0.0.1:{port}/", f"http://localhost:{port}", f"HTTP://LocalHost:{port}//"):
        found = Tracker(uri=host).reopen(tmp_path)
        assert found and found.run_id == run.run_id, host
    file = Tracker(uri=f"sqlite:///{tmp_path}/mlflow.db")  # the database behind the server
    with pytest.raises(TrackerUnusable, match="MLflow's server keeps the files of the experiment texas42"):
        file.begin("texas42", "second", {})
    record = json.loads((tmp_path / TRACKING).read_text())
    assert record["uri"] == tracker.address()

    run.client.delete_run(run.run_id)
    assert tracker.reopen(tmp_path) is None
    with pytest.raises(TrackerUnusable, match=f"the run {run.run_id} was deleted in MLflow at http"):
        run.metrics({"x": 1.0})
    run.client.delete_experiment(run.client.get_experiment_by_name("texas42").experiment_id)
    with pytest.raises(TrackerUnusable, match="the experiment texas42 was deleted in MLflow at http"):
        tracker.begin("texas42", "third", {})


def test_records_that_were_never_made_are_not_made_to_look_for_a_run(tmp_path):
    tracker = Tracker(uri=f"sqlite:///{tmp_path}/new/mlflow.db")
    (tmp_path / TRACKING).write_text(json.dumps({"uri": "http://127.0.0.1:1", "run_id": "0" * 32}))
    assert tracker.reopen(tmp_path) is None and not (tmp_path / "new").exists()


def test_training_from_a_folder_without_a_network_leaves_no_run_and_no_folder(tmp_path):
    training = TrackedTraining(
        objective="liuzhou",
        train={},
        data={"kind": "live", "version": "0"},
        init_from=str(tmp_path / "nowhere"),
        code="0",
        stem="liuzhou",
        runs=str(tmp_path / "runs"),
        name=None,
        trainer=lambda folder, **options: pytest.fail("it trained"),
        point_text=str,
        draw_curve=lambda points: b"",
    )
    context: Any = SimpleNamespace()  # nothing of it is read
    with pytest.raises(ModelMissing, match="nowhere contains no model"):
        find_or_train(context, training, Tracker(uri=f"sqlite:///{tmp_path}/mlflow.db"))
    assert not list(tmp_path.iterdir())


def test_evaluations_of_other_weights_settings_or_figures_have_other_versions():
    one = ("a" * 32, {"pairs": 2}, {"elo": 100.0})
    others = (("b" * 32, *one[1:]), (one[0], {"pairs": 3}, one[2]), (*one[:2], {"elo": 101.0}))
    versions = {version_of_evaluation(*each).value for each in (one, *others)}
    assert len(versions) == 4 and version_of_evaluation(*one).value in versions
