"""Errors of MLflow: an outage, which may be over soon, and everything that a person must mend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from forge_core.errors import ForgeError
from forge_core.files import redact


class TrackerUnusable(ForgeError):
    """MLflow cannot be reached, or refuses a request."""


class TrackerAway(TrackerUnusable):
    """MLflow's server, or the database behind it, does not answer: it may be back soon."""


_START = "start it with make ui, or set MLFLOW_TRACKING_URI"
_FREE_SPACE = "free some space there, then repeat"
_GIVE_PERMISSION = "give yourself permission there, or set MLFLOW_TRACKING_URI"
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
    """Raise the errors of MLflow within as TrackerAway or TrackerUnusable, without passwords."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        # Dagster also shows the cause of an error, whose text would hold the password of the address.
        cause = None if "@" in address else error
        if is_outage(error):
            reason = f"MLflow at {address} does not answer: {_chain(error)[-1]}; {_START}"
            raise TrackerAway(redact(reason)) from cause
        reason = " ".join(str(error).split())[:300]
        lower = reason.lower()
        remedy = next((remedy for words, remedy in _REMEDIES.items() if words in lower), _START)
        raise TrackerUnusable(redact(f"MLflow at {address}: {reason}; {remedy}")) from cause


def is_outage(error: BaseException) -> bool:
    """Return True if a server did not answer, or answered that its database is away.

    False for an answer of status 500: the same request would fail again.
    """
    from requests import exceptions as http

    away = (http.ConnectionError, http.Timeout, http.RetryError, http.ChunkedEncodingError)
    chain = _chain(error)
    return any(isinstance(found, away) for found in chain) and "too many 500" not in str(chain[-1])


def _chain(error: BaseException) -> list[BaseException]:
    """Return an error, its cause, the cause of that, and so on."""
    chain = [error]
    while cause := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(cause)
    return chain
