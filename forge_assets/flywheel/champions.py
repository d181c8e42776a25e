"""Parts of a flywheel that games share: a network that starts from the champion, the end at a gate, a curve.

The gate is an asset whose run reports the metadata of `forge_assets.gate.hold_gate`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from forge_assets.flywheel.state import Iteration, State
from forge_assets.flywheel.steps import Reports

if TYPE_CHECKING:
    from forge_assets.tracking.registry import ModelRegistry


def start_from_champion(
    registry: ModelRegistry, objective: str, otherwise: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    """Return the setting that makes a network start from the champion.

    otherwise: settings to return if there is no champion yet; None to let the step fail.
    """
    from forge_assets.tracking.registry import CHAMPION

    if otherwise is not None and not registry.fetch(objective, CHAMPION):
        return otherwise
    return {"init_from": CHAMPION}


def of_challenger(teach: str) -> Callable[[Reports, ModelRegistry], Mapping[str, Any]]:
    """Return a function for `Step.complete` that names the network of the step `teach` as `model`."""
    return lambda reports, _: {"model": reports[teach]["model"]}


def end_at_gate(
    state: State,
    gate: Mapping[str, Any],
    examples: int,
    challenger_figure: float,
    champion_figure: float | None,
) -> Iteration:
    """Return the record of the current iteration, after its gate.

    gate: metadata of the gate's run. champion_figure: that of the previous champion; None if there was none.
    """
    promoted = bool(gate["is_champion"])  # promoted by this run, or by one that died before reporting it
    return Iteration(
        number=state.iteration,
        units=tuple(state.units()),
        examples=examples,
        challenger=str(gate["challenger"]),
        challenger_figure=challenger_figure,
        champion_figure=challenger_figure if promoted else champion_figure,
        promoted=promoted,
        reasons=tuple(line.removeprefix("- ") for line in str(gate["reasons"]).splitlines()),
        attempts=state.attempt,
    )


def curve(title: str, amount_label: str, **axes: Any) -> Callable[[Sequence[Iteration]], bytes]:
    """Return a function that draws the figures of challengers and champions against examples, as PNG.

    title: the figure. amount_label: the examples. axes: further arguments of `draw_progress`.
    """

    def draw(history: Sequence[Iteration]) -> bytes:
        from forge_core.learning.pictures import draw_progress

        return draw_progress(
            [past.examples for past in history],
            [past.challenger_figure for past in history],
            [past.champion_figure for past in history],
            title=title,
            amount_label=amount_label,
            **axes,
        )

    return draw
