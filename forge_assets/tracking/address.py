"""Addresses of MLflow: the URL of a server, or a database such as an SQLite file; checked, in normal form."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path
from urllib.parse import unquote, urlsplit

from forge_assets.tracking.mlflow_internals import CURVES_QUERY
from forge_assets.uis import Page
from forge_assets.versions import PROJECT
from forge_core.environment import variable
from forge_core.errors import BadInput
from forge_core.files import redact

VARIABLE = "MLFLOW_TRACKING_URI"
"""environment variable with the address of MLflow's records"""

_SERVERS = ("http", "https")
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
_DATABRICKS = ("databricks", "databricks-uc", "uc")
_FOLDERS = ("file", "local")
_SQLITE = "sqlite:///"
_USER = re.compile(r"^[^/\s@]*@")
"""matches `user:password@` at the start of an address without a scheme"""


def default_address() -> str:
    """Return MLFLOW_TRACKING_URI, or the project's SQLite file if that is not set. Raise BadInput."""
    given = variable(VARIABLE)
    return normal_address(given, VARIABLE) if given else sqlite_address(PROJECT / "mlruns" / "mlflow.db")


def normal_address(text: str, setting: str) -> str:
    """Return an address in normal form, in which two spellings of it are equal.

    setting: name under which the user gave it. Raise BadInput, with the address to write instead, if MLflow
    keeps no records at such an address.
    """
    text = text.strip()
    scheme, colon, rest = text.partition(":")
    scheme, has_host = scheme.lower(), rest.startswith("//")
    if scheme in _DATABRICKS and (not colon or has_host):
        return text
    if not (colon and (has_host or scheme.partition("+")[0] in (*_SERVERS, *_DATABASES, *_FOLDERS))):
        raise _refused(setting, text, *_without_scheme(text))
    if scheme in _FOLDERS:
        raise _refused(setting, text, *_folder(unquote(rest.removeprefix("//"))))
    if scheme in _SERVERS:
        return _server(text, setting)
    if scheme == "sqlite":
        return _sqlite(text, setting)
    if scheme.partition("+")[0] in _DATABASES:
        if not has_host:
            raise _refused(
                setting, text, "lacks the two slashes after the colon", f"{scheme}://HOST/DATABASE"
            )
        return f"{scheme}:{rest}"
    if scheme == "postgres":
        raise _refused(setting, text, "has a scheme that MLflow does not know", f"postgresql:{rest}")
    if scheme in {plugin.name for plugin in entry_points(group="mlflow.tracking_store")}:
        return text
    problem = f"has the scheme {scheme}, at which MLflow keeps no records"
    raise _refused(setting, text, problem, "http://HOST:PORT or sqlite:////FOLDER/mlflow.db")


def sqlite_address(file: Path) -> str:
    """Return the address of an SQLite file; of its path, `%`, `?` and `#` are escaped."""
    return _SQLITE + str(file).replace("%", "%25").replace("?", "%3F").replace("#", "%23")


def is_server(address: str) -> bool:
    """Return True if an address in normal form is that of a server, False if it is that of a database."""
    return address.startswith("http")


def local_file(address: str) -> Path | None:
    """Return the file of an SQLite address; None for a server."""
    if not address.startswith(_SQLITE):
        return None
    return Path(unquote(address.removeprefix(_SQLITE).partition("?")[0]))


def run_url(address: str, experiment_id: str, run_id: str) -> str:
    """Return the URL of a run for a browser, never with a password."""
    shown = redact(address).replace("***@", "")
    ui = shown.rstrip("/") if is_server(shown) else Page.MLFLOW.url
    return f"{ui}/#/experiments/{experiment_id}/runs/{run_id}{CURVES_QUERY}"


def _server(text: str, setting: str) -> str:
    """Return the URL of a server: scheme and host in lower case, no slash at its end. Raise BadInput."""
    url = urlsplit(text)
    try:
        port = "" if url.port is None else f":{url.port}"
    except ValueError:
        raise _refused(setting, text, "has no valid port", f"{url.scheme}://HOST:5000") from None
    if not url.hostname:
        raise _refused(setting, text, "names no host", f"{url.scheme}://HOST:5000")
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    user, at, _ = url.netloc.rpartition("@")
    if url.query or url.fragment:
        shown = f"{url.scheme}://{host}{port}{url.path}".rstrip("/")
        raise _refused(setting, text, "is the address of one page of MLflow", shown)
    return f"{url.scheme}://{user}{at}{host}{port}{url.path}".rstrip("/")


def _sqlite(text: str, setting: str) -> str:
    """Return the address of an SQLite file with an absolute path. Raise BadInput."""
    _, _, rest = text.partition(":")
    path, mark, query = rest.partition("?")
    if not path.startswith("///"):
        file = unquote(path.removeprefix("//"))
        known = sqlite_address(Path(file).absolute()) if file else "sqlite:////FOLDER/mlflow.db"
        raise _refused(setting, text, "has no three slashes before its file", known)
    file = Path(unquote(path.removeprefix("///")))
    if file.name in ("", ":memory:"):
        raise _refused(setting, text, "names no file", "sqlite:////FOLDER/mlflow.db")
    if file.is_dir():
        problem = "names a folder, not a file"
        raise _refused(setting, text, problem, sqlite_address(file.absolute() / "mlflow.db"))
    return sqlite_address(file.absolute()) + mark + query


def _without_scheme(text: str) -> tuple[str, str]:
    """Return the problem of an address without a scheme, and the address to write."""
    known = _USER.sub("", text)
    if found := re.fullmatch(r"((?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:]+\]):\d{1,5})(?:/.*)?", known):
        return "has no scheme", f"http://{found[1]}"
    return _folder(text)


def _folder(path: str) -> tuple[str, str]:
    """Return the problem of a local path as an address, and the address to write."""
    file = Path(path).expanduser().absolute()
    if file.suffix in (".db", ".sqlite", ".sqlite3"):
        return "has no scheme", sqlite_address(file)
    problem = "is a folder, but MLflow keeps its records in a database"
    return problem, sqlite_address(file / "mlflow.db")


def _refused(setting: str, text: str, problem: str, known: str) -> BadInput:
    """Return the error for an address. known: what to write instead."""
    return BadInput(f"{setting}={_USER.sub('***@', redact(text))} {problem}: write {redact(known)}")
