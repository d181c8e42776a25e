"""A store: named files below a local folder or an fsspec URL, written atomically."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from forge_core.errors import BadInput, ForgeError, StoreHeld, StoreUnusable
from forge_core.files.addresses import check_url, local_path, redact

ABANDONED_AFTER_S = 3600.0
"""the age at which a temporary file whose writer is gone counts as abandoned"""

_PROBE = ".forge-writable"
"""name of an empty file that is written and deleted; no other program uses it"""
_TEMPORARY = re.compile(r"\..+\.\d+\.[0-9a-f]{8}\.tmp")
"""`.NAME.HOST.PID.RANDOM.tmp`: hidden, and unique to one writer"""


@dataclass(frozen=True, slots=True)
class Store:
    """A folder of files: a local path, or an fsspec URL such as `memory://x` or `s3://bucket/x`.

    Nothing is created before the first write. A local path becomes absolute. All methods raise
    StoreUnusable, which names the path and says what to do.
    """

    url: str

    def __post_init__(self) -> None:
        if (shown := redact(self.url)) != self.url:
            raise BadInput(
                f"the URL {shown} contains a password, and records contain the URL: leave the password out "
                "and set environment variables such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        check_url(self.url)
        with self._blame("use", self.url):
            url = local_path(self.url)
            if url is None:
                filesystem, path = _look_up(self.url)
                url = filesystem.unstrip_protocol(path)
            object.__setattr__(self, "url", url.rstrip("/") or "/")

    @property
    def is_local(self) -> bool:
        """True if this is a local folder, whose path is `url`."""
        return self.url.startswith("/")

    def join(self, *parts: str) -> Store:
        """Return the folder at `parts` below this one."""
        for part in parts:
            _check_name(part)
        return Store("/".join((self.url.rstrip("/"), *parts)))

    def path(self, name: str) -> str:
        """Return the full path or URL of a file, for use in messages."""
        return f"{self.url.rstrip('/')}/{name}"

    def exists(self, name: str) -> bool:
        """Return True if a file of this name exists."""
        with self._blame("look at", self.path(name)):
            filesystem, path = self._at(name)
            try:  # not isfile(), which returns False for any error
                return filesystem.info(path)["type"] == "file"
            except (FileNotFoundError, NotADirectoryError) as error:
                if _no_bucket(error):
                    raise
                return False

    def read(self, name: str) -> bytes:
        """Return all bytes of a file."""
        with self._blame("read", self.path(name)):
            filesystem, path = self._at(name)
            return _as_bytes(filesystem.cat_file(path))

    def read_json(self, name: str) -> Any:
        """Read a JSON file. Raises ValueError if it is not JSON or is larger than 256 MiB."""
        size = self.size(name)
        if size > _MOST_JSON:
            raise ValueError(f"it has {size:,} bytes; a JSON file has at most {_MOST_JSON:,}")
        return parse_json(self.read(name))

    def head(self, name: str, size: int) -> bytes:
        """Return the first `size` bytes of a file, or all bytes of a shorter one."""
        with self._blame("read", self.path(name)):
            filesystem, path = self._at(name)
            return _as_bytes(filesystem.cat_file(path, start=0, end=size))

    def tail(self, name: str, size: int) -> bytes:
        """Return the last `size` bytes of a file, or all bytes of a shorter one."""
        with self._blame("read", self.path(name)):
            filesystem, path = self._at(name)
            start = max(0, self.size(name) - size)
            return _as_bytes(filesystem.cat_file(path, start=start))

    def size(self, name: str) -> int:
        """Return the size of a file in bytes."""
        with self._blame("look at", self.path(name)):
            filesystem, path = self._at(name)
            return int(filesystem.size(path) or 0)

    def write(self, name: str, data: bytes) -> None:
        """Write a file atomically, creating folders as needed and replacing an older file of that name.

        Locally, a temporary file in the same folder is written, synced and renamed, so readers see
        either the old file or the new one. An object store needs no rename: an object appears, or
        replaces the old one, only when its upload is complete. If an error occurs, the temporary file
        is removed.
        """
        with self._blame("write", self.path(name)):
            filesystem, path = self._at(name)
            if isinstance(filesystem, LocalFileSystem):
                _write_locally(path, data)
            else:
                filesystem.pipe_file(path, data)

    def check_writable(self) -> None:
        """Raise StoreUnusable now rather than after the first piece of work is done."""
        self.write(_PROBE, b"")
        with suppress(StoreUnusable):  # another process deleted it, or deleting is forbidden; it is hidden
            self.delete(_PROBE)

    def names(self, suffix: str = "") -> list[str]:
        """Return the sorted names of the files directly in this folder that end in `suffix`.

        Empty if the folder does not exist. Hidden files (leading dot), such as the temporary files of
        other writers, are left out.
        """
        return [name for name in self._list("file") if name.endswith(suffix)]

    def folders(self) -> list[str]:
        """Return the sorted names of the folders directly in this one, without hidden ones.

        Empty if this folder does not exist.
        """
        return self._list("directory")

    def _list(self, kind: str) -> list[str]:
        """Return the sorted names of this kind, `file` or `directory`, without hidden ones."""
        with self._blame("list", self.url):
            filesystem, folder = self._open()
            try:
                if isinstance(filesystem, LocalFileSystem):
                    with os.scandir(folder) as entries:
                        names = [e.name for e in entries if (e.is_file() if kind == "file" else e.is_dir())]
                else:
                    # Consoles of object stores make "folders": empty objects whose names end in a slash.
                    entries = [e for e in filesystem.ls(folder, detail=True) if not e["name"].endswith("/")]
                    names = [e["name"].rpartition("/")[2] for e in entries if e["type"] == kind]
            except FileNotFoundError as error:
                if _no_bucket(error):
                    raise
                return []
        return sorted(name for name in names if not name.startswith("."))

    def delete(self, name: str) -> None:
        """Delete a file."""
        with self._blame("delete", self.path(name)):
            filesystem, path = self._at(name)
            filesystem.rm_file(path)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lock this folder. Raises StoreHeld if another process or another call has locked it.

        The lock is released when the process ends, even if it is killed. Folders that do not exist are
        created, and removed afterwards if empty. On an object store, which has no locks, this does nothing.
        """
        filesystem, folder = self._open()
        with ExitStack() as hold:
            if isinstance(filesystem, LocalFileSystem):
                with self._blame("lock", self.url):
                    hold.enter_context(_locked(folder))
            yield

    def is_held(self) -> bool:
        """Return True if a process has locked this folder; see `held`."""
        filesystem, folder = self._open()
        with suppress(OSError):
            return isinstance(filesystem, LocalFileSystem) and _is_held(f"{folder}/{_LOCK}")
        return False

    def abandoned(self, older_than_s: float = ABANDONED_AFTER_S, now: float | None = None) -> list[str]:
        """Return the temporary files that killed writers left in this folder.

        Files younger than `older_than_s`, and files that a living writer has locked, do not count. now:
        seconds since 1970, by default the current time. An object store has no temporary files.
        """
        with self._blame("list", self.url):
            filesystem, folder = self._open()
            if not isinstance(filesystem, LocalFileSystem) or not os.path.isdir(folder):
                return []
            with os.scandir(folder) as entries:
                candidates = [entry for entry in entries if _TEMPORARY.fullmatch(entry.name)]
            found, now = [], time.time() if now is None else now
            for entry in candidates:
                with suppress(FileNotFoundError):  # its writer has renamed or removed it
                    if now - entry.stat().st_mtime >= older_than_s and not _is_held(entry.path):
                        found.append(entry.name)
            return sorted(found)

    def sweep(self, older_than_s: float = ABANDONED_AFTER_S, now: float | None = None) -> list[str]:
        """Delete the `abandoned` temporary files and return their names."""
        swept = []
        for name in self.abandoned(older_than_s, now):
            with self._blame("sweep", self.url), suppress(FileNotFoundError):  # another process deleted it
                os.unlink(f"{self._open()[1]}/{name}")
                swept.append(name)
        return swept

    def _open(self) -> tuple[Any, str]:
        """Return this thread's file system and the path of this folder in it."""
        return _kept(self.url, threading.get_ident())

    def _at(self, name: str) -> tuple[Any, str]:
        """Return the file system and the path of a file. Raises BadInput if the name leaves this folder."""
        _check_name(name)
        filesystem, folder = self._open()
        return filesystem, f"{folder}/{name}"

    @contextmanager
    def _blame(self, verb: str, path: str) -> Iterator[None]:
        """Turn any error of the file system into StoreUnusable."""
        try:
            yield
        except ForgeError:
            raise
        except Exception as error:  # object stores raise far more than OSError
            reason, remedy = _diagnose(error)
            raise StoreUnusable(f"cannot {verb} {path}: {reason}; {remedy}") from error


def _look_up(url: str) -> tuple[Any, str]:
    """Return the file system of a URL and the path in it. url: local paths must be absolute."""
    # Listings are not cached, because other processes write too.
    if url.startswith("/"):
        return fsspec.filesystem("file", use_listings_cache=False), url
    filesystem, path = fsspec.url_to_fs(url, use_listings_cache=False)
    return filesystem, path.rstrip("/")


@lru_cache(maxsize=256)
def _kept(url: str, thread: int) -> tuple[Any, str]:
    """Return the result of `_look_up`, cached per thread as in fsspec.

    A look-up costs as much as a small read. url: local paths must be absolute.
    """
    return _look_up(url)


os.register_at_fork(after_in_child=_kept.cache_clear)  # connections must not be shared across a fork


def fingerprint(mapping: Mapping[str, Any]) -> str:
    """Return 16 hex digits that are equal for equal mappings, whatever the order of their keys.

    Raises BadInput for values that JSON cannot represent.
    """
    try:
        canonical = json.dumps(mapping, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{mapping!r} has no fingerprint ({error}): use only JSON types") from error
    return hashlib.blake2b(canonical.encode(), digest_size=8).hexdigest()


def parse_json(data: bytes | str) -> Any:
    """Parse untrusted JSON. Raises ValueError if it is invalid."""
    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


_LOCK = ".lock"
_MOST_JSON = 1 << 28
"""bytes; a manifest of 100,000 files has about 25 million"""


def _check_name(name: str) -> None:
    if not name or "\0" in name or {"", ".", ".."} & set(name.split("/")):
        raise BadInput(
            f"{name!r} is not a valid name in a store: it must not be empty or contain . or .. parts"
        )


def _is_held(path: str) -> bool:
    """Return True if a living process has locked the file; False on file systems without locks."""
    with open(path, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            pass
    return False


@contextmanager
def _locked(folder: str) -> Iterator[None]:
    missing, path = [], folder
    while not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    lock = _lock(f"{folder}/{_LOCK}")
    try:
        yield
    finally:
        with suppress(OSError):
            if not os.fstat(lock.fileno()).st_size:  # else it is a file of another program
                os.unlink(lock.name)  # before closing: a process that opened it notices that it is gone
        lock.close()
        with suppress(OSError):
            for path in missing:
                os.rmdir(path)


def _lock(path: str) -> IO[bytes]:
    """Return a file that is locked until it is closed. Raises StoreHeld if it is already locked."""
    while True:
        file = open(path, "ab")  # noqa: SIM115
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            folder = os.path.dirname(path)
            raise StoreHeld(
                f"another process is writing {folder}: wait until it has ended, then run this again"
            ) from error
        except OSError:
            return file  # a file system without locks
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                return file
        file.close()  # the previous owner has just deleted it


def _write_locally(path: str, data: bytes) -> None:
    folder, name = os.path.split(path)
    os.makedirs(folder, exist_ok=True)
    # The folder itself is not synced: a power cut may undo the rename, but never leaves half a file.
    temporary = f"{folder}/.{name}.{socket.gethostname()}.{os.getpid()}.{secrets.token_hex(4)}.tmp"
    try:
        with open(temporary, "xb") as file:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # tells `sweep` that the writer is alive
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _as_bytes(data: bytes | str) -> bytes:
    return data if isinstance(data, bytes) else data.encode()


_REMEDIES = {
    errno.EACCES: "get permission to write there, or choose another store",
    errno.EPERM: "get permission to write there, or choose another store",
    errno.EROFS: "choose a store that is not read-only",
    errno.ENOSPC: "free some space, or choose another store",
    errno.EDQUOT: "free some of your quota, or choose another store",
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "a file is in the place of a folder: move it, or choose another store",
    errno.EISDIR: "a folder is in the place of a file: move it, or choose another store",
    errno.EEXIST: "a file is in the place of a folder: move it, or choose another store",
}


def _no_bucket(error: Exception) -> bool:
    """Return True if the bucket itself is missing, not only the file."""
    details = getattr(error.__cause__, "response", {}).get("Error", {})
    return details.get("Code") == "NoSuchBucket"


def _diagnose(error: Exception) -> tuple[str, str]:
    """Return the reason for an error and what to do about it."""
    if isinstance(error, OSError) and (number := error.errno) is not None:
        return error.strerror or str(error), _REMEDIES.get(number, "check the path, or choose another store")
    if isinstance(error, FileNotFoundError):  # object stores raise it without a number
        return "no such file or bucket", _REMEDIES[errno.ENOENT]
    if isinstance(error, PermissionError):
        reason = str(error).rstrip(".") or "permission denied"
        return reason, "check the credentials and their permissions, or choose another store"
    reason = str(error) or type(error).__name__
    if isinstance(error, ImportError):
        return reason, "install support for this kind of URL, such as forge[s3] or forge[gcs]"
    return reason, "check the URL, the credentials and the network, or choose another store"
