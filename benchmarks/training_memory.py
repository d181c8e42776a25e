"""Count the memory that a training step needs per row, and estimate the batch size that fits on each card.

    python benchmarks/training_memory.py [--rows 512] [--json]

The count runs on a CPU: the bytes of all tensors that are alive at once during forward and backward passes,
for live rows, in float32 and with autocast to bfloat16 (16-mixed has numbers of the same size). Kernels of a
GPU may need workspace on top, and PyTorch and CUDA need about a gigabyte: so the table lists what fits into
80 % of the memory that is left. A first run on a card should replace these estimates.
"""

from __future__ import annotations

import argparse
import json
import weakref
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from forge_core.learning.labelled.config import Recipe
from forge_core.learning.labelled.data import sort_rows
from forge_core.learning.labelled.losses import losses
from forge_core.learning.labelled.rows import Rows
from forge_core.learning.networks.sizes import SIZES
from forge_core.learning.networks.transformer import TokenTransformer
from forge_core.texas42.tokens.live import LiveConfig
from forge_core.texas42.tokens.live_source import LiveSource

GB = 1e9
STATE_BYTES = 24
"""bytes per weight that do not depend on the batch: weight, gradient, two moments and the average in float32,
and a copy while weights are clipped or averaged"""
CONTEXT_BYTES, USABLE = 1 * GB, 0.8
"""memory of PyTorch and CUDA, and the share of the rest that a batch may take"""


@dataclass(frozen=True, slots=True)
class Card:
    """A card, with the memory that its maker states."""

    name: str
    memory_gb: float
    has_bfloat16: bool
    """True from compute capability 8.0 on; `--precision auto` is then bf16-mixed, otherwise 16-mixed"""


CARDS = (
    Card("RTX 3050 Ti laptop", 4, True),
    Card("T4", 16, False),
    Card("V100", 32, False),
    Card("RTX 3090, RTX 4090, A10", 24, True),
    Card("A100", 40, True),
    Card("A100, H100", 80, True),
    Card("H200", 141, True),
)


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of tensors that were made inside and are alive."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, torch.Tensor):
                self._count(tensor.untyped_storage())
        return made

    def _count(self, storage: torch.UntypedStorage) -> None:
        address = storage._cdata
        if address in self._known:
            return
        nbytes = storage.nbytes()
        self._known.add(address)
        self.now += nbytes
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._free, address, nbytes)

    def _free(self, address: int, nbytes: int) -> None:
        self._known.discard(address)
        self.now -= nbytes


def bytes_of_step(model: TokenTransformer, rows: Rows, precision: str) -> int:
    """Return the most bytes that are alive during a step on rows (arrays), besides weights and rows."""
    recipe, batch = Recipe(1, 1e-3), sort_rows(rows).to_tensors()
    model.zero_grad()
    cast = torch.autocast("cpu", torch.bfloat16) if precision == "bf16-mixed" else nullcontext()
    with LiveBytes() as counted, cast:
        predicted, value, *_ = model.answers(batch.tokens, batch.mask)
        total = losses(predicted, value, batch, recipe, model.config, model.spec.value_scale).total
        total.backward()
    assert torch.isfinite(total), "the step is not one of training"
    assert all(weight.grad is not None for weight in model.parameters())
    return counted.peak


def measure(size: str, precision: str, rows: Rows) -> dict[str, float]:
    """Return the bytes per row of a network, from batches of two sizes."""
    torch.manual_seed(0)
    model = TokenTransformer(LiveConfig.spec, SIZES[size])
    half, whole = len(rows) // 2, len(rows)
    few, many = (bytes_of_step(model, rows.take(slice(0, n)), precision) for n in (half, whole))
    tokens = float(rows.mask.sum()) / whole
    per_row = (many - few) / (whole - half)
    return {"bytes_per_row": per_row, "tokens_per_row": tokens, "parameters": model.n_parameters}


def largest_batch(card: Card, found: dict[str, float]) -> int:
    """Return the largest power of two of rows that fits on a card."""
    free = USABLE * (card.memory_gb * GB - CONTEXT_BYTES) - STATE_BYTES * found["parameters"]
    return 1 << (int(free / found["bytes_per_row"]).bit_length() - 1)


def main() -> None:
    """Print the bytes per row, and the batch size for each card as a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=512, help="rows of the larger of two batches")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    rows = LiveSource(LiveConfig(batch_size=arguments.rows, chunk_rows=arguments.rows)).batch(0)
    found = {
        size: {precision: measure(size, precision, rows) for precision in ("32", "bf16-mixed")}
        for size in SIZES
    }
    if arguments.json:
        print(json.dumps(found))
        return
    tokens = found["73k"]["32"]["tokens_per_row"]
    print(f"device cpu, torch {torch.__version__}, {arguments.rows:,} live rows of {tokens:.1f} tokens")
    for size, of_size in found.items():
        shown = ", ".join(f"{name} {of['bytes_per_row'] / 1000:.0f} kB" for name, of in of_size.items())
        print(f"{size}: {shown} per row")
    print(f"\n| card | memory | precision | {' | '.join(SIZES)} |\n|---|---|---|{'---|' * len(SIZES)}")
    for card in CARDS:
        precision = "bf16-mixed" if card.has_bfloat16 else "16-mixed"
        batches = " | ".join(f"{largest_batch(card, found[size]['bf16-mixed']):,}" for size in SIZES)
        print(f"| {card.name} | {card.memory_gb:g} GB | {precision} | {batches} |")


if __name__ == "__main__":
    main()
