"""The checks that catalogs share: every file is valid, and made by the current version of its algorithm."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from forge_core.files.catalog import Fault

SHOWN = 100
"""outdated files that a check names at most"""


def catalog_checks(asset: str, files: str, versions: tuple[str, str]) -> list[dg.AssetCheckSpec]:
    """Return the checks of a catalog. files: text about its files. versions: name of the check, and text."""
    texts = {"no_faults": files, versions[0]: versions[1]}
    return [
        dg.AssetCheckSpec(name, asset=asset, blocking=True, description=text) for name, text in texts.items()
    ]


def report_checks(
    faults: Iterable[Fault], versions: str, present: str, outdated: Sequence[str]
) -> list[dg.AssetCheckResult]:
    """Return the results of these checks.

    versions: name of the second one. present: the current version. outdated: names of files of others.
    """
    named = {fault.path: fault.reason for fault in faults}
    shown = {"present": present, "outdated": list(outdated[:SHOWN])}
    return [
        dg.AssetCheckResult(check_name="no_faults", passed=not named, metadata=named),
        dg.AssetCheckResult(check_name=versions, passed=not outdated, metadata=shown),
    ]
