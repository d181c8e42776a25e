"""Errors of MLflow: outages, which may soon be over, and errors that a person must fix."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

from forge_assets.tracking.address import VARIABLE, is_server, local_file
from forge_core.errors import ForgeError
from forge_core.files import redact


class TrackerUnusable(ForgeError):
    """MLflow cannot be reached or refuses a request."""


class TrackerAway(TrackerUnusable):
    """MLflow's server or its database does not answer; it may be back soon."""


_START = f"start it with make ui, or set {VARIABLE}"
_ANOTHER = f"or set {VARIABLE} to another address"
_FREE_SPACE = "free some space there, then try again"
_GIVE_PERMISSION = f"get write permission there, or set {VARIABLE}"
_NOT_MLFLOW = f"check that it is the address of MLflow's server, {_ANOTHER}"
_LOG_IN = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
_REMEDIES = {
    "disk is full": _FREE_SPACE,
    "no space left": _FREE_SPACE,
    "read-only": _GIVE_PERMISSION,
    "readonly": _GIVE_PERMISSION,
    "permission denied": _GIVE_PERMISSION,
    "unable to open database file": _GIVE_PERMISSION,
    "file is not a database": f"move the file away, {_ANOTHER}",
    "disk image is malformed": f"restore the file from a copy, {_ANOTHER}",
    "database is locked": "wait until the other process has written, then try again",
    "database schema": "copy the database, then migrate it with mlflow db upgrade ADDRESS",
    "proxy mlflow-artifact scheme": f"set {VARIABLE} to the URL of the server that has the files of the run",
    "error code 401": _LOG_IN,
    "error code 403": _LOG_IN,
    "error code 404": _NOT_MLFLOW,
    "valid json": _NOT_MLFLOW,
    "connection refused": f"start the database, {_ANOTHER}",
}
"""words in MLflow's message -> what to do"""
_MOST_CHARACTERS = 300
"""length at which MLflow's message is cut, between two words: some contain a whole page of HTML"""
_DELETED = re.compile(r"The (run|experiment) (\w+) must be in the 'active' state")


@contextmanager
def mlflow_errors(address: str) -> Iterator[None]:
    """Convert MLflow's errors to TrackerAway or TrackerUnusable, without passwords."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        # Dagster also shows the cause of an error, and its text would contain the password of the address.
        cause = None if "@" in address else error
        if is_outage(error):
            reason = f"MLflow at {address} does not answer: {_chain(error)[-1]}; {_START}"
            raise TrackerAway(redact(reason)) from cause
        if found := _DELETED.search(str(error)):
            raise deleted(address, f"the {found[1]} {found[2]}", found[1], found[2]) from cause
        reason = textwrap.shorten(str(error), _MOST_CHARACTERS, placeholder=" ...", break_on_hyphens=False)
        text = f"MLflow at {address}: {reason}; {_remedy(str(error), address)}"
        raise TrackerUnusable(redact(text)) from cause


def deleted(address: str, what: str, kind: str, number: str) -> TrackerUnusable:
    """Return the error for something that was deleted in MLflow, with the command that restores it.

    what: its name in the sentence. kind: `run` or `experiment`. number: its id.
    """
    place = f"{VARIABLE}={shlex.quote(address)}"
    command = f"{place} mlflow {kind}s restore --{kind}-id {number}"
    return TrackerUnusable(
        redact(f"{what} was deleted in MLflow at {address}: restore it with {command}, {_ANOTHER}")
    )


def _remedy(message: str, address: str) -> str:
    """Return what to do about an error that is not an outage."""
    lower = message.lower()
    if found := next((remedy for words, remedy in _REMEDIES.items() if words in lower), None):
        return found
    if is_server(address):
        return f"see the log of that server, {_ANOTHER}"
    return f"check the path of this file, {_ANOTHER}" if local_file(address) else f"check it, {_ANOTHER}"


def is_outage(error: BaseException) -> bool:
    """Return True if a server did not answer, or answered that its database is down.

    Return False for an answer with status 500, because the same request would fail again.
    """
    from requests import exceptions as http

    away = (http.ConnectionError, http.Timeout, http.RetryError, http.ChunkedEncodingError)
    chain = _chain(error)
    return any(isinstance(found, away) for found in chain) and "too many 500" not in str(chain[-1])


def _chain(error: BaseException) -> list[BaseException]:
    """Return an error followed by its chain of causes."""
    chain = [error]
    while cause := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(cause)
    return chain
