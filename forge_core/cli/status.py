"""Exit statuses of `forge`, and the end of a verb by Ctrl-C."""

FAILED, BAD_INPUT, INTERRUPTED, BROKEN_PIPE = 1, 2, 130, 141


class Stopped(Exception):
    """Ctrl-C ended a verb; the message says how to go on."""
