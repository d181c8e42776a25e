"""A game small enough to learn in seconds. As a script it trains, and hangs at a given batch."""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import numpy as np

from forge_core.learning.labelled.rows import ILLEGAL, Rows
from forge_core.learning.spec import TokenSpec
from forge_core.streams import stream

SPEC = TokenSpec(
    name="toy",
    version="t1",
    n_positions=10,
    vocabularies=(5, 3, 2),
    action_positions=(0, 1, 2),
    value_position=6,
    value_scale=10.0,
)


def toy_rows(n: int, *key: int | str) -> Rows:
    """Return rows in which an action is worth three times its first feature less its second."""
    draw = stream(0, "toy", *key)
    tokens = np.stack([draw.integers(v, size=(n, 10)) for v in SPEC.vocabularies], axis=-1).astype(np.int8)
    mask = draw.random((n, 10)) < 0.6
    mask[:, [0, 6]] = True
    legal = mask[:, :3].copy()
    q = np.where(legal, 3 * tokens[:, :3, 0] - tokens[:, :3, 1], ILLEGAL).astype(np.int8)
    group = np.arange(n) % 4
    return Rows(
        tokens=tokens,
        mask=mask,
        legal=legal,
        q=q,
        value=q.max(axis=1),
        weight=draw.uniform(0.5, 2, n).astype(np.float32),
        decl=group.astype(np.int8),
        ply=mask.sum(axis=1).astype(np.uint8),
        seat=group.astype(np.int8),
        deal=(np.arange(n) // 10).astype(np.int32),
    )


def estimated_rows(n: int, worlds: int | None, *key: int | str) -> Rows:
    """Return the same rows with estimated points: averages over `worlds` samples; None: over all worlds.

    The points vary around the worth of the action by 1 or 3, as its third feature says, with skew:
    mostly a little better, occasionally far worse.
    """
    rows = toy_rows(n, *key)
    truth = rows.q.astype(np.float32)
    spread = (1 + 2 * rows.tokens[:, :3, 2]).astype(np.float32)
    mean, variance, ess = truth, spread**2, np.full(n, np.inf, np.float32)
    if worlds:
        draw = stream(0, "toy worlds", *key)
        luck = 0.7 * draw.exponential(size=(n, 1, worlds)) + 0.51**0.5 * draw.exponential(size=(n, 3, worlds))
        points = truth[:, :, None] + spread[:, :, None] * (0.7 + 0.51**0.5 - luck)
        mean, variance, ess = points.mean(axis=2), points.var(axis=2), np.full(n, worlds, np.float32)
    q = np.where(rows.legal, mean, ILLEGAL).astype(np.float32)
    variance = np.where(rows.legal, variance, 0).astype(np.float32)
    return replace(rows, q=q, value=q.max(axis=1), variance=variance, ess=ess)


class ToySource:
    """An endless source of 64 rows per batch, exact or estimated; it hangs at batch `hang_at`."""

    spec = SPEC

    def __init__(self, hang_at: int | None = None, worlds: int | None = None) -> None:
        self.hang_at, self.worlds = hang_at, worlds

    def batch(self, k: int) -> Rows:
        if k == self.hang_at:
            print("hanging", flush=True)
            time.sleep(600)
        if self.worlds:
            return estimated_rows(64, self.worlds, "train", k)
        return toy_rows(64, "train", k)


def toy_config(**changes):
    """A network of 2,450 weights, 60 steps, an evaluation every 10."""
    from forge_core.learning.labelled.config import Recipe, TrainConfig
    from forge_core.learning.networks.sizes import ModelConfig

    recipe = Recipe(**{"steps": 60, "learning_rate": 3e-3} | changes.pop("recipe", {}))
    model = ModelConfig(**{"width": 16, "layers": 1, "heads": 2, "hidden": 32} | changes.pop("model", {}))
    return TrainConfig(**{"model": model, "recipe": recipe, "evaluate_every": 10, "device": "cpu"} | changes)


if __name__ == "__main__":
    import torch

    from forge_core.learning.labelled.job import TrainingJob
    from forge_core.learning.labelled.train import train

    torch.set_num_threads(1)
    train(
        TrainingJob(
            toy_config(patience=3), ToySource(hang_at=int(sys.argv[2])), toy_rows(300, "val"), sys.argv[1]
        )
    )
