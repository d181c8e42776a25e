"""Training a network according to a user's settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from forge_core.errors import BadInput
from forge_core.learning.labelled.settings import (
    DEFAULT_SIZE,
    DEFAULT_STEPS,
    EVALUATIONS,
    TeachingSettings,
)

if TYPE_CHECKING:
    from forge_core.learning.labelled.config import TrainConfig
    from forge_core.learning.labelled.job import TrainingJob
    from forge_core.learning.networks.sizes import ModelConfig
    from forge_core.learning.runs import Follower, Point, TrainResult


class Tracking(Protocol):
    """An experiment tracker that follows all runs that are kept."""

    def check(self) -> None:
        """Raise BadInput for settings with which no run can be followed; called before rows are made."""
        ...

    def follow(
        self, config: TrainConfig, folder: Path, data: Mapping[str, Any], init_from: str | None, resume: bool
    ) -> AbstractContextManager[Follower]:
        """Follow a run from its start, or from where it is resumed, to its end."""
        ...


def choose_model(settings: TeachingSettings, objective: str, init_from: str | None = None) -> ModelConfig:
    """Return the configuration of the network that the settings describe.

    Its size is a named size; or the user's own layers, heads and width, with hidden width twice the
    width; or the size of the model to start from. Raises BadInput for contradictory settings.
    """
    from forge_core.learning.networks.sizes import SIZES, ModelConfig

    layers, heads, width = settings.layers, settings.heads, settings.width
    if not (layers is heads is width is None):
        if settings.size or layers is None or heads is None or width is None:
            raise BadInput("layers, heads and width must be given together and without size: give all three")
        return ModelConfig(width, layers, heads, 2 * width, objective)
    if init_from and not settings.size:
        from forge_core.learning.checkpoints import load_model

        return replace(load_model(init_from).config, objective=objective)
    name = (settings.size or DEFAULT_SIZE).lower()
    if name not in SIZES:
        raise BadInput(f"size {settings.size!r}: use {', '.join(SIZES)}, or layers, heads and width")
    return replace(SIZES[name], objective=objective)


def size_name(model: ModelConfig) -> str:
    """Return the name of a network's size, such as `73k`; without a name, its width, such as `w96`."""
    from forge_core.learning.networks.sizes import SIZES

    sizes = {replace(config, objective=model.objective): name for name, config in SIZES.items()}
    return sizes.get(model, f"w{model.width}")


def configure(
    settings: TeachingSettings,
    model: ModelConfig,
    steps_of: Callable[[int], int],
    device: str,
    devices: int = 1,
) -> TrainConfig:
    """Return the configuration of a run. steps_of: converts epochs to steps.

    Raises BadInput, and DeviceUnavailable if this machine has fewer devices.
    """
    from forge_core.device import resolve_device
    from forge_core.learning.labelled.config import (
        REGRET_TEMPERATURE,
        Recipe,
        TrainConfig,
        learning_rate_for,
    )
    from forge_core.learning.precision import resolve_precision
    from forge_core.learning.ranks import check_devices

    check_devices(device, devices)
    resolve_precision(settings.precision, resolve_device(device))
    steps = DEFAULT_STEPS if settings.steps is None else settings.steps
    if settings.epochs is not None:
        if settings.steps is not None:
            raise BadInput("steps and epochs exclude each other: give only one of them")
        if settings.epochs < 1:
            raise BadInput(f"epochs {settings.epochs}: use at least 1")
        steps = steps_of(settings.epochs)
    recipe = Recipe(
        steps=steps,
        learning_rate=learning_rate_for(model) if settings.lr is None else settings.lr,
        forced_row_weight=settings.idle_weight,
        mean_weight=settings.mean_weight,
    )
    if model.objective == "regret":
        recipe = replace(recipe, temperature=REGRET_TEMPERATURE)
    every = settings.evaluate_every
    return TrainConfig(
        model=model,
        recipe=recipe,
        evaluate_every=max(1, recipe.steps // EVALUATIONS) if every is None else every,
        patience=settings.patience,
        precision=settings.precision,
        device=device,
        devices=devices,
        compile=settings.compile,
        seed=settings.seed,
    )


def set_threads(threads: int | None, makers: int, devices: int = 1) -> None:
    """Set the number of torch threads: `threads`, by default the cores left over by `makers` processes.

    devices: processes that share the cores, each with its own makers. Raises BadInput for fewer than one
    thread.
    """
    import torch

    if threads is not None and threads < 1:
        raise BadInput(f"threads {threads}: use at least 1")
    torch.set_num_threads(threads or max(1, len(os.sched_getaffinity(0)) // devices - makers))


def teach(
    job: TrainingJob,
    *,
    resume: bool = False,
    fast_dev_run: bool = False,
    minutes: float | None = None,
    progress: bool = False,
    on_point: Callable[[Point], None] | None = None,
    tracking: Tracking | None = None,
) -> TrainResult:
    """Train a network like `train`; if the run is kept, lock its folder and let `tracking` follow it.

    Of several processes that train together, only the first one does the latter.

    Takes the arguments of `train` and raises its errors, and StoreUnusable if another process is
    training in the folder.
    """
    from forge_core.files import Store
    from forge_core.learning.labelled.train import train
    from forge_core.learning.ranks import rank_of

    is_kept, following = not (fast_dev_run or rank_of(job.config.devices)), None
    if tracking and is_kept:
        following = tracking.follow(job.config, Path(job.folder), job.data, job.init_from, resume)
    alone = Store(str(job.folder)).held() if is_kept else nullcontext()
    with alone, following or nullcontext() as follower:

        def take(point: Point) -> None:
            if on_point:
                on_point(point)
            if follower:
                follower.point(point)

        result = train(
            job,
            resume=resume,
            fast_dev_run=fast_dev_run,
            minutes=minutes,
            progress=progress,
            on_point=take,
        )
        if follower:
            follower.finish(result)
    return result


def point_text(point: Point) -> str:
    """Return an evaluation as a line of text."""
    return (
        f"step {point['step']:>8,}  {point['rows']:>12,} rows  {point['cpu_seconds']:>7,.0f} CPU s  "
        f"loss {point['loss']:.4f}  points lost per decision {point['decision_q_gap']:.3f}"
    )
