"""Networks of Skull King, trained by the rounds that they play."""

import math
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from forge_assets.checks import partition_check
from forge_assets.gate.networks import weights_of
from forge_assets.pictures import picture
from forge_assets.resources import COMPUTE_POOL, ComputeDevice, failing_plainly
from forge_assets.settings import entered_settings, launchpad_of, read_settings
from forge_assets.skull_king import versions
from forge_assets.skull_king.names import GROUP, objective_of
from forge_assets.skull_king.partitions import recipes
from forge_assets.tracking.links import link_training
from forge_assets.tracking.registry import resolve_model
from forge_assets.tracking.tracker import Tracker
from forge_assets.training_runs import TrackedTraining, find_or_train
from forge_core.errors import BadInput
from forge_core.skull_king.settings.learning import RECIPES, LearningSettings
from forge_core.skull_king.settings.run import RunSettings

if TYPE_CHECKING:
    from forge_core.learning.runs import TrainResult
    from forge_core.skull_king.arena import Result

CHECKS = {
    "golden_facts": "the rules by which the network learnt give all golden answers: tricks, masks, rounds, "
    "and a game",
    "losses_finite": "every figure of the curve is a number",
    "model_loads": "the saved network can be loaded, and none of its weights is NaN",
}


class PolicyLaunchpad(
    launchpad_of(RunSettings, LearningSettings, leave_out=("recipe",), unset=(LearningSettings,))
):
    """Settings of training. init_from may also be `champion`; paths are relative to the project. The
    partition is the recipe: settings that are not entered here have the values of the recipe."""

    name: str | None = Field(
        None,
        description="Name of the run and of its folder. Default: a name made from its settings.",
    )
    minutes: float | None = Field(
        None,
        description="Stop after this many minutes. Materialize the asset again to continue; only a finished "
        "network is registered.",
    )

    def learning(self, recipe: str) -> LearningSettings:
        """Return the settings of a recipe, except those that were entered. Raises BadInput."""
        return replace(RECIPES[recipe], **entered_settings(self, LearningSettings))


@dg.asset(
    group_name=GROUP,
    partitions_def=recipes,
    code_version=versions.POLICY,
    pool=COMPUTE_POOL,
    kinds={"pytorch"},
    check_specs=[
        partition_check("skull_king_policy", name, description, recipes)
        for name, description in CHECKS.items()
    ],
)
def skull_king_policy(
    context: dg.AssetExecutionContext, config: PolicyLaunchpad, compute: ComputeDevice, tracker: Tracker
) -> dg.MaterializeResult:
    """Train a network to bid and play, by rounds against other players. It is tracked in MLflow, and
    registered there; the first one is the challenger until another one scores more in its evaluation. A run
    that was interrupted continues from its checkpoint, with the same result."""
    from forge_core.device import resolve_device
    from forge_core.learning.memory import keep_freed_memory
    from forge_core.skull_king.pictures.training import draw_training
    from forge_core.skull_king.train import data_record, point_text, train

    with failing_plainly():
        run, device = read_settings(config, RunSettings, recipe=context.partition_key), compute.device
        device, objective = resolve_device(device), objective_of(run.recipe)
        parent = resolve_model(run.init_from, objective, tracker) if run.init_from else None
        learning = config.learning(run.recipe)
        training = TrackedTraining(
            objective=objective,
            train={"recipe": run.recipe, **asdict(learning)},
            data=data_record(learning),
            init_from=parent,
            code=versions.POLICY,
            stem=objective,
            runs=run.runs,
            name=config.name,
            trainer=partial(train, learning, recipe=run.recipe, device=device, init_from=parent),
            point_text=point_text,
            draw_curve=draw_training,
            prefix="train/",
        )
        keep_freed_memory()
        result = find_or_train(context, training, tracker, config.minutes)
        if not result.model:
            raise BadInput(
                f"minutes={config.minutes:g}: there was no evaluation yet; materialize the asset again to "
                "continue, with more minutes"
            )
        return describe(context, training, result, device, tracker)


def describe(
    context: dg.AssetExecutionContext,
    training: TrackedTraining,
    result: "TrainResult",
    device: str,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """Return the materialization of a trained network; its data version is a digest of the weights."""
    from forge_core.skull_king.golden import find_differences, read_facts

    measured, weights, last = measure(result.model, device), weights_of(result.model), result.points[-1]
    facts, differences = find_differences(read_facts())
    left = max(0, training.train["decisions"] - int(last["rows"]))
    finite = all(math.isfinite(value) for point in result.points for value in point.values())
    passed: dict[str, tuple[bool, dict[str, Any]]] = {
        "golden_facts": (not differences, {"facts": facts, "differences": differences}),
        "losses_finite": (finite, {"evaluations": len(result.points)}),
        "model_loads": (True, {"weights": weights}),
    }
    return dg.MaterializeResult(
        data_version=dg.DataVersion(weights),
        metadata={
            "curve": picture(training.draw_curve(result.points)),
            "model": result.model,
            "recipe": training.train["recipe"],
            "parameters": f"{result.parameters:,}",
            **figures_of(measured),
            "decisions": int(last["rows"]),
            "decisions_left": left if result.unfinished else 0,
            "steps": int(last["step"]),
            "seconds": round(last["seconds"], 3),
            "cpu_seconds": round(last["cpu_seconds"], 3),
            "decisions_per_second": round(last["decisions_per_second"], 1),
            "captain_score": round(last["captain_score"], 2),
            "device": result.device,
            "precision": result.precision,
            "settings": dg.MetadataValue.json(training.to_dict()),
            **({"parent_model": training.init_from} if training.init_from else {}),
            **link_training(context, result.folder, tracker),
        },
        check_results=[
            dg.AssetCheckResult(check_name=name, passed=is_passed, metadata=metadata)
            for name, (is_passed, metadata) in passed.items()
        ],
    )


def measure(folder: str, device: str) -> "Result":
    """Play a network against three hards, on as many deals as for a point of the curve."""
    from forge_core.skull_king import train
    from forge_core.skull_king.arena import evaluate
    from forge_core.skull_king.players import make_player
    from forge_core.skull_king.players.network import NetworkPlayer

    own = NetworkPlayer.load(folder, device)
    spec = own.network.spec
    return evaluate(own, make_player("hard"), train.CURVE_DEALS, spec.rules, seats=spec.seats)


def figures_of(result: "Result") -> dict[str, float]:
    """Return score, share of bids met and wins with their intervals: `score`, `score_low`, `score_high`."""
    found: dict[str, float] = {}
    for name, of in (("score", result.score), ("hit", result.hit), ("wins", result.win)):
        digits = 2 if name == "score" else 4
        for suffix, value in (("", of.mean), ("_low", of.low), ("_high", of.high)):
            found[f"{name}{suffix}"] = round(value, digits)
    return found
