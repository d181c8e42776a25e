"""Versions of the algorithms, read from their sources.

A version stands next to its algorithm and is raised with it. Dagster asks for it whenever it loads the
definitions, and importing the algorithms for one word would load numba and pyarrow.
"""

from __future__ import annotations

import ast
from pathlib import Path

PROJECT = Path(__file__).parent.parent


def constant_of(module: str, name: str) -> str:
    """Return the string that `module`, of this project, assigns to `name`, without importing the module.

    Raises LookupError where it assigns none.
    """
    source = (PROJECT / module.replace(".", "/")).with_suffix(".py").read_text()
    for statement in ast.parse(source).body:
        match statement:
            case ast.Assign([ast.Name(target)], ast.Constant(str(value))) if target == name:
                return value
    raise LookupError(f"{module} assigns no string to {name}: name the module that does")
