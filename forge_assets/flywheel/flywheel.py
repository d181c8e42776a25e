"""The part of a flywheel that its game contributes: settings, steps, results, and terms for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from forge_assets.flywheel.state import Iteration, State
from forge_assets.flywheel.steps import Reports, Step

if TYPE_CHECKING:
    import dagster as dg

    from forge_assets.tracking.tracker import Tracker


@dataclass(frozen=True, slots=True)
class Words:
    """A game's terms, used in the state file, in metadata, in tables and in MLflow."""

    unit: str
    """`block`: see `FlywheelSettings`"""
    examples: str
    """`seeds`: the unit in which training data is counted"""
    figure: str
    """`q_gap`: the figure by which the gate compares networks"""
    figure_unit: str
    """`points`"""
    explanation: str
    """explanation of the figure, printed below the table of iterations"""


@dataclass(frozen=True, slots=True)
class Flywheel:
    """The flywheel of one game. Its functions import what they need when they are called."""

    name: str
    """name of its sensor, asset and folder in the store; its verb has hyphens instead of underscores"""
    summary: str
    """one sentence that says what an iteration does"""
    settings: type[Any]
    """frozen dataclass: see `FlywheelSettings`"""
    words: Words
    assets: tuple[str, ...]
    """keys of the assets that it runs, in order; the first begins an iteration, the last is the gate"""
    first_job: str
    """name of the job with which the schedule begins an iteration"""
    exhausted: str
    """advice for the user when all units have been used"""
    objective: Callable[[Any], str]
    """settings -> objective of the network that it improves: see `RegisteredModel`"""
    version: Callable[[], str]
    """returns the version of the benchmark; when it changes, the benchmark is prepared again"""
    check: Callable[[Any, Tracker], None]
    """raises BadInput for settings that name something that does not exist"""
    units_text: Callable[[Sequence[int]], str]
    """units -> their examples as text: `0-49`"""
    steps: Callable[[State], list[Step]]
    """state -> steps of the current iteration"""
    result: Callable[[State, Reports], Iteration]
    """state, reports -> record of the current iteration, after its last step"""
    draw: Callable[[Sequence[Iteration]], bytes]
    """iterations, at least one -> their curve as PNG"""
    example: str = ""
    """picture of an earlier curve, a file of the project, shown until there is one; empty if there is none"""
    register: Callable[[dg.DagsterInstance, State], None] = lambda instance, state: None
    """makes the instance know the partitions of the current iteration; called before each run"""

    @property
    def command(self) -> str:
        """The command of the flywheel, `forge-pipeline NAME`."""
        return f"forge-pipeline {self.name.replace('_', '-')}"

    @property
    def schedule_name(self) -> str:
        """Name of the schedule that may begin its iterations."""
        return f"{self.name}_nightly"

    def figures(self, iteration: Iteration) -> dict[str, float]:
        """Return the figures of challenger and champion (if there is one), by name."""
        figures = {
            f"challenger_{self.words.figure}": iteration.challenger_figure,
            f"champion_{self.words.figure}": iteration.champion_figure,
        }
        return {name: figure for name, figure in figures.items() if figure is not None}
