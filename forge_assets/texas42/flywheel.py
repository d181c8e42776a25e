"""The flywheel of Texas 42: solve new deals, draw rows, fine-tune a network from the champion, run the gate.

With objective one-hand it is policy iteration instead: the champion plays new games by playouts of itself,
and the next network learns from the values of their plays (see `policy_iteration`).

Loading this module does not import Dagster, since the options of the verb are made from these settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from forge_assets.flywheel.champions import curve, end_at_gate, of_challenger, start_from_champion
from forge_assets.flywheel.flywheel import Flywheel, Words
from forge_assets.flywheel.state import Begin, CommonSettings, Iteration, State, check_common
from forge_assets.flywheel.steps import Reports, Step, one_partition, without_gaps
from forge_assets.texas42.blocks import BLOCK_SIZE, MOST_BLOCKS, block_name, block_seeds
from forge_assets.texas42.policy_iteration import (
    GATE,
    TEACH,
    TOKENS,
    check_first_policy,
    one_hand_result,
    one_hand_steps,
)
from forge_core.errors import BadInput
from forge_core.ranges import ranges_text
from forge_core.settings import like, setting
from forge_core.splits import FIRST_VAL, Split, split_of
from forge_core.texas42.one_hand.architecture import OBJECTIVE as ONE_HAND
from forge_core.texas42.reference import REFERENCE
from forge_core.texas42.settings import scores, shards, tokens
from forge_core.texas42.settings.games import DEFAULT_WORLDS

if TYPE_CHECKING:
    import dagster as dg

    from forge_assets.tracking.registry import ModelRegistry
    from forge_assets.tracking.tracker import Tracker

WATCHED_BLOCK = FIRST_VAL // BLOCK_SIZE
"""the first block of val: early stopping uses the loss on its deals outside the benchmark"""


@dataclass(frozen=True, slots=True)
class FlywheelSettings:
    """Settings of the flywheel, the same for every iteration. Raises BadInput for bad values."""

    group: str = setting("flywheel", "Name of its runs in Dagster and MLflow.")
    start_block: int = setting(
        0, f"First block of {BLOCK_SIZE} seeds to solve; blocks of val and test are skipped."
    )
    blocks: int = setting(1, "Blocks of train seeds per iteration.")
    model: str = setting(
        REFERENCE,
        "Folder of the network to use as the first champion, if there is none yet and it beats random play; "
        "or a size, such as 73k, to start with an untrained network. With one-hand: the policy of the first "
        "games, the folder of a network or heuristic.",
        metavar="PATH",
        default_text="the reference network",
    )
    objective: Literal["qvalue", "policy", "one-hand"] = setting(
        "qvalue",
        "Objective of the network: qvalue, policy, or one-hand (it plays from the features of its own hand).",
    )
    worlds: int = setting(DEFAULT_WORLDS, "With one-hand: worlds per decision of the games.")
    epochs: int = setting(2, "Passes over all rows.")
    lr: float = setting(3e-5, "Peak learning rate.", metavar="RATE")
    batch_size: int = setting(1024, "Rows per step.")
    shard_rows: str = setting(f"{shards.DEFAULT_ROWS}", "States to draw from each deal, or all.", metavar="N")
    rows: int = setting(tokens.DEFAULT_ROWS, "Rows to train on per deal, out of those drawn.")
    golden_rows: int = setting(scores.DEFAULT_ROWS, "Rows per deal of the benchmark.")
    threads: int | None = setting(None, "Torch threads for training on a CPU.", default_text="one per core")
    begin: Begin = like(CommonSettings, "begin")

    def __post_init__(self) -> None:
        check_common(self)
        if not 0 <= self.start_block < MOST_BLOCKS:
            raise BadInput(f"start-block {self.start_block} does not exist: use 0..{MOST_BLOCKS - 1}")
        for name in ("blocks", "epochs", "batch_size", "rows", "golden_rows", "threads", "worlds"):
            if (count := getattr(self, name)) is not None and count < 1:
                raise BadInput(f"{name.replace('_', '-')} {count}: use at least 1")
        if not 0 < self.lr < 1:
            raise BadInput(f"lr is {self.lr}: use a learning rate between 0 and 1")
        if self.objective not in ("qvalue", "policy", ONE_HAND):
            raise BadInput(f"objective is {self.objective!r}: use qvalue, policy or {ONE_HAND}")

    @property
    def first_unit(self) -> int:
        """First block: see `forge_assets.flywheel.state.FlywheelSettings`."""
        return self.start_block

    def units_from(self, start: int) -> list[int]:
        """Return the blocks of an iteration: train blocks, ascending, from block `start` on."""
        train = (block for block in range(start, MOST_BLOCKS) if is_train(block))
        return [block for block, _ in zip(train, range(self.blocks), strict=False)]


def is_train(block: int) -> bool:
    """Return True if the seeds of a block belong to train."""
    return split_of(block * BLOCK_SIZE) is Split.TRAIN


def is_size(model: str) -> bool:
    """Return True if `model` is the name of a size, False if it is a folder."""
    return "/" not in model


def seeds_text(blocks: Sequence[int]) -> str:
    """Return the seeds of blocks: `0-49`, `800-899,1000-1049`."""
    return ranges_text(seed for block in blocks for seed in block_seeds(block_name(block)))


def benchmark_version() -> str:
    """Return the version of the algorithms that make and evaluate the benchmark."""
    from forge_assets.texas42.versions import EVALUATION

    return EVALUATION


def check_settings(settings: FlywheelSettings, tracker: Tracker) -> None:
    """Raise BadInput if the model is neither a size nor trained for the objective, or shard_rows is bad."""
    from forge_assets.gate.networks import load_network
    from forge_assets.texas42.cards import check_objective
    from forge_assets.tracking.registry import resolve_model
    from forge_core.learning.networks.sizes import SIZES
    from forge_core.texas42.oracle.shards import ShardConfig

    model, objective = settings.model, settings.objective
    if objective == ONE_HAND:
        check_first_policy(model)
    elif not is_size(model):
        check_objective(load_network(resolve_model(model, objective, tracker), "cpu"), objective)
    elif model not in SIZES:
        raise BadInput(
            f"model {model!r} does not exist: use {', '.join(SIZES)}, or a folder like models/NAME"
        )
    ShardConfig(shards.read_rows(settings.shard_rows))


def steps_of(state: State) -> list[Step]:
    """Return the steps of the current iteration."""
    if state.settings.objective == ONE_HAND:
        return one_hand_steps(state, WATCHED_BLOCK, state.prepared != benchmark_version())
    return [*_preparation(state), *_iteration(state)]


def _preparation(state: State) -> Iterator[Step]:
    """Yield the steps that precede the first iteration and are repeated when algorithms have changed.

    They make the validation deals of training, the benchmark, and, before the first iteration, a champion.
    """
    from forge_assets.texas42.partitions import block_range, golden_range

    if state.prepared == benchmark_version():
        return
    settings, watched = state.settings, block_range(WATCHED_BLOCK, WATCHED_BLOCK)
    yield Step("watched deals", "oracle_shards", watched, {"rows": settings.shard_rows})
    yield Step("benchmark", "golden_shards", golden_range())
    if state.iteration == 1 and not is_size(settings.model):
        judged = {"model": settings.model, "rows": settings.golden_rows}
        partition = one_partition(settings.objective)
        yield Step("first champion", "champion", partition, judged, needs_tracker=True)


def _iteration(state: State) -> Iterator[Step]:
    from forge_assets.texas42.partitions import block_range

    settings, partition = state.settings, one_partition(state.settings.objective)
    for first, last in without_gaps(state.units()):
        name = f"shards {first}" if first == last else f"shards {first}-{last}"
        yield Step(name, "oracle_shards", block_range(first, last), {"rows": settings.shard_rows})
    yield Step("catalog", "shard_catalog")
    rows, judged = {"rows": settings.rows}, {"rows": settings.golden_rows}
    if state.prepared != benchmark_version():
        yield Step("watched rows", "token_splits", one_partition("val"), rows)
    yield Step(TOKENS, "token_splits", one_partition("train"), rows, reports=True)
    yield Step(
        TEACH,
        "oracle_model",
        partition,
        _teaching(settings),
        lambda _, registry: _start(settings, registry),
        reports=True,
        needs_tracker=True,
    )
    challenger = of_challenger(TEACH)
    yield Step("evaluate", "oracle_model_evaluation", partition, judged, challenger, needs_tracker=True)
    yield Step(GATE, "champion", partition, judged, challenger, reports=True, needs_tracker=True)


def _teaching(settings: FlywheelSettings) -> dict[str, Any]:
    given = {"epochs": settings.epochs, "lr": settings.lr, "batch_size": settings.batch_size}
    return given | ({"threads": settings.threads} if settings.threads else {})


def _start(settings: FlywheelSettings, registry: ModelRegistry) -> Mapping[str, Any]:
    """Return the setting init_from=champion, or the size of a new network if there is no champion yet."""
    new = {"size": settings.model} if is_size(settings.model) else None
    return start_from_champion(registry, settings.objective, new)


def register(instance: dg.DagsterInstance, state: State) -> None:
    """Let the universe of seeds hold the blocks of the current iteration."""
    from forge_assets.texas42.universe import grow_universe

    grow_universe(instance, [WATCHED_BLOCK, *state.units()])


def result_of(state: State, reports: Reports) -> Iteration:
    """Return the record of the current iteration, after its gate."""
    gate = reports[GATE]
    if state.settings.objective == ONE_HAND:
        return one_hand_result(state, reports)
    examples, gap = int(reports[TOKENS]["shards"]), float(gate["by_deal_points"])
    return end_at_gate(state, gate, examples, gap, gate.get("champion_by_deal_points"))


FLYWHEEL = Flywheel(
    name="flywheel",
    summary="Repeats iterations: new deals, more rows, a network fine-tuned from the champion, and a gate.",
    settings=FlywheelSettings,
    words=Words(
        unit="block",
        examples="seeds",
        figure="q_gap",
        figure_unit="points",
        explanation="challenger, champion: points lost per decision, averaged over the deals of golden val; "
        "with one-hand, by the values of val games",
    ),
    assets=(
        "oracle_shards",
        "golden_shards",
        "shard_catalog",
        "token_splits",
        "oracle_model",
        "oracle_model_evaluation",
        "eq_games",
        "eq_catalog",
        "eq_token_splits",
        "one_hand_model",
        "champion",
    ),
    first_job="flywheel_deals",
    exhausted="raise MOST_BLOCKS in forge_assets/texas42/blocks.py",
    objective=lambda settings: settings.objective,
    version=benchmark_version,
    check=check_settings,
    units_text=seeds_text,
    steps=steps_of,
    register=register,
    result=result_of,
    draw=curve("Points lost per decision, golden val", "training seeds so far", floor=0),
    example="docs/pictures/flywheel-curve.png",
)
