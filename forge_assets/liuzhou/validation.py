"""The acceptance validator as an asset: one check per criterion."""

from dataclasses import replace
from typing import Any

import dagster as dg
from pydantic import Field

from forge_assets.liuzhou.names import GROUP
from forge_assets.resources import COMPUTE_POOL, ComputeDevice, failing_plainly
from forge_assets.settings import entered_settings, launchpad_of
from forge_core.liuzhou.settings.validation import QUICK, ValidationSettings
from forge_core.liuzhou.validate.criteria import CRITERIA, NOT_MEASURED

VALIDATION_VERSION = "a1"
"""Raised when the validator measures something else."""


class ValidationLaunchpad(launchpad_of(ValidationSettings, unset=(ValidationSettings,))):
    """Settings of the validator. Those that are not entered here have the defaults of `forge liuzhou
    validate`, or with `quick` the values of its option --quick."""

    quick: bool = Field(False, description="Take about a minute: few positions, one process, one thread.")

    def settings(self) -> ValidationSettings:
        """Return the settings that were entered, and the others. Raises BadInput."""
        base = QUICK if self.quick else ValidationSettings()
        return replace(base, **entered_settings(self, ValidationSettings))


@dg.asset(
    group_name=GROUP,
    code_version=VALIDATION_VERSION,
    pool=COMPUTE_POOL,
    kinds={"json"},
    check_specs=[
        dg.AssetCheckSpec(criterion.name, asset="liuzhou_validation", description=criterion.meaning)
        for criterion in CRITERIA
    ],
)
def liuzhou_validation(config: ValidationLaunchpad, compute: ComputeDevice) -> dg.MaterializeResult:
    """Compare the search arena with the published designs at equal evaluations. A criterion that was not
    measured, such as one that needs a GPU, never passes; its check warns."""
    from forge_core.liuzhou.validate import validate

    with failing_plainly():
        report = validate(config.settings(), compute.device)
        return dg.MaterializeResult(
            metadata={
                "device": report["device"],
                "failed": named(report, "fail"),
                "not_measured": named(report, NOT_MEASURED),
                "criteria": dg.MetadataValue.md(criteria_table(report)),
                "speeds": dg.MetadataValue.md(speed_table(report)),
                "report": dg.MetadataValue.json(report),
            },
            check_results=[check_of(name, record) for name, record in report["criteria"].items()],
        )


def named(report: dict[str, Any], result: str) -> list[str]:
    """Return the names of the criteria that have a result."""
    return [name for name, record in report["criteria"].items() if record["result"] == result]


def check_of(name: str, record: dict[str, Any]) -> dg.AssetCheckResult:
    """Return the result of a criterion's check: an error if it fails, a warning if it was not measured."""
    failed = record["result"] == "fail"
    return dg.AssetCheckResult(
        check_name=name,
        passed=record["result"] == "pass",
        severity=dg.AssetCheckSeverity.ERROR if failed else dg.AssetCheckSeverity.WARN,
        metadata=record,
    )


def criteria_table(report: dict[str, Any]) -> str:
    """Return the criteria as a Markdown table."""
    lines = [
        f"| {name.replace('_', ' ')} | {text_of(record['value'])} | {record['limit']} | {record['result']} |"
        for name, record in report["criteria"].items()
    ]
    return "\n".join(["| criterion | value | limit | result |", "|-|-|-|-|", *lines])


def speed_table(report: dict[str, Any]) -> str:
    """Return the speed of each design as a Markdown table. Its names are `arena/1/1`: processes, threads."""
    lines = [
        f"| {name} | {figures['evaluations_per_s']:,.0f} | {figures['spread']:.0%} |"
        for name, figures in report["summary"].items()
    ]
    return "\n".join(["| design/processes/threads | evaluations/s | spread |", "|-|-|-|", *lines])


def text_of(value: Any) -> str:
    """Return a value of a criterion in a few digits, or that it was not measured."""
    return f"{value:.3g}" if isinstance(value, int | float) else str(value)
