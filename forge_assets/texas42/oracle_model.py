"""Networks that approximate the oracle: training, evaluation on the benchmark, export to ONNX."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from forge_assets.checks import partition_check, warn
from forge_assets.frames.metadata import columns_of, extent_of
from forge_assets.gate.networks import load_network
from forge_assets.pictures import picture
from forge_assets.resources import COMPUTE_POOL, ComputeDevice, ShardStore, failing_plainly
from forge_assets.settings import config_of
from forge_assets.texas42 import groups, versions
from forge_assets.texas42.network_tables import EVALUATIONS
from forge_assets.texas42.networks import (
    export_network,
    parity_check,
    teach_network,
    teaching_checks,
)
from forge_assets.texas42.oracle_shards import golden_shards
from forge_assets.texas42.token_splits import token_splits
from forge_assets.tracking.evaluation import track_evaluation
from forge_assets.tracking.launchpad import ModelLaunchpad
from forge_assets.tracking.links import link_training
from forge_assets.tracking.notes import THIS_NETWORK
from forge_assets.tracking.registry import CHAMPION, ModelRegistry, resolve_model
from forge_assets.tracking.tracker import Tracker
from forge_core.errors import BadInput
from forge_core.learning.labelled.settings import LiveTeachingSettings
from forge_core.texas42.reference import REFERENCE, REFERENCE_MODEL
from forge_core.texas42.settings.scores import ScoreSettings

if TYPE_CHECKING:
    from forge_core.learning.labelled.answers import Answers

model_partitions = dg.StaticPartitionsDefinition(["qvalue", "policy"])


class LiveTeachingLaunchpad(config_of(LiveTeachingSettings)):
    """Settings of training and of its rows. init_from may also be `champion`; paths are relative to the
    project."""


@dg.asset(
    group_name=groups.LEARNING,
    deps=[
        dg.AssetDep(token_splits, partition_mapping=dg.SpecificPartitionsPartitionMapping(["train", "val"]))
    ],
    partitions_def=model_partitions,
    code_version=versions.MODEL,
    pool=COMPUTE_POOL,
    kinds={"pytorch", "mlflow"},
    check_specs=teaching_checks("oracle_model", model_partitions),
)
def oracle_model(
    context: dg.AssetExecutionContext,
    config: LiveTeachingLaunchpad,
    store: ShardStore,
    compute: ComputeDevice,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """A network that predicts points (qvalue) or logits (policy). Its training is tracked in MLflow, where it
    is registered; the first one is the challenger until another one loses less in its evaluation."""
    with failing_plainly():
        objective, stage = context.partition_key, 1
        return teach_network(context, objective, stage, config.settings(), store, compute, tracker)


class EvaluateLaunchpad(ModelLaunchpad, config_of(ScoreSettings)):
    """Settings of the evaluation: the network, the rows per golden deal, and the network to compare with."""

    against: str = Field(
        CHAMPION,
        description="Network to compare with: champion (if there is one), a folder, or empty for none.",
    )

    def find_other(self, objective: str, mine: str, tracker: Tracker) -> str | None:
        """Return the folder of the network to compare with; None if there is none."""
        if self.against == CHAMPION:
            found = ModelRegistry(tracker).fetch(objective, CHAMPION)
            return found.folder if found and found.folder != mine else None
        return resolve_model(self.against, objective, tracker) if self.against else None


WARNINGS = {"q_gap": 0.10, "q_mae": 3.0, "value_mae": 3.0, "blunder_rate": 0.01}
"""limits, in points or as shares, below which a good network stays over all reachable positions"""
ACCURACY = 0.90
"""share of decisions in which the network must find a best play, over reachable positions. Ties count as
right, so over all positions even random play finds 86 %; in decisions it finds 50 %, and an older network, a
third of the reference's size, 90.4 % (`forge evaluate models/texas42-qvalue-73k --json`)"""
OVERFIT = 0.5
"""points per decision by which the loss on val may exceed the loss on train"""
_COMPARED_ROWS = 20_000
TRACKED = (
    "decision_q_gap",
    "decision_accuracy",
    "decision_blunder_rate",
    "decision_q_mae",
    "random_decision_q_gap",
    "other_decision_q_gap",
    "saved",
    "saved_standard_error",
)
"""figures that MLflow shows; the file evaluation.json of the run has all, also by declaration and ply"""
GOLDEN_UNIT = "points lost per decision, golden val"


def warning(name: str, description: str) -> dg.AssetCheckSpec:
    """Return a check of oracle_model_evaluation that warns but blocks nothing."""
    return partition_check("oracle_model_evaluation", name, description, model_partitions, blocking=False)


@dg.asset(
    group_name=groups.LEARNING,
    deps=[oracle_model, dg.AssetDep(golden_shards, partition_mapping=dg.AllPartitionMapping())],
    partitions_def=model_partitions,
    code_version=versions.EVALUATION,
    pool=COMPUTE_POOL,
    kinds={"json"},
    metadata=columns_of(EVALUATIONS),
    check_specs=[
        *(
            warning(name, f"{name} below {limit} over reachable positions")
            for name, limit in WARNINGS.items()
        ),
        warning(
            "accuracy",
            f"it finds a best play in at least {ACCURACY:.0%} of decisions, over reachable positions; any of "
            "several best plays is right. Random play finds 50 %, the older network "
            "models/texas42-qvalue-73k 90.4 %",
        ),
        warning("beats_random", "it loses fewer points per decision than random play"),
        warning("train_val_gap", f"it loses at most {OVERFIT} points per decision more on val than on train"),
    ],
)
def oracle_model_evaluation(
    context: dg.AssetExecutionContext,
    config: EvaluateLaunchpad,
    store: ShardStore,
    compute: ComputeDevice,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """Evaluation of a network on golden val, by declaration and ply, next to random play and the champion.

    Its checks warn until a network is about as good as models/texas42-qvalue-73k, which is older and smaller
    than the reference; one that has trained for two minutes is not.
    """
    from forge_core.device import resolve_device
    from forge_core.files import fingerprint
    from forge_core.splits import Split
    from forge_core.texas42.scoring import ask_all, golden_questions, report_of
    from forge_core.texas42.tokens.golden import scores_of
    from forge_core.texas42.tokens.pictures import draw_golden_gaps
    from forge_core.texas42.tokens.rows import STAGE1_SPEC

    with failing_plainly():
        path = config.find(context, context.partition_key, tracker)
        other = config.find_other(context.partition_key, path, tracker)
        device = resolve_device(compute.device)
        models = {name: load_network(name, device) for name in (path, other) if name}
        for name, model in models.items():
            STAGE1_SPEC.check_same(model.network.spec, name)
        networks = {name: model.network for name, model in models.items()}
        rows = config.settings().rows
        answers = ask_all(networks, golden_questions(Split.VAL, store.root(), rows))
        for name, of_network in answers.items():  # so that the gate need not evaluate them again
            scores_of(of_network, models[name].weights, rows).keep(store.root())
        report = report_of(answers[path], answers[other] if other else None, other)
        report["splits"] = compare_splits(networks[path], store)
        pictured = draw_golden_gaps(report)
        figures = key_figures(report)
        track_evaluation(
            context,
            tracker,
            context.partition_key,
            path,
            figures={f"val_golden/{name}": figures[name] for name in TRACKED if name in figures},
            pictures={"gaps": pictured},
            report=report,
            unit=GOLDEN_UNIT,
            compare=lambda: compare_headlines(figures, reference_figure(store, rows), config.against),
            loss=figures["decision_q_gap"],
            measure=f"{GOLDEN_UNIT}, {rows} rows per deal, {versions.EVALUATION}",
        )
        return dg.MaterializeResult(
            data_version=dg.DataVersion(fingerprint({"figures": figures})),
            metadata={
                "gaps": picture(pictured),
                "figures": dg.MetadataValue.md(table(report)),
                "model": path,
                **({"against": other} if other else {}),
                **{in_units(name): round(value, 4) for name, value in figures.items()},
                "rows": f"{report['decisions']['rows']:,}",
                **extent_of(store.root().join(*EVALUATIONS.folders), len(answers)),
                **link_training(context, Path(path).parent, tracker),
            },
            check_results=warnings_of(report, figures),
        )


def compare_splits(model: Any, store: ShardStore) -> dict[str, float]:
    """Return the points lost per decision on train and on val; empty if the store lacks rows of either."""
    from forge_core.learning.labelled.answers import ask
    from forge_core.splits import Split
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
    """Return the main figures of a network over reachable positions and decisions, next to random play."""
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


def reference_figure(store: ShardStore, rows: int) -> float:
    """Return the points that the reference network loses per decision; the store keeps them once known."""
    from forge_core.texas42.tokens.golden import score

    reference = load_network(REFERENCE_MODEL, "cpu")
    return score(reference.network, reference.weights, store.root(), rows).decision_q_gap


def compare_headlines(figures: Mapping[str, float], reference: float, against: str) -> dict[str, float]:
    """Return the points lost per decision by player. against: the setting of the network to compare with."""
    compared = {THIS_NETWORK: figures["decision_q_gap"], "random play": figures["random_decision_q_gap"]}
    compared[f"the reference, {REFERENCE}"] = reference
    if "other_decision_q_gap" in figures and against != REFERENCE:
        compared["the champion" if against == CHAMPION else against] = figures["other_decision_q_gap"]
    return compared


def in_units(name: str) -> str:
    """Return the name of a figure with its unit: `q_gap` -> `q_gap_points`; shares stay as they are."""
    return name if name.endswith(("rate", "accuracy")) else f"{name}_points"


def warnings_of(report: Mapping[str, Any], figures: Mapping[str, float]) -> list[dg.AssetCheckResult]:
    """Return the results of the checks, which warn if the network misses a limit."""
    uniform = report["uniform"]
    held = {name: (uniform.get(name), limit) for name, limit in WARNINGS.items()}  # logits have no q_mae
    held["beats_random"] = figures["decision_q_gap"], figures["random_decision_q_gap"]
    splits = report["splits"]
    gap = splits["val_decision_q_gap"] - splits["train_decision_q_gap"] if splits else None
    held["train_val_gap"] = gap, OVERFIT
    results = [
        warn(
            name,
            bool(found is None or found < limit),
            found="does not apply" if found is None else round(found, 4),
            below=f"{limit:.4g}",
        )
        for name, (found, limit) in held.items()
    ]
    found = uniform["decision_accuracy"]
    return [
        *results,
        warn(
            "accuracy",
            found >= ACCURACY,
            found=round(found, 4),
            at_least=f"{ACCURACY:g}",
            random_play=f"{report['random']['uniform']['decision_accuracy']:.4f}",
        ),
    ]


def table(report: Mapping[str, Any]) -> str:
    """Return the points lost per decision by declaration and by ply, as Markdown tables."""
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
    group_name=groups.LEARNING,
    deps=[oracle_model],
    partitions_def=model_partitions,
    code_version=versions.ONNX,
    kinds={"onnx"},
    check_specs=[parity_check("oracle_model_onnx", model_partitions)],
)
def oracle_model_onnx(
    context: dg.AssetExecutionContext, config: ModelLaunchpad, tracker: Tracker
) -> dg.MaterializeResult:
    """The network as an ONNX file that accepts any batch size, stored next to its weights and in MLflow.

    It needs packages that `make setup` leaves out: `pip install -e '.[onnx]' -c constraints.txt`.
    """
    with failing_plainly():
        path = config.find(context, context.partition_key, tracker)
        return export_network(context, path, versions.ONNX, tracker)
