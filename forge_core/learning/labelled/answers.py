"""A network's answers for labelled rows, and the points that they lose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from forge_core.device import core_count
from forge_core.errors import BadInput
from forge_core.learning.labelled.metrics import evaluate_q, evaluate_random, is_decision, regret_of
from forge_core.learning.labelled.rows import Rows
from forge_core.learning.threads import Pieces

if TYPE_CHECKING:
    from forge_core.learning.networks.transformer import TokenTransformer

Floats = npt.NDArray[np.floating]

CPU_CHUNK = 512
"""rows answered at once on a CPU: few enough for its caches"""
CUDA_CHUNK = 4096
"""rows answered at once on a GPU"""

_COPIED = ("q", "legal", "weight", "decl", "ply", "deal", "variance")
"""fields of Rows that answers keep"""


@dataclass(frozen=True, slots=True)
class Answers:
    """A network's answers for N rows, with the labels but without the tokens, which are large."""

    predicted: Floats
    """[N, A] points or logits"""
    value: Floats
    """[N] points"""
    q: npt.NDArray
    """[N, A]; this and the following fields are those of Rows"""
    legal: npt.NDArray[np.bool_]
    weight: Floats
    decl: npt.NDArray
    ply: npt.NDArray
    deal: npt.NDArray
    in_points: bool
    """True if `predicted` is in points"""
    predicted_variance: Floats | None = None
    """[N, A] points squared; None if the network predicts no variance"""
    variance: Floats | None = None
    """[N, A] points squared; None if q is exact"""

    @classmethod
    def of(cls, model: TokenTransformer, rows: Rows) -> Answers:
        """Run `model` on rows (tensors on its device) as one batch."""
        predicted, value, *more = model.answers(rows.tokens, rows.mask)
        columns: dict[str, Any] = {name: getattr(rows, name) for name in _COPIED}
        columns |= {
            "predicted": predicted,
            "value": value,
            "predicted_variance": more[0] if more else None,
        }
        arrays = {name: None if c is None else c.cpu().numpy() for name, c in columns.items()}
        return cls(**arrays, in_points=model.config.in_points)  # pyright: ignore[reportArgumentType]

    @classmethod
    def join(cls, parts: Sequence[Answers]) -> Answers:
        """Concatenate several sets of answers of one network. Raises BadInput if there are none."""
        if not parts:
            raise BadInput("there are no rows to evaluate: pass at least one")
        names = [field.name for field in fields(cls) if isinstance(getattr(parts[0], field.name), np.ndarray)]
        columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        return cls(**columns, in_points=parts[0].in_points)

    @property
    def are_finite(self) -> bool:
        """True if no answer for a legal action is NaN or infinite."""
        return bool(np.isfinite(self.predicted[self.legal]).all())

    def measure(self, uniform: bool = False) -> dict[str, Any]:
        """Return `evaluate_q` of the answers.

        uniform: weight the rows as if they were drawn uniformly from all positions; else all weigh 1.
        """
        return evaluate_q(
            self.predicted,
            self.q,
            self.legal,
            self.weight if uniform else None,
            self.decl,
            self.ply,
            predicted_value=self.value,
            in_points=self.in_points,
            predicted_variance=self.predicted_variance,
            variance=self.variance,
        )

    def measure_random(self, uniform: bool = False) -> dict[str, Any]:
        """Return `evaluate_random` for the same rows with the same weights as `measure`."""
        return evaluate_random(self.q, self.legal, self.weight if uniform else None, self.decl, self.ply)

    def gap_by_deal(self) -> tuple[npt.NDArray, Floats]:
        """Return the deals [D] that contain decisions, and the mean regret [D] of each deal's decisions.

        Statistical tests pair by deal, because the rows of a deal are not independent.
        """
        decision = is_decision(self.q, self.legal)
        deals, place = np.unique(self.deal[decision], return_inverse=True)
        regret = regret_of(self.predicted, self.q, self.legal)[decision]
        return deals, np.bincount(place, regret) / np.bincount(place)


def ask(model: TokenTransformer, parts: Iterable[Rows], chunk: int | None = None) -> Answers:
    """Run `model` on its own device on all rows (arrays, in parts of any size).

    chunk: rows answered at once; by default CPU_CHUNK or CUDA_CHUNK. On a CPU, threads share the chunks of
    each part, so the answers do not depend on the number of cores. Raises BadInput if there are no rows.
    """
    import torch

    device = str(next(model.parameters()).device)
    on_cpu = device == "cpu"
    pieces, size = Pieces(core_count() if on_cpu else 1), chunk or (CPU_CHUNK if on_cpu else CUDA_CHUNK)

    def answer(rows: Rows) -> Answers:
        with torch.inference_mode():  # applies only to the thread that enters it
            return Answers.of(model, rows.to_tensors(device))

    return Answers.join(
        [
            answered
            for rows in parts
            for answered in pieces.run(
                [
                    partial(answer, rows.take(slice(start, start + size)))
                    for start in range(0, len(rows), size)
                ]
            )
        ]
    )
