"""Code shared by the assets that train networks: settings, runs, ONNX files."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from forge_assets.checks import partition_check, warn
from forge_assets.gate.networks import weights_of
from forge_assets.pictures import picture
from forge_assets.resources import ComputeDevice, ShardStore
from forge_assets.settings import config_of
from forge_assets.texas42 import versions
from forge_assets.tracking.links import link_training
from forge_assets.tracking.registry import resolve_model
from forge_assets.tracking.tracker import Tracker
from forge_assets.tracking.training import TrainingTracker
from forge_assets.training_runs import PlannedRun, find_result, keep_result, plan_run, run_tags
from forge_core.learning.labelled.settings import LiveTeachingSettings, TeachingSettings

if TYPE_CHECKING:
    from forge_core.learning.labelled.config import TrainConfig
    from forge_core.learning.runs import TrainResult
    from forge_core.texas42.sources import Source


class TeachingLaunchpad(config_of(TeachingSettings)):
    """Settings of training. init_from may also be `champion`; paths are relative to the project."""


def teaching_checks(asset: str, partitions: dg.PartitionsDefinition | None = None) -> list[dg.AssetCheckSpec]:
    """Return the checks whose results `teach_network` reports."""
    beats = "at its best evaluation it loses fewer points per val decision than random play"
    return [
        partition_check(asset, "model_loads", "the stored network can be read back", partitions),
        partition_check(asset, "beats_random", beats, partitions, blocking=False),
    ]


def teach_network(
    context: dg.AssetExecutionContext,
    objective: str,
    stage: int,
    settings: TeachingSettings,
    store: ShardStore,
    compute: ComputeDevice,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """Train a network as `forge train` does, track it in MLflow, and return its materialization."""
    from forge_core.learning.labelled.teaching import choose_model, configure, size_name
    from forge_core.texas42.sources import choose_source

    parent = resolve_model(settings.init_from, objective, tracker) if settings.init_from else None
    model = choose_model(settings, objective, parent)
    live = settings if isinstance(settings, LiveTeachingSettings) and settings.live else None
    source = choose_source(
        None if live else store.root().url,
        live is not None,
        settings.batch_size,
        settings.seed,
        stage,
        live and live.rows_per_deal,
    )
    training = configure(settings, model, source.steps_of, compute.device)
    stem = source.run_stem(objective, size_name(model))
    run = plan(settings, stem, training, source, parent)
    ended = finished(run) or teach(
        training,
        source,
        run,
        parent,
        settings.threads,
        source.makers(live.workers, live.share) if live else 0,
        live and live.share,
        TrainingTracker(tracker, run_tags(context)),
    )
    return describe_model(context, *ended, source, parent, tracker)


def plan(
    settings: TeachingSettings, stem: str, training: "TrainConfig", source: "Source", parent: str | None
) -> PlannedRun:
    """Return a run, whose folder is the same for the same settings, data and code."""
    return plan_run(
        settings.runs,
        settings.name,
        stem,
        train=training.to_dict(),
        data=source.record,
        init_from=parent,
        code=versions.of_network(source.kind),
    )


def finished(run: PlannedRun) -> "tuple[TrainResult, float] | None":
    """Return the result of a run that `teach` stored; None if it has not finished. Raises BadInput."""
    found = find_result(run)
    try:
        return (found[0], float(found[1]["random"])) if found else None
    except (KeyError, ValueError, TypeError):
        return None  # it has another schema: `teach` restores it


def teach(
    training: "TrainConfig",
    source: "Source",
    run: PlannedRun,
    parent: str | None,
    threads: int | None,
    makers: int,
    share: str | None,
    tracking: TrainingTracker,
) -> "tuple[TrainResult, float]":
    """Train as `forge train` does, from the last checkpoint if there is one, and store the result.

    Return the result, and the points per decision that random play loses on the validation rows. makers:
    number of processes that make live rows. share: folder in which runs share them.
    """
    from forge_core.files import Store
    from forge_core.learning.labelled import teaching
    from forge_core.learning.labelled.job import TrainingJob
    from forge_core.learning.labelled.metrics import evaluate_random
    from forge_core.learning.runs import CHECKPOINT

    resume = Store(str(run.folder)).exists(CHECKPOINT)
    teaching.set_threads(threads, makers)
    rows, val_rows = source.open(makers, share)
    with ExitStack() as open_rows:
        if close := getattr(rows, "close", None):  # live rows come from other processes
            open_rows.callback(close)
        job = TrainingJob(training, rows, val_rows, run.folder, source.record, parent, sample=source.sample())
        result = teaching.teach(
            job,
            resume=resume,
            on_point=lambda point: print(teaching.point_text(point), file=sys.stderr),
            tracking=tracking,
        )
    random = evaluate_random(val_rows.q, val_rows.legal)["decision_q_gap"]
    keep_result(run, result, {"random": random})
    return result, random


def describe_model(
    context: dg.AssetExecutionContext,
    result: "TrainResult",
    random: float,
    source: "Source",
    parent: str | None,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """Return the materialization of a trained network; its data version is the digest of the weights."""
    from forge_core.learning.checkpoints import load_model
    from forge_core.learning.labelled.metrics import TRAIN_VAL_GAP
    from forge_core.learning.labelled.pictures import draw_curve

    source.spec().check_same(load_model(result.model).spec, result.model)
    weights = weights_of(result.model)
    best, last = result.best, result.points[-1]
    metadata: dict[str, Any] = {
        "curve": picture(draw_curve(result.points, random)),
        "model": result.model,
        "parameters": f"{result.parameters:,}",
        "decision_q_gap_points": round(best["decision_q_gap"], 4),
        "random_decision_q_gap_points": round(random, 4),
        **{f"{name}_points": round(best[name], 4) for name in ("spread_mae", "spread_bias") if name in best},
        **({"train_val_gap_points": round(best[TRAIN_VAL_GAP], 4)} if TRAIN_VAL_GAP in best else {}),
        "best_step": int(best["step"]),
        "rows": int(last["rows"]),
        "seconds": last["seconds"],
        "cpu_seconds": last["cpu_seconds"],
        "rows_per_second": round(last["rows"] / max(last["seconds"], 1e-9)),
        "device": result.device,
        "precision": result.precision,
        "stopped_early": result.stopped_early,
        "trained_on": source.version,
    }
    if parent:
        metadata["parent_model"] = parent
    return dg.MaterializeResult(
        data_version=dg.DataVersion(weights),
        metadata=metadata | link_training(context, result.folder, tracker),
        check_results=[
            dg.AssetCheckResult(check_name="model_loads", passed=True, metadata={"weights": weights}),
            warn(
                "beats_random",
                best["decision_q_gap"] < random,
                decision_q_gap_points=best["decision_q_gap"],
                random_points=f"{random:.4f}",
            ),
        ],
    )


def parity_check(asset: str, partitions: dg.PartitionsDefinition | None = None) -> dg.AssetCheckSpec:
    """Return the check whose result `export_network` reports."""
    same = "onnxruntime gives the same answers as torch, for batches of several sizes"
    return partition_check(asset, "parity", same, partitions)


def export_network(
    context: dg.AssetExecutionContext, path: str, code_version: str, tracker: Tracker
) -> dg.MaterializeResult:
    """Write the network in folder `path` as an ONNX file, there and in MLflow; compare it with torch."""
    from forge_core.files import Store, fingerprint
    from forge_core.learning.checkpoints import load_model
    from forge_core.learning.onnx import PARITY, export_onnx

    export = export_onnx(load_model(path), path)
    run = tracker.reopen(Path(path).parent)
    if run:
        run.file("onnx/model.onnx", Store(path).read("model.onnx"))
    weights = weights_of(path)
    largest = export.largest_difference
    return dg.MaterializeResult(
        data_version=dg.DataVersion(fingerprint({"weights": weights, "onnx": code_version})),
        metadata={
            "onnx": export.path,
            "mib": round(export.nbytes / 2**20, 3),
            "largest_difference_points": largest,
            "same_choice": export.same_choice,
            "rows_compared": f"{export.rows:,}",
            "versions": export.versions,
            **link_training(context, Path(path).parent, tracker),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="parity",
                passed=largest <= PARITY,
                metadata={"largest_difference_points": largest, "at_most": f"{PARITY:g}"},
            )
        ],
    )
