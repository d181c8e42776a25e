"""`forge bid`: what a hand is worth, and what to bid."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_core.cli.filling import check_place, place_of
from forge_core.cli.options import Json
from forge_core.errors import BadInput
from forge_core.ranges import WHOLE, shortened, whole
from forge_core.texas42.cli.options import (
    BidHand,
    PlayoutDevice,
    PlayoutModel,
    PlayoutName,
    PlayoutOracle,
    PlayoutWorlds,
    Samples,
    SampleSeed,
    read_declaration,
)

if TYPE_CHECKING:
    from forge_core.texas42.bidding.advice import Advice, Best, Situation
    from forge_core.texas42.bidding.playouts import Playout
    from forge_core.texas42.bidding.table import BidTable, Floats

DEFAULT_SAMPLES = 500
"""as the tables of bidding have it, which take long to import"""
SHOWN_BIDS = (30, 34, 38, 42)
"""of the table; --matrix shows all"""


def read_calls(text: str) -> tuple[int, ...]:
    """`pass,30,31`: calls in order."""
    from forge_core.texas42.auction import parse_call

    return tuple(parse_call(part) for part in text.replace(" ", ",").split(",") if part)


def read_place_of_seat(text: str) -> int:
    """0..3, in the order of calling."""
    seat = whole(text, "seat")
    if seat > 3:
        raise BadInput(f"seat {seat}: use 0, the first to call, to 3, the dealer")
    return seat


def read_score(text: str) -> tuple[int, int]:
    """`3-5`: marks of the bidder's team and of the other."""
    marks = re.fullmatch(rf"({WHOLE})-({WHOLE})", text.strip())
    if not marks:
        raise BadInput(f"score {shortened(text)!r}: write your marks and theirs, as in 3-5")
    return int(marks[1]), int(marks[2])


def read_asked(text: str) -> list[int]:
    """`all`, or one declaration."""
    return list(range(10)) if text.strip().lower() == "all" else [read_declaration(text)]


Bids = Annotated[
    tuple | None,
    typer.Option(
        "--bids", parser=read_calls, metavar="LIST", help="Calls before yours, in order: pass,30,31."
    ),
]
Seat = Annotated[
    int | None,
    typer.Option(
        "--seat",
        parser=read_place_of_seat,
        metavar="N",
        help="0: first to call .. 3: dealer. Default: as --bids says; without --bids all before you passed.",
    ),
]
Marks = Annotated[
    tuple,
    typer.Option("--score", parser=read_score, metavar="M-M", help="Marks, yours and theirs; 7 win."),
]
Forced = Annotated[
    bool, typer.Option("--forced", help="House rule: if all others pass, the dealer must bid.")
]


def bid(
    hand: BidHand,
    samples: Samples = DEFAULT_SAMPLES,
    playout: PlayoutName = "oracle",
    model: PlayoutModel = None,
    worlds: PlayoutWorlds = None,
    oracle: PlayoutOracle = None,
    device: PlayoutDevice = None,
    ci_width: Annotated[
        float | None,
        typer.Option(
            "--ci-width", metavar="W", help="Stop a declaration when its intervals are so narrow, end to end."
        ),
    ] = None,
    decl: Annotated[
        list, typer.Option("--decl", parser=read_asked, metavar="NAME", help="all, or one by name or number.")
    ] = "all",  # pyright: ignore[reportArgumentType]
    bids: Bids = None,
    seat: Seat = None,
    score: Marks = "0-0",  # pyright: ignore[reportArgumentType]
    forced: Forced = False,
    matrix: Annotated[
        bool, typer.Option("--matrix", help="All bids of each declaration, without intervals.")
    ] = False,
    poster: Annotated[
        str | None, typer.Option("--poster", metavar="FILE", help="Also draw a page: FILE.pdf or FILE.png.")
    ] = None,
    seed: SampleSeed = 0,
    json: Json = False,
) -> None:
    """P(make) of a hand under every declaration, by playing out deals of the other 21 dominoes; what to bid.

    \b
    Deals and what they tell: the 95 % interval of a chance near one half
      samples      50    100    200    500   1000
      interval  ±0.13  ±0.10  ±0.07  ±0.04  ±0.03
    """
    import time

    from forge_core.cli.screen import print_json
    from forge_core.texas42.bidding.advice import advise
    from forge_core.texas42.bidding.table import check_extent, play_out

    situation = choose_situation(bids, seat, read_score(score) if isinstance(score, str) else score, forced)
    check_extent(samples, ci_width)
    kind = None if poster is None else poster_kind(poster)
    asked = read_asked(decl) if isinstance(decl, str) else decl
    how = choose_playout(playout, model, worlds, oracle, device)
    if poster:
        check_place(place_of(poster)[0])
    started = time.perf_counter()
    with playing(samples * len(asked)) as advance:
        table = play_out(hand, how, samples, seed, asked, ci_width, advance)
    seconds = time.perf_counter() - started
    advice = advise(table.p_make, situation)
    if json:
        print_json({**as_record(table, advice), "seconds": round(seconds, 3), "poster": poster})
    elif matrix:
        print_matrix(table, advice)
    else:
        print_table(table, advice, seconds)
    if poster and kind:  # last: a page that fails takes no result with it
        write_poster(poster, kind, table, advice)


def choose_playout(
    name: str, model: str | None, worlds: int | None, oracle: str | None, device: str | None
) -> Playout:
    """What `--playout` names, told the options that belong to it. Raises BadInput."""
    from forge_core.texas42.bidding.playouts import open_playout

    if name == "oracle" and device not in (None, "auto", "cpu"):
        raise BadInput(f"oracle playouts run on the CPU, not on {device}: leave --device out")
    return open_playout(name, device or "auto", model=model, worlds=worlds, oracle=oracle)


def choose_situation(
    bids: tuple[int, ...] | None, seat: int | None, score: tuple[int, int], forced: bool
) -> Situation:
    """Where the bidder sits: `--bids`, `--seat`, `--score` and `--forced` together. Raises BadInput."""
    from forge_core.texas42.auction import PASS
    from forge_core.texas42.bidding.advice import Situation

    if bids is None:
        bids = (PASS,) * (seat or 0)
    elif seat is not None and seat != len(bids):
        raise BadInput(f"seat {seat} calls out of turn: after {len(bids)} calls it is seat {len(bids)}'s")
    return Situation(bids, *score, forced)


@contextmanager
def playing(total: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal while deals are played out, nothing elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from forge_core.cli.screen import notes

    console = notes()
    bar = Progress(
        TextColumn("playing deals"),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    task = bar.add_task("", total=total)
    with bar:
        yield lambda n: bar.update(task, advance=n)


def poster_kind(path: str) -> str:
    """`pdf` or `png`, by the end of the name. Raises BadInput for another."""
    from forge_core.texas42.bidding.poster import FORMATS

    kind = path.rpartition(".")[2].lower()
    if "." not in path or kind not in FORMATS:
        raise BadInput(f"a poster named {path!r}: let its name end in .{' or .'.join(FORMATS)}")
    return kind


def write_poster(path: str, kind: str, table: BidTable, advice: Advice) -> None:
    """Draw the page and put it in its place. Raises StoreUnusable."""
    from forge_core.texas42.bidding.poster import draw_poster

    store, name = place_of(path)
    store.write(name, draw_poster(table, advice, kind))


def as_record(table: BidTable, advice: Advice) -> dict[str, Any]:
    """What `--json` prints: each declaration that was asked, by name, and the advice."""
    import numpy as np

    from forge_core.texas42.bidding.table import BIDS
    from forge_core.texas42.declarations import NAMES
    from forge_core.texas42.notation import hand_text

    p_make, (low, high) = table.p_make, table.interval

    def by_bid(values: np.ndarray) -> dict[str, float]:
        return {str(bid): round(float(value), 6) for bid, value in zip(BIDS, values, strict=True)}

    return {
        "hand": list(table.hand),
        "dominoes": hand_text(table.hand).split(","),
        "seed": table.seed,
        **playout_record(table),
        "samples": table.samples,
        "declarations": {
            NAMES[decl]: {
                "n": int(table.n[decl]),
                "points": round(float(table.points[decl].mean()), 6),
                "p_make": by_bid(p_make[decl]),
                "ci_low": by_bid(low[decl]),
                "ci_high": by_bid(high[decl]),
                "marks": expected(advice, advice.marks[decl]),
                "win": expected(advice, advice.worth[decl]),
            }
            for decl in np.flatnonzero(table.n).tolist()
        },
        "advice": {
            "calls": list(advice.situation.calls),
            "score": [advice.situation.mine, advice.situation.theirs],
            "forced": advice.situation.forced,
            "recommended": best_record(advice.recommended),
            "highest": best_record(advice.highest),
            "stands": expected(advice, advice.stands),
            "win_when_passing": None if np.isinf(advice.worth_of_pass) else round(advice.worth_of_pass, 6),
        },
    }


def playout_record(table: BidTable) -> dict[str, Any]:
    """How a table came about, as a program reads it; sees_all: through the backs of the dominoes."""
    from forge_core.texas42.bidding.table import BIDDING_VERSION

    return {
        "playout": table.playout,
        "sees_all": table.sees_all,
        "versions": {"bidding": BIDDING_VERSION, table.playout: table.playout_version},
    }


def expected(advice: Advice, values: Floats) -> dict[str, float]:
    """Values by legal bid."""
    return {str(bid): round(float(value), 6) for bid, value in zip(advice.bids, values, strict=True)}


def best_record(best: Best) -> dict[str, Any]:
    """A call as a program reads it: 0 is a pass, 84 two marks."""
    from forge_core.texas42.declarations import NAMES

    return {"call": best.call, "decl": None if best.decl is None else NAMES[best.decl]}


def in_order(table: BidTable) -> list[int]:
    """The declarations that were asked, the best first."""
    import numpy as np

    asked = np.flatnonzero(table.n)
    return asked[np.argsort(-table.p_make[asked].sum(axis=1), kind="stable")].tolist()


def print_table(table: BidTable, advice: Advice, seconds: float) -> None:
    """A row a declaration: chances with their intervals, in percent."""
    from forge_core.cli.screen import screen, seconds_text
    from forge_core.cli.screen import table as grid_of
    from forge_core.texas42.bidding.table import bid_index, provenance
    from forge_core.texas42.declarations import NAMES

    titles = ("points", *(f"make {bid}" for bid in SHOWN_BIDS), "marks", "deals")
    grid = grid_of("", *titles)
    grid.padding = (0, 2, 0, 0)
    for column in grid.columns[1:]:
        column.justify = "right"
    p_make, (low, high) = table.p_make, table.interval
    for decl in in_order(table):
        cells = [(decl, bid_index(bid)) for bid in SHOWN_BIDS]
        chances = [f"{100 * p_make[c]:.0f} {f'{100 * low[c]:.0f}-{100 * high[c]:.0f}':>5}" for c in cells]
        grid.add_row(
            NAMES[decl],
            f"{table.points[decl].mean():.1f}",
            *chances,
            f"{advice.marks[decl].max():+.2f}",
            f"{table.n[decl]:,}",
            style="bold green" if decl == advice.recommended.decl else "",
        )
    out = screen()
    out.print(grid)
    out.print(
        "make: % of the deals, with its 95 % interval; marks: expected by the best bid",
        style="dim",
        soft_wrap=True,
    )
    print_advice(table, advice)
    out.print(f"{provenance(table)} {seconds_text(seconds)}.", style="dim", soft_wrap=True)


def print_matrix(table: BidTable, advice: Advice) -> None:
    """Declarations by bids, in percent."""
    from forge_core.cli.screen import screen
    from forge_core.cli.screen import table as grid_of
    from forge_core.texas42.bidding.table import BIDS, bid_index, provenance
    from forge_core.texas42.declarations import NAMES

    names = [str(bid) for bid in BIDS]
    grid = grid_of("make, %", *names, numbers=" ".join(names))
    grid.padding = (0, 2, 0, 0)
    best = advice.recommended
    for decl in in_order(table):
        cells = [f"{100 * p:.0f}" for p in table.p_make[decl]]
        if decl == best.decl:
            cells[bid_index(best.call)] = f"[bold green]{cells[bid_index(best.call)]}[/bold green]"
        grid.add_row(NAMES[decl], *cells)
    out = screen()
    out.print(grid)
    print_advice(table, advice)
    out.print(provenance(table), style="dim", soft_wrap=True)


def print_advice(table: BidTable, advice: Advice) -> None:
    """The advice in words."""
    from forge_core.cli.screen import screen
    from forge_core.texas42.bidding.advice import explain

    out = screen()
    out.print()
    for sentence in explain(advice, table):
        out.print(sentence, soft_wrap=True)
    out.print()
