"""A recorded game, or one of its decisions, as rich renderables for a terminal 80 columns wide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy.typing as npt
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from forge_core.texas42.dominoes import N_SEATS, team
from forge_core.texas42.eq.policies import MODES
from forge_core.texas42.eq.records import GameRecord
from forge_core.texas42.eq.sampled_worlds import SampledWorlds
from forge_core.texas42.eq.scenes import Scene, scenes, tricks_of
from forge_core.texas42.notation import by_suit, declaration_text, domino_text, suit_text, suits_of
from forge_core.texas42.rules import CALLED_SUIT
from forge_core.texas42.tricks import Trick, score
from forge_core.text_tables import SideBySide, TextTable

TEAM_STYLES = ("dodger_blue2", "dark_orange3")
_QUIET, _CHOSEN, _CALLED, _BAD = "dim", "bold", "bold yellow", "red"

LEGEND = (
    "E[Q]: the points from here on, the mover's team minus the other team, averaged over worlds (deals "
    "consistent with everything the mover knows). spread: their standard deviation. makes, sets: the share "
    "of worlds in which the bidders make the bid, or the defenders set it. behind: the E[Q] of the best play "
    "minus that of this one. ESS: the effective number of worlds."
)


def describe_decision(record: GameRecord, step: int) -> RenderableType:
    """Describe decision `step`, 0..27, and the position it was made in. Raises BadInput for another step."""
    scene = Scene(record, step)
    trick, left = scene.trick, [domino for domino in scene.hand if domino not in scene.played]
    seed = "" if record.seed is None else f"seed {record.seed} · "
    lines = [
        Text.assemble((f"{seed}decision {step} · ", _CHOSEN), bid_text(record)),
        Text.assemble(f"trick {len(scene.tricks)} · ", *score_text(scene.points)),
        _trick_so_far(trick),
        Text.assemble(_seat(scene.seat), " holds ", ", ".join(domino_text(domino) for domino in left)),
    ]
    return Group(*lines, *_decision(scene))


def describe_world(
    worlds: SampledWorlds, world: int, answers: Mapping[str, npt.NDArray], in_points: bool = True
) -> RenderableType:
    """Describe what each seat holds in one world, and answers for the plays in it.

    world: 0..M - 1; M for the hands as they were dealt. answers, in_points: see `answers_table`.
    """
    scene, record = worlds.scene, worlds.scene.record
    seed = "" if record.seed is None else f"seed {record.seed} · "
    n = f"{len(worlds):,}" if len(worlds) == scene.n_worlds else f"the first {len(worlds):,}"
    settings = record.settings
    is_weighed = settings.get("belief") or (settings.get("sampling") or {}).get("posterior")
    before = ", before they were weighed" if is_weighed else ""
    which = "the hands as they were dealt" if world == len(worlds) else f"world {world + 1} of {n}{before}"
    lines = [
        Text.assemble((f"{seed}decision {scene.step} · ", _CHOSEN), bid_text(record)),
        Text(which, _CHOSEN),
        _trick_so_far(scene.trick),
    ]
    for seat, hand in enumerate(worlds.left(world)):
        held = ", ".join(domino_text(domino) for domino in by_suit(hand, record.decl))
        lines.append(Text.assemble(_seat(seat), " to play" if seat == scene.seat else "", f": {held}"))
    return Group(*lines, "", answers_table(scene, answers, in_points))


def answers_table(scene: Scene, answers: Mapping[str, npt.NDArray], in_points: bool = True) -> Table:
    """Return a table of the legal plays. answers: by the name of its column, [7] by slot, in points.

    in_points: False if the last column is in percent; otherwise, with two columns or more, another one shows
    how far the last one is from the one before it.
    """
    grid = TextTable(header_style=_QUIET)
    grid.add_column("    play", no_wrap=True)
    names = list(answers)
    differ = in_points and len(names) > 1
    for name in (*names, "off by") if differ else names:
        grid.add_column(name, justify="right", no_wrap=True)
    for option in scene.options:
        values = [float(answers[name][option.slot]) for name in names]
        texts = [f"{value:+.1f}" for value in values]
        if not in_points:
            texts[-1] = f"{values[-1]:.0f}%"
        if differ:
            texts.append(f"{round(values[-1] - values[-2], 1) + 0.0:+.1f}")  # no -0.0
        mark = "▸" if option.chosen else " "
        grid.add_row(f"  {mark} {domino_text(option.domino)}", *texts, style=_CHOSEN if option.chosen else "")
    return grid


def describe_game(record: GameRecord) -> Iterator[RenderableType]:
    """Describe all 28 decisions, trick by trick, and the outcome of the bid."""
    tricks = tricks_of(record)
    for scene in scenes(record):
        number = len(scene.tricks)
        if not scene.trick.dominoes:
            heading = Text.assemble((f"trick {number}   ", _CHOSEN), *score_text(scene.points))
            yield Group("", heading)
        yield from _decision(scene)
        if len(scene.trick.dominoes) == N_SEATS - 1:
            yield _taken(tricks[number - 1])
    yield ""
    yield outcome_text(record)


def settings_text(settings: dict[str, Any]) -> str:
    """Return text such as `exact oracle · 50 worlds · greedy by E[Q]`, from the settings that are present."""
    sampling, exploration = settings.get("sampling") or {}, settings.get("exploration") or {}
    parts = []
    if "oracle" in settings:
        parts.append(f"{settings['oracle']} oracle")
    if adaptive := sampling.get("adaptive"):
        parts.append(f"up to {adaptive['max_worlds']:,} worlds")
    elif by_trick := sampling.get("by_trick"):
        parts.append(f"{'/'.join(map(str, by_trick))} worlds by trick")
    elif "n_worlds" in sampling:
        parts.append(f"{sampling['n_worlds']:,} worlds")
    if sampling.get("posterior"):
        parts.append("weighted by the plays")
    if settings.get("belief"):
        parts.append("with a belief")
    if "criterion" in settings:
        by = "P(make)" if settings["criterion"] == "pmake" else "E[Q]"
        parts.append(f"{exploration.get('mode', MODES[0])} by {by}")
    if page := settings.get("page"):
        parts.append(f"played in a browser, seat 0 against {page['opponents']} players")
    return " · ".join(parts)


def score_text(points: tuple[int, int]) -> list[tuple[str, str] | str]:
    """Return the points of both teams as parts of a text."""
    return [
        (f"seats 0 and 2: {points[0]}", TEAM_STYLES[0]),
        " · ",
        (f"seats 1 and 3: {points[1]}", TEAM_STYLES[1]),
    ]


def bid_text(record: GameRecord) -> Text:
    """Return text such as `sixes are trumps · seat 0 bid 30`."""
    bidder = (f"seat {record.bidder} bid {record.bid}", TEAM_STYLES[team(record.bidder)])
    return Text.assemble(f"{declaration_text(record.decl)} · ", bidder)


def outcome_text(record: GameRecord) -> Text:
    """Return the points of both teams, and whether the bid was made."""
    points = score(tricks_of(record))
    missing = Scene(record, 0).needed - points[team(record.bidder)]
    outcome = "is made" if missing <= 0 else f"is set, {missing} short"
    return Text.assemble(*score_text(points), f": the bid of {record.bid} ", (outcome, _CHOSEN))


def _decision(scene: Scene) -> list[RenderableType]:
    """Describe the play and its alternatives; a forced play takes one short line."""
    chosen = (domino_text(scene.chosen), _CHOSEN)
    line = Text.assemble((f"{scene.step:2}  ", _QUIET), _seat(scene.seat), f" {scene.verb} ", chosen)
    if scene.forced:
        line.append(" (forced)", _QUIET)
        return [line]
    if lost := _lost(scene):
        line.append(f", losing {lost}", _BAD)
    mode = MODES[int(scene.record.decisions.exploration_mode[scene.step])]
    if mode != MODES[0]:
        line.append(f" ({mode})", _QUIET)
    details: RenderableType = _options(scene)
    if any(scene.voids):
        details = SideBySide(details, _void_map(scene))
    return [line, details, Text(f"    {worlds_text(scene)}", _QUIET)]


def worlds_text(scene: Scene) -> str:
    """Return text such as `50 of 399,072,960 worlds, ESS 48.2`."""
    if scene.is_exact:
        used = "the only world" if scene.world_count == 1 else f"all {scene.world_count:,} worlds"
    else:
        used = f"{scene.n_worlds:,} of {scene.world_count:,} worlds"
    adaptive = (scene.record.settings.get("sampling") or {}).get("adaptive")
    rough = ", not converged" if adaptive and not scene.record.decisions.converged[scene.step] else ""
    return f"{used}, ESS {scene.ess:,.1f}{rough}"


def _lost(scene: Scene) -> str:
    """Return the loss against the best play as text; empty if it rounds to 0."""
    if scene.by_chance:
        return f"{scene.gives_away:.0%} of the chance to succeed" if scene.gives_away >= 0.005 else ""
    return f"{scene.gives_away:.1f} points" if scene.gives_away >= 0.05 else ""


def _options(scene: Scene) -> Table:
    grid = TextTable(header_style=_QUIET)
    grid.add_column("    play", no_wrap=True)
    for name in (" E[Q]", "spread", "makes" if scene.bids else " sets", "behind"):
        grid.add_column(name, justify="right", no_wrap=True)
    for option in scene.options:
        behind = f"{option.behind:.1f}" if option.behind >= 0.05 else ""
        grid.add_row(
            f"  {'▸' if option.chosen else ' '} {domino_text(option.domino)}",
            f"{option.mean:+.1f}",
            f"{option.spread:.1f}",
            f"{option.p_make:.0%}",
            behind,
            style=_CHOSEN if option.chosen else "",
        )
    return grid


def _void_map(scene: Scene) -> Table:
    """Return a table of seats x suits that marks known voids; seats without known voids are omitted."""
    decl = scene.record.decl
    suits = suits_of(decl)
    grid = TextTable(gap=1, header_style=_QUIET)
    grid.add_column("void of")
    for place, suit in enumerate(suits):
        header = str(place) if place < 7 else "d"
        grid.add_column(Text(header, _CALLED) if suit == CALLED_SUIT else header)
    for seat, voids in enumerate(scene.voids):
        if voids:
            grid.add_row(_seat(seat), *("×" if suit in voids else Text("·", _QUIET) for suit in suits))
    return grid


def _trick_so_far(trick: Trick) -> Text:
    if not trick.dominoes:
        return Text("nothing has been played to this trick")
    assert trick.suit is not None
    by_seat = zip(trick.seats, trick.dominoes, strict=True)
    plays = [f"{domino_text(domino)} by seat {seat}" for seat, domino in by_seat]
    return Text(f"{suit_text(trick.suit, trick.decl)} are led: {', '.join(plays)}")


def _taken(trick: Trick) -> Text:
    assert trick.winner is not None
    with_domino = trick.dominoes[trick.seats.index(trick.winner)]
    points = "1 point" if trick.points == 1 else f"{trick.points} points"
    return Text.assemble(
        "    → ",
        _seat(trick.winner),
        f" takes it with {domino_text(with_domino)}: ",
        (points, TEAM_STYLES[team(trick.winner)]),
    )


def _seat(seat: int) -> Text:
    return Text(f"seat {seat}", TEAM_STYLES[team(seat)])
