"""Networks of Liuzhou on the ladder of fixed opponents."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from forge_assets.checks import partition_check, warn
from forge_assets.frames.metadata import columns_of, extent_of
from forge_assets.gate.networks import weights_of
from forge_assets.liuzhou import versions
from forge_assets.liuzhou.model import liuzhou_model
from forge_assets.liuzhou.names import GROUP, objective_of
from forge_assets.liuzhou.partitions import sizes
from forge_assets.liuzhou.tables import EVALUATIONS, EVALUATIONS_FOLDER
from forge_assets.pictures import picture
from forge_assets.resources import COMPUTE_POOL, ComputeDevice, ShardStore, failing_plainly
from forge_assets.settings import config_of
from forge_assets.tracking.evaluation import track_evaluation, version_of_evaluation
from forge_assets.tracking.launchpad import ModelLaunchpad
from forge_assets.tracking.links import link_training
from forge_assets.tracking.notes import THIS_NETWORK
from forge_assets.tracking.tracker import Tracker
from forge_core.liuzhou.settings.matches import LadderSettings

if TYPE_CHECKING:
    from forge_core.liuzhou.ladder import Ladder

ELO = "ladder/elo"
"""figure of the MLflow run of a network, by which the flywheel compares champions"""
MUST_BEAT = ("random", "greedy", "reply")
"""opponents that a network should beat: random play, and players that count stones"""


class LadderLaunchpad(ModelLaunchpad, config_of(LadderSettings)):
    """Settings of the ladder, and the network that climbs it."""


@dg.asset(
    group_name=GROUP,
    deps=[liuzhou_model],
    partitions_def=sizes,
    code_version=versions.EVALUATION,
    pool=COMPUTE_POOL,
    kinds={"json"},
    metadata=columns_of(EVALUATIONS),
    check_specs=[
        partition_check(
            "liuzhou_evaluation",
            f"beats_{opponent}",
            f"it played {opponent}, and the interval of its score lies above one half",
            sizes,
            blocking=False,
        )
        for opponent in MUST_BEAT
    ],
)
def liuzhou_evaluation(
    context: dg.AssetExecutionContext,
    config: LadderLaunchpad,
    store: ShardStore,
    compute: ComputeDevice,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """Play a network against the ladder by pairs of games from one opening: wins, draws and losses, scores
    and Elo ratings with intervals, which are stored. The gate then compares it with the champion."""
    from forge_core.arena.pictures import draw_ladder
    from forge_core.device import device_name, resolve_device
    from forge_core.learning.evaluations import StoredEvaluation
    from forge_core.liuzhou.ladder import climb

    with failing_plainly():
        path = config.find(context, objective_of(context.partition_key), tracker)
        device = resolve_device(compute.device)
        settings = config.settings()
        ladder = climb(path, settings, device)
        place, record = store.root().join(EVALUATIONS_FOLDER), ladder.to_dict()
        weights, known = weights_of(path), asdict(settings)
        StoredEvaluation(weights, path, versions.EVALUATION, known, record).keep(place)
        drawn = draw_ladder([comparison.tally for comparison in ladder.comparisons], ladder.ratings)
        elo = ladder.rating.elo
        track_evaluation(
            context,
            tracker,
            objective_of(context.partition_key),
            path,
            figures=figures_of(ladder),
            pictures={"ladder": drawn},
            report=record,
            unit="Elo on the ladder, where random play has 0",
            compare=lambda: {THIS_NETWORK: elo},
            loss=-elo,
            measure=f"-Elo, {versions.EVALUATION}",
        )
        return dg.MaterializeResult(
            data_version=version_of_evaluation(weights, known, figures_of(ladder)),
            metadata={
                "ladder": picture(drawn),
                "table": dg.MetadataValue.md(table(ladder)),
                "model": path,
                "elo": round(ladder.rating.elo, 1),
                "elo_low": round(ladder.rating.low, 1),
                "elo_high": round(ladder.rating.high, 1),
                **scores_of(ladder),
                "seconds": round(ladder.seconds, 3),
                "device": device_name(device),
                **link_training(context, Path(path).parent, tracker),
                **extent_of(place, len(ladder.matches)),
            },
            check_results=report_checks(ladder),
        )


def figures_of(ladder: "Ladder") -> dict[str, float]:
    """Return the figures of a network on the ladder, by names that MLflow groups."""
    rating = ladder.rating
    return {
        ELO: rating.elo,
        "ladder/elo_low": rating.low,
        "ladder/elo_high": rating.high,
        **{f"ladder/{name}": score for name, score in scores_of(ladder).items()},
    }


def scores_of(ladder: "Ladder") -> dict[str, float]:
    """Return the score against each opponent: `score_playouts_256`."""
    return {
        f"score_{comparison.tally.b.replace(':', '_')}": round(comparison.tally.score.mean, 4)
        for comparison in ladder.comparisons
    }


def table(ladder: "Ladder") -> str:
    """Return the matches of a network as a Markdown table."""
    from forge_core.arena.scores import score_text
    from forge_core.arena.standings import swing_text, to_markdown

    lines = [["against", "won", "drawn", "lost", "score", "stones", "plies", "pairs"]]
    for comparison in ladder.comparisons:
        tally = comparison.tally
        counts = [f"{count:,}" for count in (tally.won, tally.drawn, tally.lost)]
        plies = f"{comparison.plies:.0f}"
        scores = [score_text(tally.score), swing_text(comparison.stones), plies, f"{tally.seeds:,}"]
        lines.append([tally.b, *counts, *scores])
    return to_markdown(lines)


def report_checks(ladder: "Ladder") -> list[dg.AssetCheckResult]:
    """Return the results of the checks: each warns if the network does not beat an opponent beyond chance,
    or has not played it."""
    scores = {comparison.tally.b: comparison.tally.score for comparison in ladder.comparisons}

    def result(opponent: str) -> dg.AssetCheckResult:
        score = scores.get(opponent)
        if score is None:
            return warn(f"beats_{opponent}", False, score="not played")
        shown = {"score": round(score.mean, 4), "at_least": round(score.low, 4)}
        return warn(f"beats_{opponent}", score.low > 0.5, **shown)

    return [result(opponent) for opponent in MUST_BEAT]
