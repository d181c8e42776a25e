"""`forge match`: play two players, or every pair of several players, against each other on the same deals."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from forge_core.cli.filling import check_place
from forge_core.cli.options import Device, Json, expand_settings, read_place
from forge_core.cli.status import Stopped
from forge_core.ranges import ranges_text
from forge_core.texas42.dominoes import N_PLAYS
from forge_core.texas42.settings.matches import MatchSettings

if TYPE_CHECKING:
    from forge_core.files import Store
    from forge_core.stats import Sprt
    from forge_core.texas42.arena import Conditions, Match
    from forge_core.texas42.players import AnyPlayer


@expand_settings
def match(
    *,
    players: Annotated[
        list[str],
        typer.Argument(
            metavar="PLAYER...",
            help="random, heuristic, network, eq, pmake, strong, policy:model=DIR, stage2:model=DIR or "
            "clairvoyant. Options of eq, pmake and strong: worlds=50 (or by trick: 400/100/50), loss=POINTS, "
            "most=WORLDS, "
            "oracle=hybrid|exact|model|playout, model=DIR, exact_from=TRICK, policy=network|heuristic, "
            "until=PLAYS, posterior=on, belief=plays|declaration|both|all|off, candidates=4, tau=LOGITS, "
            "mix=SHARE, bonus=POINTS, endings=WORLDS. Example: eq:worlds=10,oracle=exact.",
        ),
    ],
    settings: MatchSettings,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            parser=read_place,
            metavar="DIR",
            help="Root of a store for the games; games that exist there are not played again.",
        ),
    ] = None,
    plots: Annotated[
        str | None, typer.Option("--plots", metavar="DIR", help="Also draw match.png in this folder.")
    ] = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Play players against each other on the same deals with swapped seats, and show intervals.

    Each deal is played twice, so that each player of a pair bids once.
    """
    from forge_core.arena.settings import choose_seeds
    from forge_core.arena.standings import standings
    from forge_core.cli.screen import print_json, seconds_text
    from forge_core.device import device_name
    from forge_core.files import Store
    from forge_core.texas42.arena import Conditions
    from forge_core.texas42.arena.match import choose_test
    from forge_core.texas42.arena.report import Comparison, draw_standings
    from forge_core.texas42.players import parse_player

    conditions, chosen = Conditions.of(settings), choose_seeds(settings)
    test = choose_test(settings)
    store = Store(out) if out else None
    if store:
        check_place(store)
    opened = [parse_player(text, device) for text in players]
    if plots:
        check_place(Store(plots))
    begun = time.perf_counter()
    matches = play(opened, chosen, conditions, store, test, settings.by, settings.batch)
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
    if plots:  # last, so that results are not lost if drawing fails
        Store(plots).write("match.png", draw_standings(matches))


def play(
    players: Sequence[AnyPlayer],
    seeds: Sequence[int],
    conditions: Conditions,
    store: Store | None,
    test: Sprt | None,
    by: str,
    batch: int,
) -> list[Match]:
    """Play all pairs with a progress bar. Raises Stopped after Ctrl-C."""
    from forge_core.cli.screen import progress_bar
    from forge_core.texas42.arena import play_all

    n_pairs = len(players) * (len(players) - 1) // 2
    games = 2 * n_pairs * len(seeds)
    try:
        with progress_bar(f"playing {games:,} games", N_PLAYS * games, counted=False) as move:
            return play_all(players, seeds, conditions, store, test, by, batch, move)
    except KeyboardInterrupt:
        kept = "finished games are stored: run the same command again to continue"
        raise Stopped(f"stopped; {kept if store else 'no games were stored'}") from None


def print_report(matches: list[Match], seeds: str, effort: str) -> None:
    """Print the standings and then every pair."""
    from forge_core.arena.standings import by_rank, pair_table, rank_table, standings
    from forge_core.cli.screen import screen, table
    from forge_core.texas42.arena.measures import SWING
    from forge_core.texas42.arena.report import pair_columns
    from forge_core.texas42.auction import call_text
    from forge_core.texas42.declarations import NAMES

    out, ranked, conditions = screen(), standings(matches), matches[0].conditions
    rules = {"hand": "what suits the hand by a simple rule", "seed": "seed % 10"}
    declare = conditions.declare
    if declare == "auction":
        contract = "bidder, bid and declaration come from an auction; the bidder leads"
    else:
        called = rules[declare] if isinstance(declare, str) else NAMES[declare]
        contract = f"seat 0 bids {call_text(conditions.bid)}, declares {called} and leads"
    out.print(f"{contract}; seeds {shortened(seeds)}", soft_wrap=True)
    out.print()
    places = {standing.name: str(place) for place, standing in enumerate(ranked, start=1)}
    ordered = by_rank(matches, ranked)
    pairs = pair_table(ordered, SWING, pair_columns(), places.__getitem__, undecided="undecided")
    for titles, *rows in (rank_table(ranked, SWING), pairs):
        grid = table(*titles, numbers=SWING.cases)
        for row in rows:
            grid.add_row(*row)
        out.print(grid)
        out.print()
    note = " After an early stop the interval is slightly too narrow." if matches[0].sprt else ""
    out.print(
        "points per deal: points of the first player with the bidders' hands minus those of the second with "
        "the same hands, with a 95 % interval; made: contracts made, in percent; p: probability that the "
        "numbers made differ this much by chance (McNemar); marks: over both games of each deal."
        f"{note} {effort}.",
        style="dim",
        soft_wrap=True,
    )


def shortened(seeds: str) -> str:
    """Shorten a long list of seeds to its first and last ranges."""
    runs = seeds.split(",")
    return seeds if len(runs) <= 3 else f"{runs[0]},{runs[1]},...,{runs[-1]}"
