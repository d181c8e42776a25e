"""The handover from self-play to learning: in memory, and with a file in between."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from forge_core.errors import ForgeError
from forge_core.liuzhou.buffer import TrajectoryBuffer
from forge_core.liuzhou.learner import Learner
from forge_core.liuzhou.network import NetworkEvaluator
from forge_core.liuzhou.selfplay import SelfPlay
from forge_core.liuzhou.settings.learning import LearningSettings
from forge_core.liuzhou.settings.selfplay import SelfPlaySettings
from forge_core.liuzhou.settings.validation import ValidationSettings
from forge_core.liuzhou.validate.network import network_of

_IO = Path("/proc/self/io")
WARM_PLIES = 150
"""plies of fast play before the first iteration: the first games have then ended, and can be sampled"""


def measure_handoff(settings: ValidationSettings, device: str) -> dict[str, Any]:
    """Return bytes, copies and seconds of iterations of self-play and learning.

    An iteration plays 8 plies of all games and learns as often as training would. The second variant writes
    the buffer to a file (safetensors, the fastest format) and reads it into a second buffer. Both variants
    play and learn alike, so each repeat does that once, and only the handovers are timed separately: their
    difference is far smaller than the noise of two measurements of play.
    """
    play = SelfPlaySettings(games=settings.games, tables=1, sims=settings.sims, fast_sims=1, full_share=1.0)
    positions = 8 * settings.games
    learning = LearningSettings(positions=10**6 + 1, playout_positions=1, batch_size=256, seed=settings.seed)
    learner = Learner(network_of(settings), learning, device)
    evaluator = NetworkEvaluator(learner.averaged, play.beta, device)
    buffer = TrajectoryBuffer(settings.games, WARM_PLIES * settings.games, device)
    warm = SelfPlaySettings(games=settings.games, tables=1, sims=1, fast_sims=1)
    SelfPlay(warm, buffer, evaluator, settings.seed).play(WARM_PLIES * settings.games)
    games = SelfPlay(play, buffer, evaluator, settings.seed)
    steps = max(1, round(positions * learning.reuse / learning.batch_size))
    in_memory, by_file, written, copies = [], [], [], 0
    addresses = {name: tensor.data_ptr() for name, tensor in buffer.tensors().items()}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(settings.repeats):
            before = _bytes_written()
            seconds = _iterate(games, learner, buffer, positions, steps)
            written.append(_bytes_written() - before)
            copies += sum(
                tensor.data_ptr() != addresses[name] or str(tensor.device) != str(torch.device(device))
                for name, tensor in buffer.tensors().items()
            )
            in_memory.append(seconds)
            by_file.append(seconds + _time_file(buffer, Path(folder)))
    return {
        "positions": positions,
        "steps": steps,
        # A handover that writes does so every time; other threads of the process write now and then.
        "bytes_written": min(written) if _IO.exists() else None,
        "copies": copies,
        "iteration_seconds_with": statistics.median(in_memory),
        "iteration_seconds_via_file": statistics.median(by_file),
    }


def _iterate(
    games: SelfPlay, learner: Learner, buffer: TrajectoryBuffer, positions: int, steps: int
) -> float:
    """Play, and learn from the tensors that self-play wrote; return the seconds."""
    begun = time.perf_counter()
    games.play(positions)
    losses = learner.learn(buffer, learner.step + steps)
    losses.cpu()  # waits for the device
    return time.perf_counter() - begun


def _time_file(buffer: TrajectoryBuffer, folder: Path) -> float:
    """Hand the buffer over through a file; return the seconds. Raise ForgeError unless all of it arrives."""
    begun = time.perf_counter()
    copy = _through_file(buffer, folder / "positions.safetensors")
    arrived = copy.tensors()["rows"].sum().item()  # waits for the device
    seconds = time.perf_counter() - begun
    if arrived != buffer.tensors()["rows"].sum().item():
        raise ForgeError("the handover through a file lost positions: run the validator again")
    return seconds


def _through_file(buffer: TrajectoryBuffer, path: Path) -> TrajectoryBuffer:
    """Write the buffer to a file, and return a second buffer with the content of the file."""
    from safetensors.torch import load_file, save_file

    save_file({name: tensor.contiguous() for name, tensor in buffer.tensors().items()}, path)
    copy = TrajectoryBuffer(buffer.games, buffer.plies * buffer.games, buffer.device)
    for name, tensor in load_file(path, device=buffer.device).items():
        copy.tensors()[name].copy_(tensor)
    copy.advance(buffer.head)
    return copy


def _bytes_written() -> int:
    """Return the bytes that this process has written to files and pipes so far; 0 without /proc."""
    if not _IO.exists():
        return 0
    counters = dict(line.split(": ") for line in _IO.read_text().splitlines())
    return int(counters["wchar"])
