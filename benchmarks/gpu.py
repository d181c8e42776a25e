"""All that a GPU is to be held to and timed for, in one run of under ten minutes: right first, then how fast.

    python benchmarks/gpu.py --json FILE [--only solver,games] [--seconds 560] [--device cuda]

It needs torch with CUDA, Triton, numba, pyarrow, fsspec, Lightning and Typer; neither Dagster nor
MLflow. Checks first, each against the CPU: the solver, worlds, the encoder, the posterior, whole
games. A part is timed if the checks that it rests on held, and if `--seconds` leaves it the time;
what was left out is said. FILE is written anew after each part, so that a run that is cut short
has kept what it found. Ends with status 1 if a check failed or a part was left out.

docs/gpu.md says what was expected of each figure before the first run. `--small` is for trying
the script itself where there is no card.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from typing import Any

import gpu_solver
import numpy as np
import torch

from forge_core.cli.filling import check_place, place_of
from forge_core.device import core_count, device_name, resolve_device
from forge_core.errors import ForgeError
from forge_core.learning.labelled.rows import concatenate
from forge_core.learning.networks.sizes import SIZES, ModelConfig
from forge_core.learning.networks.transformer import TokenTransformer
from forge_core.streams import stream
from forge_core.texas42.cli import bench_train
from forge_core.texas42.cli.bench_eq import NullOracle, deal, memory_of, time_game
from forge_core.texas42.dominoes import HAND_SIZE, N_PLAYS
from forge_core.texas42.eq.adaptive import Sampling
from forge_core.texas42.eq.estimate import estimate
from forge_core.texas42.eq.generate import GameConfig, play_games
from forge_core.texas42.eq.oracles import ExactOracle, ModelOracle
from forge_core.texas42.games import Games
from forge_core.texas42.oracle.shards import ShardKey
from forge_core.texas42.tokens.encoder import encode
from forge_core.texas42.tokens.golden import golden_rows
from forge_core.texas42.tokens.live import LiveConfig, LiveSource
from forge_core.texas42.tokens.rows import STAGE1_SPEC
from forge_core.texas42.tokens.walks import walk
from forge_core.texas42.views import Views
from forge_core.texas42.worlds import Worlds
from forge_core.texas42.worlds.posterior import PosteriorConfig, log_likelihood
from forge_core.texas42.worlds.voids import unseen

PACKAGES = ("torch", "triton", "numba", "numpy", "lightning", "pyarrow")
MODELS = Path(__file__).parents[1] / "models"
GIB = 2**30


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything."""

    deals: int = 200
    """held against the CPU"""
    worlds: int = 50
    """a decision"""
    games: tuple[int, ...] = (32, 1024)
    """at once"""
    timed_deals: int = 256
    questions: tuple[int, ...] = (8_192, 16_384, 32_768)
    """asked of a network at once"""
    batches: tuple[int, ...] = (1_024, 4_096, 16_384)
    """rows a step"""
    steps: int = 40
    """of training, between two readings of the clock"""
    rows_per_deal: int = 2_800
    """to train on"""
    networks: tuple[str, ...] = ("817k", "3.3m")
    matrix: int = 8_192
    copied: int = 4 * GIB
    rows_seconds: float = 15.0


SMALL = Sizes(
    deals=2,
    worlds=4,
    games=(2,),
    timed_deals=2,
    questions=(64,),
    batches=(32,),
    steps=1,
    rows_per_deal=140,
    networks=("73k",),
    matrix=64,
    copied=1 << 16,
    rows_seconds=0.1,
)


@dataclass(slots=True)
class Run:
    """What is measured where, and what was found so far."""

    device: str
    sizes: Sizes
    begun: float
    seconds: float
    """after which no part is begun"""
    path: str | None = None
    """where all that is found is kept"""
    conditions: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    checked: dict[str, str] = field(default_factory=dict)
    """what held, by check; `FAILED: why` of what did not"""
    left_out: dict[str, str] = field(default_factory=dict)
    """why, by part"""

    @property
    def on_card(self) -> bool:
        """Whether there is one."""
        return self.device != "cpu"

    @property
    def left(self) -> float:
        """Seconds."""
        return self.begun + self.seconds - time.monotonic()

    def keep(self) -> None:
        """All that was found so far, whole or not at all."""
        if self.path is None:
            return
        record = {
            "conditions": self.conditions,
            "checked": self.checked,
            "figures": self.figures,
            "left_out": self.left_out,
            "seconds": round(time.monotonic() - self.begun, 1),
        }
        store, name = place_of(self.path)
        store.write(name, (json.dumps(record, indent=2) + "\n").encode())


# --- what is there


def conditions(run: Run) -> dict[str, Any]:
    """Device, driver, versions: of every figure."""
    said: dict[str, Any] = {
        "device": device_name(run.device),
        "machine": f"{platform.system()} {platform.machine()}, {core_count()} cores",
        "python": platform.python_version(),
        "versions": {name: installed(name) for name in PACKAGES},
    }
    if run.on_card:
        card = torch.cuda.get_device_properties(run.device)
        said |= {
            "memory_gib": round(card.total_memory / GIB, 1),
            "multiprocessors": card.multi_processor_count,
            "capability": f"{card.major}.{card.minor}",
            "cuda": torch.version.cuda,
            "driver": driver(),
        }
    return said


def installed(package: str) -> str:
    """Its version, or `none`."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def driver() -> str:
    """NVIDIA's, as nvidia-smi says; empty where it says nothing."""
    asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, timeout=30).stdout.split("\n")[0]
    except (OSError, subprocess.TimeoutExpired):
        return ""


# --- checks: each says what held, or raises AssertionError


def check_solver(run: Run) -> str:
    """Values, reached bits, samples and labels of whole deals, entry by entry."""
    gpu_solver.assert_parity(run.sizes.deals, run.device)
    return f"values, reached bits, samples and labels of {run.sizes.deals} deals are the CPU's"


def check_worlds(run: Run) -> str:
    """Counts, numbers and worlds."""
    n = 0
    for step, views in enumerate(random_views(run.sizes.deals)):
        hidden, games = unseen(views), np.arange(len(views))
        keys = stream(step, "gpu", "keys").integers(2**64, size=len(views), dtype=np.uint64)
        every = games % 2 == 0
        host, there = (Worlds(hidden, keys, name) for name in ("cpu", run.device))
        np.testing.assert_array_equal(host.count, there.count)
        ranks = [worlds.ranks(games, 3, run.sizes.worlds, every) for worlds in (host, there)]
        np.testing.assert_array_equal(ranks[0], torch.as_tensor(ranks[1]).cpu().numpy())
        owners = [worlds.owner(games, rank) for worlds, rank in zip((host, there), ranks, strict=True)]
        assert torch.equal(owners[0], owners[1].cpu()), f"other worlds after {step} plays"
        n += len(views) * run.sizes.worlds
    return f"{n:,} worlds after 0 to 27 plays are the CPU's, to the last bit"


def check_encoder(run: Run) -> str:
    """Tokens, masks and legal plays of walks through deals."""
    hands, decls, _ = gpu_solver.problems(0, run.sizes.deals)
    dealt, declared = np.array(hands, dtype=np.int8), np.array(decls, dtype=np.int8)
    walks = walk(dealt, declared, 4, stream(0, "gpu", "walks"))
    state, deal_of = walks.state.ravel(), np.repeat(np.arange(len(dealt)), walks.state[0].size)
    given = dealt, declared, state, deal_of
    on_host = encode(*given)
    there = encode(*(torch.as_tensor(column, device=run.device) for column in given))
    for name in ("tokens", "mask", "legal"):
        np.testing.assert_array_equal(getattr(there, name).cpu().numpy(), getattr(on_host, name))
    return f"tokens of {state.size:,} positions are the CPU's"


def check_posterior(run: Run) -> str:
    """Log-likelihoods of plays, and what follows for E[Q] by the exact oracle."""
    draw, shape = stream(0, "gpu", "posterior"), (run.sizes.deals, run.sizes.worlds, 12, HAND_SIZE)
    q, legal = draw.normal(0, 10, shape), draw.random(shape) < 0.6
    legal[..., 0] = True
    observed = np.where(draw.random(shape[:-1]) < 0.2, -1, (draw.random(shape) * legal).argmax(axis=-1))
    on_host = log_likelihood(q, legal, observed, 8.0, 0.6)
    there = log_likelihood(*(torch.as_tensor(a, device=run.device) for a in (q, legal, observed)), 8.0, 0.6)
    np.testing.assert_allclose(there.cpu().numpy(), on_host, rtol=1e-11, atol=1e-11)

    sampling = Sampling(run.sizes.worlds // 2, posterior=PosteriorConfig.calibrated())
    for step, views in islice(enumerate(random_views(run.sizes.deals)), 9, None, 9):
        keys = np.arange(len(views), dtype=np.uint64)
        host, there = (estimate(ExactOracle(), views, keys, sampling, name) for name in ("cpu", run.device))
        for name in ("mean", "variance", "p_make", "ess", "max_weight", "entropy"):
            said = f"{name} after {step} plays"
            np.testing.assert_allclose(
                getattr(there, name), getattr(host, name), rtol=1e-5, atol=1e-5, err_msg=said
            )
    return f"weights of {on_host.size:,} worlds and posterior E[Q] of {run.sizes.deals} games are the CPU's"


def check_games(run: Run) -> str:
    """Whole games by the exact oracle and by a network, there and here; and a network on either side."""
    games, config = deal([0], run.sizes.deals), GameConfig(Sampling(10))
    host, there = (play_games(ExactOracle(), games, config, device) for device in ("cpu", run.device))
    for mine, theirs in zip(there, host, strict=True):
        np.testing.assert_array_equal(mine.plays, theirs.plays)
        np.testing.assert_allclose(mine.decisions.e_q_mean, theirs.decisions.e_q_mean, rtol=1e-5, atol=1e-5)
    model, placed = reference("cpu"), reference(run.device)
    views = next(islice(random_views(run.sizes.deals), 5, None))
    keys = np.arange(len(views), dtype=np.uint64)
    on_host = estimate(ModelOracle(model, bf16=False), views, keys, Sampling(run.sizes.worlds))
    apart = {}
    for label, network, bf16, games_on in (
        ("fp32", placed, False, run.device),
        ("bf16", placed, True, run.device),
        ("games here, network there", placed, False, "cpu"),
        ("network here, games there", model, False, run.device),
    ):
        once, again = (
            estimate(ModelOracle(network, bf16=bf16), views, keys, Sampling(run.sizes.worlds), games_on)
            for _ in range(2)
        )
        np.testing.assert_array_equal(once.mean, again.mean, err_msg=f"{label}: not repeatable")
        apart[label] = float(np.nanmax(np.abs(once.mean - on_host.mean)))
        assert apart[label] < (2.0 if bf16 else 0.02), f"{label}: {apart[label]:.3g} points off"
    run.figures["apart_points"] = apart
    return (
        f"{len(host)} games by the exact oracle are the CPU's; a network is {apart['fp32']:.1e} points off "
        f"in fp32, {apart['bf16']:.2g} in bf16, and says the same twice"
    )


CHECKS: dict[str, Callable[[Run], str]] = {
    "solver": check_solver,
    "worlds": check_worlds,
    "encoder": check_encoder,
    "posterior": check_posterior,
    "games": check_games,
}


# --- figures


def time_ceilings(run: Run) -> dict[str, Any]:
    """What the card can do: bytes read and written by a copy, and a bfloat16 product."""
    source = torch.empty(run.sizes.copied // 4, dtype=torch.float32, device=run.device).normal_()
    target = torch.empty_like(source)
    copy = seconds(run, lambda: target.copy_(source))
    n = run.sizes.matrix
    a, b = (torch.randn(n, n, device=run.device, dtype=torch.bfloat16) for _ in range(2))
    return {
        "copy_tb_s": 2 * source.nbytes / copy / 1e12,
        "matrix_tflop_s": 2 * n**3 / seconds(run, lambda: a @ b) / 1e12,
    }


def time_solver(run: Run) -> dict[str, Any]:
    """Deals a second: what is written, read and computed of them stands in gpu_solver.py."""
    return gpu_solver.measure(run.device, run.sizes.timed_deals) if run.on_card else {}


def time_games(run: Run) -> dict[str, Any]:
    """E[Q] games a second, memory, and how often the host waits; with posterior, and with nobody asked."""
    found: dict[str, Any] = run.figures.setdefault("games", {})
    uniform, weighed = (
        Sampling(run.sizes.worlds),
        Sampling(run.sizes.worlds, posterior=PosteriorConfig.calibrated()),
    )
    for n in run.sizes.games:
        games = deal([0], n)
        found[f"{n}: pipeline alone"] = {
            "games_s": 1000 / time_game(NullOracle(), games, GameConfig(uniform), run.device)
        }
        for name in run.sizes.networks:
            for label, sampling in (("uniform", uniform), ("posterior", weighed)):
                oracle = ModelOracle(network(name, run.device))
                found[f"{n}: {name}, {label}"] = play(run, oracle, games, GameConfig(sampling))
                run.keep()
    n, name = run.sizes.games[-1], run.sizes.networks[0]
    for questions in run.sizes.questions:
        oracle = ModelOracle(network(name, run.device), questions=questions)
        label = f"{n}: {name}, {questions} questions at once"
        found[label] = play(run, oracle, deal([0], n), GameConfig(uniform))
    return found


def play(run: Run, oracle: ModelOracle, games: Games, config: GameConfig) -> dict[str, float]:
    """One table's figures."""
    found = {}
    if run.on_card:
        found["memory_mib"] = memory_of(oracle, games, config, run.device)
        found["waits_a_step"] = waits(lambda: play_games(oracle, games, config, run.device)) / N_PLAYS
    return {"games_s": 1000 / time_game(oracle, games, config, run.device), **found}


def time_forward(run: Run) -> dict[str, Any]:
    """The questions of whole games asked again with nothing around them: the share of the bare pass."""
    n, name = run.sizes.games[-1], run.sizes.networks[0]
    oracle = ModelOracle(network(name, run.device))
    asked: list[tuple[torch.Tensor, torch.Tensor]] = []
    hook = oracle.model.register_forward_pre_hook(lambda _, given: asked.append(given))
    config = GameConfig(Sampling(run.sizes.worlds))
    play_games(oracle, deal([0], n), config, run.device)
    hook.remove()
    dtype = torch.autocast(torch.device(run.device).type, torch.bfloat16, enabled=run.on_card)

    def forward() -> None:
        with torch.inference_mode(), dtype:
            for tokens, mask in asked:
                oracle.model(tokens, mask)

    bare = seconds(run, forward, repeats=3)
    whole = n * time_game(oracle, deal([0], n), config, run.device) / 1000
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
    """Rows a second through whole steps, and the share of the matrix rate; first two ways are held equal."""
    keys = [ShardKey(seed, seed % 10) for seed in range(900, 908)]
    rows = concatenate(list(golden_rows(keys, rows_per_deal=run.sizes.rows_per_deal)))
    apart = bench_train.largest_difference(rows, run.device)
    assert apart <= bench_train.SAME, f"packed and dense answers differ by {apart:.2g} points"
    precision = "bf16-mixed" if run.on_card else "32"
    found: dict[str, Any] = run.figures.setdefault("training", {})
    matrix = run.figures.get("ceilings", {}).get("matrix_tflop_s")
    for name in run.sizes.networks:
        a_row = 3 * flops_of(torch.as_tensor(rows.mask), SIZES[name]) / len(rows)
        for batch in run.sizes.batches:
            steps = run.sizes.steps * max(1, run.sizes.batches[-1] // batch // 2)  # an evaluation counts too
            spent = bench_train.seconds_a_row(rows, name, precision, run.device, batch, steps)
            found[f"{name}, batch {batch}"] = {"rows_s": 1 / spent, "tflop_s": a_row / spent / 1e12}
            if matrix:
                found[f"{name}, batch {batch}"]["share_of_matrix_rate"] = a_row / spent / 1e12 / matrix
            run.keep()
    return found


def time_rows(run: Run) -> dict[str, Any]:
    """Fresh rows a second by all cores but one: what binds a training from the live source."""
    workers, size = max(1, core_count() - 1), min(4_096, run.sizes.batches[-1])
    config = LiveConfig(batch_size=size, chunk_rows=4 * size)
    round_of_all = workers * config.batches_per_chunk  # as they deliver, all at about the same time
    taken = n = 2 * round_of_all  # until all have begun, and none has any in store
    with LiveSource(config, workers) as source:
        for k in range(n):
            source.batch(k)
        begun = time.monotonic()
        while time.monotonic() - begun < run.sizes.rows_seconds:
            for k in range(taken, taken + round_of_all):
                source.batch(k)
            taken += round_of_all
        return {"workers": workers, "rows_s": (taken - n) * size / (time.monotonic() - begun)}


def time_kernels(run: Run) -> dict[str, Any]:
    """The solver's kernels by name; last, since a profiler may stay in the way of what comes after it."""
    return gpu_solver.time_kernels(run.device) if run.on_card else {}


PARTS: dict[str, tuple[Callable[[Run], dict[str, Any]], tuple[str, ...]]] = {
    "ceilings": (time_ceilings, ()),
    "solver": (time_solver, ("solver",)),
    "games": (time_games, ("worlds", "encoder", "posterior", "games")),
    "forward": (time_forward, ("worlds", "encoder", "games")),
    "training": (time_training, ("encoder",)),
    "rows": (time_rows, ()),
    "kernels": (time_kernels, ("solver",)),
}
"""What is timed, and the checks that it rests on"""
RESERVE = {"solver": 40, "games": 120, "forward": 20, "training": 120, "rows": 50, "kernels": 20}
"""seconds that a part should still have to begin"""


# --- helpers


def random_views(n: int) -> list[Views]:
    """[28] what the movers of n games see, played at random."""
    games, draw, found = deal([0], n), stream(0, "gpu", "plays"), []
    while not games.over:
        found.append(games.views)
        legal = games.views.legal
        games = games.play((draw.random(legal.shape) * legal).argmax(axis=1))
    return found


def network(name: str, device: str) -> TokenTransformer:
    """Untrained, which costs the same."""
    torch.manual_seed(0)
    return TokenTransformer(STAGE1_SPEC, SIZES[name]).to(device).eval()


def reference(device: str) -> TokenTransformer:
    """A trained one."""
    from forge_core.learning.checkpoints import load_model

    return load_model(str(MODELS / "texas42-qvalue-230k"), device)


def flops_of(mask: torch.Tensor, config: ModelConfig) -> float:
    """Multiplications and additions of a forward pass over rows of these masks [N, P]."""
    tokens = mask.sum(dim=1).double()
    by_token = 2 * (4 * config.width**2 + 2 * config.width * config.hidden) * config.layers
    by_pair = 4 * config.width * config.layers
    return float(by_token * tokens.sum() + by_pair * (tokens**2).sum())


def seconds(run: Run, work: Callable[[], Any], repeats: int = 10) -> float:
    """Of one repeat, on average, after one that warms up."""
    work()
    if not run.on_card:
        begun = time.process_time()
        work()
        return time.process_time() - begun
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(repeats):
        work()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / 1000 / repeats


def waits(work: Callable[[], Any]) -> int:
    """How often the host waited for the card."""
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            work()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return sum("synchronizing" in str(warning.message) for warning in told)


# --- the run


def check(run: Run, name: str) -> None:
    """One check; a failure is kept, and the next one goes on."""
    begun = time.monotonic()
    try:
        run.checked[name] = CHECKS[name](run)
    except Exception as error:
        traceback.print_exc()
        run.checked[name] = f"FAILED: {type(error).__name__}: {str(error).strip()[:500]}"
    say(f"{name:<10} {time.monotonic() - begun:6.1f} s  {run.checked[name]}")


def measure(run: Run, name: str) -> None:
    """One part; or why not."""
    work, input_versions = PARTS[name]
    broken = [on for on in input_versions if run.checked.get(on, "FAILED").startswith("FAILED")]
    if broken:
        run.left_out[name] = f"{', '.join(broken)} did not hold"
    elif run.left < RESERVE.get(name, 0):
        run.left_out[name] = f"{run.left:.0f} s were left"
    else:
        begun = time.monotonic()
        try:
            run.figures[name] = work(run)
            say(f"{name:<10} {time.monotonic() - begun:6.1f} s  {told(run.figures[name])}")
        except Exception as error:
            traceback.print_exc()
            run.left_out[name] = f"{type(error).__name__}: {str(error).strip()[:500]}"
    if name in run.left_out:
        say(f"{name:<10} left out: {run.left_out[name]}")


def told(figures: Any) -> str:
    """Figures on a line each, where there are many."""
    if not isinstance(figures, dict):
        return f"{figures:.4g}" if isinstance(figures, float) else str(figures)
    if any(isinstance(value, dict) for value in figures.values()):
        return "".join(f"\n    {key}: {told(value)}" for key, value in figures.items())
    return ", ".join(f"{key} {told(value)}" for key, value in figures.items())


def say(line: str) -> None:
    """To whoever watches."""
    print(line, flush=True)


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--json", metavar="FILE", help="where the figures are written, after each part")
    parser.add_argument("--seconds", type=float, default=560, help="after which no part is begun")
    parser.add_argument("--only", help="of " + ", ".join(dict.fromkeys([*CHECKS, *PARTS])))
    parser.add_argument("--small", action="store_true", help="tiny sizes, to try the script itself")
    arguments = parser.parse_args()
    names = arguments.only.split(",") if arguments.only else list(dict.fromkeys([*CHECKS, *PARTS]))
    if unknown := set(names) - set(CHECKS) - set(PARTS):
        parser.error(f"no part {min(unknown)!r}: use {', '.join(dict.fromkeys([*CHECKS, *PARTS]))}")
    try:
        device = resolve_device(arguments.device)
        if arguments.json:
            check_place(place_of(arguments.json)[0])
    except ForgeError as error:
        parser.error(str(error))
    sizes = SMALL if arguments.small else Sizes()
    run = Run(device, sizes, time.monotonic(), arguments.seconds, arguments.json)
    if run.on_card:
        torch.cuda.set_device(run.device)
    run.conditions = conditions(run)
    say(told(run.conditions))
    needed = {on for name in names if name in PARTS for on in PARTS[name][1]}
    for name in CHECKS:
        if name in names or name in needed:
            check(run, name)
            run.keep()
    for name in PARTS:
        if name in names:
            measure(run, name)
            run.keep()
    failed = [name for name, said in run.checked.items() if said.startswith("FAILED")]
    said = f"failed: {', '.join(failed) or 'none'}; left out: {', '.join(run.left_out) or 'none'}"
    say(f"\n{time.monotonic() - run.begun:.0f} s; {said}")
    return 1 if failed or run.left_out else 0


if __name__ == "__main__":
    sys.exit(main())
