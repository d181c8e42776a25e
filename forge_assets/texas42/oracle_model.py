"""Networks that stand in for the oracle: trained, held to the benchmark, exported.

A training run has a folder of its own, named by what was asked and of which data: asked
again, what is finished is found, and what was interrupted goes on from its checkpoint.
"""

import json
from collections.abc import Mapping
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from forge_assets import versions
from forge_assets.resources import COMPUTE_POOL, ComputeDevice, ShardStore, failing_plainly
from forge_assets.settings import settings_of
from forge_assets.texas42.oracle_shards import GROUP, golden_shards
from forge_assets.texas42.shard_catalog import picture
from forge_assets.texas42.token_splits import token_splits
from forge_assets.tracker import CHAMPION, Tracker, TrainingTracker, resolve_model
from forge_core.cli.evaluate import evaluate as forge_evaluate
from forge_core.cli.train import DEFAULT_SIZE
from forge_core.cli.train import train as forge_train
from forge_core.errors import BadInput

if TYPE_CHECKING:
    from forge_core.learning.metrics import Answers
    from forge_core.learning.train import TrainConfig, TrainResult

MODEL_VERSION = "m1"
"""Raised when the same rows and settings teach another network."""
EVALUATION_VERSION = "v1"
"""Raised when the same network is given other figures."""
ONNX_VERSION = "x1"
"""Raised when the same network becomes another file."""

RESULT = "result.json"
"""in the folder of a run that has come to its end"""
LATEST = "latest"

model_partitions = dg.StaticPartitionsDefinition(["qvalue", "policy"])

_TRAINING = (
    *("live", "size", "layers", "heads", "width", "batch_size", "steps", "epochs", "lr", "evaluate_every"),
    *(
        "patience",
        "idle_weight",
        "precision",
        "compile",
        "workers",
        "threads",
        "seed",
        "init_from",
        "name",
        "runs",
    ),
)
"""options of `forge train` that are settings; its others are the partition and the resources"""


class TrainSettings(settings_of(forge_train, *_TRAINING)):
    """How a network is taught: the options of `forge train`. init_from may also be `champion`."""


@dg.asset(
    group_name=GROUP,
    deps=[
        dg.AssetDep(token_splits, partition_mapping=dg.SpecificPartitionsPartitionMapping(["train", "val"]))
    ],
    partitions_def=model_partitions,
    code_version=versions.MODEL,
    pool=COMPUTE_POOL,
    kinds={"pytorch"},
    check_specs=[
        dg.AssetCheckSpec(
            "model_loads", asset="oracle_model", blocking=True, description="what is stored reads back whole"
        ),
        dg.AssetCheckSpec(
            "beats_random",
            asset="oracle_model",
            description="at its best it loses less a decision of the val split than random play does",
        ),
    ],
)
def oracle_model(
    context: dg.AssetExecutionContext,
    config: TrainSettings,
    store: ShardStore,
    compute: ComputeDevice,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """A network that says points (qvalue) or logits (policy); tracked in MLflow, the challenger there."""
    from forge_core.cli.train import choose_model, describe_data, make_config, with_settings

    with failing_plainly():
        objective = context.partition_key
        model = choose_model(config.size, config.layers, config.heads, config.width, objective)
        data = describe_data(
            None if config.live else store.root().url, config.live, config.batch_size, config.seed
        )
        training = make_config(
            model,
            data,
            config.steps,
            config.epochs,
            config.lr,
            config.evaluate_every,
            config.patience,
            config.idle_weight,
        )
        training = with_settings(training, config.precision, config.compile, config.seed, compute.device)
        parent = resolve_model(config.init_from, objective, tracker) if config.init_from else None
        size = f"w{config.width}" if config.width else config.size or DEFAULT_SIZE
        folder = folder_of(config, f"texas42-{objective}-{size}-{data['kind']}", training, data, parent)
        tags = {"dagster.run_id": context.run_id, "dagster.asset": context.asset_key.to_user_string()}
        ended = finished(folder) or teach(
            training, data, folder, parent, config, TrainingTracker(tracker, tags)
        )
        return describe_model(context, *ended, data, parent, tracker)


def folder_of(
    config: TrainSettings, stem: str, training: "TrainConfig", data: Mapping[str, Any], parent: str | None
) -> Path:
    """Where a run is kept, below the project unless `runs` says otherwise: the same for the same question."""
    from forge_core.files import fingerprint

    asked = {"train": training.to_dict(), "data": data, "init_from": parent, "code": versions.MODEL}
    return versions.PROJECT / config.runs / (config.name or f"{stem}-{fingerprint(asked)[:8]}")


def finished(folder: Path) -> "tuple[TrainResult, float] | None":
    """What `teach` returned for a folder, if it came to its end."""
    from forge_core.files import Store
    from forge_core.learning.train import TrainResult

    place = Store(str(folder))
    if not place.exists(RESULT):
        return None
    record = json.loads(place.read(RESULT))
    return TrainResult(**record["result"]), record["random"]


def teach(
    training: "TrainConfig",
    data: dict[str, Any],
    folder: Path,
    parent: str | None,
    config: TrainSettings,
    tracking: TrainingTracker,
) -> "tuple[TrainResult, float]":
    """Train as `forge train` does, from the last checkpoint if there is one, and note the end.

    Also the points a decision that random play loses on the rows training is watched by.
    """
    from dataclasses import asdict

    from forge_core.cli.train import open_rows, run, set_threads
    from forge_core.files import Store
    from forge_core.learning.metrics import evaluate_random
    from forge_core.learning.train import CHECKPOINT, CONFIG

    place = Store(str(folder))
    resume = place.exists(CHECKPOINT)
    if not resume and place.exists(CONFIG):
        place.delete(CONFIG)  # begun, and stopped before there was anything to go on from
    makers = max(1, config.workers or 1) if config.live else 0
    set_threads(config.threads, makers)
    source, val_rows = open_rows(data, makers if config.workers != 0 else 0)
    with closing(source) if hasattr(source, "close") else nullcontext():
        result = run(training, source, val_rows, folder, data, parent, resume, False, True, tracking)
    random = evaluate_random(val_rows.q, val_rows.legal)["decision_q_gap"]
    place.write(RESULT, json.dumps({"result": asdict(result), "random": random}, indent=2).encode())
    return result, random


def describe_model(
    context: dg.AssetExecutionContext,
    result: "TrainResult",
    random: float,
    data: Mapping[str, Any],
    parent: str | None,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """What is said of a trained network; its data version is a digest of the weights."""
    from forge_core.files import Store
    from forge_core.learning.checkpoints import load_model
    from forge_core.learning.pictures import draw_curve
    from forge_core.texas42.tokens.rows import STAGE1_SPEC

    STAGE1_SPEC.check_same(load_model(result.model).spec, result.model)
    weights = json.loads(Store(result.model).read("model.json"))["weights"]
    best, last = result.best, result.points[-1]
    metadata: dict[str, Any] = {
        "model": result.model,
        "parameters": result.parameters,
        "decision_q_gap_points": round(best["decision_q_gap"], 4),
        "random_decision_q_gap_points": round(random, 4),
        "best_step": int(best["step"]),
        "rows": int(last["rows"]),
        "seconds": last["seconds"],
        "cpu_seconds": last["cpu_seconds"],
        "rows_per_second": round(last["rows"] / max(last["seconds"], 1e-9)),
        "device": result.device,
        "precision": result.precision,
        "stopped_early": result.stopped_early,
        "trained_on": data["version"],
        "curve": picture(draw_curve(result.points, random)),
    }
    if parent:
        metadata["parent_model"] = parent
    return dg.MaterializeResult(
        data_version=dg.DataVersion(weights),
        metadata=metadata | track(context, result.folder, tracker),
        check_results=[
            dg.AssetCheckResult(check_name="model_loads", passed=True, metadata={"weights": weights}),
            dg.AssetCheckResult(
                check_name="beats_random",
                passed=best["decision_q_gap"] < random,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"decision_q_gap_points": best["decision_q_gap"], "random_points": random},
            ),
        ],
    )


def track(context: dg.AssetExecutionContext, folder: str | Path, tracker: Tracker) -> dict[str, Any]:
    """Metadata that leads to the MLflow run of a training folder; this run's tags lead there too."""
    run = tracker.reopen(folder)
    if not run:
        return {}
    context.instance.add_run_tags(context.run_id, {"mlflow_run_id": run.run_id})
    return {"mlflow_run_id": run.run_id, "mlflow_url": dg.MetadataValue.url(run.url)}


class ModelSettings(dg.Config):
    """Which network."""

    model: str = Field(
        LATEST,
        description="latest: of the last oracle_model; challenger or champion: of the registry; or a folder",
    )

    def find(self, context: dg.AssetExecutionContext, tracker: Tracker) -> str:
        """Its folder. Raises BadInput where there is none."""
        if self.model != LATEST:
            return resolve_model(self.model, context.partition_key, tracker)
        wanted = dg.AssetRecordsFilter(oracle_model.key, asset_partitions=[context.partition_key])
        records = context.instance.fetch_materializations(wanted, limit=1).records
        if not records:
            raise BadInput(f"oracle_model has no {context.partition_key} network yet: materialize it first")
        return str(records[0].asset_materialization.metadata["model"].value)


class EvaluateSettings(ModelSettings, settings_of(forge_evaluate, "rows")):
    """Which network, on how many rows of each golden deal, beside which other."""

    against: str = Field(
        CHAMPION, description="champion, if there is one; or the folder of a model; empty: none"
    )

    def find_other(self, objective: str, mine: str, tracker: Tracker) -> str | None:
        """The folder of the other model."""
        if self.against == CHAMPION:
            found = tracker.fetch(objective, CHAMPION)
            return found[0] if found and found[0] != mine else None
        return resolve_model(self.against, objective, tracker) if self.against else None


WARNINGS = {"q_gap": 0.10, "q_mae": 3.0, "value_mae": 3.0, "blunder_rate": 0.01}
"""points, or a share: what a good network stays below, over all reachable positions"""
ACCURACY = {"qvalue": 0.74, "policy": 0.97}
"""of reachable positions: share of best plays expected"""
OVERFIT = 0.5
"""points a decision that may be lost more in val than in train"""
_COMPARED_ROWS = 20_000


def warning(name: str, description: str) -> dg.AssetCheckSpec:
    """A check that warns."""
    return dg.AssetCheckSpec(name, asset="oracle_model_evaluation", description=description)


@dg.asset(
    group_name=GROUP,
    deps=[oracle_model, dg.AssetDep(golden_shards, partition_mapping=dg.AllPartitionMapping())],
    partitions_def=model_partitions,
    code_version=versions.EVALUATION,
    pool=COMPUTE_POOL,
    kinds={"numpy"},
    check_specs=[
        *(
            warning(name, f"{name} below {limit} over reachable positions")
            for name, limit in WARNINGS.items()
        ),
        warning("accuracy", "best plays found, of reachable positions: policy 97 %, qvalue 74 %"),
        warning("beats_random", "it loses less a decision than random play"),
        warning("train_val_gap", f"a decision of val loses at most {OVERFIT} points more than one of train"),
    ],
)
def oracle_model_evaluation(
    context: dg.AssetExecutionContext,
    config: EvaluateSettings,
    store: ShardStore,
    compute: ComputeDevice,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """A network on golden val, per declaration and per ply, beside random play and the champion."""
    from forge_core.cli.evaluate import answer, compare
    from forge_core.device import resolve_device
    from forge_core.files import fingerprint
    from forge_core.learning.checkpoints import load_model
    from forge_core.learning.pictures import draw_gaps
    from forge_core.texas42.declarations import NAMES
    from forge_core.texas42.splits import Split
    from forge_core.texas42.tokens.rows import STAGE1_SPEC

    with failing_plainly():
        path = config.find(context, tracker)
        other = config.find_other(context.partition_key, path, tracker)
        device = resolve_device(compute.device)
        models = {name: load_model(name, device) for name in (path, other) if name}
        for name, model in models.items():
            STAGE1_SPEC.check_same(model.spec, name)
        answers, random = answer(models, Split.VAL, store.root().url, config.rows, device)
        mine, theirs = answers[path], answers[other] if other else None
        report = {
            "decisions": mine.measure(),
            "uniform": mine.measure(uniform=True),
            "random": random,
            "against": compare(mine, theirs, other) if theirs else None,
            "splits": compare_splits(models[path], store),
        }
        pictured = draw_gaps(
            report["decisions"], random["decisions"], NAMES, theirs.measure() if theirs else None
        )
        figures = key_figures(report)
        run = tracker.reopen(Path(path).parent)
        if run:
            run.metrics({f"golden/{name}": value for name, value in figures.items()} | by_group(report))
            run.file("plots/gaps.png", pictured)
            run.file("evaluation.json", json.dumps(report, indent=1).encode())
            run.tag({"dagster.evaluation_run_id": context.run_id})
        return dg.MaterializeResult(
            data_version=dg.DataVersion(fingerprint({"figures": figures})),
            metadata={
                "model": path,
                **({"against": other} if other else {}),
                **{in_units(name): round(value, 4) for name, value in figures.items()},
                "rows": report["decisions"]["rows"],
                "gaps": picture(pictured),
                "figures": dg.MetadataValue.md(table(report)),
                **track(context, Path(path).parent, tracker),
            },
            check_results=warnings_of(context.partition_key, report, figures),
        )


def compare_splits(model: Any, store: ShardStore) -> dict[str, float]:
    """Points lost a decision in train and in val, where the store has rows of both."""
    from forge_core.learning.metrics import ask
    from forge_core.texas42.splits import Split
    from forge_core.texas42.tokens.splits import TokenStore

    found: dict[str, float] = {}
    for split in (Split.TRAIN, Split.VAL):
        try:
            tokens = TokenStore(store.root(), split)
        except BadInput:  # trained live
            return {}
        answers: Answers = ask(model, [tokens.rows(min(_COMPARED_ROWS, len(tokens)))])
        found[f"{split}_decision_q_gap"] = answers.measure()["decision_q_gap"]
    return found


def key_figures(report: Mapping[str, Any]) -> dict[str, float]:
    """The figures a network is known by: over reachable positions, and over decisions, beside random play."""
    names = ("q_gap", "q_mae", "value_mae", "blunder_rate", "accuracy", "regret_p99", "regret_max")
    uniform, decisions = report["uniform"], report["decisions"]
    figures = {name: uniform[name] for name in names if name in uniform}
    figures |= {f"decision_{n}": decisions[f"decision_{n}"] for n in names if f"decision_{n}" in decisions}
    figures |= {
        "random_q_gap": report["random"]["uniform"]["q_gap"],
        "random_decision_q_gap": report["random"]["decisions"]["decision_q_gap"],
    }
    if against := report["against"]:
        figures |= {
            "other_q_gap": against["uniform"]["q_gap"],
            "other_decision_q_gap": against["decisions"]["decision_q_gap"],
            "saved": against["saved"],
            "saved_standard_error": against["standard_error"],
        }
    return figures | report["splits"]


def by_group(report: Mapping[str, Any]) -> dict[str, float]:
    """Points lost a decision, by declaration and ply, under the names MLflow groups by."""
    from forge_core.texas42.declarations import NAMES

    decls, plies = report["decisions"]["per_decl"], report["decisions"]["per_ply"]
    found = {f"golden_decl/{NAMES[decl]}": entry.get("decision_q_gap") for decl, entry in decls.items()}
    found |= {f"golden_ply/{ply:02d}": entry.get("decision_q_gap") for ply, entry in plies.items()}
    return {name: value for name, value in found.items() if value is not None}


def in_units(name: str) -> str:
    """`q_gap` -> `q_gap_points`; shares stay as they are."""
    return name if name.endswith(("rate", "accuracy")) else f"{name}_points"


def warnings_of(
    objective: str, report: Mapping[str, Any], figures: Mapping[str, float]
) -> list[dg.AssetCheckResult]:
    """What a good network would do better."""
    uniform = report["uniform"]
    held = {name: (uniform.get(name), limit) for name, limit in WARNINGS.items()}  # logits have no q_mae
    held["beats_random"] = figures["decision_q_gap"], figures["random_decision_q_gap"]
    if report["splits"]:
        held["train_val_gap"] = (
            figures["val_decision_q_gap"] - figures["train_decision_q_gap"],
            OVERFIT,
        )
    else:
        held["train_val_gap"] = None, OVERFIT
    results = [
        dg.AssetCheckResult(
            check_name=name,
            passed=bool(found is None or found < limit),
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"found": "does not apply" if found is None else round(found, 4), "below": limit},
        )
        for name, (found, limit) in held.items()
    ]
    expected = ACCURACY[objective]
    return [
        *results,
        dg.AssetCheckResult(
            check_name="accuracy",
            passed=uniform["accuracy"] >= expected,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"found": round(uniform["accuracy"], 4), "at_least": expected},
        ),
    ]


def table(report: Mapping[str, Any]) -> str:
    """Points lost a decision by declaration and by ply, as Markdown tables."""
    from forge_core.texas42.declarations import NAMES

    others = [("random play", report["random"]["decisions"])]
    if report["against"]:
        others.insert(0, ("the other", report["against"]["decisions"]))
    lines = []
    for key, title in (("per_decl", "declaration"), ("per_ply", "ply")):
        lines += ["", f"| {title} | this | {' | '.join(name for name, _ in others)} |"]
        lines += ["|-" + "|-" * (1 + len(others)) + "|"]
        for group, entry in report["decisions"][key].items():
            if "decision_q_gap" not in entry:
                continue
            cells = [entry, *(found[key][group] for _, found in others)]
            label = NAMES[group] if key == "per_decl" else group
            lines.append(
                f"| {label} | " + " | ".join(f"{cell['decision_q_gap']:.2f}" for cell in cells) + " |"
            )
    return "\n".join(lines[1:])


@dg.asset(
    group_name=GROUP,
    deps=[oracle_model],
    partitions_def=model_partitions,
    code_version=versions.ONNX,
    kinds={"onnx"},
    check_specs=[
        dg.AssetCheckSpec(
            "parity",
            asset="oracle_model_onnx",
            blocking=True,
            description="onnxruntime answers as torch does, over batches of several sizes",
        )
    ],
)
def oracle_model_onnx(
    context: dg.AssetExecutionContext, config: ModelSettings, tracker: Tracker
) -> dg.MaterializeResult:
    """A network as an ONNX file, any batch, beside its weights and in MLflow."""
    from forge_core.files import Store, fingerprint
    from forge_core.learning.checkpoints import load_model
    from forge_core.learning.onnx import PARITY, export_onnx

    with failing_plainly():
        path = config.find(context, tracker)
        export = export_onnx(load_model(path), path)
        run = tracker.reopen(Path(path).parent)
        if run:
            run.file("onnx/model.onnx", Store(path).read("model.onnx"))
            run.metrics({"onnx/action_difference": export.action_difference})
        weights = json.loads(Store(path).read("model.json"))["weights"]
        largest = max(export.action_difference, export.value_difference)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(fingerprint({"weights": weights, "onnx": versions.ONNX})),
            metadata={
                "onnx": export.path,
                "mib": round(export.nbytes / 2**20, 3),
                "largest_difference_points": largest,
                "same_choice": export.same_choice,
                "rows_compared": export.rows,
                "versions": export.versions,
                **track(context, Path(path).parent, tracker),
            },
            check_results=[
                dg.AssetCheckResult(
                    check_name="parity",
                    passed=largest <= PARITY,
                    metadata={"largest_difference_points": largest, "at_most": PARITY},
                )
            ],
        )
