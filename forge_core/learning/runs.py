"""The folder of a training run: the claim on it, its records, its curve and its result.

    runs/NAME/config.json            settings, data, versions and device of the run
              metrics.csv            the curve: one line per evaluation
              checkpoints/last.ckpt  all that is needed to resume (see `resumption`)
              model/                 the network of the best evaluation (see `checkpoints`)

Every kind of training uses this, whatever it learns from: `claim_folder` at its beginning,
`Progress` at each evaluation, `TrainResult` at its end; all the while it holds the folder
(`Store.held`), so that no other process trains there. `config.json` has at least the keys
REQUIRED. Neither torch nor Lightning is imported with this module.
"""

from __future__ import annotations

import csv
import io
import json
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from forge_core.device import device_name
from forge_core.errors import BadInput
from forge_core.files import Store

CONFIG, CURVE = "config.json", "metrics.csv"
CHECKPOINT = "checkpoints/last.ckpt"
MODEL = "model"

REQUIRED = ("train", "spec", "data", "init_from", "precision")
"""keys of config.json that a resumed run must repeat: its settings, what its network reads, its data, the
model it started from, its precision"""

ORIGIN = "origin"
"""key in `data`: the origin of the data. It follows from their version, so a resumed run may differ in it"""

Point = dict[str, float]
"""One evaluation: step, rows, seconds, cpu_seconds, loss, and the figures measured"""


@dataclass(frozen=True, slots=True)
class TrainResult:
    """The end of a run, or of its part until it was stopped."""

    folder: str
    model: str
    """folder of the best weights; empty after a fast dev run, which keeps nothing"""
    points: list[Point]
    best: Point
    device: str
    precision: str
    parameters: int
    stopped_early: bool
    """True if training ended before its last step because evaluations no longer improved"""
    unfinished: bool = False
    """True if its time was over: the run can be resumed"""


class Follower(Protocol):
    """Follows one run as it goes, such as a tracker of experiments."""

    def point(self, point: Point) -> None:
        """Take an evaluation."""

    def finish(self, result: TrainResult) -> None:
        """Take the end of the run, if it is reached."""


def read_run(folder: str | Path) -> dict[str, Any]:
    """Return config.json of a run. Raises BadInput where there is none."""
    store = Store(str(folder))
    if not store.exists(CONFIG):
        raise BadInput(f"{folder} holds no run: name one that was begun, or start it without resuming")
    try:
        record = store.read_json(CONFIG)
        if missing := set(REQUIRED) - set(record):
            raise ValueError(f"it lacks {min(missing)}")
    except (TypeError, ValueError) as error:
        raise BadInput(f"{store.path(CONFIG)} is damaged ({error}): start a new run") from error
    return record


def claim_folder(
    folder: Path,
    record: dict[str, Any],
    resume: bool,
    complete: Callable[[Mapping[str, Any]], dict[str, Any]] = dict,
) -> dict[str, Any]:
    """Begin a run in `folder`, or check that the run in it is the one to resume.

    record: config.json of the run, with the keys REQUIRED. complete: gives stored settings
    (`train`) of an older version the defaults of settings that were added since. Returns the
    record to put on the model card: that of a resumed run keeps the digest of the parent it
    began from. Raises BadInput for a folder that holds a run already, for one that holds none
    to resume, and for a run that was begun with other settings or data.
    """
    store = Store(str(folder))
    if not resume:
        if store.exists(CHECKPOINT):  # a run that stopped before its first checkpoint is begun again
            raise BadInput(f"{folder} holds a run already: resume it, or choose another name")
        store.write(CONFIG, json.dumps(record, indent=2).encode())
        (folder / CHECKPOINT).parent.mkdir(parents=True, exist_ok=True)
        return record
    if not store.exists(CHECKPOINT):
        raise BadInput(f"{folder} holds no checkpoint to resume from: start the run without resuming")
    before = read_run(folder)
    before["train"] = complete(before["train"])
    now = json.loads(json.dumps(record))
    kept = {**record, "parent_weights": before.get("parent_weights")}  # another model may lie there by now
    for described in (before, now):
        described["data"] = {name: value for name, value in described["data"].items() if name != ORIGIN}
    for part in REQUIRED:
        if before[part] != now[part]:
            inside = isinstance(now[part], dict)
            names = (
                [name for name in now[part] if before[part].get(name) != now[part][name]] if inside else []
            )
            differing = f"{part} ({', '.join(names)})" if names else part
            raise BadInput(
                f"{folder} holds a run that differs in {differing}: resume it with the settings it was begun "
                "with, or choose another name"
            )
    return kept


def describe_machine(device: str, precision: str) -> dict[str, Any]:
    """Return what config.json says of the machine. device: resolved; precision: resolved."""
    import torch

    return {
        "device": device_name(device),
        "precision": precision,
        "threads": torch.get_num_threads(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,  # with its build, which the version of the package leaves out
            **{name: version(name) for name in ("forge", "lightning", "numpy")},
        },
    }


def write_curve(folder: Path, points: Sequence[Point]) -> None:
    """Write metrics.csv with all points so far, in one piece."""
    text = io.StringIO()
    columns = list(dict.fromkeys(key for point in points for key in point))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(points)
    Store(str(folder)).write(CURVE, text.getvalue().encode())


class Progress:
    """The curve of a run, the time it has taken and the time it has left; resumed with its checkpoint.

    At an evaluation: `add` the point, `write_curve`, save the network if the point is the best,
    save a checkpoint with `state_dict()` in it, and stop if `is_time_over()`. In this order a
    checkpoint names nothing that is not on disk, and what a killed run wrote after its last
    checkpoint is written again.
    """

    def __init__(self, goal: str, until: float | None = None) -> None:
        """goal: the figure by which points are compared, less being better. until: the time.monotonic()
        by which the run must have stopped; None for no limit."""
        self.goal = goal
        self.rows = 0
        """rows learnt from; the training loop counts them here"""
        self.points: list[Point] = []
        self._until, self._evaluated = until, time.monotonic()
        self._spent = {"seconds": 0.0, "cpu_seconds": 0.0}
        self._clocks = _read_clocks()

    @property
    def best(self) -> Point:
        """The point with the least goal. ValueError before the first."""
        return min(self.points, key=lambda point: point[self.goal])

    def add(self, step: int, figures: Mapping[str, float]) -> tuple[Point, bool]:
        """Add the evaluation after `step`; return its point, and True if it is better than all before."""
        self._count_time()
        costs = {name: round(value, 3) for name, value in self._spent.items()}
        point: Point = {"step": step, "rows": self.rows, **costs, **figures}
        is_best = point[self.goal] < min((p[self.goal] for p in self.points), default=float("inf"))
        self.points.append(point)
        return point, is_best

    def is_time_over(self) -> bool:
        """Return True if the next evaluation would come too late, should it take as long as this one did."""
        now = time.monotonic()
        took, self._evaluated = now - self._evaluated, now
        return self._until is not None and now + took > self._until

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint holds of the curve."""
        return {"points": self.points, "rows": self.rows, "spent": self._spent}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint; points that were added after it are forgotten."""
        self.points, self.rows, self._spent = state["points"], state["rows"], dict(state["spent"])
        self._clocks = _read_clocks()

    def _count_time(self) -> None:
        now = _read_clocks()
        for name in self._spent:
            self._spent[name] += now[name] - self._clocks[name]
        self._clocks = now


def _read_clocks() -> dict[str, float]:
    return {"seconds": time.perf_counter(), "cpu_seconds": time.process_time()}
