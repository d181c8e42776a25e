"""`forge liuzhou play`: a game at a terminal, against a player, another person, or between two players."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_core.cli.filling import check_file, write_file
from forge_core.cli.options import Device, Json
from forge_core.cli.status import Stopped
from forge_core.errors import BadInput
from forge_core.liuzhou.cli.options import DEFAULT_SIMS, PLAYERS, Sims, read_position
from forge_core.ranges import read_seed

if TYPE_CHECKING:
    from rich.console import Console

    from forge_core.arena.players import Player
    from forge_core.liuzhou.record import GameRecord
    from forge_core.liuzhou.rules import State

HUMAN = "human"
HELP = """\
c3       place a stone on c3              legal   list the legal actions
c3-c4    step from c3 to c4               board   show the board again
xc4      mark or remove the stone on c4   undo    take back your last action
sweep    sweep the marked stones off      quit    leave the game"""
_COMMANDS = ("help", "legal", "board", "undo", "quit")


def play(
    black: Annotated[str, typer.Option("--black", metavar="PLAYER", help=f"{HUMAN}, {PLAYERS}.")] = HUMAN,
    white: Annotated[str, typer.Option("--white", metavar="PLAYER", help="The same for white.")] = "playouts",
    sims: Sims = DEFAULT_SIMS,  # pyright: ignore[reportArgumentType]  (read by its parser)
    start: Annotated[
        Any, typer.Option("--start", parser=read_position, metavar="POSITION", help="The first position.")
    ] = "start",
    seed: Annotated[
        int,
        typer.Option("--seed", parser=read_seed, metavar="N", help="Seed of what players draw at random."),
    ] = 0,
    out: Annotated[
        str | None,
        typer.Option(
            "--out", metavar="FILE", help="Also write the game to this file, for `forge liuzhou film`."
        ),
    ] = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Play a game at the terminal. Type help for a list of commands."""
    from rich.console import Console

    from forge_core.cli.screen import print_json, screen
    from forge_core.liuzhou.notation import action_text, turn_text
    from forge_core.liuzhou.rules import outcome

    if json and HUMAN in (black, white):
        raise BadInput("--json is for games between programs: name two players with --black and --white")
    if out:
        check_file(out)
    opened = tuple(open_player(name, sims, device) for name in (black, white))
    console = Console(quiet=True) if json else screen()
    table = Table(console, start, opened, (black, white), seed)
    try:
        table.play_on()
    except KeyboardInterrupt:
        raise Stopped("stopped; the game was not kept") from None
    game = table.record()
    if out:
        write_file(out, game.to_text().encode())
    if json:
        last = table.state
        print_json(
            {
                "black": black,
                "white": white,
                "actions": [action_text(action) for action in game.actions],
                "outcome": outcome(last),
                "result": turn_text(last),
                "stones": {"black": len(last.black), "white": len(last.white)},
                "path": out,
            }
        )
    elif out:
        console.print(f"the game is in {out}", soft_wrap=True)


def open_player(name: str, sims: int, device: str) -> Player | None:
    """Return a player; None for a human."""
    from forge_core.liuzhou.players.names import make_player, with_sims

    return None if name == HUMAN else make_player(with_sims(name, sims), device)


@dataclass(slots=True, eq=False)
class Table:
    """A game that is played at a terminal."""

    console: Console
    start: State
    players: tuple[Player | None, ...]
    """players of black and white; None: a human"""
    names: tuple[str, str]
    seed: int
    actions: list[int] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    """[T + 1]"""

    def __post_init__(self) -> None:
        self.states.append(self.start)

    @property
    def state(self) -> State:
        """The position on the board."""
        return self.states[-1]

    @property
    def player(self) -> Player | None:
        """The player to move; None: a human."""
        from forge_core.liuzhou.rules import BLACK

        return self.players[0 if self.state.player == BLACK else 1]

    def play_on(self) -> None:
        """Play until the game is over, or a human leaves it."""
        from forge_core.liuzhou.rules import legal

        humans = any(player is None for player in self.players)
        if humans:
            self.console.print("Type an action, or help.", style="dim")
        while legal(self.state):
            if self.player is not None:
                self.take(self.ask_player(self.player), humans)
                continue
            self.show()
            action = self.ask_human()
            if action is None:
                self.console.print("you left the game")
                return
            self.take(action, tell=False)
        self.show()

    def show(self) -> None:
        """Print the board."""
        from forge_core.liuzhou.cli.board import print_board

        self.console.print()
        print_board(self.console, self.state, self.actions[-1] if self.actions else None)

    def take(self, action: int, tell: bool) -> None:
        """Take a legal action. tell: print it."""
        from forge_core.liuzhou.notation import PLAYER_NAMES, action_text
        from forge_core.liuzhou.rules import step

        if tell:
            self.console.print(f"{PLAYER_NAMES[self.state.player]}: {action_text(action)}")
        self.actions.append(action)
        self.states.append(step(self.state, action))

    def ask_player(self, player: Player) -> int:
        """Return the action of a program."""
        from forge_core.arena.play import seed_keys
        from forge_core.liuzhou.state import legal_mask, pack
        from forge_core.streams import mix

        rows = pack(self.state)[None]
        keys = mix(seed_keys([0], self.seed), len(self.actions))
        return int(player.act(rows, legal_mask(rows), keys)[0])

    def ask_human(self) -> int | None:
        """Return the action that a human types; None if the human leaves or the input ends."""
        from forge_core.liuzhou.notation import PLAYER_NAMES

        while True:
            try:
                typed = input(f"{PLAYER_NAMES[self.state.player]}> ").strip().lower()
            except EOFError:
                self.console.print()
                return None
            if typed == "quit":
                return None
            if typed in _COMMANDS:
                self.obey(typed)
            elif typed:
                action = self.read(typed)
                if action is not None:
                    return action

    def read(self, typed: str) -> int | None:
        """Return the legal action that was typed; otherwise print what is wrong and return None."""
        from forge_core.liuzhou.notation import action_text, parse_action
        from forge_core.liuzhou.rules import legal

        try:
            action = parse_action(typed)
        except BadInput as error:
            self.console.print(f"{error}; or {', '.join(_COMMANDS)}", soft_wrap=True)
            return None
        possible = legal(self.state)
        if action in possible:
            return action
        listed = " ".join(action_text(each) for each in possible)
        self.console.print(f"{typed} is not legal here: use one of {listed}", soft_wrap=True)
        return None

    def obey(self, command: str) -> None:
        """Carry out a command that is not an action."""
        from forge_core.liuzhou.notation import action_text
        from forge_core.liuzhou.rules import legal

        if command == "help":
            self.console.print(HELP)
        elif command == "legal":
            self.console.print(" ".join(action_text(action) for action in legal(self.state)), soft_wrap=True)
        elif command == "undo" and not self.undo():
            self.console.print("there is nothing to take back")
        else:
            self.show()

    def undo(self) -> bool:
        """Go back to the last position in which a human was to move; False if there is none."""
        from forge_core.liuzhou.rules import BLACK

        for ply in range(len(self.actions) - 1, -1, -1):
            if self.players[0 if self.states[ply].player == BLACK else 1] is None:
                del self.actions[ply:], self.states[ply + 1 :]
                return True
        return False

    def record(self) -> GameRecord:
        """Return the game so far."""
        from forge_core.liuzhou.record import GameRecord
        from forge_core.liuzhou.state import pack

        return GameRecord.replay(self.actions, pack(self.start), self.names)
