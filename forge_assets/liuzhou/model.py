"""Networks of Liuzhou, trained by live self-play or on stored generations."""

import math
from functools import partial
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from forge_assets.checks import partition_check
from forge_assets.gate.networks import weights_of
from forge_assets.liuzhou import versions
from forge_assets.liuzhou.names import GROUP, objective_of
from forge_assets.liuzhou.partitions import sizes
from forge_assets.liuzhou.self_play import liuzhou_self_play
from forge_assets.pictures import picture
from forge_assets.resources import COMPUTE_POOL, ComputeDevice, ShardStore, failing_plainly
from forge_assets.settings import launchpad_of, read_settings
from forge_assets.tracking.links import link_training
from forge_assets.tracking.registry import resolve_model
from forge_assets.tracking.tracker import Tracker
from forge_assets.training_runs import TrackedTraining, find_or_train
from forge_core.liuzhou.settings.learning import LearningSettings
from forge_core.liuzhou.settings.run import RunSettings
from forge_core.liuzhou.settings.selfplay import SelfPlaySettings

if TYPE_CHECKING:
    from forge_core.learning.runs import TrainResult
    from forge_core.liuzhou.train import Plan

CHECKS = {
    "losses_finite": "every loss of the curve is a number",
    "model_loads": "the saved network can be loaded, and none of its weights is NaN",
    "no_file_between": "0 bytes are copied or written between live self-play and learning; training on "
    "stored generations always passes",
}


class ModelLaunchpad(launchpad_of(RunSettings, LearningSettings, SelfPlaySettings, leave_out=("size",))):
    """Settings of training. init_from may also be `champion`; paths are relative to the project."""

    name: str | None = Field(
        None,
        description="Name of the run and of its folder. Default: a name made from its settings.",
    )

    def plan(self, size: str, store: ShardStore, device: str, parent: str | None) -> "Plan":
        """Return the plan of the run. Raises BadInput."""
        from forge_core.liuzhou.stored import plan_stored
        from forge_core.liuzhou.train import plan_live

        run, learning = read_settings(self, RunSettings), read_settings(self, LearningSettings, size=size)
        if run.source == "stored":
            return plan_stored(store.root(), learning, run.last)
        return plan_live(read_settings(self, SelfPlaySettings), learning, device, parent)


@dg.asset(
    group_name=GROUP,
    deps=[dg.AssetDep(liuzhou_self_play, partition_mapping=dg.AllPartitionMapping())],
    partitions_def=sizes,
    code_version=versions.MODEL,
    pool=COMPUTE_POOL,
    kinds={"pytorch", "mlflow"},
    check_specs=[
        partition_check("liuzhou_model", name, description, sizes) for name, description in CHECKS.items()
    ],
)
def liuzhou_model(
    context: dg.AssetExecutionContext,
    config: ModelLaunchpad,
    store: ShardStore,
    compute: ComputeDevice,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """Train a network by self-play. It is tracked in MLflow, and registered there; the first one of a size is
    the challenger until another one rates higher in its evaluation. A run that was interrupted continues from
    its checkpoint, with the same result."""
    from forge_core.device import resolve_device
    from forge_core.learning.memory import keep_freed_memory
    from forge_core.liuzhou.pictures.training import draw_training
    from forge_core.liuzhou.train import point_text, run_training

    with failing_plainly():
        run, device = read_settings(config, RunSettings), resolve_device(compute.device)
        size, objective = context.partition_key, objective_of(context.partition_key)
        parent = resolve_model(run.init_from, objective, tracker) if run.init_from else None
        plan = config.plan(size, store, device, parent)
        training = TrackedTraining(
            objective=objective,
            train=plan.train,
            data=plan.data,
            init_from=parent,
            code=versions.MODEL,
            stem=f"{objective}-{run.source}",
            runs=run.runs,
            name=config.name,
            trainer=partial(run_training, plan, device=device, init_from=parent),
            point_text=point_text,
            draw_curve=draw_training,
            prefix="train/",
        )
        keep_freed_memory()
        return describe(context, training, find_or_train(context, training, tracker), tracker)


def describe(
    context: dg.AssetExecutionContext, training: TrackedTraining, result: "TrainResult", tracker: Tracker
) -> dg.MaterializeResult:
    """Return the materialization of a trained network; its data version is a digest of the weights."""
    from forge_core.learning.checkpoints import load_model
    from forge_core.liuzhou.network import LiuzhouNet

    load_model(result.model, kind=LiuzhouNet)
    weights, last = weights_of(result.model), result.points[-1]
    losses = {name: figure for name, figure in last.items() if name.endswith("loss")}
    shown = ("drawn", "plies", "lead", "evaluations_per_s", "seconds", "cpu_seconds")
    handover = max(point.get("handover_bytes", 0.0) for point in result.points)
    finite = all(math.isfinite(point[name]) for point in result.points for name in losses if name in point)
    passed = {"losses_finite": finite, "model_loads": True, "no_file_between": handover == 0}
    return dg.MaterializeResult(
        data_version=dg.DataVersion(weights),
        metadata={
            "curve": picture(training.draw_curve(result.points)),
            "model": result.model,
            "parameters": f"{result.parameters:,}",
            "source": str(training.data["kind"]),
            "trained_on": str(training.data["version"]),
            "positions": int(last["rows"]),
            "steps": int(last["step"]),
            **{name: round(figure, 4) for name, figure in losses.items()},
            **{name: round(last[name], 3) for name in shown if name in last},
            "handover_bytes": int(handover),
            "device": result.device,
            "precision": result.precision,
            **({"parent_model": training.init_from} if training.init_from else {}),
            **link_training(context, result.folder, tracker),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name=name,
                passed=is_passed,
                metadata={**losses, "weights": weights, "handover_bytes": int(handover)},
            )
            for name, is_passed in passed.items()
        ],
    )
