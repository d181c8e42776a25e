"""`forge play`: play Texas 42 in a browser against exact players."""

from __future__ import annotations

from typing import Annotated

import typer

from forge_core.cli.options import read_seed
from forge_core.errors import BadInput
from forge_core.ranges import whole
from forge_core.texas42.cli.options import read_declaration

HIGHEST_PORT = 65535


def read_port(text: str) -> int:
    """Parse a port, 0..65535. Raises BadInput."""
    port = whole(text, "port")
    if port > HIGHEST_PORT:
        raise BadInput(f"port {port} does not exist: use 0 for a free one, or 1 to {HIGHEST_PORT}")
    return port


def play(
    seed: Annotated[
        int | None,
        typer.Option("--seed", parser=read_seed, metavar="N", help="Seed of the deal (default: random)."),
    ] = None,
    decl: Annotated[
        int | None,
        typer.Option(
            "--decl", parser=read_declaration, metavar="NAME", help="Trump that you name (default: ask)."
        ),
    ] = None,
    port: Annotated[
        int, typer.Option("--port", parser=read_port, metavar="P", help="Port of the page; 0: a free one.")
    ] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page.")] = True,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="DIR", help="Write the page to this folder instead of serving it."),
    ] = None,
) -> None:
    """Play whole hands in a browser; the other three seats solve deals that fit what they know."""
    from forge_core.cli.screen import screen, size_text
    from forge_core.texas42.web import PAGE
    from forge_core.web.serve import server_of

    link = _link(seed, decl)
    if out is not None:
        from forge_core.files import Store

        store, files = Store(out), sorted(PAGE.iterdir())
        for file in files:
            store.write(file.name, file.read_bytes())
        total = size_text(sum(file.stat().st_size for file in files))
        screen().print(f"{store.path('index.html')}: {len(files)} files, {total}", soft_wrap=True)
        screen().print("Any web server can host this folder; browsers do not run it from a file:// address.")
        return
    server = server_of(PAGE, port)
    url = f"http://{server.server_address[0]}:{server.server_port}/{link}"
    screen().print(f"Play at {url} (Ctrl-C ends)", soft_wrap=True, markup=False)
    if browser:
        import webbrowser

        webbrowser.open(url)
    try:
        server.serve_forever()
    finally:
        server.server_close()


def _link(seed: int | None, decl: int | None) -> str:
    """Return the part of the address that names the deal. Raises BadInput for --decl without --seed."""
    from forge_core.texas42.declarations import NAMES

    if seed is None:
        if decl is not None:
            raise BadInput("--decl needs --seed: the declaration is that of one deal")
        return ""
    return f"#seed={seed}" + ("" if decl is None else f"&decl={NAMES[decl]}")
