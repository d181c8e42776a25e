"""Exit statuses of `forge`, and the exception for a verb stopped by Ctrl-C."""

FAILED, BAD_INPUT, INTERRUPTED, BROKEN_PIPE = 1, 2, 130, 141


class Stopped(Exception):
    """A verb was stopped by Ctrl-C; the message says how to continue."""
