"""The network that plays from the features of one hand: it learns from games whose values are playouts."""

from dataclasses import asdict
from functools import partial

import dagster as dg

from forge_assets.checks import warn
from forge_assets.resources import COMPUTE_POOL, ShardStore, failing_plainly
from forge_assets.settings import launchpad_of, read_settings
from forge_assets.texas42 import groups, versions
from forge_assets.texas42.eq_token_splits import eq_token_splits
from forge_assets.texas42.networks import teaching_checks
from forge_assets.texas42.one_hand_training import describe_training
from forge_assets.tracking.registry import resolve_model
from forge_assets.tracking.tracker import Tracker
from forge_assets.training_runs import TrackedTraining, find_or_train
from forge_core.texas42.one_hand.architecture import OBJECTIVE
from forge_core.texas42.settings.one_hand import OneHandSettings, RunSettings


class OneHandLaunchpad(launchpad_of(RunSettings, OneHandSettings)):
    """Settings of training. init_from may also be `champion`; paths are relative to the project."""


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
    from forge_core.learning.labelled.pictures import draw_curve
    from forge_core.texas42.one_hand_training import train as core
    from forge_core.texas42.sources import OneHandRows

    with failing_plainly():
        run, settings = read_settings(config, RunSettings), read_settings(config, OneHandSettings)
        parent = resolve_model(run.init_from, OBJECTIVE, tracker) if run.init_from else None
        plan = core.plan_of(settings, OneHandRows.describe(store.root(), settings.batch_size, settings.seed))
        random = core.random_points_lost(plan.val)
        training = TrackedTraining(
            objective=OBJECTIVE,
            train=asdict(settings),
            data=plan.data,
            init_from=parent,
            code=versions.ONE_HAND_MODEL,
            stem="texas42-one-hand",
            runs=run.runs,
            name=run.name,
            trainer=partial(core.train, plan, init_from=parent),
            point_text=core.point_text,
            draw_curve=partial(draw_curve, random=random),
        )
        result = find_or_train(context, training, tracker)
        last = result.points[-1]
        gap = last["decision_q_gap"]
        figures = {
            "decision_q_gap_points": round(gap, 4),
            "random_decision_q_gap_points": round(random, 4),
            "decisions": len(plan.train),
            "rows": int(last["rows"]),
        }
        beats_random = warn("beats_random", gap < random, decision_q_gap_points=gap, random_points=random)
        return describe_training(context, training, result, tracker, figures, beats_random)
