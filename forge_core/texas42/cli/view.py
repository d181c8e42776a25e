"""`forge view`: show a recorded game decision by decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_core.cli.options import Json
from forge_core.errors import BadInput
from forge_core.texas42.cli.options import Decision, GameSeed

if TYPE_CHECKING:
    from forge_core.texas42.arena.regret import RegretSplit
    from forge_core.texas42.eq.records import GameRecord
    from forge_core.texas42.eq.scenes import Scene

GameFile = Annotated[
    str, typer.Argument(metavar="FILE", help="A recorded game, a folder of games, or the root of a store.")
]


def view(
    file: GameFile,
    game: GameSeed = None,
    decision: Decision = None,
    regret: Annotated[
        bool,
        typer.Option("--regret", help="Also split lost points into luck, hidden hands and blunders (1 s)."),
    ] = False,
    interactive: Annotated[
        bool,
        typer.Option(
            "--interactive",
            "-i",
            help="Go through decisions and worlds by keys, or by lines from a pipe; h for help.",
        ),
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="DIR",
            help="With --interactive: also show the answers of this network next to exact ones.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Show a recorded game: each player's plays, alternatives and knowledge."""
    from forge_core.cli.screen import print_json, screen
    from forge_core.texas42.eq.scenes import Scene, scenes
    from forge_core.texas42.eq.view import LEGEND, describe_decision

    check_combination(interactive, regret, json, model)
    record = choose_game(file, game)
    if interactive:
        browse(record, decision or 0, model)
        return
    shown = list(scenes(record)) if decision is None else [Scene(record, decision)]
    split = None
    if regret:
        from forge_core.texas42.arena.regret import regret_split

        split = regret_split(record)
    if json:
        regret_part = {"regret": regret_record(split)} if split else {}
        decisions = [decision_record(scene) for scene in shown]
        print_json({**game_record(record), **regret_part, "decisions": decisions})
        return
    if decision is None:
        print_game(record)
    else:
        screen().print(describe_decision(record, decision))
    if split:
        print_regret(record, split)
    screen().print(f"\n{LEGEND}", style="dim", soft_wrap=True)


def check_combination(interactive: bool, regret: bool, json: bool, model: str | None) -> None:
    """Raise BadInput for options that have no effect together."""
    for option, is_given in (("--regret", regret), ("--json", json)):
        if interactive and is_given:
            raise BadInput(f"--interactive and {option} exclude each other: give only one of them")
    if model and not interactive:
        raise BadInput("--model has an effect only with --interactive: add --interactive, or leave it out")


def browse(record: GameRecord, step: int, model: str | None) -> None:
    """Let the reader go through a game, from decision `step` on. model: folder of a network."""
    from forge_core.cli.screen import notes, screen
    from forge_core.texas42.cli.browse import Browser
    from forge_core.texas42.eq.scenes import Scene

    Scene(record, step)  # refuses a decision that no game has
    network = None
    if model:
        from forge_core.texas42.players.network_answers import NetworkAnswers

        with notes().status("loading the network"):
            network = NetworkAnswers.open(model)
    Browser(screen(), record, network, step).browse()


def choose_game(place: str, seed: int | None) -> GameRecord:
    """Read the game of a file; in a folder, the game of `seed`, or the only one. Raises BadInput.

    A .json file is a hand that the page of `forge play` exported.
    """
    if place.endswith(".json"):
        from forge_core.texas42.web.hands import open_hand

        return open_hand(place)
    from forge_core.ranges import ranges_text
    from forge_core.texas42.eq.files import find_games, open_game
    from forge_core.texas42.oracle.shards import ShardKey

    found = [(ShardKey.parse(path.rpartition("/")[2]).seed, path) for path in find_games(place)]
    paths = [path for each, path in found if seed in (None, each)]
    if len(paths) == 1:
        return open_game(paths[0])
    if paths and seed is not None:
        raise BadInput(
            f"{place} contains {len(paths)} games of seed {seed}: name the file of one, such as {paths[0]}"
        )
    seeds = ranges_text(each for each, _ in found)
    which = f"{len(found)} games" if seed is None else f"no game of seed {seed}"
    raise BadInput(f"{place} contains {which}: choose one of the seeds {seeds} with --game")


def print_game(record: GameRecord) -> None:
    """Print the deal, the bid, and the play trick by trick."""
    from forge_core.cli.screen import screen
    from forge_core.texas42.cli.picture import print_deal
    from forge_core.texas42.eq.view import bid_text, describe_game, settings_text

    out = screen()
    title = "" if record.seed is None else f"seed {record.seed} · {record.split}"
    print_deal(out, record.hands.tolist(), title, record.decl, record.leader)
    out.print()
    out.print(bid_text(record), soft_wrap=True)
    out.print(settings_text(record.settings), soft_wrap=True, style="dim")
    for part in describe_game(record):
        out.print(part)


def print_regret(record: GameRecord, split: RegretSplit) -> None:
    """Print the points lost by each team, by cause, and the worst blunders."""
    from forge_core.cli.screen import screen, table
    from forge_core.texas42.notation import domino_text

    out = screen()
    grid = table("points lost by", "seats 0 and 2", "seats 1 and 3")
    grid.columns[1].justify = grid.columns[2].justify = "right"
    for name, points in (("blunders", split.blunder), ("hidden hands", split.hidden), ("total", split.lost)):
        grid.add_row(name, *(f"{of_team:.1f}" for of_team in split.by_team(points)))
    out.print()
    out.print(
        f"With best play and all hands seen, the margin of seats 0 and 2 is {split.luck:+}; in this game it "
        f"was {split.margin:+}.",
        soft_wrap=True,
    )
    out.print(grid)
    worst = [step for step in split.blunder.argsort()[::-1][:3].tolist() if split.blunder[step] >= 0.5]
    for step in worst:
        played, gave = domino_text(int(record.plays[step])), split.blunder[step]
        out.print(f"decision {step}: seat {split.player[step]}'s {played} gave away {gave:.1f}")


def regret_record(split: RegretSplit) -> dict[str, Any]:
    """Return the regret as JSON types: points of the mover's team, in lists by decision."""
    return {
        "luck": split.luck,
        "margin": split.margin,
        "lost": split.lost.tolist(),
        "blunder": [round(float(points), 3) for points in split.blunder],
        "hidden": [round(float(points), 3) for points in split.hidden],
    }


def game_record(record: GameRecord) -> dict[str, Any]:
    """Return the facts about the whole game as JSON types, with dominoes as ids."""
    from forge_core.texas42.declarations import NAMES
    from forge_core.texas42.dominoes import team
    from forge_core.texas42.eq.scenes import Scene, tricks_of
    from forge_core.texas42.tricks import score

    points = score(tricks_of(record))
    return {
        "seed": record.seed,
        "split": record.split,
        "decl": NAMES[record.decl],
        "leader": record.leader,
        "bidder": record.bidder,
        "bid": record.bid,
        "hands": record.hands.tolist(),
        "plays": record.plays.tolist(),
        "points": points,
        "made": points[team(record.bidder)] >= Scene(record, 0).needed,
        "settings": record.settings,
    }


def decision_record(scene: Scene) -> dict[str, Any]:
    """Return a decision as JSON types: E[Q] in the mover's frame, points taken by team, suits by name."""
    from forge_core.texas42.notation import domino_text, suit_text

    decl = scene.record.decl
    return {
        "decision": scene.step,
        "trick": len(scene.tricks),
        "seat": scene.seat,
        "points": scene.points,
        "lying": [domino_text(domino) for domino in scene.trick.dominoes],
        "played": domino_text(scene.chosen),
        "forced": scene.forced,
        "gives_away": scene.gives_away,
        "options": [
            {
                "domino": domino_text(option.domino),
                "slot": option.slot,
                "e_q": option.mean,
                "spread": option.spread,
                "p_make": option.p_make,
                "behind": option.behind,
            }
            for option in scene.options
        ],
        "worlds": scene.n_worlds,
        "world_count": scene.world_count,
        "ess": scene.ess,
        "voids": [[suit_text(suit, decl) for suit in sorted(voids)] for voids in scene.voids],
    }
