"""The part of the picture that everybody has seen: heading and score, tricks, table, known voids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forge_core.pictures import FAINT, INK, SOFT
from forge_core.texas42.declarations import is_called
from forge_core.texas42.domino_art import CALLED_EDGE, draw_back, draw_domino, draw_place
from forge_core.texas42.dominoes import HAND_POINTS, HAND_SIZE, N_SEATS, team
from forge_core.texas42.eq.pictures.canvas import TEAM, TEAM_PALE, box, fill, write
from forge_core.texas42.eq.scenes import Scene
from forge_core.texas42.eq.view import settings_text
from forge_core.texas42.notation import declaration_text, suit_text, suits_of
from forge_core.texas42.rules import CALLED_SUIT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TABLE = "#eef3ee"
_RIGHT_PANEL = 1110
"""left edge of the panel of known voids"""


def draw_heading(ax: Axes, scene: Scene) -> None:
    """Draw the title, and the score as a bar with a line at the points that the bid needs."""
    record = scene.record
    seed = "" if record.seed is None else f"Seed {record.seed} · "
    number, place = divmod(scene.step, N_SEATS)
    title = f"{seed}{declaration_text(record.decl)}"
    write(ax, 40, 958, title[:1].upper() + title[1:], 21, weight="bold")
    now = f"trick {number + 1}, play {place + 1} · seat {scene.seat} to play"
    write(ax, 40, 922, f"{now} · {settings_text(record.settings)}", 12.5, SOFT)

    left, width, y = 960, 600, 943
    points = scene.points
    fill(ax, left, y - 9, width, 18, FAINT)
    ours, theirs = (width * taken / HAND_POINTS for taken in points)
    fill(ax, left, y - 9, ours, 18, TEAM[0])
    fill(ax, left + width - theirs, y - 9, theirs, 18, TEAM[1])
    write(ax, left, y - 25, f"seats 0 and 2: {points[0]}", 13, TEAM[0], weight="bold")
    write(ax, left + width, y - 25, f"seats 1 and 3: {points[1]}", 13, TEAM[1], ha="right", weight="bold")
    bidders = team(record.bidder)
    from_left = width * scene.needed / HAND_POINTS
    goal = left + (from_left if bidders == 0 else width - from_left)
    ax.plot([goal, goal], [y - 15, y + 15], color=INK, linewidth=2, solid_capstyle="butt")
    align = "right" if goal > left + width - 70 else "left" if goal < left + 70 else "center"
    write(ax, goal, y + 29, f"seat {record.bidder} bid {record.bid}", 13, TEAM[bidders], ha=align)


def draw_tricks(ax: Axes, scene: Scene) -> None:
    """Draw one row per trick and one column per seat: the leader, the winner and the points."""
    left, step, top, row, end = 128, 88, 820, 43, 486
    write(ax, 40, 884, "Tricks", 14, weight="bold")
    for seat in range(N_SEATS):
        x, style = left + step * seat, {"weight": "bold" if seat == scene.seat else "normal"}
        write(ax, x, top + 33, f"seat {seat}", 12.5, TEAM[team(seat)], ha="center", **style)
    write(ax, end, top + 33, "points", 12.5, SOFT, ha="right")
    for number in range(HAND_SIZE):
        y = top - row * number
        trick = scene.tricks[number] if number < len(scene.tricks) else None
        write(ax, 40, y, str(number + 1), 12.5, SOFT if trick else FAINT)
        for seat in range(N_SEATS):
            x = left + step * seat
            if trick is None or seat not in trick.seats:
                ax.plot([x - 5, x + 5], [y, y], color=FAINT, linewidth=1.5)
                continue
            domino = trick.dominoes[trick.seats.index(seat)]
            took = trick.complete and seat == trick.winner
            draw_domino(
                ax,
                domino,
                x,
                y,
                30,
                horizontal=True,
                called=is_called(domino, scene.record.decl),
                edge=TEAM[team(seat)] if took else None,
            )
            if seat == trick.leader:
                ax.plot([x - 40], [y], marker=">", color=SOFT, markersize=6, linewidth=0)
        if trick and trick.complete and trick.winner is not None:
            write(ax, end, y, str(trick.points), 13.5, TEAM[team(trick.winner)], ha="right", weight="bold")


def draw_table(ax: Axes, scene: Scene) -> None:
    """Draw the table from above, the mover nearest. Seats go clockwise, so the next one is on the left."""
    x, y, decl, trick = 795, 716, scene.record.decl, scene.trick
    table = box(x - 255, y - 172, 510, 344, 34, facecolor=_TABLE, edgecolor=FAINT, linewidth=1.2)
    ax.add_patch(table)
    if trick.suit is not None:
        color = CALLED_EDGE if trick.suit == CALLED_SUIT else SOFT
        write(ax, x, y, f"{suit_text(trick.suit, decl)}\nled", 13, color, ha="center")
    for offset, (dx, dy) in enumerate(((0, -1), (-1, 0), (0, 1), (1, 0))):
        seat = (scene.seat + offset) % N_SEATS
        color, at = TEAM[team(seat)], (x + 98 * dx, y + 80 * dy)
        if seat in trick.seats:
            domino = trick.dominoes[trick.seats.index(seat)]
            draw_domino(
                ax,
                domino,
                *at,
                44,
                horizontal=dx != 0,
                called=is_called(domino, decl),
                edge=color if seat == trick.winner else None,
            )
        name = f"seat {seat} led" if trick.dominoes and seat == trick.leader else f"seat {seat}"
        if offset == 0:
            draw_place(ax, *at, 44, color=color)
            asked = "to play" if trick.dominoes else "to lead"
            write(ax, x, y - 148, f"{name} {asked}", 13, color, ha="center", weight="bold")
            continue
        held = set(scene.record.hands[seat].tolist()) - scene.played.keys()
        for place in range(len(held)):
            along = 19 * (place - (len(held) - 1) / 2)
            back = (x + along, y + 149) if dx == 0 else (x + 230 * dx, y - 8 + along)
            draw_back(ax, *back, 15, horizontal=dx != 0, color=color)
        if dx == 0:
            write(ax, x + 82, y + 149, name, 13, color)
        else:
            write(ax, x + 232 * dx, y + 84, name, 13, color, ha="left" if dx < 0 else "right")


def draw_voids(ax: Axes, scene: Scene) -> None:
    """Draw seats x suits with a cross for each known void; below, the dominoes unseen by the mover."""
    left, step, top, row, decl = 1218, 46, 684, 27, scene.record.decl
    write(ax, _RIGHT_PANEL, 714, "Known voids", 14, weight="bold")
    for seat in range(N_SEATS):
        weight = "bold" if seat == scene.seat else "normal"
        y = top - row * (seat + 1)
        write(ax, _RIGHT_PANEL, y, f"seat {seat}", 12.5, TEAM[team(seat)], weight=weight)
    write(ax, _RIGHT_PANEL, top - row * 5, "unseen", 12.5, SOFT)
    for place, suit in enumerate(suits_of(decl)):
        x, pip = left + step * place, str(place) if place < HAND_SIZE else "dbl"
        write(ax, x, top, pip, 13, CALLED_EDGE if suit == CALLED_SUIT else INK, ha="center", weight="bold")
        write(ax, x, top - row * 5, str(scene.unseen[suit]), 12.5, SOFT, ha="center")
        for seat, voids in enumerate(scene.voids):
            y = top - row * (seat + 1)
            if suit in voids:
                ax.add_patch(box(x - 18, y - 11, 36, 22, 5, facecolor=TEAM_PALE[team(seat)], linewidth=0))
                ax.plot([x], [y], marker="x", color=INK, markersize=8, markeredgewidth=1.8)
            else:
                ax.plot([x], [y], marker="o", color=FAINT, markersize=3)
