"""The Makefile in folders with unusual names, with pretended programs in the place of the real ones."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import stat
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from forge_assets import uis
from forge_assets.tracking.address import local_file, sqlite_address
from forge_assets.uis import check_ports
from forge_core.errors import BadInput

PROJECT = Path(__file__).parents[1]

SERVER = """#!/bin/bash
echo "store $MLFLOW_BACKEND_STORE_URI" >> log
echo "mlflow $*" >> log
exec sleep 30
"""
DAGSTER = """#!/bin/bash
until grep -qs ^mlflow log; do sleep 0.05; done
"""
PYTHON = f"""#!/bin/bash
PYTHONPATH={shlex.quote(str(PROJECT))} exec {shlex.quote(sys.executable)} "$@"
"""

SET_BY_MAKE = ("FORGE", "MLFLOW", "DAGSTER", "MAKE")


@pytest.fixture(params=["plain", "a b (c)", "what? 50%2F", "it's & more; x"])
def clone(request, tmp_path) -> Path:
    """A folder with the Makefile, in which nothing has to be installed."""
    folder = tmp_path / request.param
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / "dagster_home").mkdir()
    shutil.copy(PROJECT / "Makefile", folder)
    programs = {"mlflow": SERVER, "dagster": DAGSTER, "python": PYTHON}
    for name, text in programs.items():
        program = folder / ".venv/bin" / name
        program.write_text(text)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    for name in ("pyproject.toml", "constraints.txt", ".venv/.ready", "dagster_home/history"):
        (folder / name).touch()
    return folder


def make(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run make in a folder, without the variables that it sets by default."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith(SET_BY_MAKE)}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=clean | variables, capture_output=True, text=True, timeout=60
    )


def free_ports() -> dict[str, str]:
    """Return free ports of the two pages, as variables."""
    with socket.socket() as one, socket.socket() as two:
        for each in (one, two):
            each.bind(("127.0.0.1", 0))
        return {"DAGSTER_PORT": str(one.getsockname()[1]), "MLFLOW_PORT": str(two.getsockname()[1])}


@pytest.mark.parametrize("variable", ["DAGSTER_PORT", "MLFLOW_PORT"])
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
@pytest.mark.parametrize("clone", ["plain"], indirect=True)
def test_a_port_in_use_is_named_and_nothing_starts(clone, variable, host):
    with socket.socket() as taken:
        taken.bind((host, 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = make(clone, "ui", **free_ports() | {variable: port})
    assert done.returncode == 2
    assert f"make ui: {variable}={port} cannot be used (Address already in use)" in done.stderr
    assert not (clone / "log").exists() and not (clone / "mlruns").exists()


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (("3000x", "5000"), "DAGSTER_PORT=3000x is not a port"),
        (("", "5000"), "DAGSTER_PORT= is not a port"),
        (("70000", "5000"), "use 1 to 65535, such as make ui DAGSTER_PORT=3100"),
    ],
)
def test_what_is_no_port(texts, message):
    with pytest.raises(BadInput, match=message):
        check_ports(texts)


def test_two_pages_need_two_ports():
    port = free_ports()["DAGSTER_PORT"]
    with pytest.raises(BadInput, match=f"MLFLOW_PORT={port} is also DAGSTER_PORT: choose another"):
        check_ports((port, port))


def test_the_uis_start_in_a_folder_of_any_name(clone):
    done = make(clone, "ui", **free_ports())
    lines = (clone / "log").read_text().splitlines()
    assert "yntax" not in done.stderr
    (server,) = (line for line in lines if line.startswith("mlflow "))
    assert server.endswith(f"--artifacts-destination {clone}/mlruns/artifacts")
    assert lines[0] == f"store {sqlite_address(clone / 'mlruns/mlflow.db')}"


@pytest.mark.parametrize("name", ["plain", "a b(c)", "what?", "50%2F", "x#y", "ü"])
def test_the_address_of_a_database_leads_to_its_file(tmp_path, name):
    from sqlalchemy.engine import make_url

    file = tmp_path / name / "mlflow.db"
    assert make_url(sqlite_address(file)).database == str(file) == str(local_file(sqlite_address(file)))


def test_the_links_are_printed_once_both_pages_answer(monkeypatch):
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    asked: list[str] = []
    lines: list[str] = []
    ports = free_ports()
    monkeypatch.setattr(uis, "_running", lambda: ports)
    announcer = threading.Thread(target=uis.announce, args=(lines.append, 0.01))
    with HTTPServer(("127.0.0.1", int(ports["DAGSTER_PORT"])), Answer) as dagster:
        threading.Thread(target=dagster.serve_forever, daemon=True).start()
        announcer.start()
        while len(asked) < 3:
            time.sleep(0.01)
        assert len(lines) == 1, "MLflow does not answer yet"
        with HTTPServer(("127.0.0.1", int(ports["MLFLOW_PORT"])), Answer) as mlflow:
            threading.Thread(target=mlflow.serve_forever, daemon=True).start()
            announcer.join(20)
            mlflow.shutdown()
        dagster.shutdown()
    assert set(asked) == {"/server_info", "/health"}
    assert f"http://127.0.0.1:{ports['DAGSTER_PORT']}/asset-groups" in lines[1]
    assert f"http://127.0.0.1:{ports['MLFLOW_PORT']}/#/experiments?workflowType=machine_learning" in lines[2]


def test_a_server_started_from_a_script_can_be_interrupted():
    """Scripts start background processes with interrupts ignored, which processes inherit."""
    probe = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    command = [sys.executable, "-m", "forge_assets.uis", "start", sys.executable, "-c", probe]
    ignored = ["bash", "-c", 'trap "" INT; exec "$@"', "bash"]
    without = subprocess.run([*ignored, *command[4:]], capture_output=True, text=True, check=True)
    done = subprocess.run([*ignored, *command], capture_output=True, text=True, check=True)
    assert (without.stdout, done.stdout) == ("False\n", "True\n")
