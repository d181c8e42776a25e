"""`forge bid`: estimate the value of a hand and recommend a bid."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_core.cli.filling import check_file, place_of
from forge_core.cli.options import Json, expand_settings
from forge_core.errors import BadInput
from forge_core.ranges import WHOLE, shortened, whole
from forge_core.texas42.cli.options import (
    BidHand,
    PlayoutDevice,
    PlayoutModel,
    SampleSeed,
    read_declaration,
)
from forge_core.texas42.settings.bidding import BiddingSettings

if TYPE_CHECKING:
    from forge_core.texas42.bidding.advice import Advice, Best
    from forge_core.texas42.bidding.table import BidTable, Floats

SHOWN_BIDS = (30, 34, 38, 42)
"""the bids in the table, next to the recommended one; --matrix shows all"""


def read_calls(text: str) -> tuple[int, ...]:
    """Parse calls in order, such as `pass,30,31` or `pass 41 2 marks`. Raises BadInput."""
    from forge_core.texas42.auction import parse_call

    parts = re.split(r"(?:, ?| )(?! ?marks?\b)", " ".join(text.split()), flags=re.IGNORECASE)
    return tuple(parse_call(part) for part in parts if part)


def read_place_of_seat(text: str) -> int:
    """Parse a place in the order of calling, 0..3. Raises BadInput."""
    seat = whole(text, "seat")
    if seat > 3:
        raise BadInput(f"seat {seat}: use 0 (the first to call) to 3 (the dealer)")
    return seat


def read_score(text: str) -> tuple[int, int]:
    """Parse the marks of the bidder's team and of the other team, `3-5` or `3 to 5`. Raises BadInput."""
    marks = re.fullmatch(rf"({WHOLE})(?: ?- ?| to )({WHOLE})", " ".join(text.split()))
    if not marks:
        raise BadInput(f"score {shortened(text)!r}: write your marks and theirs, such as 3-5")
    return int(marks[1]), int(marks[2])


def read_asked(text: str) -> list[int]:
    """Parse `all` or one declaration. Raises BadInput."""
    return list(range(10)) if text.strip().lower() == "all" else [read_declaration(text)]


def read_contracts(text: str) -> tuple[int, ...]:
    """Parse `all` or `tournament`. Raises BadInput."""
    from forge_core.texas42.declarations import parse_contracts

    return parse_contracts(text)


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
        show_default="by the number of --bids",
        help="Your place in the order of calling: 0 calls first, 3 is the dealer. Without --bids, all before "
        "you have passed.",
    ),
]
Marks = Annotated[
    tuple,
    typer.Option(
        "--score", parser=read_score, metavar="M-M", help="Marks of your team and of the other; 7 wins."
    ),
]
Forced = Annotated[
    bool, typer.Option("--forced", help="House rule: if all others pass, the dealer must bid.")
]


@expand_settings
def bid(
    *,
    hand: BidHand,
    settings: BiddingSettings,
    model: PlayoutModel = None,
    device: PlayoutDevice = None,
    decl: Annotated[
        list,
        typer.Option(
            "--decl",
            parser=read_asked,
            metavar="NAME",
            help="Declarations to play out: all, or the name or number of one.",
        ),
    ] = "all",  # pyright: ignore[reportArgumentType]
    contracts: Annotated[
        tuple,
        typer.Option(
            "--contracts",
            parser=read_contracts,
            metavar="NAME",
            help="Declarations that the rules allow: all, or tournament (no doubles-suit).",
        ),
    ] = "all",  # pyright: ignore[reportArgumentType]
    bids: Bids = None,
    seat: Seat = None,
    score: Marks = "0-0",  # pyright: ignore[reportArgumentType]
    forced: Forced = False,
    matrix: Annotated[
        bool, typer.Option("--matrix", help="Show all bids of each declaration, without intervals.")
    ] = False,
    poster: Annotated[
        str | None,
        typer.Option("--poster", metavar="FILE", help="Also draw a page: FILE.pdf or FILE.png."),
    ] = None,
    seed: SampleSeed = 0,
    json: Json = False,
) -> None:
    """Recommend a bid by playing out deals of the other 21 dominoes and counting the contracts made.

    \b
    Number of deals, and 95 % interval of a probability near one half:
      samples      50    100    200    500   1000
      interval  ±0.13  ±0.10  ±0.07  ±0.04  ±0.03
    """
    import time

    from forge_core.cli.screen import print_json, progress_bar
    from forge_core.texas42.bidding.advice import Situation, advise
    from forge_core.texas42.bidding.playouts import choose_playout
    from forge_core.texas42.bidding.table import check_extent, play_out

    situation = Situation.of(bids, seat, read_score(score) if isinstance(score, str) else score, forced)
    check_extent(settings.samples, settings.ci_width)
    kind = None if poster is None else poster_kind(poster)
    asked = allowed_of(
        read_asked(decl) if isinstance(decl, str) else decl,
        read_contracts(contracts) if isinstance(contracts, str) else contracts,
    )
    how = choose_playout(settings, model, device)
    if poster:
        check_file(poster)
    started = time.perf_counter()
    with progress_bar("playing deals", settings.samples * len(asked)) as move:
        table = play_out(hand, how, settings.samples, seed, asked, settings.ci_width, move)
    seconds = time.perf_counter() - started
    advice = advise(table.p_make, situation)
    if json:
        print_json({**as_record(table, advice), "seconds": round(seconds, 3), "poster": poster})
    elif matrix:
        print_matrix(table, advice)
    else:
        print_table(table, advice, seconds)
    if poster and kind:  # last, so that results are not lost if drawing fails
        write_poster(poster, kind, table, advice)


def allowed_of(asked: list[int], contracts: tuple[int, ...]) -> list[int]:
    """Return the declarations asked for that the rules allow. Raises BadInput if there is none."""
    from forge_core.texas42.declarations import NAMES

    if allowed := [decl for decl in asked if decl in contracts]:
        return allowed
    raise BadInput(f"decl {NAMES[asked[0]]} is not played in tournaments: leave out contracts")


def poster_kind(path: str) -> str:
    """Return `pdf` or `png`, according to the end of the name. Raises BadInput for any other."""
    from forge_core.texas42.bidding.poster import FORMATS

    kind = path.rpartition(".")[2].lower()
    if "." not in path or kind not in FORMATS:
        raise BadInput(f"poster {path!r}: use a file name that ends in .{' or .'.join(FORMATS)}")
    return kind


def write_poster(path: str, kind: str, table: BidTable, advice: Advice) -> None:
    """Draw the poster and write it. Raises StoreUnusable."""
    from forge_core.texas42.bidding.poster import draw_poster

    store, name = place_of(path)
    store.write(name, draw_poster(table, advice, kind))


def as_record(table: BidTable, advice: Advice) -> dict[str, Any]:
    """Return table and advice as JSON types; declarations that were played out are keyed by name."""
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
            "score": [advice.situation.own_marks, advice.situation.opponent_marks],
            "forced": advice.situation.forced,
            "recommended": best_record(advice.recommended),
            "highest": best_record(advice.highest),
            "stands": expected(advice, advice.stands),
            "win_when_passing": None if np.isinf(advice.worth_of_pass) else round(advice.worth_of_pass, 6),
        },
    }


def playout_record(table: BidTable) -> dict[str, Any]:
    """Return the provenance of a table as JSON types. sees_all: True if the players saw all hands."""
    from forge_core.texas42.bidding.table import BIDDING_VERSION

    return {
        "playout": table.playout,
        "sees_all": table.sees_all,
        "versions": {"bidding": BIDDING_VERSION, table.playout: table.playout_version},
    }


def expected(advice: Advice, values: Floats) -> dict[str, float]:
    """Return values by legal bid."""
    return {str(bid): round(float(value), 6) for bid, value in zip(advice.bids, values, strict=True)}


def best_record(best: Best) -> dict[str, Any]:
    """Return a call and declaration as JSON types; call 0 is a pass, 84 is two marks."""
    from forge_core.texas42.declarations import NAMES

    return {"call": best.call, "decl": None if best.decl is None else NAMES[best.decl]}


def in_order(table: BidTable, advice: Advice) -> list[int]:
    """Return the declarations that were played out by the chance to win with the best call, best first.

    The recommended one comes first; equal ones go by their points.
    """
    import numpy as np

    from forge_core.texas42.bidding.advice import best_calls

    _, win = best_calls(advice)
    return sorted(
        np.flatnonzero(table.n).tolist(),
        key=lambda decl: (-round(win[decl], 9), decl != advice.recommended.decl, -table.points[decl].mean()),
    )


def shown_bids(advice: Advice) -> list[int]:
    """Return four bids to show: those of SHOWN_BIDS, with the recommended one in place of its neighbour."""
    from forge_core.texas42.bidding.table import BIDS, bid_index

    bids: list[int] = list(SHOWN_BIDS)
    if advice.recommended.decl is not None:
        bid = BIDS[bid_index(advice.recommended.call)]
        if bid not in bids:
            bids[min((1, 2), key=lambda place: abs(bids[place] - bid))] = bid
    return bids


def print_table(table: BidTable, advice: Advice, seconds: float) -> None:
    """Print a table with a row per declaration: P(make) and intervals in percent, and the advice."""
    from forge_core.cli.screen import screen, seconds_text
    from forge_core.cli.screen import table as grid_of
    from forge_core.texas42.auction import call_text
    from forge_core.texas42.bidding.advice import best_calls
    from forge_core.texas42.bidding.table import bid_index, provenance
    from forge_core.texas42.declarations import NAMES

    bids, (calls, win) = shown_bids(advice), best_calls(advice)
    order = in_order(table, advice)
    deals = len({int(table.n[decl]) for decl in order}) > 1
    titles = ("points", *(f"make {bid}" for bid in bids), "call", "win", *(("deals",) if deals else ()))
    grid = grid_of("", *titles, gap=2)
    for column in grid.columns[1:]:
        column.justify = "right"
    p_make, (low, high) = table.p_make, table.interval
    for decl in order:
        cells = [(decl, bid_index(bid)) for bid in bids]
        chances = [f"{100 * p_make[c]:.0f} {f'{100 * low[c]:.0f}-{100 * high[c]:.0f}':>5}" for c in cells]
        grid.add_row(
            NAMES[decl],
            f"{table.points[decl].mean():.1f}",
            *chances,
            call_text(int(calls[decl])),
            f"{100 * win[decl]:.1f}",
            *((f"{table.n[decl]:,}",) if deals else ()),
            style="bold green" if decl == advice.recommended.decl else "",
        )
    out = screen()
    out.print(grid)
    out.print(
        "make: percent of deals in which the bid is made, with 95 % interval; call: the best call with this "
        "declaration; win: percent chance to win the game with it",
        style="dim",
        soft_wrap=True,
    )
    print_advice(table, advice)
    out.print(f"{provenance(table)} {seconds_text(seconds)}.", style="dim", soft_wrap=True)


def print_matrix(table: BidTable, advice: Advice) -> None:
    """Print P(make) in percent by declaration and bid, the chance to win, and the advice."""
    from forge_core.cli.screen import screen
    from forge_core.cli.screen import table as grid_of
    from forge_core.texas42.bidding.advice import best_calls
    from forge_core.texas42.bidding.table import BIDS, bid_index, provenance
    from forge_core.texas42.declarations import NAMES

    names = [*(str(bid) for bid in BIDS), "win"]
    grid = grid_of("make, %", *names, numbers=" ".join(names), gap=1)
    best, (_, win) = advice.recommended, best_calls(advice)
    for decl in in_order(table, advice):
        cells = [f"{100 * p:.0f}" for p in table.p_make[decl]]
        if decl == best.decl:
            cells[bid_index(best.call)] = f"[bold green]{cells[bid_index(best.call)]}[/bold green]"
        grid.add_row(NAMES[decl], *cells, f"{100 * win[decl]:.1f}")
    out = screen()
    out.print(grid)
    print_advice(table, advice)
    out.print(provenance(table), style="dim", soft_wrap=True)


def print_advice(table: BidTable, advice: Advice) -> None:
    """Print the advice in words."""
    from forge_core.cli.screen import screen
    from forge_core.texas42.bidding.advice import explain

    out = screen()
    out.print()
    for sentence in explain(advice, table):
        out.print(sentence, soft_wrap=True)
    out.print()
