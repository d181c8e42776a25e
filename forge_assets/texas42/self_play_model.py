"""The network that plays from the features of one hand: it learns from deals that it plays against itself."""

from dataclasses import asdict
from functools import partial

import dagster as dg

from forge_assets.checks import partition_check, warn
from forge_assets.resources import COMPUTE_POOL, failing_plainly
from forge_assets.settings import launchpad_of, read_settings
from forge_assets.texas42 import groups, versions
from forge_assets.texas42.one_hand_training import describe_training
from forge_assets.tracking.registry import resolve_model
from forge_assets.tracking.tracker import Tracker
from forge_assets.training_runs import TrackedTraining, find_or_train
from forge_core.texas42.one_hand.architecture import OBJECTIVE
from forge_core.texas42.settings.self_play import SelfPlayRunSettings, SelfPlaySettings

ASSET = "self_play_model"


class SelfPlayLaunchpad(launchpad_of(SelfPlayRunSettings, SelfPlaySettings)):
    """Settings of training. init_from may also be `champion`; paths are relative to the project."""


@dg.asset(
    name=ASSET,
    group_name=groups.EXPECTED_Q,
    code_version=versions.SELF_PLAY_MODEL,
    pool=COMPUTE_POOL,
    kinds={"pytorch", "mlflow"},
    check_specs=[
        partition_check(ASSET, "model_loads", "the stored network can be read back", None),
        partition_check(
            ASSET, "beats_heuristic", "it takes more points than play by rules", None, blocking=False
        ),
    ],
)
def self_play_model(
    context: dg.AssetExecutionContext, config: SelfPlayLaunchpad, tracker: Tracker
) -> dg.MaterializeResult:
    """A network of the same kind as one_hand_model, trained without stored games: it values every play of
    the deals that it plays against itself. Its training is tracked in MLflow."""
    from forge_core.files import fingerprint
    from forge_core.learning.labelled.pictures import draw_gains
    from forge_core.texas42.one_hand.choose import load_policy
    from forge_core.texas42.one_hand_training import self_play as core

    with failing_plainly():
        run, settings = read_settings(config, SelfPlayRunSettings), read_settings(config, SelfPlaySettings)
        parent = resolve_model(run.init_from, OBJECTIVE, tracker) if run.init_from else None
        data = core.data_record()
        training = TrackedTraining(
            objective=OBJECTIVE,
            train=asdict(settings),
            data=data | {"version": fingerprint(data)},
            init_from=parent,
            code=versions.SELF_PLAY_MODEL,
            stem="texas42-self-play",
            runs=run.runs,
            name=run.name,
            trainer=partial(core.train, settings, init_from=parent, workers=run.workers),
            point_text=core.point_text,
            draw_curve=partial(draw_gains, figure=core.POINTS, opponent="the shipped network"),
        )
        result = find_or_train(context, training, tracker)
        last = result.points[-1]
        gain = core.points_against_rules(load_policy(result.model))
        figures = {core.POINTS: round(last[core.POINTS], 4), "deals": int(last["rows"])}
        beats_heuristic = warn("beats_heuristic", gain > 0, points_per_deal_against_heuristic=gain)
        return describe_training(context, training, result, tracker, figures, beats_heuristic)
