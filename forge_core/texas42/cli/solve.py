"""`forge solve`: compute the value of a deal and of every lead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forge_core.cli.options import Device, Json
from forge_core.texas42.cli.options import Declaration, Hand, Leader, Opponent, Seed, choose_deal

if TYPE_CHECKING:
    from rich.console import Console

    from forge_core.texas42.oracle import Solution


def solve(
    decl: Declaration,
    seed: Seed = 0,
    hand: Hand = None,
    opponent: Opponent = None,
    leader: Leader = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Solve a deal exactly; show its value and the points that each lead gives away."""
    from forge_core.cli.screen import print_json, screen
    from forge_core.texas42 import oracle
    from forge_core.texas42.cli.deal import deal_title
    from forge_core.texas42.cli.picture import print_deal

    hands = choose_deal(seed, hand, opponent)
    solution = oracle.solve(hands, decl, leader, device)
    if json:
        print_json({"seed": seed, "opponent": opponent, **as_record(solution)})
        return
    out = screen()
    print_deal(out, hands, deal_title(seed, hand, opponent), decl, leader)
    print_solution(out, solution)


def leads(solution: Solution) -> list[tuple[int, int, int]]:
    """Return the leads, best first, as (domino id, Q, points given away compared with the best lead)."""
    sign = -1 if solution.leader % 2 else 1
    ranked = [
        (int(domino), q, sign * (solution.value - q) // 2)
        for domino, q in zip(solution.hands[solution.leader], solution.q, strict=True)
    ]
    return sorted(ranked, key=lambda lead: (lead[2], -lead[0]))


def as_record(solution: Solution) -> dict:
    """Return a solution as JSON types.

    value, q: points of team 0 minus those of team 1. leads: best first. gives_away: the points that the
    leader's team loses compared with the best lead, half the difference between value and q.
    """
    from forge_core.texas42.declarations import NAMES
    from forge_core.texas42.notation import domino_text
    from forge_core.texas42.oracle import ORACLE_VERSION

    return {
        "decl": NAMES[solution.decl],
        "leader": solution.leader,
        "hands": solution.hands.tolist(),
        "value": solution.value,
        "q": solution.q,
        "points": {"team 0": (42 + solution.value) // 2, "team 1": (42 - solution.value) // 2},
        "leads": [
            {"domino": domino_text(domino), "q": q, "gives_away": lost} for domino, q, lost in leads(solution)
        ],
        "states": sum(solution.states_per_ply),
        "states_per_ply": solution.states_per_ply,
        "seconds": round(solution.seconds, 6),
        "device": solution.device,
        "oracle_version": ORACLE_VERSION,
    }


def print_solution(out: Console, solution: Solution) -> None:
    """Print the value in words, the leads in a table, and the cost of solving."""
    from forge_core.cli.screen import seconds_text, table
    from forge_core.texas42.dominoes import HAND_POINTS, team
    from forge_core.texas42.notation import domino_text

    mine = team(solution.leader)
    grid = table("lead", "Q", "team 0", "team 1", "", numbers="Q team 0 team 1")
    for domino, q, lost in leads(solution):
        ours = (HAND_POINTS + q) // 2
        remark = "best" if lost == 0 else f"gives away {lost}"
        style = "bold green" if lost == 0 else ""
        grid.add_row(domino_text(domino), f"{q:+d}", f"{ours}", f"{HAND_POINTS - ours}", remark, style=style)
    out.print()
    theirs = (HAND_POINTS - solution.value) // 2
    out.print(
        f"Played perfectly by all four, team 0 (seats 0 and 2) takes {HAND_POINTS - theirs} points "
        f"and team 1 takes {theirs}: V = {solution.value:+d}.",
        soft_wrap=True,
    )
    out.print()
    out.print(grid)
    out.print()
    out.print(
        f"{sum(solution.states_per_ply):,} states, {seconds_text(solution.seconds)}, {solution.device}. "
        f"V and Q are points of team 0 minus team 1; team {mine} leads.",
        style="dim",
        soft_wrap=True,
    )
