"""Benchmark of training: rows per second for a whole step, from rows in memory to updated weights."""

from __future__ import annotations

from itertools import pairwise
from tempfile import TemporaryDirectory

import torch

from forge_core.cli.figures import Benchmark, Figure, conditions
from forge_core.device import resolve_device
from forge_core.learning.labelled.config import Recipe, TrainConfig
from forge_core.learning.labelled.job import TrainingJob
from forge_core.learning.labelled.rows import Rows, concatenate
from forge_core.learning.labelled.train import train
from forge_core.learning.networks.sizes import SIZES
from forge_core.learning.networks.transformer import TokenTransformer
from forge_core.learning.precision import resolve_precision
from forge_core.learning.threads import one_torch_thread
from forge_core.streams import stream
from forge_core.texas42.oracle.shards import ShardKey
from forge_core.texas42.tokens.golden import golden_rows
from forge_core.texas42.tokens.rows import STAGE1_SPEC

BATCH = {"73k": 1024, "817k": 256, "3.3m": 256}
STEPS = {"73k": 20, "817k": 20, "3.3m": 10}
PEER = {"817k": 255, "3.3m": 100}
"""rows/s of the published pipeline on one core with batch size 256"""
GAIN = 1.5
"""the required speed, as a multiple of PEER"""
ROWS_PER_DEAL = 2800
SAME = 1e-3
"""the largest allowed difference between packed and dense answers, in points"""


class Replay:
    """A RowSource that draws batches from rows in memory."""

    spec = STAGE1_SPEC

    def __init__(self, rows: Rows, batch_size: int) -> None:
        self.rows, self.batch_size = rows, batch_size

    def batch(self, k: int) -> Rows:
        """Return a batch of rows drawn by `stream(0, "replay", k)`."""
        return self.rows.take(stream(0, "replay", k).integers(len(self.rows), size=self.batch_size))


def measure(seeds: list[int], device: str) -> Benchmark:
    """Train a network of each size on rows of the seeds, each with declaration seed % 10.

    Uses one thread and CPU seconds on a CPU, and wall seconds on CUDA. Raises AssertionError if a
    network's packed and dense answers differ.
    """
    keys = [ShardKey(seed, seed % 10) for seed in seeds]
    rows = concatenate(list(golden_rows(keys, rows_per_deal=ROWS_PER_DEAL)))
    where = resolve_device(device)
    precisions = list(dict.fromkeys(("32", resolve_precision("auto", where))))
    with one_torch_thread():
        apart = largest_difference(rows, where)
        if not apart <= SAME:  # NaN also fails
            raise AssertionError(f"packed and dense answers differ by {apart:.2g} points")
        seconds = {
            (size, precision): seconds_a_row(rows, size, precision, where)
            for size in SIZES
            for precision in precisions
        }
    limits = {
        (size, precisions[-1]): round(1e3 / (GAIN * rate), 2) for size, rate in PEER.items() if where == "cpu"
    }
    return Benchmark(
        subject="train",
        conditions=conditions(
            where,
            " and ".join(precisions),
            ", ".join(f"{size} in batches of {n:,}" for size, n in BATCH.items()),
            ("torch", "lightning", "numpy"),
        ),
        held=(f"packed and dense answers agree within {apart:.1e} points over {len(rows):,} rows",),
        figures=(
            *(
                Figure(
                    f"{size}, {precision}: a row",
                    1e3 * spent,
                    "ms",
                    limits.get((size, precision)),
                )
                for (size, precision), spent in seconds.items()
            ),
            *(
                Figure(f"{size}, {precision}", 1 / spent, "rows/s")
                for (size, precision), spent in seconds.items()
            ),
        ),
    )


def seconds_a_row(
    rows: Rows, size: str, precision: str, device: str, batch: int | None = None, steps: int | None = None
) -> float:
    """Return the seconds per row of a run of `train`, the lowest of three intervals between evaluations.

    batch: rows per step. steps: per interval. Defaults come from BATCH and STEPS.
    """
    batch, steps = batch or BATCH[size], steps or STEPS[size]
    config = TrainConfig(
        model=SIZES[size],
        recipe=Recipe(steps=4 * steps, learning_rate=1e-3),
        evaluate_every=steps,
        precision=precision,
        device=device,
    )
    clock = "cpu_seconds" if device == "cpu" else "seconds"
    few = rows.take(slice(0, len(rows), max(1, len(rows) // 200)))
    with TemporaryDirectory() as folder:
        points = train(TrainingJob(config, Replay(rows, batch), few, folder)).points
    return min(
        (after[clock] - before[clock]) / (after["rows"] - before["rows"])
        for before, after in pairwise(points)
    )


def largest_difference(rows: Rows, device: str = "cpu") -> float:
    """Return the largest difference, in points, between a random network's packed and dense answers."""
    torch.manual_seed(0)
    model = TokenTransformer(STAGE1_SPEC, SIZES["73k"]).eval()
    torch.nn.init.normal_(model.head.weight, std=0.1)
    model.to(device)
    apart = 0.0
    with torch.inference_mode():
        for start in range(0, len(rows), 4096):
            some = rows.take(slice(start, start + 4096)).to_tensors(device)
            ways = model(some.tokens, some.mask), model.forward_dense(some.tokens, some.mask)
            apart = max(apart, *(float((one - other).abs().max()) for one, other in zip(*ways, strict=True)))
    return apart
