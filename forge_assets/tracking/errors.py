"""Errors of MLflow: outages, which may soon be over, and errors that a person must fix."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from forge_core.errors import ForgeError
from forge_core.files import redact


class TrackerUnusable(ForgeError):
    """MLflow cannot be reached or refuses a request."""


class TrackerAway(TrackerUnusable):
    """MLflow's server or its database does not answer; it may be back soon."""


_START = "start it with make ui, or set MLFLOW_TRACKING_URI"
_FREE_SPACE = "free some space there, then try again"
_GIVE_PERMISSION = "get write permission there, or set MLFLOW_TRACKING_URI"
_REMEDIES = {
    "disk is full": _FREE_SPACE,
    "no space left": _FREE_SPACE,
    "read-only": _GIVE_PERMISSION,
    "readonly": _GIVE_PERMISSION,
    "permission denied": _GIVE_PERMISSION,
    "unable to open database file": _GIVE_PERMISSION,
}
"""words in MLflow's message -> what to do"""


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
        reason = " ".join(str(error).split())[:300]
        lower = reason.lower()
        remedy = next((remedy for words, remedy in _REMEDIES.items() if words in lower), _START)
        raise TrackerUnusable(redact(f"MLflow at {address}: {reason}; {remedy}")) from cause


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
