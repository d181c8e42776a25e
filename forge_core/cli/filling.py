"""Functions shared by verbs that write: failing early, printing a plan, and stopping cleanly."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

from forge_core.cli.status import INTERRUPTED
from forge_core.errors import BadInput
from forge_core.ranges import ranges_text

if TYPE_CHECKING:
    from forge_core.files import Store
    from forge_core.files.inspection import Key
    from forge_core.files.records import RecordFile


def require_persistent_store(store: Store) -> None:
    """Raise BadInput if the store will be gone when this process ends."""
    if store.url.startswith("memory:"):
        raise BadInput(f"{store.url} will be gone when this command ends: use a folder or another URL")


def check_place(store: Store) -> None:
    """Raise BadInput or StoreUnusable if the store cannot keep results, before any work is done."""
    require_persistent_store(store)
    store.check_writable()


def take_first(
    kind: RecordFile[Any, Any, Any], place: Store, missing: Sequence[Key], limit: int | None
) -> list[Any]:
    """Return the first `limit` missing keys, all if it is None.

    With a limit, files of other programs do not count and are left out: they are never overwritten, and would
    otherwise be the first ones each time.
    """
    if limit is None:
        return list(missing)
    present = {folder: set(place.join(folder).names()) for folder in {key.folder for key in missing}}
    makeable = (
        key
        for key in missing
        if key.filename not in present[key.folder] or not kind.is_in_the_way(place, key)
    )
    return list(islice(makeable, limit))


def print_left(left: int, noun: str, json: bool) -> None:
    """Print how many files are missing beyond a limit."""
    if left and not json:
        print(f"{noun}s left beyond --limit: {left:,}; run the same command again to make the next ones")


def print_plan(
    kind: RecordFile[Any, Any, Any],
    place: Store,
    n_wanted: int,
    missing: Sequence[Key],
    json: bool,
    done: str = "made",
    seeds: Iterable[int] = (),
    limit: int | None = None,
) -> None:
    """Print the output of `--dry-run`: the files that would be made, replaced, or cannot be made.

    missing: the keys, out of `n_wanted`, that have no valid file. done: a verb, "made" or "played". seeds: of
    the missing files, if they have seeds. limit: maximum number of files of one command.
    """
    from forge_core.cli.screen import print_json

    present = {folder: set(place.join(folder).names()) for folder in {key.folder for key in missing}}
    there = [key for key in missing if key.filename in present[key.folder]]
    foreign = [key for key in there if kind.is_in_the_way(place, key)]
    replaced = len(there) - len(foreign)
    if json:
        names = [[f"{key.folder}/{key.filename}" for key in keys] for keys in (missing, foreign)]
        plan = {"wanted": n_wanted, "missing": names[0], "replaced": replaced, "foreign": names[1]}
        plan |= {"limit": limit} if limit else {}
        print_json({"store": place.url, **plan})
        return
    to_make = Counter(key.folder for key in missing)
    to_make.subtract(key.folder for key in foreign)
    print(
        f"{n_wanted - len(missing):,} of {n_wanted:,} {kind.noun}s exist, {to_make.total():,} would be {done}"
    )
    if limit and limit < to_make.total():
        print(f"with --limit {limit:,}, only the first {limit:,} of them")
    for folder, n in sorted(to_make.items()):
        if n:
            print(f"  {place.join(folder).url}: {n:,}")
    if numbers := ranges_text(seeds):
        print(f"seeds with missing {kind.noun}s: {numbers}")
    if replaced:
        print(
            f"{replaced:,} of them would replace a {kind.noun} that is faulty or was made with other settings"
        )
    for key in foreign:
        path = place.join(key.folder).path(key.filename)
        print(f"{path} was written by another program and is never overwritten: move it away")


def place_of(path: str) -> tuple[Store, str]:
    """Return the folder of a file and its name in that folder. Raises BadInput for an invalid path or URL."""
    from forge_core.files import Store
    from forge_core.files.addresses import check_url

    check_url(path)
    folder, slash, name = path.rpartition("/")
    return Store(folder or slash or "."), name


def check_file(path: str) -> None:
    """Raise BadInput or StoreUnusable if a path or URL cannot take a file, before any work is done."""
    store, name = place_of(path)
    if not name or (store.is_local and os.path.isdir(store.path(name))):
        raise BadInput(f"{path} is a folder: add the name of a file")
    check_place(store)


def write_file(path: str, data: bytes) -> None:
    """Write a file to a path or URL, whole or not at all. Raises StoreUnusable."""
    store, name = place_of(path)
    store.write(name, data)


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Handle Ctrl-C: note the first one, so that current files are finished; stop at once at the second.

    Yields a function that returns True once Ctrl-C has been noted.
    """
    noted = False

    def note(signum, frame) -> None:
        nonlocal noted
        noted = True
        signal.signal(signal.SIGINT, stop)
        tell("finishing the work in progress; press Ctrl-C again to stop at once")

    def stop(signum, frame) -> None:
        tell("stopped at once; files already written are complete; run the same command again to continue")
        os._exit(INTERRUPTED)  # safe in any thread: files get their names only when they are complete

    def tell(line: str) -> None:
        show_cursor = "\x1b[?25h" if os.isatty(2) else ""
        with suppress(OSError):  # not print(), which the signal may have interrupted
            os.write(2, f"\nforge: {line}{show_cursor}\n".encode())

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: noted
    finally:
        signal.signal(signal.SIGINT, before)
