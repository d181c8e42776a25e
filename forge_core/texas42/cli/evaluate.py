"""`forge evaluate`: a network on the benchmark, next to random play and, if asked for, another network."""

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
    "regret_p99": "worst of a hundred loses",
    "regret_max": "worst loses",
    "q_mae": "error of Q",
    "value_mae": "error of V",
    "spread_mae": "error of the spread",
    "spread_bias": "spread too large by",
}
"""keys of evaluate_q, as far as there are such, and what they are called here"""

OF_DEALS = (
    "decisions: rows in which something can be lost, equal shares of every ply; positions: all that can be "
    "reached, where mostly nothing can be lost. Points are the mover's."
)
OF_GAMES = (
    "The truth here is E[Q] as the games say it, an average over worlds. decisions: rows of a game in which "
    "something can be lost. Points are the mover's; the spread is that of Q over worlds."
)

_SHARES = {"blunder_rate", "accuracy"}


@expand_settings
def evaluate(
    *,
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Folder of a model.")],
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="PATH", help="Another model, to be compared deal by deal."),
    ] = None,
    final: Annotated[
        bool,
        typer.Option(
            "--final", help="Use the sealed test deals: once only, after every choice has been made."
        ),
    ] = False,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help=f"Root of a store: its {GOLDEN_SHARDS}/ are read, which saves solving them; for a model of "
            f"stage 2 its {GAMES_FOLDER}/.",
        ),
    ] = None,
    settings: ScoreSettings,
    plots: Annotated[
        str | None, typer.Option("--plots", metavar="DIR", help="Also draw gaps.png in this folder.")
    ] = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Measure a network on the benchmark: 200 deals that no network has learnt from.

    A model of stage 2 is measured on recorded games instead.
    """
    from forge_core.cli.screen import print_json
    from forge_core.files import Store
    from forge_core.learning.checkpoints import load_model
    from forge_core.splits import Split
    from forge_core.texas42.scoring import compare, game_questions, golden_questions, random_play
    from forge_core.texas42.tokens.rows import STAGE1_SPEC
    from forge_core.texas42.tokens.transcript import STAGE2_SPEC

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
                f"{model} sees one hand and is measured on games: name by --data the store of {GAMES_FOLDER}/"
            )
        if "rows" in given(context):
            raise BadInput("--rows chooses rows of a deal; of a game all rows are used: leave it out")
        questions = game_questions(split, root)
    answers = ask_all(models, questions, split)
    mine, other = answers[model], answers[against] if against else None
    report = {
        "model": model,
        "parameters": models[model].n_parameters,
        "benchmark": {"tokens": spec.name, "split": split, **questions.record},
        "decisions": mine.measure(),
        "uniform": mine.measure(uniform=True),
        "random": random_play(mine),
        "against": compare(mine, other, against or "") if other else None,
    }
    if json:
        print_json(report)
    else:
        print_report(report, other)
    if plots:  # last: a picture that fails takes no result with it
        draw(report, other, Store(plots))


def check_golden(split: Split, root: Store) -> None:
    """Print how many deals of the benchmark have to be solved. Raises BadInput if the store has none."""
    from forge_core.cli.screen import notes
    from forge_core.texas42.scoring import count_unsolved
    from forge_core.texas42.tokens.golden import golden_keys

    if n_unsolved := count_unsolved(split, root):
        n_deals = len(golden_keys(split))
        place = root.join(GOLDEN_SHARDS).url
        notes().print(
            f"{n_unsolved:,} of {n_deals:,} deals are not in {place}: they are solved here", soft_wrap=True
        )


def ask_all(models: dict[str, TokenTransformer], questions: Questions, split: Split) -> dict[str, Answers]:
    """Ask the models under a progress bar, after a warning if the deals are sealed."""
    from forge_core.cli.screen import notes, progress_bar
    from forge_core.splits import Split
    from forge_core.texas42 import scoring

    if split is Split.TEST:
        notes().print(
            "These are the sealed test deals: after this result nothing may be changed any more.",
            style="yellow",
            soft_wrap=True,
        )
    with progress_bar("asking", questions.n) as move:
        return scoring.ask_all(models, questions, move)


def draw(report: dict[str, Any], other: Answers | None, folder: Store) -> None:
    """Write gaps.png."""
    from forge_core.texas42.tokens.pictures import draw_golden_gaps

    picture = draw_golden_gaps(
        report["decisions"], report["random"]["decisions"], other.measure() if other else None
    )
    folder.write("gaps.png", picture)


def print_report(report: dict[str, Any], other: Answers | None) -> None:
    """Both weightings, per declaration, per ply."""
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
            f"a decision of this model loses {against['saved']:+.3f} points less than of {against['path']} "
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
