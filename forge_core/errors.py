"""Errors that a user can cause or needs to know about.

Each message is one sentence: what is wrong, where, and what to do. The command line prints it and
exits with status 2. Work that can continue without the faulty part (filling or listing a store)
catches the error and reports it.
"""

from __future__ import annotations


class ForgeError(Exception):
    """Base class of all errors caused by the user, the data or the machine."""


class BadInput(ForgeError):
    """An argument is invalid."""


class ModelMissing(BadInput):
    """A folder contains no network."""


class DeviceUnavailable(ForgeError):
    """The user named a device that this machine does not have."""


class StateUnreachable(ForgeError):
    """A packed state is malformed, or cannot be reached from the given start."""


class StoreUnusable(ForgeError):
    """The store cannot be read or written: no permission, no space or a bad URL."""


class StoreHeld(StoreUnusable):
    """Another process, or another call, has locked a folder of the store."""


class FileCorrupt(ForgeError):
    """A file is missing, damaged or altered, or its contents do not match its name."""

    def __init__(self, path: str, reason: str, remedy: str) -> None:
        super().__init__(f"{path}: {reason}; {remedy}")
        self.path, self.reason, self.remedy = path, reason, remedy

    def __reduce__(self):  # pickle the three arguments of __init__, not the joined message
        return type(self), (self.path, self.reason, self.remedy)


class FileForeign(FileCorrupt):
    """A file that Forge did not write has the name of a Forge file; it is never overwritten or deleted."""


def is_damaged(error: ForgeError) -> bool:
    """Return True if the error reports a damaged Forge file, which may be deleted and made again.

    False for a file that Forge did not write, and for a store that cannot be read at the moment.
    """
    return isinstance(error, FileCorrupt) and not isinstance(error, FileForeign)
