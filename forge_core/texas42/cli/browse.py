"""`forge view --interactive`: go through the decisions of a recorded game, and the worlds of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from forge_core.texas42.eq.records import GameRecord
    from forge_core.texas42.eq.sampled_worlds import SampledWorlds
    from forge_core.texas42.players.network_answers import NetworkAnswers

HELP = """\
n, Enter, right   next decision
b, left           decision before
0 to 27           jump to a decision (at a terminal: and Enter)
i                 most instructive decision
w                 worlds of the decision: the first, then the next
v                 world before
w 7               world 7 (in a line, not by keys)
d                 hands as they were dealt
x                 back to the decision
h                 this help
q                 quit"""
KEYS = "n next · b back · 0-27 jump · w worlds · d hands as dealt · h help · q quit"
_SAME = {"": "n", "right": "n", "left": "b", "next": "n", "back": "b", "help": "h", "quit": "q", " ": "n"}
"""other names of commands"""


@dataclass(slots=True, eq=False)
class Browser:
    """A recorded game and the place in it that is on the screen."""

    console: Console
    record: GameRecord
    network: NetworkAnswers | None = None
    step: int = 0
    world: int | None = None
    """world on the screen, 0..M - 1; M for the hands as they were dealt; None: the decision"""
    _worlds: dict[int, SampledWorlds] = field(default_factory=dict)
    """worlds of the decisions seen so far"""

    def browse(self) -> None:
        """Show the first page, and obey commands until the reader quits or the input ends."""
        from forge_core.cli.keys import commands

        self.show()
        for command in commands("decision "):
            if not self.obey(command):
                return

    def obey(self, command: str) -> bool:
        """Carry out a command; return False if it is to quit."""
        from forge_core.texas42.dominoes import N_PLAYS
        from forge_core.texas42.eq.scenes import most_instructive_scene

        name, _, number = _SAME.get(command, command).partition(" ")
        if name == "q":
            return False
        if name == "h":
            self.console.print(HELP, soft_wrap=True)
        elif name in ("n", "b"):
            step = self.step + (1 if name == "n" else -1)
            if 0 <= step < N_PLAYS:
                self.go_to(step)
            else:
                self.say(f"this is the {'last' if name == 'n' else 'first'} decision")
        elif name.isdecimal():
            if int(name) < N_PLAYS:
                self.go_to(int(name))
            else:
                self.say(f"decision {name}: use 0 to {N_PLAYS - 1}")
        elif name == "i":
            self.go_to(most_instructive_scene(self.record).step)
        elif name in ("w", "v"):
            self.go_to_world(name, number)
        elif name == "d":
            self.world = len(self.worlds)
            self.show()
        elif name == "x":
            self.go_to(self.step)
        else:
            self.say(f"{command!r} is no command: press h for help")
        return True

    @property
    def worlds(self) -> SampledWorlds:
        """The worlds of the decision on the screen."""
        from forge_core.texas42.eq.sampled_worlds import SampledWorlds
        from forge_core.texas42.eq.scenes import Scene

        if self.step not in self._worlds:
            self._worlds[self.step] = SampledWorlds.of(Scene(self.record, self.step))
        return self._worlds[self.step]

    def go_to(self, step: int) -> None:
        """Show a decision."""
        self.step, self.world = step, None
        self.show()

    def go_to_world(self, name: str, number: str) -> None:
        """Show the world with this number, counted from 1, or the next (w) or previous (v) one."""
        n = len(self.worlds)
        if number and not (number.isdecimal() and 1 <= int(number) <= n):
            self.say(f"world {number}: use 1 to {n}")
            return
        if number:
            self.world = int(number) - 1
        elif self.world is None or self.world == n:
            self.world = 0 if name == "w" else n - 1
        else:
            self.world = (self.world + (1 if name == "w" else -1)) % n
        self.show()

    def say(self, text: str) -> None:
        """Print a remark below the page."""
        self.console.print(text, style="dim", soft_wrap=True, markup=False)

    def show(self) -> None:
        """Print the page, in place of the one before if this is a terminal."""
        page = self.page()
        self.console.clear()
        self.console.print(*page, sep="\n")
        self.console.print(f"\n{KEYS}", style="dim")

    def page(self) -> list[RenderableType]:
        """Return the decision, or the world, that is on the screen."""
        from rich.text import Text

        from forge_core.texas42.eq.oracles import ExactOracle
        from forge_core.texas42.eq.view import answers_table, describe_decision, describe_world

        if self.world is not None:
            answers = {"exact": self.worlds.q(ExactOracle(), self.world)[0]}
            said = self.network.in_world(self.worlds, self.world) if self.network else None
            if said is not None:
                answers["network"] = said
            in_points = said is None or self.network is None or self.network.in_points
            return [describe_world(self.worlds, self.world, answers, in_points)]
        shown = describe_decision(self.record, self.step)
        if self.network is None:
            return [shown]
        answers = {
            "exact": self.worlds.q(ExactOracle()).mean(axis=0),
            "network": self.network.at_decision(self.worlds),
        }
        table = answers_table(self.worlds.scene, answers, self.network.in_points)
        return [shown, "", Text(self._source(), "dim"), table]

    def _source(self) -> str:
        """Return text that says what the answers of a network and of the solver rest on."""
        assert self.network is not None
        n, used = len(self.worlds), self.worlds.scene.n_worlds
        worlds = f"the first {n:,} of these worlds" if n < used else "these worlds"
        if self.network.sees_all_hands:
            return f"means over {worlds}"
        return f"exact: the mean over {worlds}; network: from the mover's own hand and the plays"
