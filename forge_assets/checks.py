"""Checks whose results Dagster keeps per partition: a bad partition stays red until it is made again.

Dagster does so itself for a run of one partition. A run of several partitions must report each one, with
`report_partition`, and the whole run with an AssetCheckResult as usual. Dagster calls these checks a preview.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg


def partition_check(
    asset: str,
    name: str,
    description: str,
    partitions: dg.PartitionsDefinition | None,
    blocking: bool = True,
) -> dg.AssetCheckSpec:
    """Return a check of an asset with these partitions, or without any.

    asset: its key, `name` or `prefix/name`. blocking: False if a failure is only shown.
    """
    key = dg.AssetKey.from_user_string(asset)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetCheckSpec(
            name, asset=key, blocking=blocking, description=description, partitions_def=partitions
        )


def warn(name: str, passed: bool, /, **metadata: Any) -> dg.AssetCheckResult:
    """Return the result of a check whose failure is a warning."""
    return dg.AssetCheckResult(
        check_name=name, passed=passed, severity=dg.AssetCheckSeverity.WARN, metadata=metadata
    )


def report_partition(
    context: dg.AssetExecutionContext,
    partition: str,
    checks: Iterable[str],
    faults: Mapping[str, Mapping[str, str]],
) -> None:
    """Report the results of checks for one of the partitions of a run; do nothing if it is the only one.

    checks: names of all checks, which are blocking ones. faults: check -> faulty file -> reason, for the
    checks that failed.
    """
    if context.has_partition_key:
        return
    for name in checks:
        found = faults.get(name, {})
        result = dg.AssetCheckEvaluation(
            asset_key=context.asset_key,
            check_name=name,
            passed=not found,
            metadata=dict(found),
            partition=partition,
            blocking=True,
        )
        context.log_event(result)  # pyright: ignore[reportArgumentType]  # accepted, but not declared
