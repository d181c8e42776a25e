"""The entry point of `forge`, and how it says what went wrong.

Exit status: 0 done; 1 something of it failed, or could not be printed, or a bug; 2 bad input, in one line on
standard error; 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import errno
import io
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any

import typer

from forge_core.cli.bench import bench
from forge_core.cli.bid import bid
from forge_core.cli.convergence import convergence
from forge_core.cli.deal import deal
from forge_core.cli.doctor import doctor
from forge_core.cli.eq import eq
from forge_core.cli.eq_export import eq_export
from forge_core.cli.evaluate import evaluate
from forge_core.cli.export import export
from forge_core.cli.investigate import investigate
from forge_core.cli.match import match
from forge_core.cli.pictures import pictures
from forge_core.cli.shards import shards
from forge_core.cli.solve import solve
from forge_core.cli.status import BAD_INPUT, BROKEN_PIPE, FAILED, INTERRUPTED, Stopped
from forge_core.cli.summary import summary
from forge_core.cli.tokenize import tokenize
from forge_core.cli.train import train
from forge_core.cli.view import view
from forge_core.errors import ForgeError

app = typer.Typer(
    name="forge",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for verb in (
    deal,
    solve,
    shards,
    tokenize,
    train,
    evaluate,
    export,
    eq,
    summary,
    view,
    pictures,
    eq_export,
    bid,
    investigate,
    convergence,
    match,
    doctor,
    bench,
):
    app.command()(verb)


def print_version(asked: bool) -> None:
    """What `--version` does."""
    if asked:
        from importlib.metadata import version

        print(f"forge {version('forge')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def forge(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """From deals of Texas 42 to players: an exact solver says what every move of a deal is worth."""
    if context.invoked_subcommand is None:
        print(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `forge` with `arguments` (default: those of the process); the exit status."""
    return run(app, "forge", arguments)


def run(app: typer.Typer, name: str, arguments: Sequence[str] | None = None, obj: Any = None) -> int:
    """Run a command line and say in a line what went wrong; the exit status. obj: given to its verbs."""
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
    except (KeyboardInterrupt, typer.Abort):
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
    """Whether a write to no named file failed: stores name theirs and raise StoreUnusable."""
    return error.filename is None and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EBADF, errno.EIO)


def _discard_output() -> None:
    """Python flushes at its end once more: let that succeed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _command_of(error: typer.TyperException, name: str) -> str:
    context = getattr(error, "ctx", None)
    return context.command_path if context else name
