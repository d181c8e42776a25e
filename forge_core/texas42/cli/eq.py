"""`forge eq`: games played by E[Q], on what one hand can know; the same files as Dagster makes, gaps only."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from forge_core.cli.filling import check_writable, interruptible, print_plan, require_persistent_store
from forge_core.cli.options import Device, Json, Seeds, read_place
from forge_core.cli.status import FAILED, Stopped
from forge_core.errors import BadInput, StoreUnusable
from forge_core.texas42.cli.shards import read_declarations

if TYPE_CHECKING:
    from forge_core.files import Store
    from forge_core.texas42.eq import AdaptiveConfig, ExplorationPolicy, GameConfig, Oracle
    from forge_core.texas42.eq.filling import GameReport
    from forge_core.texas42.oracle.shards import ShardKey

N_PLAYS = 28


def eq(
    seeds: Seeds,
    out: Annotated[
        str,
        typer.Option("--out", parser=read_place, metavar="DIR", help="Root of the store: a folder or URL."),
    ],
    decl: Annotated[
        str,
        typer.Option(
            "--decl",
            parser=read_declarations,
            metavar="NAME",
            help="seed (seed % 10 decides), all ten, or one by name or number.",
        ),
    ] = "seed",
    oracle: Annotated[
        str,
        typer.Option(
            "--oracle",
            metavar="NAME",
            help="Who judges a world: exact, model, or hybrid: a network first, the solver later.",
        ),
    ] = "exact",
    model: Annotated[
        str | None, typer.Option("--model", metavar="PATH", help="Network for model and hybrid.")
    ] = None,
    exact_from: Annotated[
        int | None,
        typer.Option("--exact-from", metavar="TRICK", help="First trick, 1..7, a hybrid solves exactly."),
    ] = None,
    batch: Annotated[int, typer.Option("--batch", metavar="N", help="Games in lockstep.")] = 32,
    worlds: Annotated[int, typer.Option("--worlds", metavar="N", help="Worlds drawn a decision.")] = 50,
    enumerate_limit: Annotated[
        int | None,
        typer.Option(
            "--enumerate-limit",
            metavar="N",
            show_default="--worlds, or --max-worlds",
            help="Up to so many consistent worlds, every one is taken.",
        ),
    ] = None,
    posterior: Annotated[
        bool, typer.Option("--posterior", help="Weigh worlds by how likely they make the plays so far.")
    ] = False,
    posterior_window: Annotated[
        int | None, typer.Option("--posterior-window", metavar="N", help="Last plays that count.")
    ] = None,
    posterior_tau: Annotated[
        float | None,
        typer.Option(
            "--posterior-tau",
            metavar="POINTS",
            help="How closely others play by Q: points that make a play e times less likely. The default is "
            "calibrated on held-out games; 0.1, as some have it, leaves one world in ten.",
        ),
    ] = None,
    posterior_mix: Annotated[
        float | None, typer.Option("--posterior-mix", metavar="SHARE", help="Plays made without a thought.")
    ] = None,
    adaptive: Annotated[
        bool, typer.Option("--adaptive", help="Worlds until E[Q] is known well enough, game by game.")
    ] = False,
    labels: Annotated[
        bool,
        typer.Option(
            "--labels",
            help="Adaptive, as finely as is worth teaching by: to 0.1 points, 5,000 worlds or more.",
        ),
    ] = False,
    min_worlds: Annotated[
        int | None, typer.Option("--min-worlds", metavar="N", help="At least; default 50.")
    ] = None,
    max_worlds: Annotated[
        int | None, typer.Option("--max-worlds", metavar="N", help="At most; default 2,000.")
    ] = None,
    adaptive_batch: Annotated[
        int | None, typer.Option("--adaptive-batch", metavar="N", help="Between looks; default 50.")
    ] = None,
    sem_threshold: Annotated[
        float | None,
        typer.Option("--sem-threshold", metavar="POINTS", help="Standard error that will do; default 0.5."),
    ] = None,
    exploration: Annotated[
        str, typer.Option("--exploration", metavar="NAME", help="greedy, boltzmann, epsilon or blunder.")
    ] = "greedy",
    epsilon: Annotated[
        float | None,
        typer.Option("--epsilon", metavar="P", help="How often epsilon or blunder strikes; default 0.1."),
    ] = None,
    temperature: Annotated[
        float | None, typer.Option("--temperature", metavar="POINTS", help="Of boltzmann; default 2.")
    ] = None,
    max_regret: Annotated[
        float | None,
        typer.Option("--max-regret", metavar="POINTS", help="The most a blunder gives away; default 10."),
    ] = None,
    choose: Annotated[
        str,
        typer.Option("--choose", metavar="NAME", help="eq: points on average; pmake: the chance of the bid."),
    ] = "eq",
    bid: Annotated[int, typer.Option("--bid", metavar="N", help="Of seat 0: 30..42, 84, ...")] = 30,
    pdf: Annotated[
        bool, typer.Option("--pdf/--no-pdf", help="Keep how Q is distributed over worlds.")
    ] = True,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Other worlds, other exploration.")] = 0,
    device: Device = "auto",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is missing; play nothing.")] = False,
    json: Json = False,
) -> None:
    """Play deals by E[Q] and write each game; those already there are not played again."""
    from forge_core.cli.screen import notes
    from forge_core.files import Store
    from forge_core.texas42.eq import GameConfig, Sampling, open_oracle
    from forge_core.texas42.eq.files import GAMES, GAMES_FOLDER, missing_games
    from forge_core.texas42.eq.filling import fingerprint_for
    from forge_core.texas42.eq.oracles import EXACT_FROM
    from forge_core.texas42.games import check_bid
    from forge_core.texas42.oracle.shards import seed_keys

    config = GameConfig(
        Sampling(
            worlds,
            enumerate_limit,
            choose_posterior(posterior, posterior_window, posterior_tau, posterior_mix),
            choose_adaptive(adaptive, min_worlds, max_worlds, adaptive_batch, sem_threshold, labels),
            pdf,
        ),
        choose_exploration(exploration, epsilon, temperature, max_regret),
        choose,
        seed,
    )
    if batch < 1:
        raise BadInput(f"{batch} games at a time: use at least 1")
    if model and oracle == "exact":
        raise BadInput("the exact oracle asks no network: leave out --model")
    check_bid(bid)
    store = Store(out).join(GAMES_FOLDER)
    require_persistent_store(store)
    judge = open_oracle(oracle, model, device, EXACT_FROM if exact_from is None else exact_from)
    keys = seed_keys(seeds, decl)  # pyright: ignore[reportArgumentType]
    with notes().status("looking what is there"):
        missing = missing_games(store, keys, fingerprint_for(judge, config, bid))
    if dry_run:
        print_plan(GAMES, store, len(keys), missing, json, done="played")
        return
    if missing:
        check_writable(store)
    begun = time.perf_counter()
    reports, refused = play(store, missing, judge, config, bid, batch, device)
    stopped = refused is None and len(reports) < len(missing)
    print_summary(store, len(keys), len(missing), reports, time.perf_counter() - begun, stopped, json)
    if refused:
        raise refused
    if stopped:
        to_go = len(missing) - sum(report.error is None for report in reports)
        raise Stopped(f"stopped with {to_go:,} games to go: run the same command again to go on")
    if any(report.error for report in reports):
        raise typer.Exit(FAILED)


def choose_posterior(asked: bool, window: int | None, tau: float | None, mix: float | None):
    """What the posterior options say together; None: all worlds the same."""
    from dataclasses import replace

    from forge_core.texas42.worlds.posterior import PosteriorConfig

    given = {
        name: value for name, value in {"window": window, "tau": tau, "mix": mix}.items() if value is not None
    }
    if given and not asked:
        raise BadInput(f"--posterior-{next(iter(given))} belongs to a posterior: add --posterior")
    return replace(PosteriorConfig.calibrated(), **given) if asked else None


def choose_adaptive(
    asked: bool,
    least: int | None,
    most: int | None,
    batch: int | None,
    threshold: float | None,
    labels: bool = False,
) -> AdaptiveConfig | None:
    """What the adaptive options say together; None: a fixed number of worlds."""
    from dataclasses import replace

    from forge_core.texas42.eq import AdaptiveConfig

    named = {"min_worlds": least, "max_worlds": most, "batch": batch, "sem_threshold": threshold}
    given = {name: value for name, value in named.items() if value is not None}
    if given and not (asked or labels):
        raise BadInput(f"{next(iter(given))} belongs to adaptive sampling: add --adaptive")
    begun = AdaptiveConfig.labels() if labels else AdaptiveConfig() if asked else None
    return begun and replace(begun, **given)


def choose_exploration(
    mode: str, epsilon: float | None, temperature: float | None, max_regret: float | None
) -> ExplorationPolicy:
    """What the options of exploration say together. Raises BadInput for one that the mode does not heed."""
    from forge_core.texas42.eq.policies import USED_BY, ExplorationPolicy

    named = {"epsilon": epsilon, "temperature": temperature, "max_regret": max_regret}
    given = {name: value for name, value in named.items() if value is not None}
    policy = ExplorationPolicy(mode, **given)
    if idle := sorted(set(given) - set(USED_BY[mode])):
        option = idle[0].replace("_", "-")
        raise BadInput(f"exploration {mode} has no {option.replace('-', ' ')}: leave out --{option}")
    return policy


def play(
    store: Store,
    missing: list[ShardKey],
    oracle: Oracle,
    config: GameConfig,
    bid: int,
    batch: int,
    device: str,
) -> tuple[list[GameReport], StoreUnusable | None]:
    """Play the missing games under a progress bar; reports on as many as there was time and room for.

    Beside them what the store said, if it took no more.
    """
    from forge_core.texas42.eq.filling import fill_games

    reports: list[GameReport] = []
    with interruptible() as interrupted, progress(len(missing)) as advance:

        def on_step(step: int) -> None:
            together = min(batch, len(missing) - len(reports))
            advance(together / N_PLAYS)

        try:
            for report in fill_games(store, missing, oracle, config, bid, batch, device, on_step=on_step):
                reports.append(report)
                if interrupted() and len(reports) % batch == 0:  # the games of a batch are all written
                    break
        except StoreUnusable as error:
            return reports, error
    return reports, None


@contextmanager
def progress(total: int) -> Iterator[Callable[[float], None]]:
    """A bar on a terminal, nothing elsewhere."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from forge_core.cli.screen import notes

    console = notes()
    bar = Progress(
        TextColumn("playing {task.total:,} games"),
        BarColumn(bar_width=32),
        TaskProgressColumn(),
        TimeRemainingColumn(compact=True),
        console=console,
        disable=not (console.is_terminal and total),
        transient=True,
    )
    task = bar.add_task("", total=total)
    with bar:
        yield lambda games: bar.update(task, advance=games)


def print_summary(
    store: Store,
    n_wanted: int,
    n_missing: int,
    reports: list[GameReport],
    seconds: float,
    stopped: bool,
    json: bool,
) -> None:
    """What was played, what was there, what failed and why."""
    from forge_core.cli.screen import print_json, seconds_text, size_text

    made = [report for report in reports if report.made]
    failed = {report.key.filename: report.error for report in reports if report.error}
    there = n_wanted - n_missing
    replaced = sum(report.replaced for report in made)
    questions, nbytes = sum(r.questions for r in made), sum(r.nbytes for r in made)
    if json:
        print_json(
            {
                "store": store.url,
                "wanted": n_wanted,
                "made": len(made),
                "replaced": replaced,
                "there": there,
                "failed": failed,
                "stopped": stopped,
                "worlds": questions,
                "bytes": nbytes,
                "seconds": round(seconds, 3),
                "games_per_second": round(len(made) / seconds, 3),
            }
        )
        return
    print(
        f"{store.url}: {len(made):,} played, {there:,} there before, {len(failed):,} failed, of {n_wanted:,} "
        "games"
    )
    if made:
        print(
            f"{28 * len(made):,} decisions by {questions:,} worlds, {size_text(nbytes)}, in "
            f"{seconds_text(seconds)}: {len(made) / seconds:.2f} games/s"
        )
    if replaced:
        print(f"{replaced:,} of them replaced games that were faulty or made with other settings")
    for filename, reason in failed.items():
        print(f"forge: {filename}: {reason}", file=sys.stderr)
