"""The Stage-2 network: from one player's knowledge it predicts the mean and variance of points per play."""

import dagster as dg

from forge_assets.resources import COMPUTE_POOL, ComputeDevice, ShardStore, failing_plainly
from forge_assets.texas42 import groups, versions
from forge_assets.texas42.eq_token_splits import eq_token_splits
from forge_assets.texas42.networks import (
    TeachingLaunchpad,
    export_network,
    parity_check,
    teach_network,
    teaching_checks,
)
from forge_assets.tracking.launchpad import ModelLaunchpad
from forge_assets.tracking.tracker import Tracker

OBJECTIVE, STAGE = "eq", 2


@dg.asset(
    group_name=groups.EXPECTED_Q,
    deps=[eq_token_splits],
    code_version=versions.EQ_MODEL,
    pool=COMPUTE_POOL,
    kinds={"pytorch", "mlflow"},
    check_specs=teaching_checks("eq_model"),
)
def eq_model(
    context: dg.AssetExecutionContext,
    config: TeachingLaunchpad,
    store: ShardStore,
    compute: ComputeDevice,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """A network that predicts E[Q] and its variance from the player's own hand and the plays so far; its
    training is tracked in MLflow."""
    with failing_plainly():
        return teach_network(context, OBJECTIVE, STAGE, config.settings(), store, compute, tracker)


@dg.asset(
    group_name=groups.EXPECTED_Q,
    deps=[eq_model],
    code_version=versions.EQ_ONNX,
    kinds={"onnx"},
    check_specs=[parity_check("eq_model_onnx")],
)
def eq_model_onnx(
    context: dg.AssetExecutionContext, config: ModelLaunchpad, tracker: Tracker
) -> dg.MaterializeResult:
    """The network as an ONNX file that accepts any batch size, stored next to its weights and in MLflow.

    It needs packages that `make setup` leaves out: `pip install -e '.[onnx]' -c constraints.txt`.
    """
    with failing_plainly():
        path = config.find(context, OBJECTIVE, tracker)
        return export_network(context, path, versions.EQ_ONNX, tracker)
