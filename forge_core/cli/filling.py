"""Common parts of the verbs that write: fail early, print what they would do, stop cleanly."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from forge_core.cli.status import INTERRUPTED
from forge_core.errors import BadInput, StoreUnusable

if TYPE_CHECKING:
    from forge_core.files import Store
    from forge_core.files.inspection import Key
    from forge_core.files.records import RecordFile


def require_persistent_store(store: Store) -> None:
    """Raise BadInput for a store that is gone when this process ends."""
    if store.url.startswith("memory:"):
        raise BadInput(f"{store.url} is gone when this command ends: name a folder, or a store that lasts")


def check_writable(store: Store) -> None:
    """Raise StoreUnusable now, and not after the first work is done."""
    store.write(".writable", b"")
    with suppress(StoreUnusable):  # another filler was faster, or may write but not delete: it is hidden
        store.delete(".writable")


def check_place(store: Store) -> None:
    """Raise BadInput or StoreUnusable, before the work begins, where nothing of it could be kept."""
    require_persistent_store(store)
    check_writable(store)


def print_plan(
    kind: RecordFile[Any, Any, Any],
    place: Store,
    n_wanted: int,
    missing: Sequence[Key],
    json: bool,
    done: str = "made",
) -> None:
    """Print what `--dry-run` says: which files are missing, replaced, and which cannot be made.

    missing: those of `n_wanted` files that are not there as they should be. done: "made", "played".
    """
    from forge_core.cli.screen import print_json

    present = {folder: set(place.join(folder).names()) for folder in {key.folder for key in missing}}
    there = [key for key in missing if key.filename in present[key.folder]]
    foreign = [key for key in there if kind.is_in_the_way(place, key)]
    replaced = len(there) - len(foreign)
    if json:
        names = [[f"{key.folder}/{key.filename}" for key in keys] for keys in (missing, foreign)]
        plan = {"wanted": n_wanted, "missing": names[0], "replaced": replaced, "foreign": names[1]}
        print_json({"store": place.url, **plan})
        return
    to_make = Counter(key.folder for key in missing)
    to_make.subtract(key.folder for key in foreign)
    print(
        f"{n_wanted - len(missing):,} of {n_wanted:,} {kind.noun}s are there, "
        f"{to_make.total():,} would be {done}"
    )
    for folder, n in sorted(to_make.items()):
        if n:
            print(f"  {place.join(folder).url}: {n:,}")
    if replaced:
        print(
            f"{replaced:,} of them would replace a {kind.noun} that is faulty or was made with other settings"
        )
    for key in foreign:
        path = place.join(key.folder).path(key.filename)
        print(f"{path} is the file of another maker, which is never overwritten: move it away")


def place_of(path: str) -> tuple[Store, str]:
    """The folder of a file, and its name in it."""
    from forge_core.files import Store

    folder, slash, name = path.rpartition("/")
    return Store(folder or slash or "."), name


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C is only noted, so that what is being written is finished; the second stops at once."""
    noted = False

    def note(signum, frame) -> None:
        nonlocal noted
        noted = True
        signal.signal(signal.SIGINT, stop)
        tell("finishing what is under way; Ctrl-C again stops at once")

    def stop(signum, frame) -> None:
        tell("stopped at once: what is written is whole; run the same command again to go on")
        os._exit(INTERRUPTED)  # whatever the threads are at: files get their names when they are whole

    def tell(line: str) -> None:
        show_cursor = "\x1b[?25h" if os.isatty(2) else ""
        with suppress(OSError):  # not by print: the signal may have come amid one
            os.write(2, f"\nforge: {line}{show_cursor}\n".encode())

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: noted
    finally:
        signal.signal(signal.SIGINT, before)
