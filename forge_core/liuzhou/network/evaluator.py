"""A network as the evaluator of a tree search: numpy arrays on a CPU, tensors on any device."""

from __future__ import annotations

import statistics
import time
from typing import overload

import numpy as np
import numpy.typing as npt
import torch
from numba import float32
from torch import Tensor

from forge_core.errors import BadInput
from forge_core.kernels import kernel
from forge_core.liuzhou.network.residual import (
    LOSS,
    N_MAPS,
    PLACE_MAP,
    SELECT_MAP,
    STEP_MAP,
    WIN,
    LiuzhouNet,
    by_action,
)
from forge_core.liuzhou.rules import N_ACTIONS, N_CELLS, SELECT_FROM, STEP_FROM, SWEEP
from forge_core.liuzhou.state import START, planes
from forge_core.liuzhou.state.layout import EMPTY_SLOT, PLAYER_SHIFT

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
"""formats in which a network may evaluate"""


class NetworkEvaluator:
    """Evaluates positions with a copy of a network: priors of legal actions, and a value in black's frame.

    The value to the mover is (1 - beta) * (win - loss) + beta * difference: with beta 0 a draw is worth
    nothing, with beta 1 only stones count. Finished positions get priors of 0 and a meaningless value.
    Several threads may evaluate at once.
    """

    capturable = True
    """Tensors are evaluated entirely on the device: a search on CUDA captures that in its graph."""

    def __init__(
        self, network: LiuzhouNet, beta: float = 0.0, device: str = "cpu", dtype: str | None = None
    ) -> None:
        """dtype: a key of DTYPES; None: float32 on a CPU, bfloat16 on CUDA. Raises BadInput for another."""
        dtype = dtype or ("float32" if device == "cpu" else "bfloat16")
        if dtype not in DTYPES:
            raise BadInput(f"dtype {dtype!r}: use {' or '.join(DTYPES)}")
        if not 0 <= beta <= 1:
            raise BadInput(f"beta {beta}: use 0 to 1")
        self.beta, self.device, self.dtype = beta, device, dtype
        copy = type(network)(network.spec, network.config).requires_grad_(False).eval()
        self.network = copy.to(device, DTYPES[dtype], memory_format=torch.channels_last)  # pyright: ignore
        self.update(network)

    def update(self, network: LiuzhouNet) -> None:
        """Use the current weights of `network` from now on; it must have the same size."""
        with torch.no_grad():
            for own, other in zip(self.network.parameters(), network.parameters(), strict=True):
                own.copy_(other)

    @overload
    def __call__(
        self, rows: npt.NDArray[np.int64], actions: npt.NDArray[np.uint8]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]: ...
    @overload
    def __call__(self, rows: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]: ...
    def __call__(self, rows, actions):
        """Return priors [G, 64] float32, 0 in empty slots, and values [G] float32 in black's frame.

        rows: [G, 4] int64. actions: [G, 64] uint8, legal actions in ascending order, then EMPTY_SLOT.
        Arrays give arrays, on the CPU only; tensors on the evaluator's device give tensors.
        """
        if isinstance(rows, np.ndarray):
            return self._evaluate_arrays(rows, actions)
        with torch.inference_mode():
            maps, value = self._evaluate(planes(rows))
            slots = actions.long()
            is_empty = slots == EMPTY_SLOT
            logits = by_action(maps).gather(1, slots.clamp(max=N_ACTIONS - 1))
            prior = torch.softmax(logits.masked_fill(is_empty, -1e30), 1).masked_fill(is_empty, 0.0)
            return prior, torch.where(rows[:, 3] >> PLAYER_SHIFT & 1 == 1, -value, value)

    def measure_forward(self, games: int, seconds: float = 0.3) -> float:
        """Return positions per second of the forward pass alone, measured in batches of `games`."""
        seen = planes(torch.tensor(START).expand(games, -1).to(self.device))
        seen = seen.to(DTYPES[self.dtype], memory_format=torch.channels_last)
        rates, begun = [], time.perf_counter()
        with torch.inference_mode():
            self.network(seen)[1].sum().item()  # the first pass compiles
            while time.perf_counter() - begun < seconds or len(rates) < 3:
                started = time.perf_counter()
                self.network(seen)[1].sum().item()  # waits for the device
                rates.append(games / (time.perf_counter() - started))
        return statistics.median(rates)

    def _evaluate(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Return maps [G, 6, 6, 6] and values [G] in the mover's frame, float32, of planes [G, 20, 6, 6]."""
        seen = seen.to(DTYPES[self.dtype], memory_format=torch.channels_last)
        maps, wdl, difference = self.network(seen)
        chances = torch.softmax(wdl.float(), 1)
        value = (1 - self.beta) * (chances[:, WIN] - chances[:, LOSS]) + self.beta * difference.float()
        return maps.float(), value

    def _evaluate_arrays(self, rows: np.ndarray, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.device != "cpu":
            raise BadInput(f"the network is on {self.device}: pass tensors on that device, not arrays")
        with torch.inference_mode():
            maps, value = self._evaluate(torch.from_numpy(planes(rows)))
            # Channels-last memory: [G, 36, 6] is a view of it.
            by_cell = maps.permute(0, 2, 3, 1).contiguous().view(-1, N_CELLS, N_MAPS).numpy()
            value = value.numpy()
        prior = np.empty(actions.shape, np.float32)
        in_black_frame = np.empty(len(rows), np.float32)
        _read_maps(rows, actions, by_cell, value, prior, in_black_frame)
        return prior, in_black_frame


@kernel
def _read_maps(rows, actions, maps, value, prior, in_black_frame):
    """Write the softmax of the logits of listed actions, and values in black's frame.

    maps: [G, 36, 6] float32. value: [G] float32, mover's frame. prior: [G, 64] float32.
    """
    for g in range(rows.shape[0]):
        in_black_frame[g] = -value[g] if (rows[g, 3] >> PLAYER_SHIFT) & 1 else value[g]
        # Logits and their maximum, then exponentials and their sum, then shares.
        n = 0
        highest = float32(-np.inf)
        while n < actions.shape[1] and actions[g, n] != EMPTY_SLOT:
            action = int(actions[g, n])
            if action < STEP_FROM:
                logit = maps[g, action, PLACE_MAP]
            elif action < SELECT_FROM:
                logit = maps[g, (action - STEP_FROM) >> 2, STEP_MAP + ((action - STEP_FROM) & 3)]
            elif action < SWEEP:
                logit = maps[g, action - SELECT_FROM, SELECT_MAP]
            else:
                logit = float32(0)
            prior[g, n] = logit
            highest = max(highest, logit)
            n += 1
        total = float32(0)
        for slot in range(n):
            prior[g, slot] = np.exp(prior[g, slot] - highest)
            total += prior[g, slot]
        for slot in range(n):
            prior[g, slot] /= total
        for slot in range(n, actions.shape[1]):
            prior[g, slot] = float32(0)
