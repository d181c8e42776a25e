"""The network that plays from the features of one hand: it learns from games whose values are playouts."""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from forge_assets.gate.networks import weights_of
from forge_assets.pictures import picture
from forge_assets.resources import COMPUTE_POOL, ShardStore, failing_plainly
from forge_assets.settings import config_of
from forge_assets.texas42 import groups, versions
from forge_assets.texas42.eq_token_splits import eq_token_splits
from forge_assets.texas42.networks import teaching_checks
from forge_assets.tracking.links import link_training
from forge_assets.tracking.registry import resolve_model
from forge_assets.tracking.tracker import Tracker
from forge_assets.tracking.training import TrainingTracker
from forge_assets.training_runs import PlannedRun, find_result, keep_result, plan_run, run_tags
from forge_core.texas42.one_hand.architecture import OBJECTIVE
from forge_core.texas42.settings.one_hand import OneHandSettings

if TYPE_CHECKING:
    from forge_core.learning.runs import TrainResult
    from forge_core.texas42.one_hand_training.train import Plan


class OneHandLaunchpad(config_of(OneHandSettings)):
    """Settings of training. init_from may also be `champion`; paths are relative to the project."""


@dataclass(frozen=True, slots=True)
class _Tracked:
    """The settings of a run, with the attributes that `TrainingTracker` reads."""

    train: dict[str, Any]

    @property
    def model(self) -> "_Tracked":
        return self

    @property
    def objective(self) -> str:
        return OBJECTIVE

    def to_dict(self) -> dict[str, Any]:
        return self.train


@dg.asset(
    group_name=groups.EXPECTED_Q,
    deps=[eq_token_splits],
    code_version=versions.ONE_HAND_MODEL,
    pool=COMPUTE_POOL,
    kinds={"pytorch", "mlflow"},
    check_specs=teaching_checks("one_hand_model"),
)
def one_hand_model(
    context: dg.AssetExecutionContext, config: OneHandLaunchpad, store: ShardStore, tracker: Tracker
) -> dg.MaterializeResult:
    """A network that plays from the features of its own hand in one pass. Games of oracle=playout with
    policy=champion make the next one: policy iteration. Its training is tracked in MLflow."""
    from dataclasses import replace

    from forge_core.texas42.one_hand_training.train import plan_of, train_record
    from forge_core.texas42.sources import OneHandRows

    with failing_plainly():
        settings = config.settings()
        if settings.init_from:
            settings = replace(settings, init_from=resolve_model(settings.init_from, OBJECTIVE, tracker))
        source = OneHandRows.describe(store.root(), settings.batch_size, settings.seed)
        plan, train = plan_of(settings, source), train_record(settings)
        run = describe_run(plan, train)
        found = find_result(run)
        result = (
            found[0]
            if found
            else teach(plan, run, _Tracked(train), TrainingTracker(tracker, run_tags(context)))
        )
        return describe(context, result, plan, tracker)


def describe_run(plan: "Plan", train: dict[str, Any]) -> PlannedRun:
    """Return the run of a plan, whose folder is the same for the same settings, data and code."""
    from forge_core.learning.runs import ORIGIN

    identity = {
        "train": train,
        "data": {name: value for name, value in plan.data.items() if name != ORIGIN},
        "init_from": plan.settings.init_from,
        "code": versions.ONE_HAND_MODEL,
    }
    return plan_run(plan.settings.runs, plan.settings.name, "texas42-one-hand", identity)


def teach(plan: "Plan", run: PlannedRun, config: _Tracked, tracking: TrainingTracker) -> "TrainResult":
    """Train as `forge train-one-hand` does, from the last checkpoint if there is one; store the result."""
    from forge_core.files import Store
    from forge_core.learning.loop import Watch
    from forge_core.learning.runs import CHECKPOINT
    from forge_core.texas42.one_hand_training.train import point_text, train

    resume, folder = Store(str(run.folder)).exists(CHECKPOINT), run.folder
    follow = tracking.follow(config, folder, plan.data, plan.settings.init_from, resume)
    with Store(str(folder)).held(), follow as follower:

        def on_point(point: dict[str, float]) -> None:
            print(point_text(point), file=sys.stderr)
            follower.point(point)

        result = train(plan, folder, resume=resume, watch=Watch(on_point=on_point))
        follower.finish(result)
    keep_result(run, result)
    return result


def describe(
    context: dg.AssetExecutionContext, result: "TrainResult", plan: "Plan", tracker: Tracker
) -> dg.MaterializeResult:
    """Return the materialization of a trained network; its data version is the digest of the weights."""
    from forge_core.learning.labelled.pictures import draw_curve
    from forge_core.texas42.one_hand.choose import load_policy
    from forge_core.texas42.one_hand_training.train import random_points_lost

    load_policy(result.model)
    weights, random, last = weights_of(result.model), random_points_lost(plan.val), result.points[-1]
    gap = last["decision_q_gap"]
    metadata: dict[str, Any] = {
        "model": result.model,
        "parameters": result.parameters,
        "decision_q_gap_points": round(gap, 4),
        "random_decision_q_gap_points": round(random, 4),
        "decisions": len(plan.train),
        "rows": int(last["rows"]),
        "seconds": last["seconds"],
        "cpu_seconds": last["cpu_seconds"],
        "trained_on": str(plan.data["version"]),
        "curve": picture(draw_curve(result.points, random)),
    }
    if plan.settings.init_from:
        metadata["parent_model"] = plan.settings.init_from
    return dg.MaterializeResult(
        data_version=dg.DataVersion(weights),
        metadata=metadata | link_training(context, result.folder, tracker),
        check_results=[
            dg.AssetCheckResult(check_name="model_loads", passed=True, metadata={"weights": weights}),
            dg.AssetCheckResult(
                check_name="beats_random",
                passed=gap < random,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"decision_q_gap_points": gap, "random_points": random},
            ),
        ],
    )
