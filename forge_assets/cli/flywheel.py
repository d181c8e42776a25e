"""The verbs of a flywheel: init, status, once, start, stop and reset."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_core.cli.options import Json, PlainSwitches, expand_settings
from forge_core.cli.status import FAILED, Stopped
from forge_core.errors import BadInput

if TYPE_CHECKING:
    from forge_assets.flywheel.flywheel import Flywheel
    from forge_assets.flywheel.state import State
    from forge_core.files import Store


def flywheel_verbs(flywheel: Flywheel) -> typer.Typer:
    """Build the verbs of one game's flywheel."""
    verbs = typer.Typer(
        name=flywheel.name.replace("_", "-"),
        help=flywheel.summary,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    of = _Verbs(flywheel)

    @verbs.callback(invoke_without_command=True)
    def explain(context: typer.Context) -> None:
        if context.invoked_subcommand is None:
            print(context.get_help())

    def init(settings: Any, json: Json = False) -> None:
        """Create a flywheel: set what every iteration does and where its data starts. Nothing runs yet."""
        of.init(settings, json)

    init.__annotations__["settings"] = flywheel.settings
    verbs.command(cls=PlainSwitches)(expand_settings(init))

    @verbs.command(cls=PlainSwitches)
    def status(json: Json = False) -> None:
        """Show the state, the next seeds, the history, and the error of the last attempt, if it failed."""
        of.status(json)

    @verbs.command(cls=PlainSwitches)
    def once(json: Json = False) -> None:
        """Run one attempt at the current iteration in this process, without a daemon."""
        of.once(json)

    @verbs.command(cls=PlainSwitches)
    def start(json: Json = False) -> None:
        """Switch the sensor on; the daemon (make ui) then runs the iterations."""
        of.start(json)

    @verbs.command(cls=PlainSwitches)
    def stop(json: Json = False) -> None:
        """Switch the sensor off; a step that is running still finishes."""
        of.stop(json)

    @verbs.command(cls=PlainSwitches)
    def reset(
        forget: Annotated[
            bool, typer.Option("--forget", help="Delete the flywheel and its history; its data is kept.")
        ] = False,
        json: Json = False,
    ) -> None:
        """Let a failed flywheel try again; its range and champion are unchanged.

        With --forget, delete the flywheel instead and print its last state.
        """
        of.reset(forget, json)

    return verbs


@dataclass(frozen=True, slots=True)
class _Verbs:
    """The verbs of one flywheel. A verb raises BadInput if it cannot run."""

    flywheel: Flywheel

    def init(self, settings: Any, json: bool) -> None:
        from forge_assets.flywheel.progress import announce
        from forge_assets.flywheel.state import State
        from forge_assets.flywheel.storage import read_state, write_state
        from forge_assets.resources import find_instance
        from forge_assets.tracking.tracker import Tracker

        if found := read_state(self.flywheel, _root()):
            raise BadInput(
                f"there is already a flywheel, at iteration {found.iteration}: continue it with once or "
                f"start, or delete it with {self.flywheel.command} reset --forget"
            )
        instance = find_instance()
        self.flywheel.check(settings, Tracker())
        state = State.begin(settings)
        write_state(self.flywheel, _root(), state)
        announce(self.flywheel, instance, state)
        self.status(json)
        if not json:
            command = self.flywheel.command
            print(
                f"next: {command} start, which lets the daemon of make ui run iteration after iteration; or "
                f"{command} once, which makes one attempt here"
            )

    def status(self, json: bool) -> None:
        from forge_core.cli.screen import print_json, screen

        state = self._state()
        record = self._record(state)
        if json:
            print_json(record)
            return
        out, examples = screen(), self.flywheel.words.examples
        lines: dict[str, Any] = {
            "state": f"{record['phase']}, sensor {record['sensor']}",
            "iteration": f"{state.iteration}, attempt {state.attempt}",
            f"next {examples}": record[f"next_{examples}"] or f"none left: {self.flywheel.exhausted}",
            "settings": ", ".join(
                f"{key} {value}" for key, value in record["settings"].items() if value is not None
            ),
        }
        if state.away_since:
            lines["waiting"] = f"for MLflow, since {state.away_since}"
        if state.error:
            lines["last error"] = state.error
        for name, text in lines.items():
            out.print(f"[bold]{name:<14}[/bold]", end="")
            out.print(text, markup=False, soft_wrap=True)
        if state.history:
            self._print_history(state)

    def _print_history(self, state: State) -> None:
        from forge_assets.flywheel.progress import champion_text
        from forge_core.cli.screen import screen, table

        out, words = screen(), self.flywheel.words
        columns = ("iteration", words.examples, "trained on", "challenger", "champion", "")
        grid = table(*columns, numbers="iteration")
        for past in state.history:
            grid.add_row(
                str(past.number),
                self.flywheel.units_text(past.units),
                f"{past.examples:,}",
                f"{past.challenger_figure:.3f}",
                champion_text(past),
                "promoted" if past.promoted else "stays",
            )
        out.print()
        out.print(grid)
        out.print(words.explanation, style="dim")

    def once(self, json: bool) -> None:
        from forge_assets.flywheel.runner import IterationStopped, turn_once
        from forge_assets.flywheel.storage import record_of
        from forge_assets.flywheel.turn import Turner
        from forge_assets.resources import find_instance
        from forge_assets.tracking.tracker import Tracker
        from forge_core.cli.screen import notes, print_json

        before = self._state()
        turner = Turner(self.flywheel, find_instance(), _root(), Tracker())
        try:
            after = turn_once(turner, lambda line: notes().print(line, soft_wrap=True))
        except IterationStopped as stopped:
            raise Stopped(str(stopped)) from stopped
        if json:
            print_json(record_of(self.flywheel, after))
        if after.iteration == before.iteration:
            raise typer.Exit(FAILED)

    def start(self, json: bool) -> None:
        from forge_assets.flywheel.state import Phase

        state = self._state()
        if state.current_phase is not Phase.READY:
            raise BadInput(
                f"the flywheel cannot start, because it is {state.current_phase}: see "
                f"{self.flywheel.command} status"
            )
        _switch("start", "sensor", self.flywheel.name, quiet=json)
        if state.settings.begin == "schedule":
            _switch("start", "schedule", self.flywheel.schedule_name, quiet=json)
        if json:
            self.status(json)

    def stop(self, json: bool) -> None:
        if json:
            self._state()  # raises BadInput if there is no flywheel, before anything is switched
        _switch("stop", "sensor", self.flywheel.name, quiet=json)
        _switch("stop", "schedule", self.flywheel.schedule_name, quiet=json)
        if json:
            self.status(json)

    def reset(self, forget: bool, json: bool) -> None:
        from forge_assets.flywheel.storage import forget_state, write_state
        from forge_core.cli.screen import print_json

        state = self._state()
        if not forget:
            write_state(self.flywheel, _root(), state.reset())
            self.status(json)
            return
        if self._sensor() == "on":
            stop = f"{self.flywheel.command} stop"
            raise BadInput(f"the sensor is on, and would start the next flywheel at once: run {stop} first")
        record = self._record(state)
        forget_state(self.flywheel, _root())
        if json:
            print_json(record)
        else:
            print(f"deleted from {_root().url}: {state.settings.group}, at iteration {state.iteration}")

    def _state(self) -> State:
        from forge_assets.flywheel.storage import read_state

        state = read_state(self.flywheel, _root())
        if not state:
            raise BadInput(
                f"there is no flywheel in {_root().url} yet: create one with {self.flywheel.command} init"
            )
        return state

    def _record(self, state: State) -> dict[str, Any]:
        """Return the record that `--json` prints."""
        from forge_assets.flywheel.storage import record_of

        return {
            **record_of(self.flywheel, state),
            "phase": str(state.current_phase),
            "sensor": self._sensor(),
            f"next_{self.flywheel.words.examples}": self.flywheel.units_text(state.units()),
        }

    def _sensor(self) -> str:
        """Return `on` or `off`."""
        from forge_assets.flywheel.runner import sensor_is_on
        from forge_assets.resources import find_instance

        return "on" if sensor_is_on(self.flywheel, find_instance()) else "off"


def _root() -> Store:
    from forge_core.files import Store, default_store_url

    return Store(default_store_url())


def _switch(verb: str, kind: str, name: str, quiet: bool) -> None:
    """Start or stop a sensor or schedule with Dagster's own command, which sets the same switch as the UI."""
    from forge_assets.dagster_internals import keep_switched_off
    from forge_assets.flywheel.sensor import seconds_between_ticks
    from forge_assets.resources import find_instance
    from forge_assets.versions import PROJECT

    if verb == "start":
        seconds_between_ticks()
    instance = find_instance()  # sets DAGSTER_HOME, also for Dagster's own command
    command = [sys.executable, "-m", "dagster", kind, verb, name, "-w", str(PROJECT / "workspace.yaml")]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    if done.returncode:
        output = (done.stderr or done.stdout).strip().splitlines()
        reason = output[-1] if output else "no reason given"
        raise BadInput(f"Dagster could not {verb} the {kind} {name}: {reason}")
    if (verb, kind) == ("stop", "sensor"):
        keep_switched_off(instance, name)
    if not quiet:
        print(f"{kind} {name}: {'on' if verb == 'start' else 'off'}")
