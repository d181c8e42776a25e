"""`forge evaluate`: a network on the benchmark, beside random play and, if asked, another."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_core.cli.filling import check_place
from forge_core.cli.options import Device, Json, given
from forge_core.errors import BadInput
from forge_core.texas42.cli.options import read_row_count

if TYPE_CHECKING:
    from collections.abc import Generator

    from forge_core.files import Store
    from forge_core.learning.labelled.answers import Answers
    from forge_core.learning.labelled.rows import Rows
    from forge_core.learning.networks.transformer import TokenTransformer
    from forge_core.splits import Split

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


def evaluate(
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Folder of a model.")],
    against: Annotated[
        str | None, typer.Option("--against", metavar="PATH", help="Another model, compared deal by deal.")
    ] = None,
    final: Annotated[
        bool, typer.Option("--final", help="On the sealed test deals: once, when all is settled.")
    ] = False,
    data: Annotated[
        str | None,
        typer.Option(
            "--data", metavar="DIR", help="Root of a store with shards-golden/; stage 2: eq-games/."
        ),
    ] = None,
    rows: Annotated[
        int, typer.Option("--rows", parser=read_row_count, metavar="N", help="Rows of a deal.")
    ] = 2000,
    plots: Annotated[
        str | None, typer.Option("--plots", metavar="DIR", help="Also draw gaps.png there.")
    ] = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Hold a network to the benchmark: 200 deals, or of stage 2 games, that it has never seen."""
    from forge_core.cli.screen import print_json
    from forge_core.files import Store
    from forge_core.learning.checkpoints import load_model
    from forge_core.splits import Split
    from forge_core.texas42.tokens.golden import GOLDEN_VERSION, golden_keys
    from forge_core.texas42.tokens.rows import STAGE1_SPEC
    from forge_core.texas42.tokens.transcript import STAGE2_SPEC

    models = {path: load_model(path, device) for path in [model, *([against] if against else [])]}
    spec = STAGE2_SPEC if models[model].spec.name == STAGE2_SPEC.name else STAGE1_SPEC
    for path, loaded in models.items():
        spec.check_same(loaded.spec, path)
    if plots:
        check_place(Store(plots))
    split = Split.TEST if final else Split.VAL
    if spec is STAGE1_SPEC:
        benchmark = {"version": GOLDEN_VERSION, "deals": len(golden_keys(split)), "rows_per_deal": rows}
        if data is not None:
            check_golden(data, split)
        answers, random = answer(models, split, data, rows, device)
    else:
        if data is None:
            raise BadInput(f"{model} sees one hand and is held to games: say by --data where eq-games/ is")
        if "rows" in given(context):
            raise BadInput("--rows chooses among the rows of a deal, and of a game all count: leave it out")
        answers, random, benchmark = answer_games(models, split, data)
    mine, other = answers[model], answers[against] if against else None
    report = {
        "model": model,
        "parameters": models[model].n_parameters,
        "benchmark": {"tokens": spec.name, "split": split, **benchmark},
        "decisions": mine.measure(),
        "uniform": mine.measure(uniform=True),
        "random": random,
        "against": compare(mine, other, against or "") if other else None,
    }
    if json:
        print_json(report)
    else:
        print_report(report, other)
    if plots:  # last: a picture that fails takes no result with it
        draw(report, other, Store(plots))


def answer(
    models: dict[str, TokenTransformer], split: Split, data: str | None, rows: int, device: str
) -> tuple[dict[str, Answers], dict[str, Any]]:
    """What each model says of the benchmark; random play of the same rows."""
    from forge_core.files import Store
    from forge_core.texas42.tokens.golden import golden_keys, golden_rows

    keys = golden_keys(split)
    deals = golden_rows(keys, Store(data).join("shards-golden") if data else None, rows)
    return answer_all(models, split, deals, len(keys))


def check_golden(data: str, split: Split) -> None:
    """Say how many deals of the benchmark are not among the golden shards below `data`. BadInput for all."""
    from forge_core.cli.screen import notes
    from forge_core.files import Store
    from forge_core.texas42.tokens.golden import golden_keys, stored_keys

    keys, store = golden_keys(split), Store(data).join("shards-golden")
    n_there = len(stored_keys(keys, store))
    if not n_there:
        raise BadInput(
            f"{store.url} holds none of the {split} benchmark's deals: name the root of a store that does, "
            "or leave --data out, and they are solved here"
        )
    if n_there < len(keys):
        solved = f"{len(keys) - n_there:,} of {len(keys):,} deals are not in {store.url}"
        notes().print(f"{solved}: they are solved here", soft_wrap=True)


def answer_games(
    models: dict[str, TokenTransformer], split: Split, data: str
) -> tuple[dict[str, Answers], dict[str, Any], dict[str, Any]]:
    """What each model says of the games kept for evaluation; random play of them; which games these are."""
    from forge_core.files import Store
    from forge_core.texas42.eq.files import GAMES_FOLDER, read_header
    from forge_core.texas42.eq.splits import judged_rows, kept_games

    games = Store(data).join(GAMES_FOLDER)
    keys = kept_games(games, split)
    answers, random = answer_all(models, split, judged_rows(games, keys), len(keys))
    settings = sorted({read_header(games, key).fingerprint for key in keys})
    return answers, random, {"settings": settings, "deals": len(keys), "rows_per_deal": 28}


def answer_all(
    models: dict[str, TokenTransformer], split: Split, deals: Generator[Rows, None, None], n: int
) -> tuple[dict[str, Answers], dict[str, Any]]:
    """What each model says of the rows of n deals, under a progress bar; random play of the same rows."""
    from rich.progress import track

    from forge_core.cli.screen import notes
    from forge_core.learning.labelled.answers import Answers, ask
    from forge_core.splits import Split

    out = notes()
    if split is Split.TEST:
        out.print(
            "This reads the sealed test deals: what it says must change nothing any more.",
            style="yellow",
            soft_wrap=True,
        )
    parts: dict[str, list[Answers]] = {path: [] for path in models}
    shown = track(deals, "asking", n, console=out, transient=True, disable=not out.is_terminal)
    with closing(deals):  # who stops waits only for the deals that are being solved
        for part in shown:
            for path, model in models.items():
                parts[path].append(ask(model, [part]))
    answers = {path: Answers.join(asked) for path, asked in parts.items()}
    first = next(iter(answers.values()))
    return answers, {"decisions": first.measure_random(), "uniform": first.measure_random(uniform=True)}


def compare(mine: Answers, other: Answers, path: str) -> dict[str, Any]:
    """Points lost a decision, the other's less mine, paired by deal: mean and standard error over deals."""
    import numpy as np

    _, my_gaps = mine.gap_by_deal()
    _, other_gaps = other.gap_by_deal()
    saved = other_gaps - my_gaps
    return {
        "path": path,
        "decisions": other.measure(),
        "uniform": other.measure(uniform=True),
        "saved": float(saved.mean()),
        "standard_error": float(saved.std(ddof=1) / np.sqrt(len(saved))),
        "deals": len(saved),
        "deals_better": int((saved > 0).sum()),
    }


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
