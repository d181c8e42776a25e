"""Versions of the algorithms, read from their sources.

A version is a constant next to its algorithm. Dagster needs it whenever it loads the definitions, and
importing the algorithm for one word would load numba and pyarrow.
"""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

PROJECT = Path(__file__).parent.parent


def commit() -> str:
    """Return the commit of the project's code; empty if it is no git repository, or git is not installed."""
    command = ["git", "-C", str(PROJECT), "rev-parse", "HEAD"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""


def constant_of(module: str, name: str) -> str:
    """Return the string or the number, as text, that a module of this project assigns to `name`.

    The module is not imported. Raise LookupError if it assigns none.
    """
    source = (PROJECT / module.replace(".", "/")).with_suffix(".py").read_text()
    # parsing the whole module would take ten times as long
    assigned = re.search(rf"^{name} = (.+)$", source, re.MULTILINE)
    try:
        value = ast.literal_eval(assigned[1]) if assigned else None
    except (SyntaxError, ValueError):
        value = None
    if isinstance(value, str | int):
        return str(value)
    raise LookupError(f"{module} assigns no text or number to {name}: use the module that does")
