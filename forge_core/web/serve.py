"""Serve a folder of static files on loopback, with the standard library alone."""

from __future__ import annotations

import functools
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from forge_core.errors import BadInput

LOOPBACK = "127.0.0.1"
_POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' data:; base-uri 'none'"
"""The page loads nothing from elsewhere; compiling WebAssembly needs a permission of its own"""


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        # Set here, because the tables of some systems give other types, which browsers refuse.
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Content-Security-Policy", _POLICY)
        super().end_headers()

    def list_directory(self, path: Any) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def server_of(folder: Path, port: int) -> ThreadingHTTPServer:
    """Return a server of the files in a folder on 127.0.0.1; port 0 takes a free one.

    The caller runs `serve_forever()` and `server_close()`. Raises BadInput if the port cannot be used.
    """
    try:
        return ThreadingHTTPServer((LOOPBACK, port), functools.partial(_Handler, directory=str(folder)))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BadInput(f"port {port} cannot be used ({reason}): use another, or 0 for a free one") from None
