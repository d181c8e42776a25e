"""Pages for browsers: their options, and the loop that serves them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from forge_core.errors import BadInput
from forge_core.ranges import whole

if TYPE_CHECKING:
    from forge_core.web.serve import Files

HIGHEST_PORT = 65535


def read_port(text: str) -> int:
    """Parse a port, 0..65535. Raises BadInput."""
    port = whole(text, "port")
    if port > HIGHEST_PORT:
        raise BadInput(f"port {port} does not exist: use 0 for a free one, or 1 to {HIGHEST_PORT}")
    return port


Port = Annotated[
    int, typer.Option("--port", parser=read_port, metavar="P", help="Port of the page; 0: a free one.")
]
Browser = Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page.")]
Out = Annotated[
    str | None,
    typer.Option("--out", metavar="DIR", help="Write the page to this folder instead of serving it."),
]
OwnNetwork = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="DIR",
        help="Your network, of the same size as the project's, in whose place it plays and gives hints.",
    ),
]


def link_of(**settings: int | str | None) -> str:
    """Return the part of an address that names a game; settings that are None are left out."""
    named = [f"{name}={value}" for name, value in settings.items() if value is not None]
    return "#" + "&".join(named) if named else ""


def offer_page(files: Files, link: str, port: int, browser: bool, out: str | None) -> None:
    """Write a page to the folder `out`, or serve it until Ctrl-C. link: the part of the address after #."""
    from forge_core.cli.screen import screen, size_text
    from forge_core.web.serve import server_of, write_page

    if out is not None:
        from forge_core.files import Store

        store = Store(out)
        total = size_text(write_page(files, store))
        screen().print(f"{store.path('index.html')}: {len(files)} files, {total}", soft_wrap=True)
        screen().print("Any web server can host this folder; browsers do not run it from a file:// address.")
        return
    server = server_of(files, port)
    url = f"http://{server.server_address[0]}:{server.server_port}/{link}"
    screen().print(f"Play at {url} (Ctrl-C ends)", soft_wrap=True, markup=False)
    if browser:
        import webbrowser

        webbrowser.open(url)
    try:
        server.serve_forever()
    finally:
        server.server_close()
