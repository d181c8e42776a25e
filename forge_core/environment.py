"""Environment variables."""

from __future__ import annotations

import os


def variable(name: str) -> str | None:
    """Return the text of an environment variable; None if it is unset, empty or blank."""
    text = os.environ.get(name, "")
    return text if text.strip() else None
