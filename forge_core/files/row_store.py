"""Packed rows in a store: for each split a folder `{folder}/{split}/` with files and a manifest.

The manifest lists the files of a split and is replaced atomically after all files have been written.
The name of a file ends in a fingerprint of its source and settings, so an existing file need not be
made again, and a new file never overwrites one that is being read.

The seeds in the file names keep train, val and test apart; they are checked when files are written
and when a manifest is opened.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Generic, Protocol, Self, TypeVar

from forge_core.device import worker_count
from forge_core.errors import BadInput, FileForeign, ForgeError, StoreUnusable
from forge_core.files.inspection import READERS
from forge_core.files.store import Store, fingerprint
from forge_core.splits import Split

MANIFEST = "manifest.json"
_SAFE_NAME = re.compile(r"[a-z0-9][\w.]*\.npy", re.ASCII)
_OWN_NAME = re.compile(r"[a-z0-9][\w.]*\.[0-9a-f]{16}\.npy", re.ASCII)
"""matches the names of files made by this module; files with other names are never deleted"""


class SplitEmpty(BadInput):
    """A split has no sources from which rows could be made."""


class Spec(Protocol):
    """The encoding of rows."""

    @property
    def version(self) -> str:
        """The version of the encoder."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return the encoding as JSON types only."""
        ...

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Self:
        """Create the encoding from what `to_dict` returned. Raises BadInput."""
        ...

    def check_same(self, other: Any, what: str) -> None:
        """Raise BadInput unless `other`, the encoding of `what`, is the same as this one."""
        ...


class StoredFile(Protocol):
    """A manifest's entry for one file: a dataclass of JSON types."""

    @property
    def name(self) -> str:
        """The name of the file in the folder of its split."""
        ...

    @property
    def rows(self) -> int:
        """The number of rows in the file."""
        ...

    @property
    def hash(self) -> str:
        """A hash of the file's bytes, 16 hex digits."""
        ...

    @property
    def first_seed(self) -> int:
        """The lowest seed of the deals in the file."""
        ...

    @property
    def belongs_to(self) -> str:
        """The split of its seeds, or `the benchmark` if they are reserved for it."""
        ...


class Task(Protocol):
    """A file to be made unless one of the same name exists."""

    @property
    def name(self) -> str:
        """The file name; it ends in a fingerprint of the file's source and settings."""
        ...


C = TypeVar("C")
F = TypeVar("F", bound=StoredFile)
T = TypeVar("T", bound=Task)
P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Manifest(Generic[C, F]):
    """The manifest of a split."""

    version: str
    split: Split
    spec: Spec
    config: C
    files: tuple[F, ...]
    """sorted by name"""

    @property
    def rows(self) -> int:
        """The number of rows in all files."""
        return sum(file.rows for file in self.files)

    @property
    def hash(self) -> str:
        """The version of the data: 16 hex digits, equal for equal rows."""
        files = [[file.name, file.hash] for file in self.files]
        return fingerprint({"encoder": self.spec.version, "files": files})

    def to_json(self) -> bytes:
        """Return the manifest in its stored form."""
        record = {
            "version": self.version,
            "split": self.split,
            "spec": self.spec.to_dict(),
            "config": asdict(self.config),  # pyright: ignore[reportArgumentType]
            "rows": self.rows,
            "hash": self.hash,
            "files": [asdict(file) for file in self.files],  # pyright: ignore[reportArgumentType]
        }
        return json.dumps(record, indent=1).encode()


@dataclass(frozen=True, slots=True)
class Plan(Generic[F, T]):
    """The work that brings a split up to date."""

    split: Split
    kept: tuple[F, ...]
    """files that exist already"""
    tasks: tuple[T, ...]
    """files to be made"""
    dropped: tuple[str, ...]
    """files in the manifest whose source is gone or has changed, or whose settings differ now"""


@dataclass(frozen=True, slots=True)
class RowStore(Generic[C, F, T, P]):
    """One kind of stored rows: their folder, their manifests, and the functions that make and read them."""

    folder: str
    """relative to the root of a store"""
    version: str
    """Increased when the rows or the file format change."""
    spec: Spec
    config: type[C]
    file: type[F]
    command: str
    """the command that makes them, for messages"""
    list_tasks: Callable[[Store, Split, C, Mapping[str, F]], Sequence[T]]
    """Lists all files of a split, given the root of the sources' store and the files in the manifest."""
    make: Callable[[Store, Store, C, T], bytes]
    """Makes the bytes of a file, given the root of the sources' store and the folder of the split."""
    describe: Callable[[T, bytes], F]
    """Returns the manifest's entry for the bytes of a file. Raises ValueError if they are damaged."""
    parse: Callable[[bytes, F], P]
    """Returns the rows in the bytes of a file. Raises ValueError if they are damaged."""

    def folder_of(self, out: Store, split: Split) -> Store:
        """Return the folder of a split."""
        return out.join(self.folder, split)

    def plan(self, root: Store, out: Store, split: Split, config: C | None = None) -> Plan[F, T]:
        """Compare the sources of a split with the rows made from them.

        root, out: the roots of the stores of sources and rows. Files that an interrupted run left behind
        are kept if they are valid, although no manifest names them. Raises what `list_tasks` raises.
        """
        folder = self.folder_of(out, split)
        known = self.known_files(folder)
        tasks = self.list_tasks(root, split, config or self.config(), known)
        present = set(folder.names(".npy"))

        def find(task: T) -> F | None:
            try:
                return known.get(task.name) or self.describe(task, folder.read(task.name))
            except ValueError:
                return None

        with ThreadPoolExecutor(READERS, "rows") as pool:
            found = pool.map(find, [task for task in tasks if task.name in present])
            kept = tuple(file for file in found if file)
        wanted, sound = {task.name for task in tasks}, {file.name for file in kept}
        to_make = tuple(task for task in tasks if task.name not in sound)
        return Plan(split, kept, to_make, tuple(sorted(self._named(folder) - wanted)))

    def update(
        self,
        root: Store,
        out: Store,
        split: Split,
        config: C | None = None,
        workers: int | None = None,
        on_file: Callable[[F], None] = lambda file: None,
    ) -> Manifest[C, F]:
        """Write the missing files of a split, then its manifest, then delete files that no manifest names.

        root, out: the roots of the stores of sources and rows. workers: threads, by default one per
        core. on_file: called after each file is written. If the update is interrupted, the old manifest
        stays valid, and the next update finds the files that were written. Files named by the replaced
        manifest are kept until the next update, because another process may still be reading them.
        Foreign files are never deleted.

        Raises what `plan` raises; the first error of `make`, after all other files are done;
        FileForeign if the manifest is a foreign file; and StoreUnusable if another process is
        writing the split, or has deleted new files (possible on object stores, which have no locks).
        """
        config = config or self.config()
        plan, folder = self.plan(root, out, split, config), self.folder_of(out, split)
        with folder.held():
            return self._update(root, folder, config, plan, workers, on_file)

    def _update(
        self,
        root: Store,
        folder: Store,
        config: C,
        plan: Plan[F, T],
        workers: int | None,
        on_file: Callable[[F], None],
    ) -> Manifest[C, F]:
        self._refuse_foreign(folder)
        folder.sweep()

        def attempt(task: T) -> F | ForgeError:
            try:
                data = self.make(root, folder, config, task)
                file = self.describe(task, data)
                folder.write(task.name, data)
            except ForgeError as error:
                return error
            return file

        made, failed = [], []
        with ThreadPoolExecutor(worker_count(workers), "rows") as pool:
            try:
                for answer in pool.map(attempt, plan.tasks):
                    if isinstance(answer, ForgeError):
                        failed.append(answer)
                    else:
                        made.append(answer)
                        on_file(answer)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        if failed:
            raise failed[0]
        files = tuple(sorted((*plan.kept, *made), key=lambda file: file.name))
        manifest = Manifest(self.version, plan.split, self.spec, config, files)
        present, named = set(folder.names(".npy")), {file.name for file in files}
        if gone := sorted(named - present):
            raise StoreUnusable(
                f"another process has deleted {folder.path(gone[0])} and {len(gone) - 1:,} more of the new "
                f"files: wait until it has ended, then run {self.command} again"
            )
        before, data = self._named(folder), manifest.to_json()
        if not (folder.exists(MANIFEST) and folder.read(MANIFEST) == data):
            folder.write(MANIFEST, data)
        for name in present - named - before:
            if _OWN_NAME.fullmatch(name):
                folder.delete(name)
        return manifest

    def known_files(self, folder: Store) -> dict[str, F]:
        """Return the manifest's files by name; empty if there is no manifest that this code can read."""
        try:
            manifest = self.read_manifest(folder)
        except BadInput:
            return {}
        return {file.name: file for file in manifest.files} if manifest.version == self.version else {}

    def _named(self, folder: Store) -> set[str]:
        """Return the names of the files in the manifest, whatever its version."""
        try:
            return {file.name for file in self.read_manifest(folder).files}
        except BadInput:
            return set()

    def _refuse_foreign(self, folder: Store) -> None:
        """Raise FileForeign if the manifest is JSON but not a manifest of rows."""
        if not folder.exists(MANIFEST):
            return
        try:
            record = folder.read_json(MANIFEST)
        except ValueError:
            return  # damaged
        if not (isinstance(record, dict) and {"version", "split", "files"} <= record.keys()):
            raise FileForeign(
                folder.path(MANIFEST),
                "it is not a manifest of rows",
                "it was written by another program and is never overwritten: move it away, then run "
                f"{self.command}",
            )

    def read_manifest(self, folder: Store) -> Manifest[C, F]:
        """Read the manifest in the folder of a split. Raises BadInput."""
        path = folder.path(MANIFEST)
        if not folder.exists(MANIFEST):
            raise BadInput(f"{path} does not exist: make it with {self.command}")
        try:
            record = folder.read_json(MANIFEST)
            manifest = Manifest(
                record["version"],
                Split(record["split"]),
                self.spec.from_dict(record["spec"]),
                self.config(**record["config"]),
                tuple(self.file(**file) for file in record["files"]),
            )
            noted = record["rows"], record["hash"]
            for file in manifest.files:
                _check_file(file)
        except (ValueError, KeyError, TypeError, AttributeError, BadInput) as error:
            raise BadInput(
                f"{path} is not a valid manifest ({error}): make it again with {self.command}"
            ) from error
        if noted != (manifest.rows, manifest.hash):
            raise BadInput(
                f"the rows or the hash in {path} do not match its files: make it again with {self.command}"
            )
        return manifest

    def open(self, out: Store, split: Split) -> Manifest[C, F]:
        """Read the manifest of a split and check that its rows may be used.

        Raises BadInput if the split is missing or empty, if it contains a deal of another split or of
        the benchmark, or if the encoder or the files have another version.
        """
        folder = self.folder_of(out, split)
        manifest, path = self.read_manifest(folder), folder.path(MANIFEST)
        if manifest.version != self.version:
            versions = f"version {manifest.version}, but this code reads version {self.version}"
            raise BadInput(f"{path} has {versions}: make it again with {self.command}")
        self.spec.check_same(manifest.spec, path)
        if manifest.split != split:
            raise BadInput(f"{path} is the manifest of {manifest.split}: move it to the folder of that split")
        for file in manifest.files:
            if file.belongs_to != split:
                raise BadInput(
                    f"{path} contains seed {file.first_seed}, which belongs to {file.belongs_to} and must "
                    f"not be used as {split}: make it again with {self.command}"
                )
        if not manifest.rows:
            raise BadInput(f"{path} lists no rows: add sources, then run {self.command}")
        return manifest

    def read(self, folder: Store, file: F) -> P:
        """Read the rows of a file after checking its hash against the manifest. Raises BadInput."""
        path, remedy = folder.path(file.name), f"delete it, then run {self.command}"
        if not folder.exists(file.name):
            raise BadInput(f"{path} is in the manifest but does not exist: run {self.command}")
        data = folder.read(file.name)
        if hash_of(data) != file.hash:
            raise BadInput(f"{path} is damaged: {remedy}")
        try:
            return self.parse(data, file)
        except ValueError as error:
            raise BadInput(f"{path} is damaged: {error}; {remedy}") from error


class OpenRows(Generic[C, F, P]):
    """The rows of a split, opened for reading file by file."""

    def __init__(self, store: RowStore[C, F, Any, P], out: Store, split: Split) -> None:
        """Open the rows of a split. out: the root of the store. Raises BadInput like `RowStore.open`."""
        self._store = store
        self.split = Split(split)
        self.folder = store.folder_of(out, self.split)
        self.url = self.folder.url
        self.manifest = store.open(out, self.split)
        self.files = self.manifest.files
        self.sizes: Sequence[int] = [file.rows for file in self.files]

    def __len__(self) -> int:
        """Return the number of rows in all files."""
        return self.manifest.rows

    def read_file(self, number: int) -> P:
        """Read the rows of file `number` after checking its hash against the manifest. Raises BadInput."""
        return self._store.read(self.folder, self.files[number])


def _check_file(file: StoredFile) -> None:
    """Raise ValueError for an invalid entry; a manifest may come from anywhere."""
    if not isinstance(file.name, str) or not _SAFE_NAME.fullmatch(file.name):
        raise ValueError(f"{file.name!r} is not a valid file name")
    if type(file.rows) is not int or file.rows < 0 or not isinstance(file.hash, str):
        raise ValueError(f"the rows or the hash of {file.name} are invalid")


def hash_of(data: bytes) -> str:
    """Return a hash of the bytes, 16 hex digits."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()
