"""The acceptance validator: this project's arena and the published designs, at equal evaluations."""

from forge_core.liuzhou.validate.criteria import CRITERIA, NOT_MEASURED, failures
from forge_core.liuzhou.validate.validator import validate

__all__ = ["CRITERIA", "NOT_MEASURED", "failures", "validate"]
