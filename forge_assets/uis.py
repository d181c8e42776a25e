"""Addresses of the two web pages that `make ui` opens, for links: they follow the ports in use."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from enum import Enum

from forge_assets.versions import PROJECT
from forge_core.errors import BadInput


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


def main(texts: Sequence[str]) -> int:
    """Check the ports for `make ui`; return the exit status."""
    try:
        check_ports(texts)
    except BadInput as error:
        print(f"make ui: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
