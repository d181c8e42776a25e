"""Networks of Liuzhou, trained by live self-play or on stored generations."""

import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
from forge_assets.tracking.training import TrainingTracker
from forge_assets.training_runs import PlannedRun, find_result, keep_result, plan_run, run_tags
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


@dataclass(frozen=True, slots=True)
class _Tracked:
    """A plan, with the attributes that `TrainingTracker` reads."""

    plan: "Plan"

    @property
    def model(self) -> "_Tracked":
        return self

    @property
    def objective(self) -> str:
        return objective_of(self.plan.learning.size)

    def to_dict(self) -> dict[str, Any]:
        return dict(self.plan.train)


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

    with failing_plainly():
        run, device = read_settings(config, RunSettings), resolve_device(compute.device)
        size = context.partition_key
        parent = resolve_model(run.init_from, objective_of(size), tracker) if run.init_from else None
        plan = config.plan(size, store, device, parent)
        planned = describe_run(run, config.name, plan, parent)
        found = find_result(planned)
        tracking = TrainingTracker(tracker, run_tags(context), draw_curve, "train/")
        result = found[0] if found else teach(plan, planned, device, parent, tracking)
        return describe(context, result, plan, parent, tracker)


def describe_run(run: RunSettings, name: str | None, plan: "Plan", parent: str | None) -> PlannedRun:
    """Return the run of a plan, whose folder is the same for the same settings, data and code."""
    from forge_core.learning.runs import ORIGIN

    identity = {
        "train": dict(plan.train),
        "data": {name: value for name, value in plan.data.items() if name != ORIGIN},
        "init_from": parent,
        "code": versions.MODEL,
    }
    return plan_run(run.runs, name, f"{objective_of(plan.learning.size)}-{run.source}", identity)


def teach(
    plan: "Plan", planned: PlannedRun, device: str, parent: str | None, tracking: TrainingTracker
) -> "TrainResult":
    """Train, from the last checkpoint if there is one, and store the result."""
    from forge_core.files import Store
    from forge_core.learning.loop import Watch
    from forge_core.learning.memory import keep_freed_memory
    from forge_core.learning.runs import CHECKPOINT
    from forge_core.liuzhou.train import point_text, run_training

    keep_freed_memory()
    folder = planned.folder
    resume = Store(str(folder)).exists(CHECKPOINT)
    with (
        Store(str(folder)).held(),
        tracking.follow(_Tracked(plan), folder, plan.data, parent, resume) as follower,
    ):

        def on_point(point: dict[str, float]) -> None:
            print(point_text(point), file=sys.stderr)
            follower.point(point)

        watch = Watch(on_point=on_point)
        result = run_training(plan, folder, device=device, init_from=parent, resume=resume, watch=watch)
        follower.finish(result)
    keep_result(planned, result)
    return result


def draw_curve(points: Any) -> bytes:
    """Draw the curve of a run as PNG."""
    from forge_core.liuzhou.pictures.training import draw_training

    return draw_training(points)


def describe(
    context: dg.AssetExecutionContext,
    result: "TrainResult",
    plan: "Plan",
    parent: str | None,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """Return the materialization of a trained network; its data version is a digest of the weights."""
    from forge_core.learning.checkpoints import load_model
    from forge_core.liuzhou.network import LiuzhouNet

    load_model(result.model, kind=LiuzhouNet)
    weights, last = weights_of(result.model), result.points[-1]
    losses = {name: figure for name, figure in last.items() if name.endswith("loss")}
    shown = ("drawn", "plies", "lead", "evaluations_per_s", "seconds", "cpu_seconds")
    handover = max(point.get("handover_bytes", 0.0) for point in result.points)
    finite = all(math.isfinite(point[name]) for point in result.points for name in losses)
    passed = {"losses_finite": finite, "model_loads": True, "no_file_between": handover == 0}
    return dg.MaterializeResult(
        data_version=dg.DataVersion(weights),
        metadata={
            "curve": picture(draw_curve(result.points)),
            "model": result.model,
            "parameters": f"{result.parameters:,}",
            "source": str(plan.data["kind"]),
            "trained_on": str(plan.data["version"]),
            "positions": int(last["rows"]),
            "steps": int(last["step"]),
            **{name: round(figure, 4) for name, figure in losses.items()},
            **{name: round(last[name], 3) for name in shown if name in last},
            "handover_bytes": int(handover),
            "device": result.device,
            "precision": result.precision,
            **({"parent_model": parent} if parent else {}),
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
