"""`forge view`: one recorded game, decision by decision."""

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
    str, typer.Argument(metavar="FILE", help="A recorded game; or a folder of games, or the root of a store.")
]


def view(
    file: GameFile,
    game: GameSeed = None,
    decision: Decision = None,
    regret: Annotated[
        bool,
        typer.Option("--regret", help="Also what the game was lost by: luck, hidden hands, blunders (1 s)."),
    ] = False,
    json: Json = False,
) -> None:
    """Show a recorded game: who played what, what each could have played, and what it knew."""
    from forge_core.cli.screen import print_json, screen
    from forge_core.texas42.eq.scenes import Scene, scenes
    from forge_core.texas42.eq.view import LEGEND, describe_decision

    record = choose_game(file, game)
    told = list(scenes(record)) if decision is None else [Scene(record, decision)]
    split = None
    if regret:
        from forge_core.texas42.arena.regret import regret_split

        split = regret_split(record)
    if json:
        told_regret = {"regret": tell_regret(split)} if split else {}
        decisions = [tell_decision(scene) for scene in told]
        print_json({**tell_game(record), **told_regret, "decisions": decisions})
        return
    if decision is None:
        print_game(record)
    else:
        screen().print(describe_decision(record, decision))
    if split:
        print_regret(record, split)
    screen().print(f"\n{LEGEND}", style="dim", soft_wrap=True)


def choose_game(place: str, seed: int | None) -> GameRecord:
    """The game of a file; of a folder that of `seed`, or the only one. Raises BadInput."""
    from forge_core.ranges import ranges_text
    from forge_core.texas42.eq.files import find_games, open_game
    from forge_core.texas42.oracle.shards import ShardKey

    found = [(ShardKey.parse(path.rpartition("/")[2]).seed, path) for path in find_games(place)]
    paths = [path for each, path in found if seed in (None, each)]
    if len(paths) == 1:
        return open_game(paths[0])
    if paths and seed is not None:
        raise BadInput(
            f"{place} holds {len(paths)} games of seed {seed}: name the file of one, as {paths[0]}"
        )
    seeds = ranges_text(each for each, _ in found)
    which = f"{len(found)} games" if seed is None else f"no game of seed {seed}"
    raise BadInput(f"{place} holds {which}: pick one with --game, of seeds {seeds}")


def print_game(record: GameRecord) -> None:
    """The deal, the bid, and the play, trick by trick."""
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
    """Print where the points were lost, by team, and the worst blunders."""
    from forge_core.cli.screen import screen, table
    from forge_core.texas42.notation import domino_text

    out = screen()
    grid = table("points lost by", "seats 0 and 2", "seats 1 and 3")
    grid.columns[1].justify = grid.columns[2].justify = "right"
    for name, points in (("blunders", split.blunder), ("what was hidden", split.hidden), ("all", split.lost)):
        grid.add_row(name, *(f"{of_team:.1f}" for of_team in split.by_team(points)))
    out.print()
    out.print(
        f"With all hands seen and best play seats 0 and 2 come out {split.luck:+} ahead; here it was "
        f"{split.margin:+}.",
        soft_wrap=True,
    )
    out.print(grid)
    worst = [step for step in split.blunder.argsort()[::-1][:3].tolist() if split.blunder[step] >= 0.5]
    for step in worst:
        played, gave = domino_text(int(record.plays[step])), split.blunder[step]
        out.print(f"decision {step}: seat {split.player[step]}'s {played} gave away {gave:.1f}")


def tell_regret(split: RegretSplit) -> dict[str, Any]:
    """Points; lists by decision, of the mover's team."""
    return {
        "luck": split.luck,
        "margin": split.margin,
        "lost": split.lost.tolist(),
        "blunder": [round(float(points), 3) for points in split.blunder],
        "hidden": [round(float(points), 3) for points in split.hidden],
    }


def tell_game(record: GameRecord) -> dict[str, Any]:
    """Return the facts of the whole game; ids and seats."""
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


def tell_decision(scene: Scene) -> dict[str, Any]:
    """One decision: points of E[Q] in the mover's frame, those taken by team; suits by name."""
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
