"""Serve the files of a page on loopback, with the standard library alone."""

from __future__ import annotations

from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from forge_core.errors import BadInput
from forge_core.files import Store

LOOPBACK = "127.0.0.1"
_POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' data:; base-uri 'none'"
"""The page loads nothing from elsewhere; compiling WebAssembly needs a permission of its own"""
_TYPES = {
    ".html": "text/html",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".wasm": "application/wasm",
}
_OTHER = "application/octet-stream"

Files = Mapping[str, Path | bytes]
"""Files of a page by name, such as `index.html` and `network/model.onnx`: where they lie, or their content"""


def content_of(file: Path | bytes) -> bytes:
    """Return the content of a file of a page."""
    return file if isinstance(file, bytes) else file.read_bytes()


def write_page(files: Files, store: Store) -> int:
    """Write the files of a page to a folder; return their size in bytes. Raises StoreUnusable."""
    size = 0
    for name, file in files.items():
        content = content_of(file)
        folder, _, last = name.rpartition("/")
        (store.join(folder) if folder else store).write(last, content)
        size += len(content)
    return size


def server_of(files: Files, port: int) -> ThreadingHTTPServer:
    """Return a server of these files, and of nothing else, on 127.0.0.1; port 0 takes a free one.

    The caller runs `serve_forever()` and `server_close()`. Raises BadInput if the port cannot be used.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def _answer(self, with_body: bool) -> None:
            name = unquote(urlsplit(self.path).path).removeprefix("/") or "index.html"
            if name not in files:
                return self.send_error(404)
            content = content_of(files[name])
            self.send_response(200)
            self.send_header("Content-Type", _TYPES.get(PurePosixPath(name).suffix, _OTHER))
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "no-cache")
            self.send_header("Content-Security-Policy", _POLICY)
            self.end_headers()
            if with_body:
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    try:
        return ThreadingHTTPServer((LOOPBACK, port), Handler)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BadInput(f"port {port} cannot be used ({reason}): use another, or 0 for a free one") from None
