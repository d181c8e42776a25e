"""CUDA: the solver's kernels interpreted and compiled; on a GPU, everything that runs there against the
CPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from triton_kernels import compile_kernel, run_interpreted

from forge_core.streams import stream
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.oracle import solve, solve_many

pytestmark = pytest.mark.slow

MODELS = Path(__file__).parents[1] / "models"

torch = pytest.importorskip("torch")
triton = pytest.importorskip("triton")


@pytest.mark.parametrize("filename", ["interpreted_cuda.py", "interpreted_worlds.py"])
def test_interpreted_kernels_equal_the_cpu(filename):
    run_interpreted(filename)


@pytest.mark.parametrize("capability", [75, 90])
def test_kernels_compile_without_a_gpu(capability):
    from forge_core.texas42.oracle.cuda import KERNELS
    from forge_core.texas42.oracle.cuda.device import LANES

    arrays = {
        "*u8": ["follow"],
        "*i8": ["masks", "ranks", "values", "following", "views", "value", "q", "sound"],
        "*i16": ["tricks"],
        "*i32": ["listed", "n_listed", "ends", "counts", "places", "rows", "plies"],
        "*i64": ["reached", "holding", "states"],
    }
    arrays["*i32"] += ["n_subsets", "value_offset", "row_offset"]
    types = {name: pointer for pointer, names in arrays.items() for name in names}
    for kernel in KERNELS:
        assert compile_kernel(kernel, capability, types, {"LANES": LANES}, {"num_warps": 1}).asm["cubin"]


@pytest.mark.parametrize("capability", [75, 90])
def test_kernels_of_worlds_compile_without_a_gpu(capability):
    from forge_core.texas42.worlds import cuda

    types = {"allowed": "*u8", "ways": "*i32", "root": "*i64", "ranks": "*i64", "owner": "*i8"}
    for kernel in (cuda._count, cuda._find):
        compiled = compile_kernel(kernel, capability, types, {"WORLDS": cuda.WORLDS}, {"num_warps": 4})
        assert compiled.asm["cubin"]


@pytest.fixture(scope="module")
def whole_deals():
    """Return 200 deals with every declaration and every leader."""
    return (
        [deal_from_seed(seed) for seed in range(200)],
        [s % 10 for s in range(200)],
        [s % 4 for s in range(200)],
    )


@pytest.mark.gpu
def test_whole_deals_equal_the_cpu(whole_deals):
    on_cpu, on_cuda = (solve_many(*whole_deals, device=device) for device in ("cpu", "cuda"))
    for host, device in zip(on_cpu, on_cuda, strict=True):
        assert device.device.startswith("cuda:0 (")
        assert device.states_per_ply == host.states_per_ply
        np.testing.assert_array_equal(device._reached.cpu().numpy().view(np.uint64), host._reached)
        np.testing.assert_array_equal(device._values.cpu().numpy(), host._values)
        assert (device.value, device.q) == (host.value, host.q)


@pytest.mark.gpu
def test_whole_deals_answer_as_on_the_cpu(whole_deals):
    hands, decls, leaders = (part[:20] for part in whole_deals)
    on_cpu, on_cuda = (solve_many(hands, decls, leaders, device=device) for device in ("cpu", "cuda"))
    for seed, (host, device) in enumerate(zip(on_cpu, on_cuda, strict=True)):
        mine, theirs = (s.sample(50_000, stream(seed, "rows")) for s in (device, host))
        np.testing.assert_array_equal(mine.state, theirs.state)
        np.testing.assert_array_equal(mine.weight, theirs.weight)
        states = torch.from_numpy(mine.state).cuda()
        value, q = device.query(states)
        assert value.is_cuda and q.is_cuda
        np.testing.assert_array_equal(value.cpu().numpy(), host.query(mine.state)[0])
        np.testing.assert_array_equal(q.cpu().numpy(), host.query(mine.state)[1])


@pytest.mark.gpu
def test_all_states_of_a_deal_are_labelled_as_on_the_cpu():
    host, device = (solve(deal_from_seed(1), 1, 1, device=device) for device in ("cpu", "cuda"))
    for mine, theirs in zip(device.label_all(), host.label_all(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.fixture(scope="module")
def some_views():
    """Return 256 games at steps 0, 5, 14 and 23 of random play."""
    from forge_core.texas42.games import start

    games = start([deal_from_seed(seed) for seed in range(256)], [seed % 10 for seed in range(256)])
    generator, found = stream(0, "cuda"), {}
    for step in range(24):
        if step in (0, 5, 14, 23):
            found[step] = games.views
        legal = games.views.legal
        games = games.play((generator.random(legal.shape) * legal).argmax(axis=1))
    return found


@pytest.mark.gpu
@pytest.mark.parametrize("step", [0, 5, 14, 23])
def test_worlds_equal_the_cpu(some_views, step):
    from forge_core.texas42.worlds import Worlds
    from forge_core.texas42.worlds.voids import unseen

    hidden, games = unseen(some_views[step]), np.arange(256)
    keys = stream(step, "cuda keys").integers(2**64, size=256, dtype=np.uint64)
    every = np.arange(256) % 2 == 0
    host, device = (Worlds(hidden, keys, name) for name in ("cpu", "cuda"))
    np.testing.assert_array_equal(host.count, device.count)
    ranks = [worlds.ranks(games, 3, 50, every) for worlds in (host, device)]
    np.testing.assert_array_equal(ranks[0], ranks[1].cpu().numpy())
    owners = [worlds.owner(games, rank) for worlds, rank in zip((host, device), ranks, strict=True)]
    assert torch.equal(owners[0], owners[1].cpu())


@pytest.mark.gpu
@pytest.mark.parametrize("step", [0, 5, 14, 23])
def test_estimates_equal_the_cpu(some_views, step):
    """Equal up to rounding with the exact oracle, nearly equal with a network, and repeatable exactly."""
    from forge_core.learning.checkpoints import load_model
    from forge_core.texas42.eq import ExactOracle, ModelOracle, PosteriorConfig, Sampling
    from forge_core.texas42.eq.estimate import estimate

    views, keys = some_views[step].take(slice(0, 64)), np.arange(64, dtype=np.uint64)
    path = next(iter(sorted(MODELS.glob("texas42-qvalue-*"))))
    for posterior in (None, PosteriorConfig.calibrated()):
        sampling = Sampling(20, posterior=posterior)
        host, device = (estimate(ExactOracle(), views, keys, sampling, name) for name in ("cpu", "cuda"))
        for name in ("mean", "variance", "p_make", "points", "ess", "entropy"):
            np.testing.assert_allclose(getattr(device, name), getattr(host, name), rtol=1e-4, atol=1e-4)
        network = ModelOracle(load_model(str(path), "cuda"), bf16=False)
        on_host = estimate(ModelOracle(load_model(str(path))), views, keys, sampling)
        once, again = (estimate(network, views, keys, sampling, "cuda") for _ in range(2))
        np.testing.assert_allclose(once.mean, on_host.mean, atol=2e-2)
        np.testing.assert_array_equal(once.mean, again.mean)
        apart = estimate(network, views, keys, sampling, "cpu")  # games here, network there
        np.testing.assert_allclose(apart.mean, on_host.mean, atol=2e-2)


@pytest.mark.gpu
@pytest.mark.parametrize(("n_games", "most_mib"), [(32, 1_000), (1_024, 8_000)])
def test_the_memory_of_games_is_bounded(n_games, most_mib):
    from forge_core.learning.networks.sizes import SIZES
    from forge_core.learning.networks.transformer import TokenTransformer
    from forge_core.texas42.eq import GameConfig, ModelOracle, Sampling, play_games
    from forge_core.texas42.games import start
    from forge_core.texas42.tokens.rows import STAGE1_SPEC

    network = ModelOracle(TokenTransformer(STAGE1_SPEC, SIZES["817k"]).cuda().eval())
    games = start([deal_from_seed(s) for s in range(n_games)], [s % 10 for s in range(n_games)])
    torch.cuda.reset_peak_memory_stats()
    play_games(network, games, GameConfig(Sampling(50)), "cuda")
    assert torch.cuda.max_memory_allocated() < most_mib * 2**20


@pytest.mark.gpu
def test_games_are_the_same_to_the_last_bit_when_played_again():
    from forge_core.learning.checkpoints import load_model
    from forge_core.texas42.eq import GameConfig, ModelOracle, PosteriorConfig, Sampling, play_games
    from forge_core.texas42.games import start

    network = ModelOracle(load_model(str(MODELS / "texas42-qvalue-230k"), "cuda"))
    games = start([deal_from_seed(seed) for seed in range(64)], [seed % 10 for seed in range(64)])
    for posterior in (None, PosteriorConfig.calibrated()):
        config = GameConfig(Sampling(20, posterior=posterior))
        once, again = (play_games(network, games, config, "cuda:0") for _ in range(2))
        for one, other in zip(once, again, strict=True):
            np.testing.assert_array_equal(one.plays, other.plays)
            for name in ("e_q_mean", "e_q_var", "p_make", "e_q_pdf", "ess"):
                np.testing.assert_array_equal(getattr(one.decisions, name), getattr(other.decisions, name))


@pytest.mark.gpu
@pytest.mark.parametrize("until", [0, 12])
def test_playouts_by_graphs_equal_those_without(until):
    from test_one_hand_tensors import NETWORK, asked, positions_at

    from forge_core.texas42.one_hand.lockstep import lockstep_q

    for step in (0, 9, 14, 9):
        some = asked(*positions_at(step), "cuda")
        by_graphs = lockstep_q(*some, NETWORK, until)
        assert torch.equal(by_graphs, lockstep_q(*some, NETWORK, until, captured=False))
