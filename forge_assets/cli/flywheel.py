"""`forge-pipeline flywheel`: begin it, look at it, turn it by hand, switch it on and off."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_core.cli.options import Json
from forge_core.cli.status import FAILED
from forge_core.errors import BadInput

if TYPE_CHECKING:
    from forge_assets.flywheel.state import State

flywheel = typer.Typer(
    name="flywheel",
    help="New deals, more rows, a network fine-tuned from the champion, a gate; and again.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@flywheel.callback(invoke_without_command=True)
def explain(context: typer.Context) -> None:
    """Alone, say what there is."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@flywheel.command()
def init(
    group: Annotated[str, typer.Option("--group", metavar="NAME", help="Names its runs.")] = "flywheel",
    start_block: Annotated[
        int, typer.Option("--start-block", metavar="N", help="First block of 50 seeds that it solves.")
    ] = 0,
    blocks: Annotated[int, typer.Option("--blocks", metavar="N", help="Of train, an iteration.")] = 1,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="PATH",
            show_default="the reference network",
            help="What becomes the first champion, if it beats random play and there is none; or a size, "
            "such as 73k, to begin from nothing.",
        ),
    ] = None,
    objective: Annotated[
        str, typer.Option("--objective", metavar="NAME", help="qvalue or policy.")
    ] = "qvalue",
    epochs: Annotated[int, typer.Option("--epochs", metavar="N", help="Passes over all rows.")] = 2,
    lr: Annotated[float, typer.Option("--lr", metavar="RATE", help="Learning rate at its peak.")] = 3e-5,
    batch_size: Annotated[int, typer.Option("--batch-size", metavar="N", help="Rows a step.")] = 1024,
    shard_rows: Annotated[
        str, typer.Option("--shard-rows", metavar="N", help="States drawn from each deal; or all.")
    ] = "50000",
    rows: Annotated[int, typer.Option("--rows", metavar="N", help="Of them, learnt from.")] = 10_000,
    golden_rows: Annotated[
        int, typer.Option("--golden-rows", metavar="N", help="Of each deal of the benchmark.")
    ] = 2_000,
    threads: Annotated[
        int | None,
        typer.Option("--threads", metavar="N", show_default="one a core", help="torch's, on a CPU."),
    ] = None,
    begin: Annotated[
        str,
        typer.Option(
            "--begin",
            metavar="NAME",
            help="What begins an iteration: sensor, as soon as one is over; or schedule, every night.",
        ),
    ] = "sensor",
    json: Json = False,
) -> None:
    """Begin a flywheel: what every iteration does, and with which seeds the first one starts."""
    from forge_assets.flywheel.state import Settings, State, read_state, write_state
    from forge_assets.resources import find_instance
    from forge_core.texas42.oracle.shards import parse_rows
    from forge_core.texas42.reference import REFERENCE

    root = _root()
    if found := read_state(root):
        raise BadInput(
            f"there is a flywheel already, at iteration {found.iteration}: go on with once or start, or "
            "forget it by flywheel reset --forget"
        )
    find_instance()
    check_model(model or REFERENCE, objective)
    parse_rows(shard_rows)
    settings = Settings(
        group=group,
        start_block=start_block,
        blocks=blocks,
        model=model or REFERENCE,
        objective=objective,
        epochs=epochs,
        lr=lr,
        batch_size=batch_size,
        shard_rows=shard_rows,
        rows=rows,
        golden_rows=golden_rows,
        threads=threads,
        begin=begin,
    )
    write_state(root, State.begin(settings))
    status(json)


def check_model(model: str, objective: str) -> None:
    """Raise BadInput for what is neither a size nor the folder of a model of `objective`."""
    from forge_assets.flywheel.steps import is_size
    from forge_assets.texas42.cards import Model
    from forge_assets.tracking.registry import resolve_model
    from forge_assets.tracking.tracker import Tracker
    from forge_core.learning.networks.sizes import SIZES

    if not is_size(model):
        Model.load(resolve_model(model, objective, Tracker()), "cpu").check(objective)
    elif model not in SIZES:
        raise BadInput(f"model {model!r}: use {', '.join(SIZES)}, or a folder such as models/NAME")


@flywheel.command()
def status(json: Json = False) -> None:
    """State, next seeds, champion and what went wrong last, if anything."""
    from forge_assets.flywheel.progress import champion_text
    from forge_assets.flywheel.state import seeds_of
    from forge_core.cli.screen import print_json, screen, table

    state = _state()
    record = _as_record(state)
    if json:
        print_json(record)
        return
    out = screen()
    lines: dict[str, Any] = {
        "state": f"{record['phase']}, sensor {record['sensor']}",
        "iteration": f"{state.iteration}, attempt {state.attempt}",
        "next seeds": record["next_seeds"] or "none left: raise N_BLOCKS in texas42/blocks.py",
        "an iteration": ", ".join(f"{key} {value}" for key, value in record["settings"].items()),
    }
    if state.away_since:
        lines["waits"] = f"for MLflow, since {state.away_since}"
    if state.error:
        lines["last error"] = state.error
    for name, text in lines.items():
        out.print(f"[bold]{name:<14}[/bold]", end="")
        out.print(text, markup=False, soft_wrap=True)
    if state.history:
        grid = table(
            "iteration", "seeds", "learnt from", "challenger", "champion", "", numbers="iteration learnt"
        )
        for past in state.history:
            grid.add_row(
                str(past.number),
                seeds_of(list(past.blocks)),
                f"{past.seeds:,}",
                f"{past.challenger_q_gap:.3f}",
                champion_text(past),
                "promoted" if past.promoted else "stays",
            )
        out.print()
        out.print(grid)
        out.print("challenger, champion: points lost a decision in a deal of golden val", style="dim")


@flywheel.command()
def once(json: Json = False) -> None:
    """Take one attempt at the iteration that is on, in this process, without a daemon."""
    from forge_assets.flywheel.runner import turn_once
    from forge_assets.resources import find_instance
    from forge_assets.tracking.tracker import Tracker
    from forge_core.cli.screen import notes, print_json

    before = _state()
    after = turn_once(find_instance(), _root(), Tracker(), lambda line: notes().print(line, soft_wrap=True))
    if json:
        print_json(after.to_dict())
    if after.iteration == before.iteration:
        raise typer.Exit(FAILED)


@flywheel.command()
def start(json: Json = False) -> None:
    """Switch the sensor on; the daemon (make ui) does the rest."""
    from forge_assets.flywheel.state import Phase

    state = _state()
    if state.standing is not Phase.READY:
        raise BadInput(f"the flywheel is {state.standing}: see forge-pipeline flywheel status")
    _switch("start", quiet=json)
    if state.settings.begin == "schedule":
        _switch("start", "schedule", "flywheel_nightly", quiet=json)
    if json:
        status(json)


@flywheel.command()
def stop(json: Json = False) -> None:
    """Switch the sensor off; a step that is under way comes to its end."""
    if json:
        _state()  # what there is none of is said before anything is done
    _switch("stop", quiet=json)
    _switch("stop", "schedule", "flywheel_nightly", quiet=json)
    if json:
        status(json)


@flywheel.command()
def reset(
    forget: Annotated[
        bool, typer.Option("--forget", help="Forget it and its history; what it made is kept.")
    ] = False,
    json: Json = False,
) -> None:
    """Let one that failed try again; the range and the champion are as they were.

    With --forget the state that is forgotten is printed.
    """
    from forge_assets.flywheel.state import forget_state, write_state
    from forge_core.cli.screen import print_json

    state = _state()
    if forget:
        if _sensor() == "on":
            raise BadInput("the sensor is on, and would begin the next flywheel at once: flywheel stop first")
        record = _as_record(state)
        forget_state(_root())
        if json:
            print_json(record)
        else:
            print(f"forgotten in {_root().url}: {state.settings.group}, at iteration {state.iteration}")
        return
    write_state(_root(), state.reset())
    status(json)


def _root() -> Any:
    from forge_core.files import Store, default_store_url

    return Store(default_store_url())


def _state() -> State:
    from forge_assets.flywheel.state import read_state

    state = read_state(_root())
    if not state:
        raise BadInput(f"there is no flywheel in {_root().url} yet: begin with forge-pipeline flywheel init")
    return state


def _as_record(state: State) -> dict[str, Any]:
    """What `--json` prints of one."""
    from forge_assets.flywheel.state import seeds_of

    now = {"phase": str(state.standing), "sensor": _sensor(), "next_seeds": seeds_of(state.range())}
    return {**state.to_dict(), **now}


def _sensor() -> str:
    """`on` or `off`."""
    from forge_assets.flywheel.runner import sensor_is_on
    from forge_assets.resources import find_instance

    return "on" if sensor_is_on(find_instance()) else "off"


def _switch(verb: str, kind: str = "sensor", name: str = "flywheel", quiet: bool = False) -> None:
    """By Dagster's own command, which is also the switch of the UI."""
    from forge_assets.resources import find_instance
    from forge_assets.versions import PROJECT

    find_instance()  # so that Dagster's own command finds it too
    command = [sys.executable, "-m", "dagster", kind, verb, name, "-w", str(PROJECT / "workspace.yaml")]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise BadInput(
            f"Dagster did not {verb} the {kind} {name} ({said[-1] if said else 'it said nothing'})"
        )
    if not quiet:
        print(f"{kind} {name}: {'on' if verb == 'start' else 'off'}")
