"""How packed rows lie in a store: `{folder}/{split}/`, files and a manifest that names them.

The manifest says what is in a split and is replaced in one step when all files are written.
The name of a file ends in the fingerprint of what it was made from and how: what is there
need not be made again, and what is made never overwrites what someone is reading.

Train, val and test are kept apart by the seeds in every name, which is checked when files
are written, when a manifest is opened and when a file is read.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Generic, Protocol, TypeVar

from forge_core.errors import BadInput, ForgeError, StoreUnusable
from forge_core.files import Store, fingerprint
from forge_core.learning.spec import TokenSpec
from forge_core.splits import Split

MANIFEST = "manifest.json"
READERS = 8
"""files read at once: it is the waiting for them that takes the time"""
_ABANDONED_AFTER_S = 3600.0


class SplitEmpty(BadInput):
    """There is nothing to make the rows of a split from."""


class StoredFile(Protocol):
    """What a manifest says of a file: a dataclass of JSON types."""

    @property
    def name(self) -> str:
        """In the folder of its split."""
        ...

    @property
    def rows(self) -> int:
        """How many it holds."""
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
    """What a split holds."""

    version: str
    split: Split
    spec: TokenSpec
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
    """What bringing a split up to date takes."""

    split: Split
    kept: tuple[F, ...]
    """there already"""
    tasks: tuple[T, ...]
    """to be made"""
    dropped: tuple[str, ...]
    """files of the manifest whose source is gone, has changed, or was asked for otherwise"""


@dataclass(frozen=True, slots=True)
class Storage(Generic[C, F]):
    """Rows of one kind: where they lie, and what their manifests hold."""

    folder: str
    """below the root of a store"""
    version: str
    """Raised when other rows are made, or files look different."""
    spec: TokenSpec
    config: type[C]
    file: type[F]
    command: str
    """what makes them, for messages"""

    def at(self, out: Store, split: Split) -> Store:
        """Where a store keeps a split."""
        return out.join(self.folder, split)

    def plan(
        self, out: Store, split: Split, tasks: Sequence[T], describe: Callable[[Store, T], F | None]
    ) -> Plan[F, T]:
        """Compare all tasks of a split with the files that are there.

        describe: what to say of a file that no manifest names, as an interrupted run leaves
        it; None if it is damaged, and so to be made again.
        """
        folder = self.at(out, split)
        present, known = set(folder.names(".npy")), self.known_files(folder)
        there = [task for task in tasks if task.name in present]
        with ThreadPoolExecutor(READERS, "tokens") as pool:
            found = pool.map(lambda task: known.get(task.name) or describe(folder, task), there)
            kept = tuple(file for file in found if file)
        wanted, sound = {task.name for task in tasks}, {file.name for file in kept}
        to_make = tuple(task for task in tasks if task.name not in sound)
        return Plan(split, kept, to_make, tuple(sorted(self._named(folder) - wanted)))

    def update(
        self,
        out: Store,
        config: C,
        plan: Plan[F, T],
        make: Callable[[Store, T], F],
        workers: int | None = None,
        on_file: Callable[[F], None] = lambda file: None,
    ) -> Manifest[C, F]:
        """Make and write what a plan lacks, then its manifest, then delete what no manifest names.

        When interrupted the old manifest stays, and so do the new files, which the next plan
        finds. What the manifest that is replaced names stays until the next time: someone may
        be reading by it. Raises what `make` raises, of several the first, when all others are
        done; StoreUnusable while another process writes the split, or where one that cannot be
        locked out (an object store knows no locks) has deleted what it did not know.
        """
        folder = self.at(out, plan.split)
        with folder.held():
            return self._update(folder, config, plan, make, workers, on_file)

    def _update(
        self,
        folder: Store,
        config: C,
        plan: Plan[F, T],
        make: Callable[[Store, T], F],
        workers: int | None,
        on_file: Callable[[F], None],
    ) -> Manifest[C, F]:
        folder.sweep(_ABANDONED_AFTER_S)

        def attempt(task: T) -> F | ForgeError:
            try:
                return make(folder, task)
            except ForgeError as error:
                return error

        made, failed = [], []
        with ThreadPoolExecutor(workers or len(os.sched_getaffinity(0)), "tokens") as pool:
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
            folder.delete(name)
        return manifest

    def known_files(self, folder: Store) -> dict[str, F]:
        """What the manifest names; nothing if there is none, or one that this code does not read."""
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
                TokenSpec.from_dict(record["spec"]),
                self.config(**record["config"]),
                tuple(self.file(**file) for file in record["files"]),
            )
            said = record["rows"], record["hash"]
            for file in manifest.files:
                _check_file(file)
        except (ValueError, KeyError, TypeError, AttributeError, BadInput) as error:
            raise BadInput(f"{path} is no manifest ({error}): make it again with {self.command}") from error
        if said != (manifest.rows, manifest.hash):
            raise BadInput(
                f"{path} disagrees with itself about rows or hash: make it again with {self.command}"
            )
        return manifest

    def open(self, out: Store, split: Split) -> Manifest[C, F]:
        """The manifest of a split that may be used.

        Raises BadInput for a split that is empty or not there, that names a deal of another
        split or one that is held out, or that is of another version of the encoder or the files.
        """
        folder = self.at(out, split)
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

    def read(self, folder: Store, file: F, parse: Callable[[bytes, F], P]) -> P:
        """The rows of a file, its bytes compared with the manifest.

        Raises BadInput, also where `parse` raises ValueError.
        """
        path, remedy = folder.path(file.name), f"delete it, then run {self.command}"
        if not folder.exists(file.name):
            raise BadInput(f"{path} is gone, though the manifest names it: run {self.command}")
        data = folder.read(file.name)
        if hash_of(data) != file.hash:
            raise BadInput(f"{path} is damaged: {remedy}")
        try:
            return parse(data, file)
        except ValueError as error:
            raise BadInput(f"{path} is damaged: {error}; {remedy}") from error


def _check_file(file: StoredFile) -> None:
    """Raise ValueError for what no file of a split can be, wherever the manifest came from."""
    if not isinstance(file.name, str) or not re.fullmatch(r"[a-z0-9][\w.]*\.npy", file.name, re.ASCII):
        raise ValueError(f"{file.name!r} is not the name of a file of its folder")
    if type(file.rows) is not int or file.rows < 0 or not isinstance(file.hash, str):
        raise ValueError(f"rows or hash of {file.name} are none")


def hash_of(data: bytes) -> str:
    """16 hex digits of some bytes."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()
