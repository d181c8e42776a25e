"""Addresses of stores: local paths and URLs, told apart, checked, and shown without passwords."""

from __future__ import annotations

import os
import re

import fsspec

from forge_core.environment import variable
from forge_core.errors import BadInput

_URL = re.compile(r"(?:[A-Za-z0-9+.-]+::)*([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
"""a URL, possibly with a chain of fsspec's protocols before it"""
_LOCAL = ("file", "local")
_WITH_BUCKET = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oci", "oss", "r2"}
"""protocols whose URLs name a bucket first"""


def check_url(url: str) -> None:
    """Raise BadInput for a blank URL, one without a bucket, and one with a slash too few."""
    if not url.strip():
        raise BadInput("the folder or URL of the store is empty: name one")
    scheme, colon, rest = url.partition(":")
    is_protocol = colon and scheme.lower() not in _LOCAL and scheme.lower() in fsspec.available_protocols()
    if is_protocol and (not rest or (rest.startswith("/") and not rest.startswith("//"))):
        raise BadInput(f"{url} has no two slashes after {scheme}: write {scheme}://BUCKET/FOLDER")
    found = _URL.fullmatch(url)
    if found and found[1].lower() in _WITH_BUCKET and (not found[2].strip() or found[2].startswith("/")):
        advice = f"write {found[1]}://BUCKET/FOLDER (an unset variable may be the cause)"
        raise BadInput(f"{url} names no bucket: {advice}")


def local_path(url: str) -> str | None:
    """Return the absolute path of a local path or `file://` URL; None for another URL.

    In a local path, `::` and `?` mean nothing.
    """
    found = None if url.startswith("/") else _URL.fullmatch(url)
    if found and not (found[1].lower() in _LOCAL and found.start(1) == 0):
        return None
    path = found[2] if found else os.path.expanduser(url.removeprefix("file:"))
    return "/" + "/".join(part for part in f"{_base_of(path)}/{path}".split("/") if part not in ("", "."))


def _base_of(path: str) -> str:
    """Return the folder at which a local path starts."""
    return "" if path.startswith("/") else os.getcwd()


def default_store_url() -> str:
    """Return the URL of the default store: `FORGE_STORE`, or else `./data`."""
    return variable("FORGE_STORE") or "./data"


_PASSWORD = re.compile(r"""(?<=://)[^/\s:@'"]*:(?!\d+(?:[/\s'"]|$))[^\s'"]*@""")
"""matches `user:password@` in a URL; digits alone after the colon are a port, not a password"""


def redact(text: str) -> str:
    """Replace user names and passwords in the URLs of a text: `http://***@host`."""
    return _PASSWORD.sub("***@", text)
