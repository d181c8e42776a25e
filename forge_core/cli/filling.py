"""What verbs share that write: to know early that they can, and to stop cleanly."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from forge_core.cli.status import INTERRUPTED
from forge_core.errors import BadInput, StoreUnusable

if TYPE_CHECKING:
    from forge_core.files import Store


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
