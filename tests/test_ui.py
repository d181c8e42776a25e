"""`make ui`: both servers answer, no password is visible on the host, and no process outlives it."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from running import Process, free_port

PASSWORD = "made$up&word"
"""a shell or make that read it would make another of it"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("make") is None or not Path("/proc/self/cmdline").exists(), reason="no make, or no /proc"
    ),
]


def arguments() -> dict[int, str]:
    """Return what `ps` shows to everyone: the arguments of each process."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended
            found[int(path.parent.name)] = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return found


def started_with(word: str) -> list[int]:
    """Return the processes whose environment contains a word."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if word.encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def answers(url: str) -> bool:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.status == 200


def test_no_password_stands_in_the_arguments_of_a_process(environment, tmp_path):
    """A folder's name in MLflow's store stands for the password that a database URL would contain."""
    ports = {"MLFLOW_PORT": free_port(), "DAGSTER_PORT": free_port()}
    settings = {**ports, "DAGSTER_HOME": environment["DAGSTER_HOME"]}
    (tmp_path / PASSWORD).mkdir()
    environment |= {
        "MLFLOW_STORE": f"sqlite:///{tmp_path}/{PASSWORD}/mlflow.db",
        "MLFLOW_TRACKING_URI": f"http://forge:{PASSWORD}@127.0.0.1:{ports['MLFLOW_PORT']}",
    }
    command = ["make", "ui", "-o", ".venv/.ready", *(f"{name}={value}" for name, value in settings.items())]
    ui = Process(command, environment, tmp_path / "ui.log")
    try:
        ui.wait_until(lambda: answers(f"http://127.0.0.1:{ports['MLFLOW_PORT']}/health"), 120)
        ui.wait_until(lambda: answers(f"http://127.0.0.1:{ports['DAGSTER_PORT']}/server_info"), 120)
        shown, mine = arguments(), started_with(PASSWORD)
        commands = [shown[pid] for pid in mine if pid in shown]
        for server in ("mlflow", "uvicorn", "dagster_webserver", "dagster._daemon"):
            assert any(server in words for words in commands), f"no {server} of {commands}"
        told = [f"{tmp_path}/made", "forge:made"]  # its beginning, which nobody takes for a variable
        assert not [words for words in shown.values() if any(secret in words for secret in told)]
        with sqlite3.connect(f"{tmp_path}/{PASSWORD}/mlflow.db") as tables:
            assert tables.execute("SELECT count(*) FROM experiments").fetchone() == (1,)
        assert PASSWORD not in ui.log.read_text()

        os.killpg(ui.process.pid, signal.SIGINT)
        ui.process.wait(30)
        deadline = time.monotonic() + 30
        while (left := started_with(PASSWORD)) and time.monotonic() < deadline:
            time.sleep(0.5)
        assert not left, [arguments().get(pid) for pid in left]
    finally:
        ui.kill()
        for pid in started_with(PASSWORD):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
