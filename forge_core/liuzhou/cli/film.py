"""`forge liuzhou film`: a game as an animated GIF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from forge_core.cli.filling import check_file, write_file
from forge_core.cli.options import Device, Json
from forge_core.cli.status import Stopped
from forge_core.errors import BadInput
from forge_core.liuzhou.cli.options import Model, read_sims
from forge_core.ranges import whole

if TYPE_CHECKING:
    from forge_core.liuzhou.analysis import Analysis
    from forge_core.liuzhou.record import GameRecord

FILM_SIMS = "64"
"""simulations per position: few, since a game has about a hundred positions"""


def read_game(text: str) -> int:
    """Parse a whole number of at least 0. Raises BadInput."""
    return whole(text, "game")


def film(
    game: Annotated[
        str,
        typer.Argument(
            metavar="GAME",
            help="A game written by `forge liuzhou play --out`; or a file of self-play games (.parquet).",
        ),
    ],
    number: Annotated[
        int | None,
        typer.Option(
            "--game", parser=read_game, metavar="N", help="The game to draw from a file of self-play games."
        ),
    ] = None,
    model: Model = None,
    sims: Annotated[
        int,
        typer.Option(
            "--sims",
            parser=read_sims,
            metavar="N",
            help="Simulations per position of the search that judges it; self-play games are judged already.",
        ),
    ] = FILM_SIMS,  # pyright: ignore[reportArgumentType]  (read by its parser)
    judge: Annotated[
        bool, typer.Option("--judge/--no-judge", help="Show the value and the best actions of each position.")
    ] = True,
    fps: Annotated[float, typer.Option("--fps", metavar="F", help="Actions per second.")] = 2.0,
    title: Annotated[str, typer.Option("--title", help="Written above the players.")] = "",
    out: Annotated[
        str | None,
        typer.Option(
            "--out", metavar="FILE", show_default="that of the game, ending in .gif", help="File to write."
        ),
    ] = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Draw a game as a film: the board, and below it the curves of its value and of the stones."""
    from forge_core.cli.screen import print_json, progress_bar, screen, size_text
    from forge_core.liuzhou.pictures import draw_film

    is_stored = game.endswith(".parquet")
    if number is not None and not is_stored:
        raise BadInput(
            f"--game chooses a game in a .parquet file, but {game} holds a single game: leave it out"
        )
    ending = ".gif" if number is None else f"_{number}.gif"
    path = out or game.removesuffix(".parquet").removesuffix(".txt") + ending
    if not path.endswith(".gif"):
        raise BadInput(f"--out {path!r} is not a GIF file: write a path that ends in .gif")
    record, analyses = read_stored(game, number) if is_stored else (read_text(game), None)
    check_file(path)
    if analyses is None:
        analyses = judge_game(record, model, sims, device) if judge else [None] * len(record.rows)
    try:
        with progress_bar("drawing", len(record.rows)) as move:
            drawn = draw_film(record, analyses if judge else None, title, fps, move)
    except KeyboardInterrupt:
        raise Stopped("stopped; nothing was written") from None
    write_file(path, drawn)
    if json:
        print_json({"path": path, "actions": len(record.actions), "bytes": len(drawn)})
    else:
        screen().print(f"{path}: {len(record.actions)} actions, {size_text(len(drawn))}", soft_wrap=True)


def read_text(path: str) -> GameRecord:
    """Return the game of a text file. Raises BadInput, StoreUnusable."""
    from forge_core.files import Store
    from forge_core.liuzhou.record import GameRecord

    folder, _, name = path.rpartition("/")
    store = Store(folder or ".")
    if not store.exists(name):
        raise BadInput(f"there is no game {path}: write one with forge liuzhou play --out FILE")
    try:
        text = store.read(name).decode()
    except UnicodeDecodeError:
        raise BadInput(
            f"{path} is not a text file: name a game that forge liuzhou play --out wrote"
        ) from None
    return GameRecord.parse(text)


def read_stored(path: str, number: int | None) -> tuple[GameRecord, list[Analysis | None]]:
    """Return one game of a self-play file, and its search results. Raises BadInput, FileCorrupt."""
    from forge_core.files import Store
    from forge_core.liuzhou.files import FOLDER, GamesKey, read_games
    from forge_core.liuzhou.record import stored_game

    parts = path.split("/")
    if len(parts) < 3 or parts[-3] != FOLDER:
        raise BadInput(
            f"{path} is not in a store: name a file like STORE/{FOLDER}/g000/games_000000_000031.parquet"
        )
    key = GamesKey.parse(parts[-1], parts[-2])
    games = read_games(Store("/".join(parts[:-3]) or "."), key)
    chosen = key.first if number is None else number
    if chosen not in key.games:
        raise BadInput(f"--game {chosen}: {path} holds games {key.games[0]}..{key.games[-1]}")
    return stored_game(games.take(games.game == chosen))


def judge_game(record: GameRecord, model: str | None, sims: int, device: str) -> list[Analysis | None]:
    """Search every position of a game."""
    from forge_core.cli.screen import notes
    from forge_core.liuzhou.analysis import analyse
    from forge_core.liuzhou.cli.options import open_judge

    with notes().status("judging positions"):
        return analyse(record.rows, *open_judge(model, sims, device), device)
