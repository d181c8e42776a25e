"""The errors a user can cause or must hear of.

Each message is one sentence that says what was wrong, where, and what to do. The
command line prints it and exits with status 2; what goes on without the faulty part (filling a
store, listing it) catches it and reports it.
"""

from __future__ import annotations


class ForgeError(Exception):
    """Anything the user, the data or the machine can get wrong."""


class BadInput(ForgeError):
    """An argument outside what the function is defined for."""


class DeviceUnavailable(ForgeError):
    """A device was asked for by name and is not here."""


class StateUnreachable(ForgeError):
    """A packed state is malformed, or cannot occur in the deal it is asked about."""


class StoreUnusable(ForgeError):
    """The store cannot be read or written: permission, space, or a bad URL."""


class FileCorrupt(ForgeError):
    """A file on disk is truncated, foreign or tampered with."""

    def __init__(self, path: str, reason: str, remedy: str) -> None:
        super().__init__(f"{path}: {reason}; {remedy}")
        self.path, self.reason, self.remedy = path, reason, remedy

    def __reduce__(self):  # the three parts, not the joined message, cross a process border
        return type(self), (self.path, self.reason, self.remedy)


class ShardCorrupt(FileCorrupt):
    """A shard is not what its name says."""


class GameCorrupt(FileCorrupt):
    """A recorded game is not what its name says."""


class MatchCorrupt(FileCorrupt):
    """Boards of a match are not what their folder and file name say."""
