"""The entry point of `forge`, and its error handling.

Exit status: 0 for success; 1 if part of the work failed, output could not be written, or there is a bug;
2 for bad input or an unusable store, with one line on standard error; 130 if stopped by Ctrl-C, even
during imports.
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
    """Run `forge` and return the exit status. arguments: by default those of the process."""

    def app() -> typer.Typer:
        from forge_core.cli.app import app

        return app

    return run(app, "forge", arguments)


def run(
    load: Callable[[], typer.Typer], name: str, arguments: Sequence[str] | None = None, obj: Any = None
) -> int:
    """Run a command line, print any error in one line, and return the exit status.

    load: imports and returns the app; imports take long enough that Ctrl-C may arrive during them. obj:
    passed to its verbs.
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
            stream.reconfigure(errors="replace")  # the terminal may lack the characters of a picture
    try:
        status = app(arguments, prog_name=name, standalone_mode=False, obj=obj)
        sys.stdout.flush()
        if status == INTERRUPTED:  # from typer, after a Ctrl-C that no verb reported
            return _say(name, "stopped", INTERRUPTED)
        return status if isinstance(status, int) else 0
    except Stopped as stopped:
        return _say(name, str(stopped), INTERRUPTED)
    except ForgeError as error:
        return _say(name, str(error), BAD_INPUT)
    except typer.TyperException as error:  # raised by typer: an unknown option or a missing value
        message = re.sub("([0-9]{20})[0-9]+", r"\1...", error.format_message())
        return _say(name, f"{message} (see {_command_of(error, name)} --help)", BAD_INPUT)
    except typer.Abort:
        return _say(name, "stopped", INTERRUPTED)
    except BrokenPipeError:  # the reader of the output has closed the pipe
        _discard_output()
        return BROKEN_PIPE
    except Exception as error:
        if isinstance(error, OSError) and _is_of_output(error):
            _discard_output()
            return _say(name, f"cannot write the output: {error.strerror or error}", FAILED)
        if os.environ.get("FORGE_DEBUG"):
            raise
        what = f"{type(error).__name__}: {error}"
        return _say(name, f"this is a bug: {what}; run it again with FORGE_DEBUG=1 to see where", FAILED)


def _say(name: str, message: str, status: int) -> int:
    """Print a message as one line on standard error, without passwords in URLs; return `status`."""
    from forge_core.files import redact

    if sys.stderr is not None:
        with suppress(OSError):
            print(redact(f"{name}: {' '.join(message.split())}"), file=sys.stderr)
    return status


def _is_of_output(error: OSError) -> bool:
    """Return True if a write to standard output failed; errors of stores name a file or are StoreUnusable."""
    return error.filename is None and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EBADF, errno.EIO)


def _discard_output() -> None:
    """Redirect standard output to the null device, so that Python's final flush succeeds."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _command_of(error: typer.TyperException, name: str) -> str:
    context = getattr(error, "ctx", None)
    return context.command_path if context else name
