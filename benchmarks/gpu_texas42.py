"""Checks and timings of Texas 42 on a GPU, for `gpu.py`."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gpu_solver
import numpy as np
import torch
from gpu_run import GIB, Check, Part, Run, count_synchronizations, seconds

from forge_core.arena.settings import held_out_seeds
from forge_core.device import core_count
from forge_core.learning.checkpoints import load_model
from forge_core.learning.labelled.config import REGRET_TEMPERATURE, Recipe, TrainConfig
from forge_core.learning.labelled.job import TrainingJob
from forge_core.learning.labelled.rows import concatenate
from forge_core.learning.labelled.train import train
from forge_core.learning.networks.sizes import SIZES, ModelConfig
from forge_core.learning.networks.transformer import TokenTransformer
from forge_core.streams import stream
from forge_core.texas42.arena.duplicate import Conditions
from forge_core.texas42.cli import bench_train
from forge_core.texas42.cli.bench_eq import NullOracle, deal, time_game
from forge_core.texas42.dominoes import HAND_SIZE, N_PLAYS
from forge_core.texas42.eq.adaptive import Sampling
from forge_core.texas42.eq.estimate import estimate
from forge_core.texas42.eq.generate import GameConfig, play_games
from forge_core.texas42.eq.oracles import ExactOracle, ModelOracle, Oracle
from forge_core.texas42.games import Games
from forge_core.texas42.one_hand.choose import load_policy
from forge_core.texas42.one_hand.network import ONE_HAND_MODEL
from forge_core.texas42.one_hand_training.self_play import points_per_deal
from forge_core.texas42.oracle.shards import ShardKey
from forge_core.texas42.players.one_hand import OneHandPlayer
from forge_core.texas42.players.transcript import TranscriptPlayer
from forge_core.texas42.tokens.encoder import encode
from forge_core.texas42.tokens.golden import golden_rows
from forge_core.texas42.tokens.live import LiveConfig
from forge_core.texas42.tokens.live_decisions import LiveDecisionConfig, policy_digest, val_rows
from forge_core.texas42.tokens.live_source import LiveSource
from forge_core.texas42.tokens.rows import STAGE1_SPEC
from forge_core.texas42.tokens.walks import walk
from forge_core.texas42.views import Views
from forge_core.texas42.worlds import Worlds
from forge_core.texas42.worlds.posterior import PosteriorConfig, log_likelihood
from forge_core.texas42.worlds.voids import unseen

MODELS = Path(__file__).parents[1] / "models"


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of all checks and parts."""

    deals: int = 200
    """compared with the CPU"""
    worlds: int = 50
    """per decision"""
    games: tuple[int, ...] = (32, 1_024, 4_096)
    """played at once"""
    usual_games: int = 1_024
    """for the figures that are not taken for all numbers of games"""
    questions: tuple[int, ...] = (8_192, 16_384)
    """put to a network at once, beside the default"""
    timed_deals: int = 256
    batches: tuple[int, ...] = (1_024, 16_384)
    """rows per training step"""
    steps: int = 40
    """training steps between two readings of the clock"""
    rows_per_deal: int = 2_800
    """to train on"""
    networks: tuple[str, ...] = ("817k", "3.3m")
    matrix: int = 8_192
    copied: int = 4 * GIB
    decision_steps: int = 1_000
    """training steps on fresh decisions"""
    decision_deals: int = 4_000
    """held-out deals that the network then plays, and val decisions"""
    live_rows_per_deal: tuple[int, ...] = (44, 88)
    rows_seconds: float = 6.0


SMALL = Sizes(
    deals=2,
    worlds=4,
    games=(2,),
    usual_games=2,
    questions=(64,),
    timed_deals=2,
    batches=(32,),
    steps=1,
    rows_per_deal=140,
    networks=("73k",),
    matrix=64,
    copied=1 << 16,
    decision_steps=2,
    decision_deals=4,
    live_rows_per_deal=(44,),
    rows_seconds=0.1,
)


def sizes_of(run: Run) -> Sizes:
    """Return the sizes of a run."""
    return SMALL if run.small else Sizes()


# --- checks


def check_solver(run: Run) -> str:
    """Compare values, reached bits, samples and labels of whole deals, entry by entry."""
    sizes = sizes_of(run)
    gpu_solver.assert_parity(sizes.deals, run.device)
    return f"values, reached bits, samples and labels of {sizes.deals} deals equal the CPU's"


def check_worlds(run: Run) -> str:
    """Compare counts, ranks and sampled worlds."""
    sizes = sizes_of(run)
    n = 0
    for step, views in enumerate(random_views(sizes.deals)):
        hidden, games = unseen(views), np.arange(len(views))
        keys = stream(step, "gpu", "keys").integers(2**64, size=len(views), dtype=np.uint64)
        every = games % 2 == 0
        host, there = (Worlds(hidden, keys, name) for name in ("cpu", run.device))
        np.testing.assert_array_equal(host.count, there.count)
        ranks = [worlds.ranks(games, 3, sizes.worlds, every) for worlds in (host, there)]
        np.testing.assert_array_equal(ranks[0], torch.as_tensor(ranks[1]).cpu().numpy())
        owners = [worlds.owner(games, rank) for worlds, rank in zip((host, there), ranks, strict=True)]
        assert torch.equal(owners[0], owners[1].cpu()), f"other worlds after {step} plays"
        n += len(views) * sizes.worlds
    return f"{n:,} worlds after 0 to 27 plays equal the CPU's, to the last bit"


def check_encoder(run: Run) -> str:
    """Compare tokens, masks and legal plays of random walks through deals."""
    sizes = sizes_of(run)
    hands, decls, _ = gpu_solver.problems(0, sizes.deals)
    dealt, declared = np.array(hands, dtype=np.int8), np.array(decls, dtype=np.int8)
    walks = walk(dealt, declared, 4, stream(0, "gpu", "walks"))
    state, deal_of = walks.state.ravel(), np.repeat(np.arange(len(dealt)), walks.state[0].size)
    given = dealt, declared, state, deal_of
    on_host = encode(*given)
    there = encode(*(torch.as_tensor(column, device=run.device) for column in given))
    for name in ("tokens", "mask", "legal"):
        np.testing.assert_array_equal(getattr(there, name).cpu().numpy(), getattr(on_host, name))
    return f"tokens of {state.size:,} positions equal the CPU's"


def check_posterior(run: Run) -> str:
    """Compare log-likelihoods of plays, and E[Q] with posterior weights by the exact oracle."""
    sizes = sizes_of(run)
    draw, shape = stream(0, "gpu", "posterior"), (sizes.deals, sizes.worlds, 12, HAND_SIZE)
    q, legal = draw.normal(0, 10, shape), draw.random(shape) < 0.6
    legal[..., 0] = True
    observed = np.where(draw.random(shape[:-1]) < 0.2, -1, (draw.random(shape) * legal).argmax(axis=-1))
    on_host = log_likelihood(q, legal, observed, 8.0, 0.6)
    there = log_likelihood(*(torch.as_tensor(a, device=run.device) for a in (q, legal, observed)), 8.0, 0.6)
    np.testing.assert_allclose(there.cpu().numpy(), on_host, rtol=1e-11, atol=1e-11)

    sampling = Sampling(sizes.worlds // 2, posterior=PosteriorConfig.calibrated())
    for step, views in islice(enumerate(random_views(sizes.deals)), 9, None, 9):
        keys = np.arange(len(views), dtype=np.uint64)
        host, there = (estimate(ExactOracle(), views, keys, sampling, name) for name in ("cpu", run.device))
        for name in ("mean", "variance", "p_make", "ess", "max_weight", "entropy"):
            np.testing.assert_allclose(
                getattr(there, name),
                getattr(host, name),
                rtol=1e-5,
                atol=1e-5,
                err_msg=f"{name} after {step} plays",
            )
    return f"weights of {on_host.size:,} worlds and posterior E[Q] of {sizes.deals} games equal the CPU's"


def check_games(run: Run) -> str:
    """Compare whole games by the exact oracle, and by a network, with games and network on either device."""
    sizes = sizes_of(run)
    games, config = deal([0], sizes.deals), GameConfig(Sampling(10))
    host, there = (play_games(ExactOracle(), games, config, device) for device in ("cpu", run.device))
    for mine, theirs in zip(there, host, strict=True):
        np.testing.assert_array_equal(mine.plays, theirs.plays)
        np.testing.assert_allclose(mine.decisions.e_q_mean, theirs.decisions.e_q_mean, rtol=1e-5, atol=1e-5)
    model, placed = reference("cpu"), reference(run.device)
    views = next(islice(random_views(sizes.deals), 5, None))
    keys = np.arange(len(views), dtype=np.uint64)
    on_host = estimate(ModelOracle(model, bf16=False), views, keys, Sampling(sizes.worlds))
    differences = {}
    for label, network, bf16, games_on in (
        ("fp32", placed, False, run.device),
        ("bf16", placed, True, run.device),
        ("games here, network there", placed, False, "cpu"),
        ("network here, games there", model, False, run.device),
    ):
        once, again = (
            estimate(ModelOracle(network, bf16=bf16), views, keys, Sampling(sizes.worlds), games_on)
            for _ in range(2)
        )
        np.testing.assert_array_equal(once.mean, again.mean, err_msg=f"{label}: not repeatable")
        differences[label] = float(np.nanmax(np.abs(once.mean - on_host.mean)))
        assert differences[label] < (2.0 if bf16 else 0.02), f"{label}: {differences[label]:.3g} points off"
    run.figures["apart_points"] = differences
    return (
        f"{len(host)} games by the exact oracle equal the CPU's; a network is {differences['fp32']:.1e} "
        f"points off in fp32, {differences['bf16']:.2g} in bf16, and repeats exactly"
    )


CHECKS: dict[str, Check] = {
    "solver": check_solver,
    "worlds": check_worlds,
    "encoder": check_encoder,
    "posterior": check_posterior,
    "games": check_games,
}


# --- timings


def time_ceilings(run: Run) -> dict[str, Any]:
    """Time what the device can do: bytes read and written by a copy, and a bfloat16 matrix product."""
    sizes = sizes_of(run)
    source = torch.empty(sizes.copied // 4, dtype=torch.float32, device=run.device).normal_()
    target = torch.empty_like(source)
    copy = seconds(run, lambda: target.copy_(source))
    n = sizes.matrix
    a, b = (torch.randn(n, n, device=run.device, dtype=torch.bfloat16) for _ in range(2))
    return {
        "copy_tb_s": 2 * source.nbytes / copy / 1e12,
        "matrix_tflop_s": 2 * n**3 / seconds(run, lambda: a @ b) / 1e12,
    }


def time_solver(run: Run) -> dict[str, Any]:
    """Time the solver; gpu_solver.py counts the bytes and instructions per deal."""
    sizes = sizes_of(run)
    return gpu_solver.measure(run.device, sizes.timed_deals) if run.on_card else {}


def time_games(run: Run) -> dict[str, Any]:
    """Time E[Q] games: uniform, with posterior, and with an oracle that computes nothing."""
    sizes = sizes_of(run)
    found: dict[str, Any] = run.figures.setdefault("games", {})
    uniform, weighed = (
        GameConfig(Sampling(sizes.worlds)),
        GameConfig(Sampling(sizes.worlds, posterior=PosteriorConfig.calibrated())),
    )
    first = sizes.networks[0]
    for n in sizes.games:
        games = deal([0], n)
        found[f"{n}: pipeline alone"] = play(run, NullOracle(), games, uniform)
        for name in sizes.networks if n <= sizes.usual_games else (first,):
            oracle = ModelOracle(network(name, run.device))
            found[f"{n}: {name}, uniform"] = play(run, oracle, games, uniform)
            run.keep()
        if n <= sizes.usual_games:
            oracle = ModelOracle(network(first, run.device))
            found[f"{n}: {first}, posterior"] = play(run, oracle, games, weighed)
            run.keep()
    n = sizes.usual_games
    for questions in sizes.questions:
        oracle = ModelOracle(network(first, run.device), questions=questions)
        label = f"{n}: {first}, {questions} questions at once"
        found[label] = play(run, oracle, deal([0], n), uniform)
    return found


def play(run: Run, oracle: Oracle, games: Games, config: GameConfig) -> dict[str, float]:
    """Return games per second, and on a GPU the peak memory and the synchronisations per step.

    Those two are of the first run, which is also the warm-up.
    """
    if not run.on_card:
        return {"games_s": 1000 / time_game(oracle, games, config, run.device)}
    torch.cuda.reset_peak_memory_stats(run.device)
    waits = count_synchronizations(lambda: play_games(oracle, games, config, run.device))
    memory = torch.cuda.max_memory_allocated(run.device) / 2**20
    took = seconds(run, lambda: play_games(oracle, games, config, run.device), repeats=1, warm=True)
    return {"games_s": len(games) / took, "memory_mib": memory, "waits_a_step": waits / N_PLAYS}


def time_forward(run: Run) -> dict[str, Any]:
    """Time the bare forward passes of whole games, and their share of the time of the games."""
    sizes = sizes_of(run)
    n, name = sizes.usual_games, sizes.networks[0]
    oracle = ModelOracle(network(name, run.device))
    asked: list[tuple[torch.Tensor, torch.Tensor]] = []
    hook = oracle.model.register_forward_pre_hook(lambda _, given: asked.append(given))
    config = GameConfig(Sampling(sizes.worlds))
    play_games(oracle, deal([0], n), config, run.device)
    hook.remove()
    dtype = torch.autocast(torch.device(run.device).type, torch.bfloat16, enabled=run.on_card)

    def forward() -> None:
        with torch.inference_mode(), dtype:
            for tokens, mask in asked:
                oracle.model(tokens, mask)

    bare = seconds(run, forward, repeats=3)
    whole = n / play(run, oracle, deal([0], n), config)["games_s"]
    questions = sum(len(mask) for _, mask in asked)
    flops = sum(flops_of(mask, oracle.model.config) for _, mask in asked)
    return {
        "network": name,
        "questions": questions,
        "bare_questions_s": questions / bare,
        "bare_tflop_s": flops / bare / 1e12,
        "share_of_bare_forward": bare / whole,
    }


def time_training(run: Run) -> dict[str, Any]:
    """Time training steps, in rows per second and as a share of the rate of matrix products."""
    sizes = sizes_of(run)
    keys = [ShardKey(seed, seed % 10) for seed in range(900, 908)]
    rows = concatenate(list(golden_rows(keys, rows_per_deal=sizes.rows_per_deal)))
    difference = bench_train.largest_difference(rows, run.device)
    assert difference <= bench_train.SAME, f"packed and dense answers differ by {difference:.2g} points"
    precision = "bf16-mixed" if run.on_card else "32"
    found: dict[str, Any] = run.figures.setdefault("training", {})
    matrix = run.figures.get("ceilings", {}).get("matrix_tflop_s")
    for name in sizes.networks:
        a_row = 3 * flops_of(torch.as_tensor(rows.mask), SIZES[name]) / len(rows)
        for batch in sizes.batches:
            steps = sizes.steps * max(1, sizes.batches[-1] // batch // 2)  # an evaluation counts too
            spent = bench_train.seconds_a_row(rows, name, precision, run.device, batch, steps)
            found[f"{name}, batch {batch}"] = {"rows_s": 1 / spent, "tflop_s": a_row / spent / 1e12}
            if matrix:
                found[f"{name}, batch {batch}"]["share_of_matrix_rate"] = a_row / spent / 1e12 / matrix
            run.keep()
    return found


def time_rows(run: Run) -> dict[str, Any]:
    """Time the making of fresh rows by all cores but one, which limits training from the live source."""
    sizes = sizes_of(run)
    workers, size = max(1, core_count() - 1), min(4_096, sizes.batches[-1])
    found: dict[str, Any] = {"workers": workers}
    for rows_per_deal in sizes.live_rows_per_deal:
        config = LiveConfig.of(0, size, rows_per_deal)
        if run.small:
            config = replace(config, chunk_rows=size)
        round_of_all = workers * config.batches_per_chunk  # as they deliver, all at about the same time
        taken = n = 2 * round_of_all  # until all have begun, and none has any in store
        with LiveSource(config, workers) as source:
            for k in range(n):
                source.batch(k)
            begun = time.monotonic()
            while time.monotonic() - begun < sizes.rows_seconds:
                for k in range(taken, taken + round_of_all):
                    source.batch(k)
                taken += round_of_all
            rate = (taken - n) * size / (time.monotonic() - begun)
        found[f"{rows_per_deal} rows per deal"] = {"rows_s": rate}
    return found


def time_decisions(run: Run) -> dict[str, Any]:
    """Train on fresh decisions, made by all cores but one, and play against the one-hand network."""
    sizes, name = sizes_of(run), sizes_of(run).networks[0]
    recipe = Recipe(sizes.decision_steps, 2e-3, temperature=REGRET_TEMPERATURE)
    precision = "bf16-mixed" if run.on_card else "32"
    config = TrainConfig(
        replace(SIZES[name], objective="regret"),
        recipe,
        max(1, sizes.decision_steps // 2),
        precision=precision,
        device=run.device,
    )
    rows = LiveDecisionConfig(batch_size=min(4_096, sizes.batches[-1]), policy=policy_digest())
    with TemporaryDirectory() as folder, LiveSource(rows, max(1, core_count() - 1)) as source:
        result = train(TrainingJob(config, source, val_rows(sizes.decision_deals), folder))
        player = TranscriptPlayer("new", load_model(result.model, run.device))
    games = Conditions().deal(held_out_seeds(sizes.decision_deals))
    points = points_per_deal(games, player, OneHandPlayer("shipped", load_policy(ONE_HAND_MODEL)))
    before, after = result.points[0], result.points[-1]
    rate = (after["rows"] - before["rows"]) / (after["seconds"] - before["seconds"])
    return {"network": name, "rows": after["rows"], "rows_s": rate, "points_per_deal": points}


def time_kernels(run: Run) -> dict[str, Any]:
    """Time the solver's kernels by name. This part is last because a profiler may slow what follows it."""
    return gpu_solver.time_kernels(run.device) if run.on_card else {}


PARTS: dict[str, Part] = {
    "ceilings": Part(time_ceilings),
    "solver": Part(time_solver, ("solver",), reserve=40),
    "games": Part(time_games, ("worlds", "encoder", "posterior", "games"), reserve=60),
    "forward": Part(time_forward, ("worlds", "encoder", "games"), reserve=20),
    "training": Part(time_training, ("encoder",), reserve=45),
    "rows": Part(time_rows, reserve=30),
    "decisions": Part(time_decisions, reserve=90),
    "kernels": Part(time_kernels, ("solver",), reserve=20),
}


# --- positions and networks


def random_views(n: int) -> list[Views]:
    """Return the 28 views of the movers in n games of random play, one per step."""
    games, draw, found = deal([0], n), stream(0, "gpu", "plays"), []
    while not games.over:
        found.append(games.views)
        legal = games.views.legal
        games = games.play((draw.random(legal.shape) * legal).argmax(axis=1))
    return found


def network(name: str, device: str) -> TokenTransformer:
    """Return an untrained network, which costs as much as a trained one."""
    torch.manual_seed(0)
    return TokenTransformer(STAGE1_SPEC, SIZES[name]).to(device).eval()


def reference(device: str) -> TokenTransformer:
    """Return the reference network."""
    return load_model(str(MODELS / "texas42-qvalue-230k"), device)


def flops_of(mask: torch.Tensor, config: ModelConfig) -> float:
    """Return the floating-point operations of a forward pass over rows with these masks [N, P]."""
    tokens = mask.sum(dim=1).double()
    by_token = 2 * (4 * config.width**2 + 2 * config.width * config.hidden) * config.layers
    by_pair = 4 * config.width * config.layers
    return float(by_token * tokens.sum() + by_pair * (tokens**2).sum())
