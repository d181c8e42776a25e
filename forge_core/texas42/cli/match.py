"""`forge match`: who plays better, on the same deals: two players, or all against all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from forge_core.cli.filling import check_place
from forge_core.cli.options import Device, Json, read_place, read_seed
from forge_core.cli.status import Stopped
from forge_core.errors import BadInput
from forge_core.ranges import parse_seeds, ranges_text, whole
from forge_core.texas42.cli.options import read_declaration

if TYPE_CHECKING:
    from forge_core.files import Store
    from forge_core.stats import Sprt
    from forge_core.texas42.arena import Conditions, Match
    from forge_core.texas42.players import AnyPlayer

DEFAULT_DEALS, MOST_DEALS = 1_000, 1_000_000
N_PLAYS = 28


def read_count(text: str) -> int:
    """1..MOST_DEALS."""
    count = whole(text, "number of deals")
    if not 1 <= count <= MOST_DEALS:
        raise BadInput(f"{count:,} deals: use 1..{MOST_DEALS:,}")
    return count


def read_batch(text: str) -> int:
    """1..MOST_DEALS."""
    batch = whole(text, "batch")
    if not 1 <= batch <= MOST_DEALS:
        raise BadInput(f"a batch of {batch:,} deals: use 1..{MOST_DEALS:,}")
    return batch


def read_declare(text: str) -> str | int:
    """`hand`, `seed`, `auction`, or one declaration."""
    name = text.strip().lower()
    return name if name in ("hand", "seed", "auction") else read_declaration(text)


def read_bid(text: str) -> int:
    """30..42, 84, 126, ...; the conditions of the match know which."""
    return whole(text, "bid")


def match(
    players: Annotated[
        list[str],
        typer.Argument(
            metavar="PLAYER...",
            help="random, heuristic, eq, pmake, policy:model=DIR, stage2:model=DIR, clairvoyant. eq and "
            "pmake take worlds=50, oracle=hybrid|exact|model, model=DIR, exact_from=TRICK, posterior=on, "
            "as in eq:worlds=10,oracle=exact.",
        ),
    ],
    deals: Annotated[
        int | None,
        typer.Option(
            "--deals",
            parser=read_count,
            metavar="N",
            show_default=f"{DEFAULT_DEALS:,}",
            help="Deals, of seeds that no network learns from.",
        ),
    ] = None,
    seeds: Annotated[
        list | None,
        typer.Option("--seeds", parser=parse_seeds, metavar="LIST", help="These deals instead: 0-49."),
    ] = None,
    decl: Annotated[
        str,
        typer.Option(
            "--decl",
            parser=read_declare,
            metavar="NAME",
            help="hand: what suits the bidder's hand by a plain rule; seed: seed % 10; one by name; or "
            "auction: bidder, bid and declaration as four bidders of one kind find them.",
        ),
    ] = "hand",
    bid: Annotated[
        int,
        typer.Option(
            "--bid", parser=read_bid, metavar="N", help="Of seat 0: 30..42, 84, ...; not with an auction."
        ),
    ] = 30,
    seed: Annotated[
        int, typer.Option("--seed", parser=read_seed, metavar="N", help="Another number draws other worlds.")
    ] = 0,
    sprt: Annotated[
        bool,
        typer.Option("--sprt", help="Stop a pair as soon as it is clear who is better by --margin."),
    ] = False,
    by: Annotated[
        str, typer.Option("--by", metavar="NAME", help="What --sprt looks at: points or contracts.")
    ] = "points",
    margin: Annotated[
        float | None,
        typer.Option("--margin", metavar="X", show_default="0.5 points, 0.03 contracts", help="A deal."),
    ] = None,
    batch: Annotated[
        int,
        typer.Option("--batch", parser=read_batch, metavar="N", help="Deals in lockstep; changes no result."),
    ] = 100,
    out: Annotated[
        str | None,
        typer.Option(
            "--out", parser=read_place, metavar="DIR", help="Keep games there, and play none again: a store."
        ),
    ] = None,
    plots: Annotated[
        str | None, typer.Option("--plots", metavar="DIR", help="Also draw match.png there.")
    ] = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Play players against each other on the same deals, seats swapped, with intervals.

    Of each deal two games are played, so that either player bids once.
    """
    from forge_core.arena.standings import standings
    from forge_core.cli.screen import print_json, seconds_text
    from forge_core.device import device_name
    from forge_core.files import Store
    from forge_core.texas42.arena import Conditions
    from forge_core.texas42.arena.report import Comparison, draw_standings
    from forge_core.texas42.players import parse_player

    conditions, chosen = Conditions(decl, bid, seed), choose_seeds(deals, seeds)
    test = choose_test(sprt, by, margin)
    store = Store(out) if out else None
    if store:
        check_place(store)
    opened = [parse_player(text, device) for text in players]
    if plots:
        check_place(Store(plots))
    begun = time.perf_counter()
    matches = play(opened, chosen, conditions, store, test, by, batch)
    seconds = time.perf_counter() - begun
    if json:
        print_json(
            {
                "conditions": conditions.to_dict(),
                "seeds": ranges_text(chosen),
                "device": device_name(device),
                "seconds": round(seconds, 3),
                "matches": [Comparison.of(match).to_dict() for match in matches],
                "standings": [standing.to_dict() for standing in standings(matches)],
            }
        )
    else:
        print_report(matches, ranges_text(chosen), f"{seconds_text(seconds)} on {device_name(device)}")
    if plots:  # last: a picture that fails takes no result with it
        Store(plots).write("match.png", draw_standings(matches))


def choose_seeds(deals: int | None, seeds: list[int] | None) -> list[int]:
    """The deals of a match, by number or by list. Raises BadInput for both, and for less than two."""
    from forge_core.texas42.arena import held_out_seeds

    if deals is not None and seeds is not None:
        raise BadInput("--deals and --seeds both say which deals: give one of them")
    chosen = held_out_seeds(deals or DEFAULT_DEALS) if seeds is None else seeds
    if len(chosen) < 2:
        raise BadInput("one deal says nothing of the next: play at least two")
    return chosen


def choose_test(sprt: bool, by: str, margin: float | None) -> Sprt | None:
    """The sequential test of each pair, if one was asked for. Raises BadInput for options that it lacks."""
    from forge_core.texas42.arena import who_is_better
    from forge_core.texas42.arena.match import MARGINS

    if (margin is not None or by != "points") and not sprt:
        raise BadInput("--margin and --by belong to the sequential test: add --sprt")
    if by not in MARGINS:
        raise BadInput(f"--by {by!r}: use {' or '.join(MARGINS)}")
    return who_is_better(MARGINS[by] if margin is None else margin) if sprt else None


def play(
    players: Sequence[AnyPlayer],
    seeds: Sequence[int],
    conditions: Conditions,
    store: Store | None,
    test: Sprt | None,
    by: str,
    batch: int,
) -> list[Match]:
    """All pairs, under a progress bar."""
    from forge_core.texas42.arena import play_all

    n_pairs = len(players) * (len(players) - 1) // 2
    try:
        with progress(2 * n_pairs * len(seeds)) as on_plays:
            return play_all(players, seeds, conditions, store, test, by, batch, on_plays)
    except KeyboardInterrupt:
        kept = "games played are kept: run the same command again to go on" if store else "nothing is kept"
        raise Stopped(f"stopped; {kept}") from None


@contextmanager
def progress(games: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, nothing elsewhere."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from forge_core.cli.screen import notes

    console = notes()
    bar = Progress(
        TextColumn("playing {task.fields[games]:,} games"),
        BarColumn(bar_width=32),
        TaskProgressColumn(),
        TimeRemainingColumn(compact=True),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    task = bar.add_task("", total=N_PLAYS * games, games=games)
    with bar:
        yield lambda plays: bar.update(task, advance=plays)


def print_report(matches: list[Match], seeds: str, effort: str) -> None:
    """Who stands where, then every pair."""
    from forge_core.arena.standings import by_rank, pair_table, rank_table, standings
    from forge_core.cli.screen import screen, table
    from forge_core.texas42.arena.measures import SWING
    from forge_core.texas42.arena.report import pair_columns
    from forge_core.texas42.auction import call_text
    from forge_core.texas42.declarations import NAMES

    out, ranked, conditions = screen(), standings(matches), matches[0].conditions
    rules = {"hand": "what suits the hand by a plain rule", "seed": "seed % 10"}
    declare = conditions.declare
    if declare == "auction":
        contract = "bidder, bid and declaration are those of an auction; the bidder leads"
    else:
        called = rules[declare] if isinstance(declare, str) else NAMES[declare]
        contract = f"seat 0 bids {call_text(conditions.bid)}, declares {called} and leads"
    out.print(f"{contract}; seeds {shortened(seeds)}", soft_wrap=True)
    out.print()
    places = {standing.name: str(place) for place, standing in enumerate(ranked, start=1)}
    ordered = by_rank(matches, ranked)
    pairs = pair_table(ordered, SWING, pair_columns(), places.__getitem__, undecided="open")
    for titles, *rows in (rank_table(ranked, SWING), pairs):
        grid = table(*titles, numbers=SWING.cases)
        for row in rows:
            grid.add_row(*row)
        out.print(grid)
        out.print()
    note = " An early stop makes its interval a little too narrow." if matches[0].sprt else ""
    out.print(
        "points per deal: what the first takes with the bidders' hands, less what the second takes with the "
        "same, and its 95 % interval; made: of a hundred contracts each bid; p: how likely so unequal a "
        f"number is by chance (McNemar); marks: over both games of each deal.{note} {effort}.",
        style="dim",
        soft_wrap=True,
    )


def shortened(seeds: str) -> str:
    """A long list of seeds by its ends."""
    runs = seeds.split(",")
    return seeds if len(runs) <= 3 else f"{runs[0]},{runs[1]},...,{runs[-1]}"
