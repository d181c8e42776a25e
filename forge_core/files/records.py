"""Record files: verified Parquet files, one per key, with a footer that states their kind and provenance.

A game defines each kind of file that it stores as a RecordFile. This module writes such files
atomically, reads and verifies them, inspects them, and recognizes foreign files. `filling`
makes missing files, and `catalog` lists those that exist.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, Generic, Self, TypeVar

import pyarrow.parquet as pq

from forge_core.errors import FileCorrupt, FileForeign, ForgeError, StoreUnusable
from forge_core.files.inspection import FileStatus, H, K, Provenance, inspect_files
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
    """A header stored in the footer: each field as JSON under its name, and a checksum of all fields.

    Base class for the headers of some kinds of files, which add fields.
    """

    schema_version: int

    @property
    def checksum(self) -> str:
        """A checksum of all fields, 16 hex digits."""
        return fingerprint(self.values())

    def values(self) -> dict[str, Any]:
        """Return the fields by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def to_footer(self) -> dict[str, str]:
        """Return the footer's entries, by name."""
        text = {name: json.dumps(value) for name, value in self.values().items()}
        return text | {"checksum": self.checksum}

    @classmethod
    def from_footer(cls, file: pq.ParquetFile, schema_version: int) -> Self:
        """Return the header in a file's footer, without checking the values of its fields. Raises Unsound."""
        metadata = read_metadata(file)
        try:
            version = json.loads(metadata[b"schema_version"])
            wrong = f"its schema has version {version!r}, but this code reads version {schema_version}"
            require(version == schema_version, wrong)
            header = cls(**{field.name: json.loads(metadata[field.name.encode()]) for field in fields(cls)})
        except KeyError as error:
            raise Unsound(f"its header lacks {error.args[0].decode()}") from error
        except (ValueError, RecursionError) as error:
            raise Unsound(f"its header cannot be parsed ({error})") from error
        require(metadata.get(b"checksum") == header.checksum.encode(), "its header has been altered")
        return header


def read_json_header(file: pq.ParquetFile, repeated: Sequence[str] = ()) -> dict[str, Any]:
    """Return the header that a JsonHeader wrote into a footer, as JSON types, whatever its fields are.

    Only the checksum is verified, not the values. repeated: entries of the footer that repeat fields and are
    not part of the header. Raises Unsound.
    """
    metadata = {name: text for name, text in read_metadata(file).items() if name.decode() not in repeated}
    checksum = metadata.pop(b"checksum", b"")
    try:
        values = {name.decode(): json.loads(text) for name, text in metadata.items()}
    except (ValueError, RecursionError) as error:
        raise Unsound(f"its header cannot be parsed ({error})") from error
    require(checksum == fingerprint(values).encode(), "its header has been altered")
    return values


class MadeBySettings:
    """The part of a header's interface that follows from its fields `settings` and `fingerprint`.

    For files whose rows are read whatever version made them.
    """

    __slots__ = ()
    settings: dict[str, Any]
    """all settings, and the `version` of the code that made the file"""
    fingerprint: str
    """16 hex digits of the settings"""

    @property
    def provenance(self) -> Provenance:
        """The version of the code, and the fingerprint of the settings."""
        return Provenance(str(self.settings.get("version")), {"settings": self.fingerprint})

    @property
    def is_current(self) -> bool:
        """True, because files of every version can be read."""
        return True


@dataclass(frozen=True, slots=True)
class Remedy:
    """Advice about a file, used as the last part of an error message."""

    make: str = "make it"
    """advice if the file is missing"""
    remake: str = "delete it and make it again"
    """advice if the file is damaged"""

    @classmethod
    def by(cls, command: str) -> Remedy:
        """Return the advice to run a command."""
        return cls(f"make it: {command}", f"delete it and make it again: {command}")


@dataclass(frozen=True, slots=True)
class OtherMaker(Generic[K, H, R]):
    """A format of another program whose files can be read like Forge's own, but are never overwritten."""

    matches: Callable[[pq.ParquetFile], bool]
    """returns True if a file has this format"""
    parse_header: Callable[[pq.ParquetFile, K], H]
    parse: Callable[[pq.ParquetFile, K], R]
    """Both raise Unsound if the file is invalid."""
    remedy: str
    """advice about an invalid file"""


@dataclass(frozen=True, slots=True)
class RecordFile(Generic[K, H, R]):
    """One kind of file. Each file lies below a place, in the folder and under the file name of its key.

    All methods that read raise FileCorrupt if there is no valid file, FileForeign (a FileCorrupt) if
    it is a foreign file, both with advice on what to do, and StoreUnusable.
    """

    noun: str
    """the word for one such file in messages"""
    signature: tuple[str, ...]
    """names that every such file has, in all versions, as footer entries or columns"""
    most_bytes: int
    """the largest size of a file"""
    parse_name: Callable[[str, str], K]
    """Returns the key for a file name and its folder. Raises BadInput for an invalid name."""
    parse_header: Callable[[pq.ParquetFile, K], H]
    """Reads the header from the footer alone and checks it against key and columns. Raises Unsound."""
    parse: Callable[[pq.ParquetFile, K, H], R]
    """Reads and verifies the whole file. Raises Unsound."""
    remedy: Callable[[Store, K], Remedy]
    """Returns the advice for a file, given its folder and key."""
    other_maker: OtherMaker[K, H, R] | None = None
    header_needs_rows: bool = False
    """True if part of the header is in the rows, so that reading it takes the whole file"""

    def remade_by(self, command: Callable[[K], str]) -> RecordFile[K, H, R]:
        """Return this kind with a different command in its messages; `command` gets the key of the file."""
        return replace(self, remedy=lambda folder, key: Remedy.by(command(key)))

    def write(self, place: Store, key: K, data: bytes) -> int:
        """Write a file atomically and return its size in bytes.

        Raises FileForeign if a foreign file has this name, and StoreUnusable.
        """
        folder, name = place.join(key.folder), key.filename
        if folder.exists(name) and is_foreign(folder, name, self.signature):
            raise self._foreign(folder, key, "it has the name of the file to be written")
        folder.write(name, data)
        return len(data)

    def read(self, place: Store, key: K) -> R:
        """Read and verify a file."""
        return self.read_from(place.join(key.folder), key)

    def read_from(self, folder: Store, key: K) -> R:
        """Read and verify a file in the given folder, which need not be the folder of its key."""
        with self._verdict(folder, key):
            file = self._open_whole(folder, key)
            if self.other_maker and self.other_maker.matches(file):
                with self._verdict(folder, key, self.other_maker.remedy):
                    return self.other_maker.parse(file, key)
            require_signed(file, self.signature)
            return self.parse(file, key, self.parse_header(file, key))

    def read_header(self, place: Store, key: K) -> H:
        """Read the header of a file from its footer alone."""
        folder = place.join(key.folder)
        with self._verdict(folder, key):
            file = self._open_header(folder, key)
            if self.other_maker and self.other_maker.matches(file):
                with self._verdict(folder, key, self.other_maker.remedy):
                    return self.other_maker.parse_header(file, key)
            require_signed(file, self.signature)
            return self.parse_header(file, key)

    def read_own_header(self, place: Store, key: K) -> H:
        """Read the header of a file; raise FileForeign for every foreign file."""
        folder = place.join(key.folder)
        with self._verdict(folder, key):
            file = self._open_header(folder, key)
            require_signed(file, self.signature)
            return self.parse_header(file, key)

    def examine(self, place: Store, key: K, *, verify: bool = False) -> FileStatus[K, H]:
        """Return the status of an existing file, judged by its footer.

        verify: also read the rows, unless they have an older version, which this code cannot read.
        """
        try:
            header = self.read_own_header(place, key)
            if verify and header.is_current:
                self.read(place, key)
        except FileCorrupt as error:
            return FileStatus(key, error=error)
        return FileStatus(key, header)

    def inspect(self, place: Store, keys: Iterable[K], *, verify: bool = False) -> Iterator[FileStatus[K, H]]:
        """Yield the status of each file, in order. Raises StoreUnusable."""
        return inspect_files(place, keys, partial(self.examine, verify=verify))

    def missing(self, place: Store, keys: Iterable[K], fingerprint: str, *, verify: bool = False) -> list[K]:
        """Return the keys that have no valid file with this fingerprint. verify: see `examine`.

        Raises StoreUnusable.
        """
        statuses = self.inspect(place, keys, verify=verify)
        return [status.key for status in statuses if not status.has(fingerprint)]

    def is_in_the_way(self, place: Store, key: K) -> bool:
        """Return True if a foreign file has the key's file name. Raises StoreUnusable."""
        folder = place.join(key.folder)
        return folder.exists(key.filename) and is_foreign(folder, key.filename, self.signature)

    def _open_whole(self, folder: Store, key: K) -> pq.ParquetFile:
        size = folder.size(key.filename)
        limit = f"it has {size:,} bytes, but a {self.noun} has at most {self.most_bytes:,}"
        require(size <= self.most_bytes, limit)
        return open_parquet(folder.read(key.filename))

    def _open_header(self, folder: Store, key: K) -> pq.ParquetFile:
        if self.header_needs_rows:
            return self._open_whole(folder, key)
        return open_footer(folder, key.filename)

    @contextmanager
    def _verdict(self, folder: Store, key: K, remedy: str | None = None) -> Iterator[None]:
        """Turn the errors that a missing or damaged file causes into FileCorrupt.

        remedy: advice for a foreign file.
        """
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
        kept = f"it was written by another program and is never overwritten: move it away, then {make}"
        return FileForeign(folder.path(key.filename), reason, remedy or kept)
