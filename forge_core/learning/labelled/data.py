"""Batches for Lightning: rows are checked, sorted by number of tokens, and converted to tensors."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import lightning.pytorch as pl
import numpy as np
from torch.utils.data import DataLoader

from forge_core.errors import BadInput
from forge_core.learning.labelled.metrics import is_decision
from forge_core.learning.labelled.rows import Rows, RowSource
from forge_core.learning.spec import TokenSpec

VALIDATION_BATCH = 4096


class RowModule(pl.LightningDataModule):
    """The training batches of a source, starting at any step, and the validation rows.

    The global step is the position in the data: training that is resumed at step k continues with
    batch k. With several devices, each takes its own batches.
    """

    def __init__(
        self, source: RowSource, val_rows: Rows, spec: TokenSpec, steps: int, sample: Rows | None = None
    ) -> None:
        """Check the rows. sample: training rows that are evaluated like the validation rows.

        Raises BadInput if there are none, or if they are invalid or not as in `spec`.
        """
        super().__init__()
        spec.check_same(source.spec, "the row source")
        self.source, self.spec, self.steps = source, spec, steps
        self.val_chunks = self._chunks(val_rows, "validation rows")
        self.sample_chunks = self._chunks(sample, "sampled training rows") if sample is not None else None

    def _chunks(self, rows: Rows, what: str) -> list[Rows]:
        """Check rows for evaluation, and return them in batches, as tensors. Raises BadInput."""
        check_rows(rows, self.spec, what)
        if not is_decision(rows.q, rows.legal).any():
            raise BadInput(f"the {what} contain no decisions, so they cannot rank networks: use others")
        starts = range(0, len(rows), VALIDATION_BATCH)
        chunks = [rows.take(slice(start, start + VALIDATION_BATCH)) for start in starts]
        return [sort_rows(chunk).to_tensors() for chunk in chunks]

    def train_dataloader(self) -> Feed:
        """Return the batches from the current step on; Lightning calls this when the step is known."""
        trainer = self.trainer
        assert trainer is not None
        return Feed(
            self.source, self.spec, trainer.global_step, self.steps, trainer.global_rank, trainer.world_size
        )

    def val_dataloader(self) -> list[DataLoader]:
        """Return the validation rows, then the sampled training rows; every device gets all of them."""
        parts = [chunks for chunks in (self.val_chunks, self.sample_chunks) if chunks]
        return [DataLoader(part, batch_size=None, collate_fn=lambda chunk: chunk) for part in parts]  # pyright: ignore


class Feed:
    """Checked and sorted batches for steps start, start + 1, ..., as tensors on the CPU."""

    def __init__(
        self, source: RowSource, spec: TokenSpec, start: int, steps: int, part: int = 0, parts: int = 1
    ) -> None:
        self.source, self.spec, self.start, self.steps = source, spec, start, steps
        self.part, self.parts = part, parts

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Rows]:
        for rows in batches(self.source, self.start, self.part, self.parts):
            check_rows(rows, self.spec, "training rows")
            yield sort_rows(rows).to_tensors()


def batches(source: RowSource, start: int = 0, part: int = 0, parts: int = 1) -> Iterator[Rows]:
    """Return the batches of steps start, start + 1, ... for process `part` of `parts` that train together."""
    if not 0 <= part < parts:
        raise BadInput(f"part {part} of {parts}: use 0..{parts - 1}")
    if hasattr(source, "batches"):  # the source has a better way to split its work
        return source.batches(start, part, parts)  # pyright: ignore[reportAttributeAccessIssue]
    return (source.batch(step * parts + part) for step in count(start))


def sort_rows(rows: Rows) -> Rows:
    """Sort rows (arrays) by number of tokens; the network processes rows with equal numbers together."""
    return rows.take(np.argsort(np.asarray(rows.mask).sum(axis=1), kind="stable"))


def check_rows(rows: Rows, spec: TokenSpec, what: str) -> None:
    """Raise BadInput unless the rows (arrays) are not empty, match `spec` and are valid."""
    n = len(rows)
    if n == 0:
        raise BadInput(f"there are no {what}, because the split is empty: fill it or choose another")
    expected = {
        "tokens": (n, spec.n_positions, spec.n_features),
        "mask": (n, spec.n_positions),
        "legal": (n, spec.n_actions),
        "q": (n, spec.n_actions),
        "value": (n,),
        "weight": (n,),
    }
    if rows.variance is not None:
        expected |= {"variance": (n, spec.n_actions), "ess": (n,)}
    for name, shape in expected.items():
        if (found := np.shape(getattr(rows, name))) != shape:
            raise BadInput(
                f"{what}: {name} has shape {found}, but {spec.name} needs {shape}; make the data again"
            )
    highest = np.asarray(spec.vocabularies, dtype=np.int64) - 1
    by_place = np.asarray(rows.tokens).reshape(n, -1)  # ten times as fast as going feature by feature
    if by_place.min() < 0 or (by_place.max(axis=0).reshape(-1, spec.n_features) > highest).any():
        raise BadInput(f"{what}: a token is outside the vocabulary of {spec.name}; make the data again")
    for name in ("q", "value", "weight", "variance"):
        if name in expected and not np.isfinite(getattr(rows, name)).all():
            raise BadInput(f"{what}: {name} contains NaN or infinity; make the data again")
    if not (rows.legal.any(axis=1).all() and rows.mask[:, spec.value_position].all()):
        raise BadInput(f"{what}: a row has no legal action or masks its value token; make the data again")
    if not rows.weight.min() > 0:
        raise BadInput(f"{what}: a weight is not positive; make the data again")
    if rows.variance is not None and not (rows.variance.min() >= 0 and rows.ess.min() >= 1):
        raise BadInput(f"{what}: a variance is negative or an ess is below 1; make the data again")
