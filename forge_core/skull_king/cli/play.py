"""`forge skull-king play`: a game at the terminal, with you in seat N."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from forge_core.cli.options import Device, expand_settings
from forge_core.cli.status import Stopped
from forge_core.errors import BadInput
from forge_core.skull_king.cli.options import DEFAULT_OTHERS, Others, Seed, open_others
from forge_core.skull_king.settings.players import DEFAULT_WORLDS
from forge_core.skull_king.settings.table import TableSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from forge_core.arena.players import Player
    from forge_core.skull_king.game import SkullKingGame
    from forge_core.skull_king.state.layout import Row

HUMAN = 0
"""your seat, N"""
HELP = """\
2         bid two tricks, when bids are asked for    legal     list the legal actions
R14       play a card; E, Mermaid and Loot need no   advice    value the actions by search
          number, the Tigress is Tigress(E) or (P)   table     show the table again
                                                     quit      leave the game"""
_COMMANDS = ("help", "legal", "advice", "table", "quit")


@expand_settings
def play(
    *, others: Others = DEFAULT_OTHERS, seed: Seed = 0, table: TableSettings, device: Device = "auto"
) -> None:
    """Play a game of ten rounds at the terminal, as North (N). Type help for a list of commands."""
    from forge_core.cli.screen import screen
    from forge_core.skull_king.game import SkullKingGame

    game = SkullKingGame(table.seats, table.chosen)
    opponents = open_others(others, table.seats, device)
    at_table = Table(screen(), game, [None, *opponents], seed)
    try:
        at_table.play_on()
    except KeyboardInterrupt:
        raise Stopped("stopped; the game was not kept") from None


@dataclass(slots=True, eq=False)
class Table:
    """A game that is played at a terminal."""

    console: Console
    game: SkullKingGame
    players: Sequence[Player | None]
    """one per seat; None: you"""
    seed: int
    rows: Any = None
    """[1, WIDTH]"""
    time: int = 0
    """decisions made"""
    said: list[str] = field(default_factory=list)
    """plays of the trick, as text"""

    def __post_init__(self) -> None:
        self.rows = self.game.init([self.seed])

    @property
    def row(self) -> Row:
        """The row of the game."""
        return self.rows[0]

    def play_on(self) -> None:
        """Play until the game is over, or you leave it."""
        self.print("You are N. Type an action, or help.")
        while not self.game.over(self.rows)[0]:
            seat = int(self.game.to_move(self.rows)[0])
            player = self.players[seat]
            action = self.ask_you() if player is None else self.ask_player(player)
            if action is None:
                self.print("you left the game")
                return
            self.take(seat, action)
        self.print(self.game.describe(self.rows, 0, HUMAN))

    def print(self, text: str) -> None:
        """Print lines of text."""
        self.console.print(text, soft_wrap=True, markup=False)

    def take(self, seat: int, action: int) -> None:
        """Take an action, and tell what you may know of it: plays, bids once all have bid, points."""
        from forge_core.skull_king import actions
        from forge_core.skull_king.notation import seat_text
        from forge_core.skull_king.state import doors
        from forge_core.skull_king.state import layout as at

        before, seats = self.row, self.game.seats
        scored = doors.step_rows(self.rows, actions_array(action), self.game.options)
        after = scored[0]
        name = seat_text(seat, seats)
        if before[at.PHASE] == actions.PLAY:
            self.said.append(f"{name} {actions.play_text(action, which=False)}")
        elif before[at.PHASE] > actions.PLAY and before[at.PHASE] != actions.DISCARD:
            self.print(f"{name}: {actions.action_text(action)}")
        if before[at.PHASE] <= actions.LOAD < after[at.PHASE]:
            bids = [f"{seat_text(s, seats)} {after[at.BIDS + s]}" for s in range(seats)]
            self.print(f"bids: {', '.join(bids)}")
        if after[at.TRICK] > before[at.TRICK]:
            gained = after[at.WON : at.WON + seats] - before[at.WON : at.WON + seats]
            winner = seat_text(int(gained.argmax()), seats) if gained.any() else "nobody at the table"
            self.print(f"{', '.join(self.said)}: {winner} takes the trick")
            self.said.clear()
        if after[at.PHASE] == actions.SCORED:
            points = doors.points(scored, at.DELTA, seats)[0]
            told = [f"{seat_text(s, seats)} {n:+d}" for s, n in enumerate(points.tolist())]
            self.print(f"round {after[at.ROUND]}: {', '.join(told)}")
            self.print("")
        self.rows = doors.go_on(scored, self.game.options)
        self.time += 1

    def keys(self) -> Any:
        """Return [1] the key of the draws of this decision."""
        from forge_core.arena.play import seed_keys
        from forge_core.streams import mix

        return mix(seed_keys([self.seed], 0), self.time)

    def ask_player(self, player: Player) -> int:
        """Return the action of a program."""
        from forge_core.skull_king.players import TableView

        view = TableView.of(self.game, self.rows)
        return int(player.act(view, self.game.legal(self.rows), self.keys())[0])

    def ask_you(self) -> int | None:
        """Return the action that you type; None if you leave or the input ends."""
        self.print(self.game.describe(self.rows, 0, HUMAN))
        while True:
            try:
                typed = input("N> ").strip()
            except EOFError:
                self.print("")
                return None
            if typed.lower() == "quit":
                return None
            if typed.lower() in _COMMANDS:
                self.obey(typed.lower())
            elif typed:
                try:
                    return self.read(typed)
                except BadInput as error:
                    self.print(f"{error}; or {', '.join(_COMMANDS)}")

    def legal(self) -> list[int]:
        """Return your legal actions."""
        import numpy as np

        return np.flatnonzero(self.game.legal(self.rows)[0]).tolist()

    def read(self, typed: str) -> int:
        """Return the legal action that was typed. Raises BadInput."""
        from forge_core.skull_king.actions import BID_0, parse_action, play_text

        possible = self.legal()
        if typed.isdigit() and BID_0 in possible:
            typed = f"bid {typed}"
        parsed = parse_action(typed)
        if parsed in possible:
            return parsed
        same = [a for a in possible if a < BID_0 and play_text(a, which=False).lower() == typed.lower()]
        if same:
            return same[0]
        raise BadInput(f"{typed} is not legal here: use one of {self.list_legal()}")

    def list_legal(self) -> str:
        """Return your legal actions as text."""
        from forge_core.skull_king.actions import BID_0, action_text, play_text

        texts = [play_text(a, which=False) if a < BID_0 else action_text(a) for a in self.legal()]
        return ", ".join(dict.fromkeys(texts))

    def obey(self, command: str) -> None:
        """Carry out a command that is not an action."""
        if command == "help":
            self.print(HELP)
        elif command == "legal":
            self.print(self.list_legal())
        elif command == "advice":
            self.advise()
        else:
            self.print(self.game.describe(self.rows, 0, HUMAN))

    def advise(self) -> None:
        """Print the value of each legal action, best first."""
        from forge_core.skull_king.actions import action_text
        from forge_core.skull_king.search import SearchSettings, play_values

        settings = SearchSettings(DEFAULT_WORLDS)
        values = play_values(self.game.view(self.rows), self.game.options, self.keys(), settings)
        ranked = sorted(self.legal(), key=lambda action: -values.points[0, action])
        for action in ranked:
            worth, error = values.points[0, action], values.error[0, action]
            self.print(f"  {action_text(action):12s} {worth:+6.1f} ± {1.96 * error:.1f} points")


def actions_array(action: int) -> Any:
    """Return [1] an action."""
    import numpy as np

    return np.array([action], dtype=np.int64)
