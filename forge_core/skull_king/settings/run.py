"""Settings of a run that do not belong to learning."""

from __future__ import annotations

from dataclasses import dataclass

from forge_core.learning.folders import RUNS
from forge_core.settings import setting
from forge_core.skull_king.settings.learning import DEFAULT_RECIPE, RECIPES, read_recipe


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Settings of a run."""

    recipe: str = setting(
        DEFAULT_RECIPE,
        f"Settings of learning by name: {', '.join(RECIPES)}. Other options change single settings.",
        metavar="NAME",
        read=read_recipe,
    )
    init_from: str | None = setting(
        None, "Model to start from, of the same size.", metavar="PATH", panel="Network"
    )
    runs: str = setting(RUNS, "Folder of all runs.", metavar="DIR", panel="Run")
