"""Run the benchmarks at small sizes, and check the UI's queries against the installed Dagster."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from benchmark_modules import BENCHMARKS, load_benchmark
from chromium import CHROMIUM

pytestmark = pytest.mark.slow

PARTITIONS, GPU = BENCHMARKS / "partitions.py", BENCHMARKS / "gpu.py"


def test_the_benchmark_of_partitions_records_all_and_tells_the_parts(tmp_path):
    command = [sys.executable, str(PARTITIONS), "--partitions", "10", "--alone", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["partitions"] == len(figures["here"]) == 10
    for run in figures["here"]:
        parts = ("planned", "recorded", "footers", "read_back", "rest")
        assert sum(run[part] for part in parts) == pytest.approx(run["wall"])
    assert figures["database_bytes"] > 0


def test_the_memory_of_a_training_step_is_that_of_tensors_alive_at_once():
    import torch
    from toy_game import SPEC, toy_rows

    from forge_core.learning.networks.sizes import ModelConfig
    from forge_core.learning.networks.transformer import TokenTransformer

    benchmark = load_benchmark("training_memory")
    with benchmark.LiveBytes() as counted:
        first = torch.zeros(1000)
        second = first + 1
        second.view(10, 100).add_(1)  # takes no memory
        del first
        third = second + 1
    assert (counted.peak, counted.now) == (8000, 8000)
    del second, third
    assert counted.now == 0
    need = {
        (width, n): benchmark.bytes_of_step(
            TokenTransformer(SPEC, ModelConfig(width, 2, 2, 2 * width)), toy_rows(n, "rows"), "32"
        )
        for width in (16, 32)
        for n in (100, 200)
    }
    for width in (16, 32):
        assert 1.6 * need[width, 100] < need[width, 200] < 2.4 * need[width, 100]
    assert 1.5 * need[16, 200] < need[32, 200] < 2.5 * need[16, 200]
    found = {"bytes_per_row": 1e5, "parameters": 1e6}
    batches = [benchmark.largest_batch(card, found) for card in benchmark.CARDS]
    memory = [card.memory_gb * 1e9 for card in benchmark.CARDS]
    assert all(1e5 * batch < total < 3.5e5 * batch for batch, total in zip(batches, memory, strict=True))


def test_the_queries_of_the_ui_are_still_those_of_its_schema():
    from dagster_graphql.schema import create_schema
    from graphql import parse, validate

    benchmark = load_benchmark("partitions")
    queries = benchmark.ui_queries()
    assert len(queries) == 7
    schema = create_schema().graphql_schema
    for document in (*queries.values(), benchmark.LAUNCH, benchmark.STATUS):
        assert not validate(schema, parse(document))


def test_all_that_a_gpu_is_timed_for_runs_and_is_kept(tmp_path):
    said = tmp_path / "gpu.json"
    command = [sys.executable, str(GPU), "--small", "--device", "cpu", "--json", str(said)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(said.read_text())
    texas42 = ["solver", "worlds", "encoder", "posterior", "games"]
    others = ["one-hand playouts", "liuzhou rules", "liuzhou arena"]
    skull_king = ["skull king rules", "skull king graph", "skull king rollouts"]
    assert list(found["checked"]) == [*texas42, *others, *skull_king]
    assert list(found["figures"]) == [
        "apart_points",
        "one-hand playouts, differences",
        "ceilings",
        "solver",
        "games",
        "forward",
        "training",
        "rows",
        "decisions",
        "kernels",
        "processes",
        "one-hand playouts",
        "liuzhou rules",
        "liuzhou arena",
        "liuzhou self-play",
        "skull king",
        "skull king captured",
        "skull king training",
    ]
    assert found["left_out"] == {}
    assert found["conditions"]["versions"].keys() >= {"torch", "triton", "numba"}


def test_nothing_is_timed_that_is_not_right_and_nothing_is_left_out_silently(monkeypatch, tmp_path, capsys):
    monkeypatch.syspath_prepend(BENCHMARKS)
    gpu = load_benchmark("gpu")

    def wrong(run):
        raise AssertionError("another world")

    monkeypatch.setitem(gpu.CHECKS, "worlds", wrong)
    said = tmp_path / "gpu.json"
    arguments = ["--small", "--device", "cpu", "--only", "worlds,games,training", "--seconds", "0"]
    monkeypatch.setattr(sys, "argv", ["gpu.py", *arguments, "--json", str(said)])
    assert gpu.main() == 1
    found = json.loads(said.read_text())
    assert found["checked"]["worlds"] == "FAILED: AssertionError: another world"
    assert found["left_out"]["games"] == "worlds did not hold"
    assert "s were left" in found["left_out"]["training"]
    assert "failed: worlds; left out: games, training" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (("--device", "cuda:99"), "use auto or cpu"),
        (("--device", "cpu", "--only", "luck"), "no part 'luck'"),
        (("--device", "cpu", "--json", "/proc/nowhere/gpu.json"), "cannot write"),
    ],
)
def test_a_gpu_run_that_cannot_begin_says_why(monkeypatch, capsys, arguments, wrong):
    monkeypatch.syspath_prepend(BENCHMARKS)
    gpu = load_benchmark("gpu")
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--small", *arguments])
    with pytest.raises(SystemExit) as ended:
        gpu.main()
    assert ended.value.code == 2
    assert wrong in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.filterwarnings("ignore:CUDA is not available")
def test_the_checks_of_a_gpu_hold_on_a_pretended_one(monkeypatch):
    from dataclasses import replace

    from pretend_card import pretended_card, to_card

    from forge_core.texas42.eq import generate

    monkeypatch.syspath_prepend(BENCHMARKS)
    gpu, texas42 = load_benchmark("gpu"), load_benchmark("gpu_texas42")
    for name in ("resolve_device", "device_name"):
        monkeypatch.setattr(generate, name, lambda device: device)
    trained = texas42.reference
    monkeypatch.setattr(
        texas42, "reference", lambda on: trained("cpu") if on == "cpu" else to_card(trained("cpu"))
    )
    monkeypatch.setattr(texas42, "SMALL", replace(texas42.SMALL, deals=4, worlds=10))
    with pretended_card():
        run = gpu.Run("cuda:0", True, 0.0, 0.0)
        for name in ("worlds", "encoder", "posterior", "games"):
            assert "CPU's" in texas42.CHECKS[name](run)


@pytest.mark.filterwarnings("ignore:CUDA is not available")
def test_the_check_of_skull_king_holds_on_a_pretended_gpu(monkeypatch):
    from pretend_card import pretended_card

    from forge_core.skull_king import env

    monkeypatch.syspath_prepend(BENCHMARKS)
    gpu, skull_king = load_benchmark("gpu"), load_benchmark("gpu_skull_king")
    monkeypatch.setattr(env, "resolve_device", lambda device: device)
    with pretended_card():
        run = gpu.Run("cuda:0", True, 0.0, 0.0)
        assert "20 rounds equal the CPU's" in skull_king.check_rules(run)


@pytest.mark.filterwarnings("ignore:CUDA is not available")
def test_the_check_of_one_hand_playouts_holds_on_a_pretended_gpu(monkeypatch):
    from pretend_card import pretended_card

    monkeypatch.syspath_prepend(BENCHMARKS)
    gpu, one_hand = load_benchmark("gpu"), load_benchmark("gpu_one_hand")
    with pretended_card():
        run = gpu.Run("cuda:0", True, 0.0, 0.0)
        assert "280 decisions by each policy equal the CPU's" in one_hand.check_playouts(run)


@pytest.mark.skipif(CHROMIUM is None or sys.platform != "linux", reason="no Chromium")
def test_the_page_of_play_is_weighed_and_timed():
    command = [sys.executable, str(BENCHMARKS / "play_page.py"), "--deals", "1", "--repeats", "1", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["gzip_bytes"] < 100_000
    assert {(cost["player"], cost["step"]) for cost in figures["costs"]} >= {("exact", 0), ("strongest", 4)}


@pytest.mark.skipif(CHROMIUM is None or sys.platform != "linux", reason="no Chromium")
def test_the_page_of_liuzhou_is_weighed_and_timed():
    command = [sys.executable, str(BENCHMARKS / "liuzhou_page.py"), "--positions", "6", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["gzip_bytes"] < 350_000
    assert [cost["sims"] for cost in figures["costs"]] == [32, 128, 512]
