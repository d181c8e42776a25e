"""The two web pages that `make ui` opens: their ports, links that follow these, checks, and the start."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from enum import Enum
from functools import partial
from typing import NoReturn

from forge_assets.versions import PROJECT
from forge_core.errors import BadInput

EXPERIMENTS = "#/experiments?workflowType=machine_learning"
"""page of MLflow that lists all experiments; its start page is about chats"""
SILENCE = 15.0
"""seconds after which a command that prints nothing says that it is still at work"""


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


def check_ports(texts: Sequence[str]) -> None:
    """Raise BadInput unless each page can have its port on this host. texts: ports by page, as typed."""
    ports: dict[int, str] = {}
    for page, text in zip(Page, texts, strict=True):
        variable, default = page.value
        other = f"make ui {variable}={default + 100}"
        if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= 65535):
            raise BadInput(f"{variable}={text} is not a port: use 1 to 65535, such as {other}")
        if ports.setdefault(int(text), variable) != variable:
            raise BadInput(f"{variable}={text} is also {ports[int(text)]}: choose another, such as {other}")
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port just closed is free
            try:
                probe.bind(("127.0.0.1", int(text)))
            except OSError as error:
                raise BadInput(
                    f"{variable}={text} cannot be used ({error.strerror}): stop what uses the port, or "
                    f"choose another, such as {other}"
                ) from error


def announce(out: Callable[[str], None], pause_s: float = 0.5) -> None:
    """Print the links of the two pages once both answer, and a sign of life until then."""
    begun = said = time.monotonic()
    out("starting Dagster and MLflow")
    while not all(map(answers, Page)):
        time.sleep(pause_s)
        if time.monotonic() - said > SILENCE:
            said = time.monotonic()
            out(f"starting Dagster and MLflow ({said - begun:.0f} s)")
    out(f"Dagster  {dagster_url('asset-groups')}   assets: their pictures, lineage, runs")
    out(f"MLflow   {Page.MLFLOW.url}/{EXPERIMENTS}   networks: curves, comparisons")
    out("Ctrl-C stops both")


def answers(page: Page) -> bool:
    """Return True if the web server of a page answers."""
    path = {Page.DAGSTER: "server_info", Page.MLFLOW: "health"}[page]
    try:
        with urllib.request.urlopen(f"{page.url}/{path}", timeout=10) as answer:
            return answer.status == 200
    except OSError:
        return False


def start(command: Sequence[str]) -> NoReturn:
    """Become a command that can be interrupted, also where this process was started to ignore interrupts.

    Scripts start processes in the background so; Dagster then ignores SIGTERM, too, and could not be stopped.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execv(command[0], list(command))


def main(arguments: Sequence[str]) -> int:
    """Do a part of `make ui`: check the ports, print the links, or start a command; return the exit status.

    arguments: `check` and the two ports as typed, `announce`, or `start` and a command.
    """
    command, *texts = arguments
    if command == "start":
        start(texts)
    try:
        announce(partial(print, flush=True)) if command == "announce" else check_ports(texts)
    except BadInput as error:
        print(f"make ui: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
