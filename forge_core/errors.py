"""Errors that a user can cause or must hear of.

Each message is one sentence that says what was wrong, where, and what to do. The command line prints
it and exits with status 2. Work that continues without the faulty part (filling a store, listing it)
catches the error and reports it.
"""

from __future__ import annotations


class ForgeError(Exception):
    """Base of all errors that the user, the data or the machine can cause."""


class BadInput(ForgeError):
    """An argument outside what the function is defined for."""


class DeviceUnavailable(ForgeError):
    """A device was asked for by name, and this machine does not have it."""


class StateUnreachable(ForgeError):
    """A packed state is malformed, or cannot be reached from the start it is asked about."""


class StoreUnusable(ForgeError):
    """The store cannot be read or written: no permission, no space, or a bad URL."""


class FileCorrupt(ForgeError):
    """A file is not there, damaged, tampered with, or not the file that its name says."""

    def __init__(self, path: str, reason: str, remedy: str) -> None:
        super().__init__(f"{path}: {reason}; {remedy}")
        self.path, self.reason, self.remedy = path, reason, remedy

    def __reduce__(self):  # the three parts, not the joined message, cross a process border
        return type(self), (self.path, self.reason, self.remedy)


class FileForeign(FileCorrupt):
    """A file of another maker has the name of one of ours: it is kept, never overwritten or deleted."""


def is_damaged(error: ForgeError) -> bool:
    """True if an error says that a file of ours is damaged: it may be deleted, to be made again.

    Not so for the file of another maker, nor where the store cannot be read at present.
    """
    return isinstance(error, FileCorrupt) and not isinstance(error, FileForeign)
