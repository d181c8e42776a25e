"""A store: named files under a local folder or an fsspec URL, written whole or not at all."""

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

from forge_core.errors import BadInput, ForgeError, StoreUnusable

ABANDONED_AFTER_S = 3600.0
"""age of a temporary file that no living writer can still be writing"""

_TEMPORARY = re.compile(r"\..+\.\d+\.[0-9a-f]{8}\.tmp")
"""`.NAME.HOST.PID.RANDOM.tmp`: hidden, and no two writers ever share one"""


@dataclass(frozen=True, slots=True)
class Store:
    """A folder of files: a local path, or an fsspec URL such as `memory://x` or `s3://bucket/x`.

    Nothing is opened or created before the first write. A local path becomes absolute.
    All methods raise StoreUnusable, which names the path and says what to do.
    """

    url: str

    def __post_init__(self) -> None:
        if (shown := redact(self.url)) != self.url:
            raise BadInput(
                f"{shown} holds a password, and the URL of a store is written into records: leave it out, "
                "and give it by the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        with self._blame("use", self.url):
            filesystem, path = self._open() if self.url.startswith("/") else _look_up(self.url)
            url = path if isinstance(filesystem, LocalFileSystem) else filesystem.unstrip_protocol(path)
            object.__setattr__(self, "url", url.rstrip("/") or "/")

    def join(self, *parts: str) -> Store:
        """The folder at `parts` below this one."""
        for part in parts:
            _check_name(part)
        return Store("/".join((self.url.rstrip("/"), *parts)))

    def path(self, name: str) -> str:
        """The full path or URL of a file, as messages name it."""
        return f"{self.url.rstrip('/')}/{name}"

    def exists(self, name: str) -> bool:
        """True if a file of this name exists."""
        with self._blame("look at", self.path(name)):
            filesystem, path = self._at(name)
            try:  # not isfile(): it says no whatever goes wrong
                return filesystem.info(path)["type"] == "file"
            except (FileNotFoundError, NotADirectoryError) as error:
                if _no_bucket(error):
                    raise
                return False

    def read(self, name: str) -> bytes:
        """All bytes of a file."""
        with self._blame("read", self.path(name)):
            filesystem, path = self._at(name)
            return _as_bytes(filesystem.cat_file(path))

    def read_json(self, name: str) -> Any:
        """Read a JSON file. Raises ValueError if it is not JSON, or larger than 256 MiB."""
        size = self.size(name)
        if size > _MOST_JSON:
            raise ValueError(f"it has {size:,} bytes, more than any JSON file here")
        return parse_json(self.read(name))

    def head(self, name: str, size: int) -> bytes:
        """The first `size` bytes of a file, or all of a shorter one."""
        with self._blame("read", self.path(name)):
            filesystem, path = self._at(name)
            return _as_bytes(filesystem.cat_file(path, start=0, end=size))

    def tail(self, name: str, size: int) -> bytes:
        """The last `size` bytes of a file, or all of a shorter one."""
        with self._blame("read", self.path(name)):
            filesystem, path = self._at(name)
            start = max(0, self.size(name) - size)
            return _as_bytes(filesystem.cat_file(path, start=start))

    def size(self, name: str) -> int:
        """Bytes of a file."""
        with self._blame("look at", self.path(name)):
            filesystem, path = self._at(name)
            return int(filesystem.size(path) or 0)

    def write(self, name: str, data: bytes) -> None:
        """Put a file under its name, whole; folders are made. An older one of the name is replaced.

        Locally a temporary file in the same folder is written, synced and renamed, which is
        one step for every reader. An object store has no rename, and needs none: an object
        appears, or replaces the old one, only when its upload is complete, so one put under
        the final name is as atomic. Whatever goes wrong, no temporary file stays behind.
        """
        with self._blame("write", self.path(name)):
            filesystem, path = self._at(name)
            if isinstance(filesystem, LocalFileSystem):
                _write_locally(path, data)
            else:
                filesystem.pipe_file(path, data)

    def names(self, suffix: str = "") -> list[str]:
        """The files directly in this folder whose names end so, sorted; none if there is no folder.

        Hidden files (a leading dot), and so the temporaries of other writers, are left out.
        """
        return [name for name in self._list("file") if name.endswith(suffix)]

    def folders(self) -> list[str]:
        """The folders directly in this one, sorted, without hidden ones; none if there is no folder."""
        return self._list("directory")

    def _list(self, kind: str) -> list[str]:
        """kind: `file` or `directory`."""
        with self._blame("list", self.url):
            filesystem, folder = self._open()
            try:
                if isinstance(filesystem, LocalFileSystem):
                    with os.scandir(folder) as entries:
                        names = [e.name for e in entries if (e.is_file() if kind == "file" else e.is_dir())]
                else:
                    entries = filesystem.ls(folder, detail=True)
                    names = [e["name"].rstrip("/").rpartition("/")[2] for e in entries if e["type"] == kind]
            except FileNotFoundError as error:
                if _no_bucket(error):
                    raise
                return []
        return sorted(name for name in names if not name.startswith("."))

    def delete(self, name: str) -> None:
        """Remove a file."""
        with self._blame("delete", self.path(name)):
            filesystem, path = self._at(name)
            filesystem.rm_file(path)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep this folder to oneself: StoreUnusable while another process, or another call, does so.

        The hold ends with the process, however it ends. Folders are made, and go again if they
        are empty at the end. An object store knows no locks: there it is nothing.
        """
        filesystem, folder = self._open()
        with ExitStack() as hold:
            if isinstance(filesystem, LocalFileSystem):
                with self._blame("hold", self.url):
                    hold.enter_context(_locked(folder))
            yield

    def is_held(self) -> bool:
        """True if another process holds this folder exclusively: see `held`."""
        filesystem, folder = self._open()
        with suppress(OSError):
            return isinstance(filesystem, LocalFileSystem) and _is_held(f"{folder}/{_LOCK}")
        return False

    def abandoned(self, older_than_s: float = ABANDONED_AFTER_S, now: float | None = None) -> list[str]:
        """Temporaries that killed writers left in this folder.

        Younger ones are none, nor is what its writer still holds, whatever the clock says. now:
        seconds since 1970; default: by the clock. An object store has none.
        """
        with self._blame("list", self.url):
            filesystem, folder = self._open()
            if not isinstance(filesystem, LocalFileSystem) or not os.path.isdir(folder):
                return []
            with os.scandir(folder) as entries:
                candidates = [entry for entry in entries if _TEMPORARY.fullmatch(entry.name)]
            found, now = [], time.time() if now is None else now
            for entry in candidates:
                with suppress(FileNotFoundError):  # its writer was faster
                    if now - entry.stat().st_mtime >= older_than_s and not _is_held(entry.path):
                        found.append(entry.name)
            return sorted(found)

    def sweep(self, older_than_s: float = ABANDONED_AFTER_S, now: float | None = None) -> list[str]:
        """Remove what is `abandoned`; the names."""
        swept = []
        for name in self.abandoned(older_than_s, now):
            with self._blame("sweep", self.url), suppress(FileNotFoundError):  # another sweep was faster
                os.unlink(f"{self._open()[1]}/{name}")
                swept.append(name)
        return swept

    def _open(self) -> tuple[Any, str]:
        """The file system and this folder's path in it: those of this process and thread."""
        return _kept(self.url, threading.get_ident())

    def _at(self, name: str) -> tuple[Any, str]:
        """The file system and the path of a file in it. Raises BadInput for a name that leads elsewhere."""
        _check_name(name)
        filesystem, folder = self._open()
        return filesystem, f"{folder}/{name}"

    @contextmanager
    def _blame(self, verb: str, path: str) -> Iterator[None]:
        """Turn whatever the file system raises into StoreUnusable."""
        try:
            yield
        except ForgeError:
            raise
        except Exception as error:  # object stores raise far more than OSError
            reason, remedy = _diagnose(error)
            raise StoreUnusable(f"cannot {verb} {path}: {reason}; {remedy}") from error


def _look_up(url: str) -> tuple[Any, str]:
    """The file system of a URL and the path in it; what is relative begins where this process is now."""
    filesystem, path = fsspec.url_to_fs(url, use_listings_cache=False)  # others write too
    return filesystem, path.rstrip("/")


@lru_cache(maxsize=256)
def _kept(url: str, thread: int) -> tuple[Any, str]:
    """Return the cached result of `_look_up`, one per thread as in fsspec; a look-up costs a small read.

    url: a local path is absolute.
    """
    return _look_up(url)


os.register_at_fork(after_in_child=_kept.cache_clear)  # no connection may cross a fork


def default_store_url() -> str:
    """Return the default store: `FORGE_STORE`, or `./data`."""
    return os.environ.get("FORGE_STORE") or "./data"


def fingerprint(mapping: Mapping[str, Any]) -> str:
    """16 hex digits that are equal for equal mappings, in whatever order their keys stand.

    Takes what JSON can say; raises BadInput for anything else.
    """
    try:
        canonical = json.dumps(mapping, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BadInput(f"no fingerprint of {mapping!r} ({error}): use what JSON can say") from error
    return hashlib.blake2b(canonical.encode(), digest_size=8).hexdigest()


def parse_json(data: bytes | str) -> Any:
    """Parse untrusted JSON. Raises ValueError for anything wrong with it."""
    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


_PASSWORD = re.compile(r"""(?<=://)[^/\s:@'"]*:(?!\d+(?:[/\s'"]|$))[^\s'"]*@""")
"""`user:password@` of a URL; what is all digits is the port of a host"""


def redact(text: str) -> str:
    """The text without the passwords of the URLs in it: `http://***@host`."""
    return _PASSWORD.sub("***@", text)


_LOCK = ".lock"
_MOST_JSON = 1 << 28
"""bytes: a manifest of a hundred thousand files has some 25 million"""


def _check_name(name: str) -> None:
    if not name or "\0" in name or {"", ".", ".."} & set(name.split("/")):
        raise BadInput(f"{name!r} would lead out of its folder: names of a store go down only")


def _is_held(path: str) -> bool:
    """True if the process that locked the file is alive. Without file locks always False; age decides."""
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
            os.unlink(lock.name)  # before it is closed: who opens it from now on has one that is gone
        lock.close()
        with suppress(OSError):
            for path in missing:
                os.rmdir(path)


def _lock(path: str) -> IO[bytes]:
    """A file that is locked until it is closed. Raises StoreUnusable where it is locked already."""
    while True:
        file = open(path, "ab")  # noqa: SIM115
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            folder = os.path.dirname(path)
            raise StoreUnusable(
                f"another process is writing {folder}: wait until it has ended, then run this again"
            ) from error
        except OSError:
            return file  # a file system without locks
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                return file
        file.close()  # its last holder has just taken it away


def _write_locally(path: str, data: bytes) -> None:
    folder, name = os.path.split(path)
    os.makedirs(folder, exist_ok=True)
    # The folder itself is not synced: a power cut may undo the rename, never half of the file.
    temporary = f"{folder}/.{name}.{socket.gethostname()}.{os.getpid()}.{secrets.token_hex(4)}.tmp"
    try:
        with open(temporary, "xb") as file:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # `sweep` sees that its writer lives
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
    errno.EACCES: "give yourself permission there, or choose another store",
    errno.EPERM: "give yourself permission there, or choose another store",
    errno.EROFS: "choose a store that is not read-only",
    errno.ENOSPC: "free some space, or choose another store",
    errno.EDQUOT: "free some of your quota, or choose another store",
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "a file stands where a folder must: move it, or choose another store",
    errno.EISDIR: "a folder stands where a file must: move it, or choose another store",
    errno.EEXIST: "a file stands where a folder must: move it, or choose another store",
}


def _no_bucket(error: Exception) -> bool:
    """True if the bucket is missing, and not only the file."""
    said = getattr(error.__cause__, "response", {}).get("Error", {})
    return said.get("Code") == "NoSuchBucket"


def _diagnose(error: Exception) -> tuple[str, str]:
    """Return the reason of an error, and what to do about it."""
    if isinstance(error, OSError) and (number := error.errno) is not None:
        return error.strerror or str(error), _REMEDIES.get(number, "check the path, or choose another store")
    if isinstance(error, FileNotFoundError):  # object stores raise it without a number
        return "there is no such file or bucket", _REMEDIES[errno.ENOENT]
    if isinstance(error, PermissionError):
        reason = str(error).rstrip(".") or "permission denied"
        return reason, "check the credentials and what they may do there, or choose another store"
    reason = str(error) or type(error).__name__
    if isinstance(error, ImportError):
        return reason, "install the file system of this URL, such as forge[s3] or forge[gcs]"
    return reason, "check the URL, the credentials and the network, or choose another store"
