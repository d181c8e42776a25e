"""Networks of Skull King at every table of the evaluation."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from forge_assets.checks import partition_check, warn
from forge_assets.frames.metadata import columns_of, extent_of
from forge_assets.gate.networks import weights_of
from forge_assets.pictures import picture
from forge_assets.resources import COMPUTE_POOL, ComputeDevice, ShardStore, failing_plainly
from forge_assets.settings import config_of
from forge_assets.skull_king import versions
from forge_assets.skull_king.names import GROUP, objective_of
from forge_assets.skull_king.partitions import recipes
from forge_assets.skull_king.policy import figures_of, skull_king_policy
from forge_assets.skull_king.tables import EVALUATIONS, FOLDER
from forge_assets.tracking.evaluation import track_evaluation, version_of_evaluation
from forge_assets.tracking.launchpad import ModelLaunchpad
from forge_assets.tracking.links import link_training
from forge_assets.tracking.notes import THIS_NETWORK
from forge_assets.tracking.tracker import Tracker
from forge_core.skull_king.settings.evaluation import EvaluationSettings

if TYPE_CHECKING:
    from forge_core.skull_king.arena import Result
    from forge_core.skull_king.evaluation import Evaluation

SCORE = "evaluation/hard_score"
"""figure of the MLflow run of a network, by which its model card is named"""
LARGEST_ERROR = 0.03
"""calibration error of bids from which on the check warns: a bid of 5 tricks then expects about 3 points too
many"""
CHECKS = {
    "no_illegal_action": "the readable rules replay the recorded games of the first deals at every table: "
    "each action of every seat is legal, and the points are the same",
    "deltas_add_up": "the points by round sum to the score, at every table",
    "seats_balanced": "every deal was played once in every seat, at every table",
}
WARNINGS = {
    "above_hard": "the interval of its score against three hards lies above the mean score of hard there",
    "bids_calibrated": f"the calibration error of its bids against three hards is below {LARGEST_ERROR}",
}


class EvaluationLaunchpad(ModelLaunchpad, config_of(EvaluationSettings)):
    """Settings of the evaluation, and the network that is evaluated."""

    beside: str = Field(
        "captain",
        description="Players to compare with at the table of three hards, next to hard, separated by spaces: "
        "for example captain search:30, which takes minutes.",
    )


@dg.asset(
    group_name=GROUP,
    deps=[skull_king_policy],
    partitions_def=recipes,
    code_version=versions.EVALUATION,
    pool=COMPUTE_POOL,
    kinds={"json"},
    metadata=columns_of(EVALUATIONS),
    check_specs=[
        partition_check("skull_king_evaluation", name, description, recipes, blocking=name in CHECKS)
        for name, description in (CHECKS | WARNINGS).items()
    ],
)
def skull_king_evaluation(
    context: dg.AssetExecutionContext,
    config: EvaluationLaunchpad,
    store: ShardStore,
    compute: ComputeDevice,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """Play a network against three hards, three captains and a mixed table, each deal in every seat: scores,
    bids met and wins with intervals, by round; and compare what it states about its bids with the results.
    The network that scores most against three hards becomes the challenger. The results are stored."""
    from forge_core.device import device_name, resolve_device
    from forge_core.learning.evaluations import StoredEvaluation
    from forge_core.skull_king.evaluation import evaluate_network

    with failing_plainly():
        objective, settings = objective_of(context.partition_key), config.settings()
        path = config.find(context, objective, tracker)
        device = resolve_device(compute.device)
        found = evaluate_network(path, settings, device, config.beside.split())
        place, record = store.root().join(FOLDER), found.to_dict()
        known = asdict(settings) | {"beside": config.beside}
        weights, figures = weights_of(path), tracked_figures(found)
        StoredEvaluation(weights, path, versions.EVALUATION, known, record).keep(place)
        drawn = draw(found)
        track_evaluation(
            context,
            tracker,
            objective,
            path,
            figures=figures,
            pictures=drawn,
            report=record,
            unit=f"points per game against {found.main.others_text}",
            compare=lambda: compare_scores(found),
            loss=None if settings.final else -found.main.score.mean,  # final deals choose no network
            measure=measure_of(found, settings),
        )
        return dg.MaterializeResult(
            data_version=version_of_evaluation(weights, known, figures | compare_scores(found)),
            metadata={
                **{name: picture(png) for name, png in drawn.items()},
                "tables": dg.MetadataValue.md(table(found)),
                "by_round": dg.MetadataValue.md(round_table(found)),
                "model": path,
                **figures_of(found.main),
                **{f"{name}_score": round(of.score.mean, 2) for name, of in found.tables.items()},
                **{f"{name}_wins": round(of.win.mean, 4) for name, of in found.tables.items()},
                **calibration_errors(found),
                "deals": len(found.main.seeds),
                "seconds": round(found.seconds, 3),
                "device": device_name(device),
                **link_training(context, Path(path).parent, tracker),
                **extent_of(place, len(found.tables) + len(found.others)),
            },
            check_results=report_checks(found),
        )


def draw(found: "Evaluation") -> dict[str, bytes]:
    """Draw the pictures of an evaluation, by name: PNG."""
    from forge_core.skull_king.pictures.bids import draw_calibration, draw_tricks
    from forge_core.skull_king.pictures.rounds import draw_rounds
    from forge_core.skull_king.pictures.times import draw_times

    names = ["the network", *(other.name for other in found.others)]
    drawn = {
        "rounds": draw_rounds([found.main, *found.others], names, "Points against 3 hard"),
        "decision_times": draw_times(found.times, names),
        "tricks": draw_tricks(found.main.tricks, "Tricks won for each bid, against 3 hard"),
    }
    if calibration := found.calibrations["hard"]:
        drawn["calibration"] = draw_calibration(calibration, found.main.tricks)
    return drawn


def calibration_errors(found: "Evaluation") -> dict[str, float]:
    """Return the calibration error of bids at each table: `hard_calibration_error`."""
    known = found.calibrations.items()
    return {f"{name}_calibration_error": round(of.error, 4) for name, of in known if of}


def tracked_figures(found: "Evaluation") -> dict[str, float]:
    """Return the figures of an evaluation, by names that MLflow groups; SCORE is one of them."""
    figures = {f"evaluation/{name}": error for name, error in calibration_errors(found).items()}
    for name, result in found.tables.items():
        figures[f"evaluation/{name}_score"] = result.score.mean
        figures[f"evaluation/{name}_score_low"] = result.score.low
        figures[f"evaluation/{name}_hit"] = result.hit.mean
        figures[f"evaluation/{name}_wins"] = result.win.mean
    return figures


def compare_scores(found: "Evaluation") -> dict[str, float]:
    """Return the scores of the network and of other players, by name, at the table of three hards."""
    return {THIS_NETWORK: found.main.score.mean} | {of.name: of.score.mean for of in found.others}


def measure_of(found: "Evaluation", settings: EvaluationSettings) -> str:
    """Return what a score measures; scores at other tables, or on other deals, are not compared."""
    from forge_core.files import fingerprint

    table, rules = found.main.others_text, fingerprint(asdict(found.rules))
    deals = f"{settings.deals} deals, seed {settings.seed}"
    return f"-score against {table}, rules {rules}, {deals}, {versions.EVALUATION}"


def table(found: "Evaluation") -> str:
    """Return the results at every table, and of other players, as Markdown."""
    from forge_core.arena.standings import to_markdown
    from forge_core.skull_king.arena import interval_text

    lines = [["player", "against", "score", "bids met", "wins", "score of others", "games"]]

    def add(name: str, result: "Result") -> None:
        games = len(result.seeds) * (len(result.others) + 1)
        intervals = (
            interval_text(result.score, 1),
            interval_text(result.hit, 3),
            interval_text(result.win, 3),
        )
        others = f"{result.other_score.mean:+.1f}"
        lines.append([name, result.others_text, *intervals, others, f"{games:,}"])

    for result in found.tables.values():
        add("the network", result)
    for result in found.others:
        add(result.name, result)
    return to_markdown(lines)


def round_table(found: "Evaluation") -> str:
    """Return points and bids met by round at every table, as Markdown."""
    from forge_core.arena.standings import to_markdown
    from forge_core.skull_king.arena import interval_text

    names = list(found.tables)
    lines = [["round", *(f"{name}: points" for name in names), *(f"{name}: bids met" for name in names)]]
    by_table = [found.tables[name].rounds() for name in names]
    for number, each in enumerate(zip(*by_table, strict=True), start=1):
        points = [interval_text(of_points, 1) for of_points, _ in each]
        hits = [interval_text(of_hits, 3) for _, of_hits in each]
        lines.append([str(number), *points, *hits])
    return to_markdown(lines)


def report_checks(found: "Evaluation") -> list[dg.AssetCheckResult]:
    """Return the results of the checks. A network that states nothing about its bids is not calibrated."""
    faults, games = found.faults(), sum(len(of.seeds) * (len(of.others) + 1) for of in found.tables.values())
    counted = {name: {"games": games} for name in CHECKS}
    counted["no_illegal_action"] = {
        "games": sum(replay.games for replay in found.replays),
        "actions": sum(replay.actions for replay in found.replays),
        "faults": sum(len(replay.faults) for replay in found.replays),
    }
    results = [
        dg.AssetCheckResult(
            check_name=name,
            passed=name not in faults and counted[name]["games"] > 0,
            metadata={**counted[name], **({"fault": faults[name]} if name in faults else {})},
        )
        for name in CHECKS
    ]
    hard, calibration = found.others[0].score.mean, found.calibrations["hard"]
    error: Any = calibration.error if calibration else None
    low = found.main.score.low
    return [
        *results,
        warn("above_hard", low > hard, at_least=round(low, 2), hard=f"{hard:.2f}"),
        warn(
            "bids_calibrated",
            error is not None and error < LARGEST_ERROR,
            error="not stated" if error is None else round(error, 4),
            below=f"{LARGEST_ERROR:g}",
        ),
    ]
