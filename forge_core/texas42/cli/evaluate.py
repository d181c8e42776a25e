"""`forge evaluate`: compare a network on the benchmark with random play and optionally another network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_core.cli.filling import check_place
from forge_core.cli.options import Device, Json, expand_settings, given
from forge_core.errors import BadInput
from forge_core.texas42.folders import GAMES_FOLDER, GOLDEN_SHARDS
from forge_core.texas42.settings.scores import ScoreSettings

if TYPE_CHECKING:
    from forge_core.files import Store
    from forge_core.learning.labelled.answers import Answers
    from forge_core.learning.networks.transformer import TokenTransformer
    from forge_core.splits import Split
    from forge_core.texas42.scoring import Questions

FIGURES = {
    "q_gap": "points lost",
    "blunder_rate": "blunders",
    "accuracy": "best play found",
    "regret_p99": "99th percentile lost",
    "regret_max": "most points lost",
    "q_mae": "error of Q",
    "value_mae": "error of V",
    "spread_mae": "error of the spread",
    "spread_bias": "bias of the spread",
}
"""labels for the keys of `evaluate_q`"""

OF_DEALS = (
    "decisions: rows in which points can be lost, with equal shares of every ply; positions: all reachable "
    "ones, in most of which nothing can be lost. Points are the mover's."
)
OF_GAMES = (
    "The labels are the E[Q] of the recorded games, means over worlds. decisions: rows of a game in which "
    "points can be lost. Points are the mover's; the spread is the standard deviation of Q over worlds."
)

_SHARES = {"blunder_rate", "accuracy"}


@expand_settings
def evaluate(
    *,
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Folder of a model.")],
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="PATH", help="Another model, which is compared deal by deal."),
    ] = None,
    final: Annotated[
        bool,
        typer.Option(
            "--final", help="Use the sealed test deals. Do this only once, after all choices have been made."
        ),
    ] = False,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help=f"Root of a store with {GOLDEN_SHARDS}/, so that deals need not be solved; for a stage 2 "
            f"model, with {GAMES_FOLDER}/.",
        ),
    ] = None,
    settings: ScoreSettings,
    plots: Annotated[
        str | None, typer.Option("--plots", metavar="DIR", help="Also draw gaps.png in this folder.")
    ] = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Evaluate a network on the benchmark: 200 deals on which no network is trained.

    A stage 2 model is evaluated on recorded games instead.
    """
    from forge_core.cli.screen import print_json
    from forge_core.files import Store
    from forge_core.learning.checkpoints import load_model
    from forge_core.splits import Split
    from forge_core.texas42.scoring import game_questions, golden_questions, report_of
    from forge_core.texas42.tokens.inferences import STAGE2_SPEC
    from forge_core.texas42.tokens.pictures import draw_golden_gaps
    from forge_core.texas42.tokens.rows import STAGE1_SPEC

    models = {path: load_model(path, device) for path in [model, *([against] if against else [])]}
    spec = STAGE2_SPEC if models[model].spec.name == STAGE2_SPEC.name else STAGE1_SPEC
    for path, loaded in models.items():
        spec.check_same(loaded.spec, path)
    if plots:
        check_place(Store(plots))
    split, root = Split.TEST if final else Split.VAL, None if data is None else Store(data)
    if spec is STAGE1_SPEC:
        if root:
            check_golden(split, root)
        questions = golden_questions(split, root, settings.rows)
    else:
        if root is None:
            raise BadInput(
                f"{model} is a stage 2 model, which is evaluated on games: name a store with {GAMES_FOLDER}/ "
                "as --data"
            )
        if "rows" in given(context):
            raise BadInput(
                "--rows has no effect on stage 2 models, which use all rows of a game: leave it out"
            )
        questions = game_questions(split, root)
    answers = ask_all(models, questions, split)
    report = {
        "model": model,
        "parameters": models[model].n_parameters,
        "benchmark": {"tokens": spec.name, "split": split, **questions.record},
        **report_of(answers[model], answers[against] if against else None, against),
    }
    if json:
        print_json(report)
    else:
        print_report(report)
    if plots:  # last, so that results are not lost if drawing fails
        Store(plots).write("gaps.png", draw_golden_gaps(report))


def check_golden(split: Split, root: Store) -> None:
    """Print how many deals of the benchmark must be solved. Raises BadInput if the store has none of them."""
    from forge_core.cli.screen import notes
    from forge_core.texas42.scoring import count_unsolved
    from forge_core.texas42.tokens.golden import golden_keys

    if n_unsolved := count_unsolved(split, root):
        n_deals = len(golden_keys(split))
        place = root.join(GOLDEN_SHARDS).url
        notes().print(
            f"{n_unsolved:,} of {n_deals:,} deals are not in {place}; they are being solved", soft_wrap=True
        )


def ask_all(models: dict[str, TokenTransformer], questions: Questions, split: Split) -> dict[str, Answers]:
    """Run the models with a progress bar, after a warning if the deals are sealed."""
    from forge_core.cli.screen import notes, progress_bar
    from forge_core.splits import Split
    from forge_core.texas42 import scoring

    if split is Split.TEST:
        notes().print(
            "These are the sealed test deals: do not change anything in response to this result.",
            style="yellow",
            soft_wrap=True,
        )
    with progress_bar("evaluating", questions.n) as move:
        return scoring.ask_all(models, questions, move)


def print_report(report: dict[str, Any]) -> None:
    """Print the figures for both weightings, by declaration and by ply."""
    from forge_core.cli.screen import screen, table
    from forge_core.texas42.declarations import NAMES

    out = screen()
    benchmark, against = report["benchmark"], report["against"]
    sealed = " (sealed)" if benchmark["split"] == "test" else ""
    out.print(
        f"{report['model']}: {report['parameters']:,} parameters on {benchmark['deals']} "
        f"{benchmark['split']} deals{sealed}, {report['decisions']['rows']:,} rows, "
        f"{report['decisions']['decision_rows']:,} decisions",
        soft_wrap=True,
    )
    columns = [("this", report), *([("other", against)] if against else []), ("random", report["random"])]
    names = [name for name, _ in columns]
    of_games = "settings" in benchmark
    every = "all rows" if of_games else "positions"
    for title, weighting, prefix in (("decisions", "decisions", "decision_"), (every, "uniform", "")):
        grid = table(title, *names, numbers=" ".join(names))
        for key, name in FIGURES.items():
            if not any(prefix + key in found[weighting] for _, found in columns):
                continue
            grid.add_row(name, *(_cell(found[weighting], prefix + key, key) for _, found in columns))
        out.print()
        out.print(grid)
    for key, title in (("per_decl", "declaration"), ("per_ply", "ply")):
        groups = table(title, *names, "", numbers=" ".join(names))
        for group, entry in report["decisions"][key].items():
            if "decision_q_gap" not in entry:
                continue
            cells = [f"{found['decisions'][key][group]['decision_q_gap']:.2f}" for _, found in columns]
            name = NAMES[group] if key == "per_decl" else str(group)
            groups.add_row(name, *cells, _bar(entry["decision_q_gap"]))
        out.print()
        out.print(groups)
    out.print()
    if against:
        out.print(
            f"points saved per decision compared with {against['path']}: {against['saved']:+.3f} "
            f"(standard error {against['standard_error']:.3f}, paired over {against['deals']} deals; "
            f"better in {against['deals_better']})",
            soft_wrap=True,
        )
    out.print(OF_GAMES if of_games else OF_DEALS, style="dim", soft_wrap=True)


def _cell(measured: dict[str, Any], name: str, key: str) -> str:
    if name not in measured:
        return ""
    return f"{measured[name]:.2%}" if key in _SHARES else f"{measured[name]:.3f}"


def _bar(points: float) -> str:
    return "▇" * round(4 * points)
