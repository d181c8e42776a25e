"""The part of a flywheel that its game contributes: settings, steps, results, and words for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from forge_assets.flywheel.state import Iteration, State
from forge_assets.flywheel.steps import Reports, Step

if TYPE_CHECKING:
    from forge_assets.tracking.tracker import Tracker


@dataclass(frozen=True, slots=True)
class Words:
    """A game's words in the file of the state, in metadata, tables and figures of MLflow."""

    unit: str
    """`block`: see `FlywheelSettings`"""
    examples: str
    """`seeds`: the measure of what a network learnt from"""
    figure: str
    """`q_gap`: by which the gate compares networks"""
    figure_unit: str
    """`points`"""
    explanation: str
    """of the figure, below the table of iterations"""


@dataclass(frozen=True, slots=True)
class Flywheel:
    """The flywheel of one game. Functions import what they need when they are called."""

    name: str
    """of its sensor, its asset and its folder in the store; its verb has hyphens for underscores"""
    summary: str
    """one sentence: what an iteration does"""
    settings: type[Any]
    """frozen dataclass of settings: see `FlywheelSettings`"""
    words: Words
    assets: tuple[str, ...]
    """keys of the assets that it runs, in order; the first begins an iteration, the last is the gate"""
    first_job: str
    """name of the job by which the schedule begins an iteration"""
    exhausted: str
    """what to do when all units were used"""
    objective: Callable[[Any], str]
    """settings -> the kind of network that it improves: see `RegisteredModel`"""
    version: Callable[[], str]
    """returns the version of the benchmark: what was prepared under another one is prepared again"""
    check: Callable[[Any, Tracker], None]
    """raises BadInput for settings that name what is not there"""
    units_text: Callable[[Sequence[int]], str]
    """units -> their examples, for people: `0-49`"""
    steps: Callable[[State], list[Step]]
    """the steps of the iteration that is on"""
    result: Callable[[State, Reports], Iteration]
    """the iteration that is on, after its last step"""
    draw: Callable[[Sequence[Iteration]], bytes]
    """iterations, at least one -> their curve, as PNG"""

    @property
    def command(self) -> str:
        """The command that a person types to work with the flywheel."""
        return f"forge-pipeline {self.name.replace('_', '-')}"

    @property
    def schedule_name(self) -> str:
        """Name of the schedule that may begin its iterations."""
        return f"{self.name}_nightly"

    def figures(self, iteration: Iteration) -> dict[str, float]:
        """Return the figures of challenger and champion by name; without a champion, of the challenger."""
        figures = {
            f"challenger_{self.words.figure}": iteration.challenger_figure,
            f"champion_{self.words.figure}": iteration.champion_figure,
        }
        return {name: figure for name, figure in figures.items() if figure is not None}
