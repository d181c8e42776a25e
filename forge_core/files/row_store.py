"""Packed rows in a store: `{folder}/{split}/`, files and a manifest that names them.

The manifest says what is in a split and is replaced in one step when all files are written.
The name of a file ends in the fingerprint of what it was made from and how: a file that is there
need not be made again, and a new one never overwrites what someone is reading.

Train, val and test are kept apart by the seeds in every name, which is checked when files
are written, when a manifest is opened and when a file is read.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Generic, Protocol, Self, TypeVar

from forge_core.device import core_count
from forge_core.errors import BadInput, FileForeign, ForgeError, StoreUnusable
from forge_core.files.inspection import READERS
from forge_core.files.store import Store, fingerprint
from forge_core.splits import Split

MANIFEST = "manifest.json"
_SAFE_NAME = re.compile(r"[a-z0-9][\w.]*\.npy", re.ASCII)
_OWN_NAME = re.compile(r"[a-z0-9][\w.]*\.[0-9a-f]{16}\.npy", re.ASCII)
"""of files that are made here: any other is someone else's, and never deleted"""


class SplitEmpty(BadInput):
    """There is nothing to make the rows of a split from."""


class Spec(Protocol):
    """The encoding of rows."""

    @property
    def version(self) -> str:
        """The version of the encoder."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """JSON types only."""
        ...

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Self:
        """Read `to_dict`'s record. Raises BadInput."""
        ...

    def check_same(self, other: Any, what: str) -> None:
        """Raise BadInput unless `what` is encoded so; `other`: as what it is."""
        ...


class StoredFile(Protocol):
    """An entry of a manifest for one file: a dataclass of JSON types."""

    @property
    def name(self) -> str:
        """In the folder of its split."""
        ...

    @property
    def rows(self) -> int:
        """Number of rows in it."""
        ...

    @property
    def hash(self) -> str:
        """16 hex digits of its bytes."""
        ...

    @property
    def first_seed(self) -> int:
        """The lowest of its deals."""
        ...

    @property
    def belongs_to(self) -> str:
        """The split of its seeds, or `the benchmark`, for which they are kept."""
        ...


class Task(Protocol):
    """A file that is to be made, unless there is one of its name."""

    @property
    def name(self) -> str:
        """Ends in the fingerprint of what it is made from and how."""
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
    """by name"""

    @property
    def rows(self) -> int:
        """Rows of all files."""
        return sum(file.rows for file in self.files)

    @property
    def hash(self) -> str:
        """16 hex digits, equal for equal rows: the version of the data."""
        files = [[file.name, file.hash] for file in self.files]
        return fingerprint({"encoder": self.spec.version, "files": files})

    def to_json(self) -> bytes:
        """The manifest as it is stored."""
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
    """there already"""
    tasks: tuple[T, ...]
    """to be made"""
    dropped: tuple[str, ...]
    """files of the manifest whose source is gone, has changed, or was asked for otherwise"""


@dataclass(frozen=True, slots=True)
class RowStore(Generic[C, F, T, P]):
    """Rows of one kind: where they lie, what their manifests hold, and how they are made and read."""

    folder: str
    """below the root of a store"""
    version: str
    """Raised when other rows are made, or files look different."""
    spec: Spec
    config: type[C]
    file: type[F]
    command: str
    """what makes them, for messages"""
    list_tasks: Callable[[Store, Split, C, Mapping[str, F]], Sequence[T]]
    """By the root of the store of their sources and what the manifest names: every file of a split."""
    make: Callable[[Store, Store, C, T], bytes]
    """By that root and the folder of the split: the bytes of a file."""
    describe: Callable[[T, bytes], F]
    """What a manifest says of the bytes of a file. Raises ValueError if they are damaged."""
    parse: Callable[[bytes, F], P]
    """The rows of a file. Raises ValueError for bytes that are none of its."""

    def folder_of(self, out: Store, split: Split) -> Store:
        """Return the folder of a split."""
        return out.join(self.folder, split)

    def plan(self, root: Store, out: Store, split: Split, config: C | None = None) -> Plan[F, T]:
        """Compare the sources of a split with the rows made of them.

        root, out: roots of stores. A file that no manifest names, as an interrupted run leaves it, is
        kept if it is sound. Raises what `list_tasks` raises.
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
        """Make and write what a split lacks, then its manifest, then delete what no manifest names.

        root, out: roots of stores. workers: threads; default: one per core. on_file: told of each file
        as it is written. When interrupted the old manifest stays, and so do the new files, which the
        next plan finds. Files that the replaced manifest names stay until the next time: someone may
        be reading by it. Files of other makers stay.

        Raises as `plan`; what `make` raises, of several errors the first, when all others are done;
        FileForeign where the manifest is someone else's; StoreUnusable while another process writes
        the split, or where one that cannot be locked out (an object store knows no locks) has
        deleted what it did not know.
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
        with ThreadPoolExecutor(workers or core_count(), "rows") as pool:
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
                f"another process has deleted {folder.path(gone[0])} and {len(gone) - 1:,} more of what was "
                f"made: run {self.command} again when it has ended"
            )
        before, data = self._named(folder), manifest.to_json()
        if not (folder.exists(MANIFEST) and folder.read(MANIFEST) == data):
            folder.write(MANIFEST, data)
        for name in present - named - before:
            if _OWN_NAME.fullmatch(name):
                folder.delete(name)
        return manifest

    def known_files(self, folder: Store) -> dict[str, F]:
        """Return the files that the manifest names; empty without a manifest that this code reads."""
        try:
            manifest = self.read_manifest(folder)
        except BadInput:
            return {}
        return {file.name: file for file in manifest.files} if manifest.version == self.version else {}

    def _named(self, folder: Store) -> set[str]:
        """Names of the files of the manifest, of whatever version."""
        try:
            return {file.name for file in self.read_manifest(folder).files}
        except BadInput:
            return set()

    def _refuse_foreign(self, folder: Store) -> None:
        """Raise FileForeign for a manifest that is JSON, but none of rows."""
        if not folder.exists(MANIFEST):
            return
        try:
            record = folder.read_json(MANIFEST)
        except ValueError:
            return  # damaged
        if not (isinstance(record, dict) and {"version", "split", "files"} <= record.keys()):
            raise FileForeign(
                folder.path(MANIFEST),
                "it is no manifest of rows",
                "it is the file of another maker, which is never overwritten: move it away, then run "
                f"{self.command}",
            )

    def read_manifest(self, folder: Store) -> Manifest[C, F]:
        """The manifest of the folder of a split, as it is written. Raises BadInput."""
        path = folder.path(MANIFEST)
        if not folder.exists(MANIFEST):
            raise BadInput(f"{path} is not there: make it with {self.command}")
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
            raise BadInput(f"{path} is no manifest ({error}): make it again with {self.command}") from error
        if noted != (manifest.rows, manifest.hash):
            raise BadInput(
                f"{path} disagrees with itself about rows or hash: make it again with {self.command}"
            )
        return manifest

    def open(self, out: Store, split: Split) -> Manifest[C, F]:
        """The manifest of a split that may be used.

        Raises BadInput for a split that is empty or not there, that names a deal of another
        split or one that is held out, or that is of another version of the encoder or the files.
        """
        folder = self.folder_of(out, split)
        manifest, path = self.read_manifest(folder), folder.path(MANIFEST)
        if manifest.version != self.version:
            versions = f"version {manifest.version}, this code reads {self.version}"
            raise BadInput(f"{path} is of {versions}: make it again with {self.command}")
        self.spec.check_same(manifest.spec, path)
        if manifest.split != split:
            raise BadInput(f"{path} is of the {manifest.split} split: it must lie in its own folder")
        for file in manifest.files:
            if file.belongs_to != split:
                raise BadInput(
                    f"{path} names seed {file.first_seed}, which belongs to {file.belongs_to}: it must not "
                    f"be used as {split}; make it again with {self.command}"
                )
        if not manifest.rows:
            raise BadInput(f"{path} names no rows: make some, then run {self.command}")
        return manifest

    def read(self, folder: Store, file: F) -> P:
        """The rows of a file, its bytes compared with the manifest. Raises BadInput."""
        path, remedy = folder.path(file.name), f"delete it, then run {self.command}"
        if not folder.exists(file.name):
            raise BadInput(f"{path} is gone, though the manifest names it: run {self.command}")
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
        """out: the root of the store. Raises BadInput as `RowStore.open`."""
        self._store = store
        self.split = Split(split)
        self.folder = store.folder_of(out, self.split)
        self.url = self.folder.url
        self.manifest = store.open(out, self.split)
        self.files = self.manifest.files
        self.sizes: Sequence[int] = [file.rows for file in self.files]

    def __len__(self) -> int:
        """Rows of all files."""
        return self.manifest.rows

    def read_file(self, number: int) -> P:
        """The rows of a file, its bytes compared with the manifest. Raises BadInput."""
        return self._store.read(self.folder, self.files[number])


def _check_file(file: StoredFile) -> None:
    """Raise ValueError for what no file of a split can be, wherever the manifest came from."""
    if not isinstance(file.name, str) or not _SAFE_NAME.fullmatch(file.name):
        raise ValueError(f"{file.name!r} is not the name of a file of its folder")
    if type(file.rows) is not int or file.rows < 0 or not isinstance(file.hash, str):
        raise ValueError(f"rows or hash of {file.name} are none")


def hash_of(data: bytes) -> str:
    """16 hex digits of some bytes."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()
