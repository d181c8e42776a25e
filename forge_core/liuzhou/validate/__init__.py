"""The acceptance validator: this project's arena and the published designs, at equal evaluations."""

from typing import TYPE_CHECKING, Any

from forge_core.liuzhou.validate.criteria import CRITERIA, NOT_MEASURED, failures

if TYPE_CHECKING:
    from forge_core.liuzhou.validate.validator import validate

__all__ = ["CRITERIA", "NOT_MEASURED", "failures", "validate"]


def __getattr__(name: str) -> Any:
    """Import `validate` when it is asked for: the criteria alone are read wherever definitions are loaded."""
    if name == "validate":
        from forge_core.liuzhou.validate.validator import validate

        return validate
    raise AttributeError(f"{__name__} has no {name}")
