"""What a flywheel is asked and how far it is: one JSON file in the store, replaced whole.

The runs of Dagster say what became of each step; this file says which iteration is on, and changes
only when one begins again, ends or is given up.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Literal

from forge_assets.texas42.blocks import BLOCK_SIZE, N_BLOCKS, block_name, block_seeds
from forge_assets.texas42.versions import EVALUATION
from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.ranges import ranges_text
from forge_core.splits import Split, split_of
from forge_core.texas42.reference import REFERENCE

FOLDER, FILE = "flywheel", "state.json"
SCHEMA_VERSION = 1
GIVE_UP_AFTER = 3
"""failures of one iteration, one after another"""
MOST_OUTAGES = 10
"""attempts at one iteration that MLflow goes away in: it may be there for the sensor and not for runs"""


class Phase(StrEnum):
    """How a flywheel stands."""

    READY = "ready"
    """for its next iteration, or for a new attempt at this one"""
    FAILED = "failed"
    """it rests until `reset`"""
    DONE = "done"
    """all seeds there are were used; never stored, since there may be more tomorrow"""


@dataclass(frozen=True, slots=True)
class Settings:
    """What every iteration does. Raises BadInput for what cannot be."""

    group: str = "flywheel"
    """names its runs in Dagster and MLflow"""
    start_block: int = 0
    """the first block it solves; blocks of val and test are passed over"""
    blocks: int = 1
    """of train, an iteration"""
    model: str = REFERENCE
    """what it starts from: a folder, which has to pass the gate as any other; or a size, such as 73k: a
    network that knows nothing, unless there is a champion"""
    objective: Literal["qvalue", "policy"] = "qvalue"
    epochs: int = 2
    """passes over all rows there are"""
    lr: float = 3e-5
    """learning rate at its peak"""
    batch_size: int = 1024
    shard_rows: str = "50000"
    """states drawn from each deal"""
    rows: int = 10_000
    """of them, learnt from"""
    golden_rows: int = 2_000
    """of each deal of the benchmark"""
    threads: int | None = None
    """of torch while it learns, on a CPU; None: one a core"""
    begin: Literal["sensor", "schedule"] = "sensor"
    """what begins an iteration: the sensor, as soon as one is over; or the schedule, and the sensor only
    carries on"""

    def __post_init__(self) -> None:
        if not self.group or not self.group.replace("-", "").replace("_", "").isalnum():
            raise BadInput(f"a flywheel named {self.group!r}: use letters, digits, - and _")
        if not 0 <= self.start_block < N_BLOCKS:
            raise BadInput(f"block {self.start_block} does not exist: start from 0..{N_BLOCKS - 1}")
        whole = (self.blocks, self.epochs, self.batch_size, self.rows, self.golden_rows, self.threads or 1)
        if min(whole) < 1 or not 0 < self.lr < 1 or self.threads == 0:
            raise BadInput("what a flywheel counts is at least 1, and its learning rate between 0 and 1")
        if self.begin not in ("sensor", "schedule"):
            raise BadInput(f"an iteration begun by {self.begin!r}: use sensor or schedule")
        if self.objective not in ("qvalue", "policy"):
            raise BadInput(f"a flywheel of {self.objective!r}: use qvalue or policy")


@dataclass(frozen=True, slots=True)
class Iteration:
    """One that is over."""

    number: int
    blocks: tuple[int, ...]
    seeds: int
    """of train that were learnt from, all that there were"""
    challenger: str
    """its folder"""
    challenger_q_gap: float
    """points it loses a decision in a deal of golden val, on average: what the gate goes by"""
    champion_q_gap: float | None
    """of the champion after the gate; None: there is none yet"""
    promoted: bool
    reasons: tuple[str, ...]
    attempts: int


@dataclass(frozen=True, slots=True)
class State:
    """A flywheel."""

    settings: Settings
    token: str
    """tells its runs from those of one that was here before"""
    phase: Literal[Phase.READY, Phase.FAILED] = Phase.READY
    iteration: int = 1
    """the one that is on, or comes next"""
    next_block: int = 0
    """where the range of that iteration begins"""
    attempt: int = 1
    """at this iteration"""
    failures: int = 0
    """of this iteration, one after another"""
    outages: int = 0
    """attempts at this iteration that MLflow went away in"""
    away_since: str = ""
    """when a step was first kept waiting for MLflow; empty: none waits"""
    error: str = ""
    """why it failed last, and what to do; empty: it did not"""
    prepared: str = ""
    """the versions under which benchmark and watched rows were made last"""
    history: tuple[Iteration, ...] = field(default=())

    @classmethod
    def begin(cls, settings: Settings) -> State:
        """A new one. Raises BadInput where no seeds are left for it."""
        state = cls(settings, secrets.token_hex(4), next_block=settings.start_block)
        if not state.range():
            raise BadInput(f"from block {settings.start_block} on there is none of train: start earlier")
        return state

    @property
    def standing(self) -> Phase:
        """How it stands, its universe of seeds considered."""
        return Phase.DONE if self.phase is Phase.READY and not self.range() else self.phase

    def range(self) -> list[int]:
        """The blocks of this iteration: of train, in order; fewer than asked at the end of the universe."""
        blocks = (block for block in range(self.next_block, N_BLOCKS) if is_train(block))
        return [block for block, _ in zip(blocks, range(self.settings.blocks), strict=False)]

    def failed(self, error: str, counts: bool = True) -> State:
        """After an attempt that failed: another one comes, or none if it was one too many.

        counts: False for one that was stopped by hand.
        """
        failures = self.failures + counts
        phase = Phase.FAILED if failures >= GIVE_UP_AFTER else Phase.READY
        return replace(self, phase=phase, attempt=self.attempt + 1, failures=failures, error=error)

    def cut_off(self, error: str) -> State:
        """After an attempt in which MLflow went away, which says nothing against the iteration."""
        outages = self.outages + 1
        phase = Phase.FAILED if outages >= MOST_OUTAGES else Phase.READY
        return replace(self, phase=phase, attempt=self.attempt + 1, outages=outages, error=error)

    def waiting(self, since: str) -> State:
        """While MLflow is away; since: empty once it is back."""
        return replace(self, away_since=since)

    def ended(self, iteration: Iteration) -> State:
        """After one that came to its end, champion or not."""
        return replace(
            self,
            phase=Phase.READY,
            iteration=self.iteration + 1,
            next_block=iteration.blocks[-1] + 1,
            prepared=EVALUATION,
            attempt=1,
            failures=0,
            outages=0,
            error="",
            history=(*self.history, iteration),
        )

    def reset(self) -> State:
        """Ready to try the same iteration again."""
        return replace(
            self, phase=Phase.READY, attempt=self.attempt + 1, failures=0, outages=0, away_since="", error=""
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON types only."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}


def is_train(block: int) -> bool:
    """Whether the seeds of a block may teach."""
    return split_of(block * BLOCK_SIZE) is Split.TRAIN


def seeds_of(blocks: list[int]) -> str:
    """`0-49`, `800-899,1000-1049`: the seeds of blocks."""
    return ranges_text(seed for block in blocks for seed in block_seeds(block_name(block)))


def read_state(root: Store) -> State | None:
    """The flywheel of a store; None if there is none. Raises BadInput for a file that is none."""
    folder = root.join(FOLDER)
    if not folder.exists(FILE):
        return None
    try:
        record = folder.read_json(FILE)
        if record["schema_version"] != SCHEMA_VERSION:
            raise BadInput(
                f"its schema is version {record['schema_version']}, this code reads {SCHEMA_VERSION}"
            )
        return _parse(record)
    except (ValueError, KeyError, TypeError, AttributeError, BadInput) as error:
        raise BadInput(
            f"{folder.path(FILE)} says nothing of a flywheel ({error}): remove it, then forge-pipeline "
            "flywheel init; what it made is kept, and not made again"
        ) from error


def write_state(root: Store, state: State) -> None:
    """Replace the file. Raises StoreUnusable."""
    root.join(FOLDER).write(FILE, json.dumps(state.to_dict(), indent=1).encode())


def forget_state(root: Store) -> None:
    """Remove the file: the flywheel is no more; what it made stays."""
    root.join(FOLDER).delete(FILE)


def _parse(record: Mapping[str, Any]) -> State:
    known = {name: value for name, value in record.items() if name != "schema_version"}
    history = tuple(
        Iteration(**{**past, "blocks": tuple(past["blocks"]), "reasons": tuple(past["reasons"])})
        for past in known["history"]
    )
    settings = Settings(**{f.name: known["settings"][f.name] for f in fields(Settings)})
    state = State(**{**known, "settings": settings, "phase": Phase(known["phase"]), "history": history})
    numbers = (state.iteration, state.next_block, state.attempt, state.failures, state.outages)
    if not all(type(n) is int for n in numbers):
        raise BadInput("a number in it is none")
    return state
