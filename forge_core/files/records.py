"""Verified record files: Parquet files, one per key, whose footer says what they are and how they were made.

A game describes each kind of file that it stores by a RecordFile. Here such files are put in their
place, whole or not at all, read and verified, inspected and told from files of other makers; `filling`
makes those that are missing, `catalog` lists them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, Generic, Self, TypeVar

import pyarrow.parquet as pq

from forge_core.errors import FileCorrupt, FileForeign, ForgeError, StoreUnusable
from forge_core.files.inspection import FileStatus, H, K, inspect_files
from forge_core.files.parquet import (
    UNREADABLE,
    Unsound,
    is_foreign,
    open_footer,
    open_parquet,
    read_metadata,
    require,
    require_signed,
)
from forge_core.files.store import Store, fingerprint

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class JsonHeader:
    """A header that stands in the footer as JSON, each field under its name, with a checksum of all.

    Base of the headers of some kinds of files, which add fields.
    """

    schema_version: int

    @property
    def checksum(self) -> str:
        """16 hex digits of all fields."""
        return fingerprint(self.values())

    def values(self) -> dict[str, Any]:
        """The fields by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def to_footer(self) -> dict[str, str]:
        """Return the entries of the footer, by name."""
        text = {name: json.dumps(value) for name, value in self.values().items()}
        return text | {"checksum": self.checksum}

    @classmethod
    def from_footer(cls, file: pq.ParquetFile, schema_version: int) -> Self:
        """The header in the footer of a file; what its fields say is not checked. Raises Unsound."""
        metadata = read_metadata(file)
        try:
            version = json.loads(metadata[b"schema_version"])
            wrong = f"its schema is version {version!r}, this code reads {schema_version}"
            require(version == schema_version, wrong)
            header = cls(**{field.name: json.loads(metadata[field.name.encode()]) for field in fields(cls)})
        except KeyError as error:
            raise Unsound(f"its header lacks {error.args[0].decode()}") from error
        except (ValueError, RecursionError) as error:
            raise Unsound(f"its header does not parse ({error})") from error
        require(metadata.get(b"checksum") == header.checksum.encode(), "its header was changed")
        return header


@dataclass(frozen=True, slots=True)
class Remedy:
    """Advice to the user about a file, as the last part of an error message."""

    make: str = "make it"
    """that is missing"""
    remake: str = "delete it and make it again"
    """that is damaged"""

    @classmethod
    def by(cls, command: str) -> Remedy:
        """Return the advice to run a command."""
        return cls(f"make it: {command}", f"delete it and make it again: {command}")


@dataclass(frozen=True, slots=True)
class OtherMaker(Generic[K, H, R]):
    """Files of another program that are read in place of one's own, though never overwritten."""

    matches: Callable[[pq.ParquetFile], bool]
    """True for such a file"""
    parse_header: Callable[[pq.ParquetFile, K], H]
    parse: Callable[[pq.ParquetFile, K], R]
    """Both raise Unsound for a file that is not sound."""
    remedy: str
    """what to do about one that is not sound"""


@dataclass(frozen=True, slots=True)
class RecordFile(Generic[K, H, R]):
    """One kind of file. Files lie at a place, in the folder of their key, under its file name.

    Everything that reads raises FileCorrupt where there is no sound file, FileForeign (a FileCorrupt)
    where another program made it, both with what to do; and StoreUnusable.
    """

    noun: str
    """what one of them is, for messages"""
    signature: tuple[str, ...]
    """names that stand in the footer of each of them, of whatever version, or are those of columns"""
    most_bytes: int
    """of a file"""
    parse_name: Callable[[str, str], K]
    """By a file name, and its folder: the key. Raises BadInput for a name that no such file has."""
    parse_header: Callable[[pq.ParquetFile, K], H]
    """The header by the footer alone, checked against key and columns. Raises Unsound."""
    parse: Callable[[pq.ParquetFile, K, H], R]
    """All of it, verified. Raises Unsound."""
    remedy: Callable[[Store, K], Remedy]
    """By the folder of the file, and its key."""
    other_maker: OtherMaker[K, H, R] | None = None
    header_needs_rows: bool = False
    """the header is partly in the rows: whole files are read for it"""

    def remade_by(self, command: Callable[[K], str]) -> RecordFile[K, H, R]:
        """The same kind, whose messages name another command that makes a file: by its key."""
        return replace(self, remedy=lambda folder, key: Remedy.by(command(key)))

    def write(self, place: Store, key: K, data: bytes) -> int:
        """Put a file in its place, whole or not at all; its bytes.

        Raises FileForeign where the file of another maker has the name, StoreUnusable.
        """
        folder, name = place.join(key.folder), key.filename
        if folder.exists(name) and is_foreign(folder, name, self.signature):
            raise self._foreign(folder, key, "its name is that of the file to be written")
        folder.write(name, data)
        return len(data)

    def read(self, place: Store, key: K) -> R:
        """Return the contents of a file, verified."""
        return self.read_from(place.join(key.folder), key)

    def read_from(self, folder: Store, key: K) -> R:
        """The same, of a file in some folder, not that of its key."""
        with self._verdict(folder, key):
            file = self._open_whole(folder, key)
            if self.other_maker and self.other_maker.matches(file):
                with self._verdict(folder, key, self.other_maker.remedy):
                    return self.other_maker.parse(file, key)
            require_signed(file, self.signature)
            return self.parse(file, key, self.parse_header(file, key))

    def read_header(self, place: Store, key: K) -> H:
        """Return the header of a file, from its footer alone."""
        folder = place.join(key.folder)
        with self._verdict(folder, key):
            file = self._open_header(folder, key)
            if self.other_maker and self.other_maker.matches(file):
                with self._verdict(folder, key, self.other_maker.remedy):
                    return self.other_maker.parse_header(file, key)
            require_signed(file, self.signature)
            return self.parse_header(file, key)

    def read_own_header(self, place: Store, key: K) -> H:
        """The same; every file of another maker is refused with FileForeign."""
        folder = place.join(key.folder)
        with self._verdict(folder, key):
            file = self._open_header(folder, key)
            require_signed(file, self.signature)
            return self.parse_header(file, key)

    def examine(self, place: Store, key: K, *, verify: bool = False) -> FileStatus[K, H]:
        """The status of a file that is there, by its footer.

        verify: by its rows too, unless they are of an older version, which nobody reads.
        """
        try:
            header = self.read_own_header(place, key)
            if verify and header.is_current:
                self.read(place, key)
        except FileCorrupt as error:
            return FileStatus(key, error=error)
        return FileStatus(key, header)

    def inspect(self, place: Store, keys: Iterable[K], *, verify: bool = False) -> Iterator[FileStatus[K, H]]:
        """The status of each file, in order. Raises StoreUnusable."""
        return inspect_files(place, keys, partial(self.examine, verify=verify))

    def missing(self, place: Store, keys: Iterable[K], fingerprint: str, *, verify: bool = False) -> list[K]:
        """Those that are not there, sound and of a fingerprint; see `examine`. Raises StoreUnusable."""
        statuses = self.inspect(place, keys, verify=verify)
        return [status.key for status in statuses if not status.has(fingerprint)]

    def is_in_the_way(self, place: Store, key: K) -> bool:
        """True if the file of another maker has the name of a file. Raises StoreUnusable."""
        folder = place.join(key.folder)
        return folder.exists(key.filename) and is_foreign(folder, key.filename, self.signature)

    def _open_whole(self, folder: Store, key: K) -> pq.ParquetFile:
        size = folder.size(key.filename)
        require(size <= self.most_bytes, f"it has {size:,} bytes, a {self.noun} at most {self.most_bytes:,}")
        return open_parquet(folder.read(key.filename))

    def _open_header(self, folder: Store, key: K) -> pq.ParquetFile:
        if self.header_needs_rows:
            return self._open_whole(folder, key)
        return open_footer(folder, key.filename)

    @contextmanager
    def _verdict(self, folder: Store, key: K, remedy: str | None = None) -> Iterator[None]:
        """Turn whatever a missing or damaged file provokes into FileCorrupt. remedy: of a foreign one."""
        path = folder.path(key.filename)
        try:
            yield
        except (FileCorrupt, MemoryError):
            raise
        except StoreUnusable as error:
            if folder.exists(key.filename):
                raise
            reason = f"there is no such {self.noun}"
            raise FileCorrupt(path, reason, self.remedy(folder, key).make) from error
        except (ForgeError, *UNREADABLE) as error:
            reason = " ".join(str(error).split())
            if remedy or is_foreign(folder, key.filename, self.signature):
                raise self._foreign(folder, key, reason, remedy) from error
            raise FileCorrupt(path, reason, self.remedy(folder, key).remake) from error

    def _foreign(self, folder: Store, key: K, reason: str, remedy: str | None = None) -> FileForeign:
        make = self.remedy(folder, key).make
        kept = f"it is the file of another maker, which is never overwritten: move it away, then {make}"
        return FileForeign(folder.path(key.filename), reason, remedy or kept)
