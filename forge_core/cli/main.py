"""The entry point of `forge`, and how it says what went wrong.

Exit status: 0 done; 1 something of it failed, or could not be printed, or a bug; 2 what the user can
mend, bad input or a store that cannot be read or written, in one line on standard error; 130 stopped by
Ctrl-C, from the first import on.
"""

from __future__ import annotations

import errno
import io
import os
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from forge_core.cli.status import BAD_INPUT, BROKEN_PIPE, FAILED, INTERRUPTED, Stopped
from forge_core.errors import ForgeError

if TYPE_CHECKING:
    import typer


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `forge` with `arguments` (default: those of the process); the exit status."""

    def app() -> typer.Typer:
        from forge_core.cli.app import app

        return app

    return run(app, "forge", arguments)


def run(
    load: Callable[[], typer.Typer], name: str, arguments: Sequence[str] | None = None, obj: Any = None
) -> int:
    """Run a command line and say in a line what went wrong; the exit status.

    load: imports it, which takes long enough to be stopped by Ctrl-C. obj: given to its verbs.
    """
    try:
        return _run(load(), name, arguments, obj)
    except KeyboardInterrupt:
        return _say(name, "stopped", INTERRUPTED)


def _run(app: typer.Typer, name: str, arguments: Sequence[str] | None, obj: Any) -> int:
    import typer

    if sys.stdout is None:
        return _say(name, "cannot write the output: standard output is closed", FAILED)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without the characters of a picture
    try:
        status = app(arguments, prog_name=name, standalone_mode=False, obj=obj)
        sys.stdout.flush()
        if status == INTERRUPTED:  # typer's, for a Ctrl-C of which no verb said anything
            return _say(name, "stopped", INTERRUPTED)
        return status if isinstance(status, int) else 0
    except Stopped as stopped:
        return _say(name, str(stopped), INTERRUPTED)
    except ForgeError as error:
        return _say(name, str(error), BAD_INPUT)
    except typer.TyperException as error:  # its own: an unknown option, a missing value
        message = re.sub("([0-9]{20})[0-9]+", r"\1...", error.format_message())
        return _say(name, f"{message} (see {_command_of(error, name)} --help)", BAD_INPUT)
    except typer.Abort:
        return _say(name, "stopped", INTERRUPTED)
    except BrokenPipeError:  # whoever read our output has seen enough
        _discard_output()
        return BROKEN_PIPE
    except Exception as error:
        if isinstance(error, OSError) and _is_of_output(error):
            _discard_output()
            return _say(name, f"cannot write the output: {error.strerror or error}", FAILED)
        if os.environ.get("FORGE_DEBUG"):
            raise
        what = f"{type(error).__name__}: {error}"
        return _say(name, f"a bug: {what}; run it again with FORGE_DEBUG=1 to see where", FAILED)


def _say(name: str, message: str, status: int) -> int:
    """One line on standard error, whatever the message holds, but no password of a URL; the status."""
    from forge_core.files import redact

    if sys.stderr is not None:
        with suppress(OSError):
            print(redact(f"{name}: {' '.join(message.split())}"), file=sys.stderr)
    return status


def _is_of_output(error: OSError) -> bool:
    """True if a write to standard output failed; stores name their files and raise StoreUnusable."""
    return error.filename is None and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EBADF, errno.EIO)


def _discard_output() -> None:
    """Python flushes at its end once more: let that succeed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _command_of(error: typer.TyperException, name: str) -> str:
    context = getattr(error, "ctx", None)
    return context.command_path if context else name
