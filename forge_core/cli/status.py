"""Exit statuses of `forge`, and being stopped."""

FAILED, BAD_INPUT, INTERRUPTED, BROKEN_PIPE = 1, 2, 130, 141


class Stopped(Exception):
    """Ctrl-C ended a verb, which says how to go on."""
