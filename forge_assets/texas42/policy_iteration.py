"""The iterations of the flywheel for the one-hand network: policy iteration.

The champion plays new games: in the worlds of each decision, all seats play on by the champion, and the
values of these playouts are the labels. The next network learns from all games so far, starting from the
champion, and meets it in duplicate deals. The first games are played by the heuristic policy or by a network
in a folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from forge_assets.flywheel.champions import end_at_gate, of_challenger, start_from_champion
from forge_assets.flywheel.state import Iteration, State
from forge_assets.flywheel.steps import Reports, Step, one_partition, without_gaps
from forge_core.texas42.one_hand.architecture import OBJECTIVE
from forge_core.texas42.reference import ONE_HAND_REFERENCE, REFERENCE

if TYPE_CHECKING:
    from forge_assets.tracking.registry import ModelRegistry

TOKENS, TEACH, GATE = "tokens", "teach", "gate"
_BATCH = 500
"""games in lockstep; with playouts, more in lockstep cost less each, and 500 take about 200 MB"""


def first_policy(model: str) -> str:
    """Return the policy of the first games. model: setting of the flywheel, `heuristic` or a folder."""
    return ONE_HAND_REFERENCE if model == REFERENCE else model


def check_first_policy(model: str) -> None:
    """Raise BadInput unless the first games can be played by `model`, `heuristic` or a folder."""
    from forge_assets.versions import PROJECT
    from forge_core.texas42.one_hand.choose import open_policy

    name = first_policy(model)
    open_policy(name if "/" not in name else str(PROJECT / name))


def one_hand_steps(state: State, watched: int, prepare: bool) -> list[Step]:
    """Return the steps of an iteration. watched: the block of val games. prepare: play them first."""
    from forge_assets.texas42.partitions import block_range

    settings = state.settings
    teaching = {"epochs": settings.epochs, "lr": settings.lr, "batch_size": settings.batch_size}
    playing = {"oracle": "playout", "worlds": settings.worlds, "pdf": False, "batch": _BATCH}
    playing |= {"exploration": "epsilon"}

    def games(name: str, first: int, last: int) -> Step:
        def complete(_: Reports, registry: ModelRegistry) -> Mapping[str, Any]:
            return _policy(registry, first_policy(settings.model))

        partitions = block_range(first, last)
        return Step(name, "eq_games", partitions, playing, complete, needs_tracker=True)

    steps = [games("watched games", watched, watched)] if prepare else []
    for first, last in without_gaps(state.units()):
        steps.append(games(f"games {first}" if first == last else f"games {first}-{last}", first, last))
    steps.append(Step("catalog", "eq_catalog"))
    if prepare:
        steps.append(Step("watched rows", "eq_token_splits", one_partition("val")))
    steps.append(Step(TOKENS, "eq_token_splits", one_partition("train"), reports=True))
    steps.append(
        Step(
            TEACH,
            "one_hand_model",
            {},
            teaching,
            lambda _, registry: start_from_champion(registry, OBJECTIVE, {}),
            reports=True,
            needs_tracker=True,
        )
    )
    gate = one_partition(OBJECTIVE)
    steps.append(Step(GATE, "champion", gate, {}, of_challenger(TEACH), reports=True, needs_tracker=True))
    return steps


def _policy(registry: ModelRegistry, first: str) -> Mapping[str, Any]:
    """Return the setting that names the policy of games: the champion; `first` if there is none."""
    from forge_assets.tracking.registry import CHAMPION

    return {"policy": CHAMPION if registry.fetch(OBJECTIVE, CHAMPION) else first}


def one_hand_result(state: State, reports: Reports) -> Iteration:
    """Return the record of an iteration, after its gate: points lost per decision of the val games."""
    gap = float(reports[TEACH]["decision_q_gap_points"])
    before = state.history[-1].champion_figure if state.history else None
    return end_at_gate(state, reports[GATE], int(reports[TOKENS]["games"]), gap, before)
