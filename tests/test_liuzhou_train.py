"""The live loop: losses, the hand-over without a copy, schedules, and runs that resume to the last digit."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.learning.checkpoints import load_model
from forge_core.learning.loop import Watch
from forge_core.liuzhou.buffer import Batch
from forge_core.liuzhou.learner import LOSSES, Learner, losses_of
from forge_core.liuzhou.network import LiuzhouNet, ResidualConfig, parse_size
from forge_core.liuzhou.pictures.training import draw_training
from forge_core.liuzhou.settings.learning import LearningSettings
from forge_core.liuzhou.settings.selfplay import SelfPlaySettings
from forge_core.liuzhou.train import LiveRun, both_settings_from, point_text, train

pytestmark = pytest.mark.slow

PLAY = SelfPlaySettings(games=8, sims=3, fast_sims=2, playouts=2)
LEARNING = LearningSettings(
    size="4x1", positions=2400, playout_positions=1200, iteration=160, window=1600, batch_size=32, reuse=0.5,
    warmup=3, precision="32",
)  # fmt: skip
TIMES = {"seconds", "cpu_seconds", "play_seconds", "learn_seconds", "evaluations_per_s"}


def curve_of(folder: Path) -> list[dict[str, str]]:
    """The curve without what a clock measures."""
    with (folder / "metrics.csv").open() as file:
        return [{k: v for k, v in row.items() if k not in TIMES} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """The folder of a run that was never stopped."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    result = train(PLAY, LEARNING, folder, device="cpu")
    assert not result.unfinished and result.best is result.points[-1]
    return folder


def run_of(folder: Path, learning: LearningSettings = LEARNING) -> LiveRun:
    torch.manual_seed(0)
    return LiveRun(
        PLAY, learning, folder, {"precision": "32"}, LiuzhouNet.of_size(parse_size(learning.size)), "cpu"
    )


# losses and steps


def small_batch() -> Batch:
    policy, legal = torch.zeros(2, 220), torch.zeros(2, 220, dtype=torch.bool)
    legal[:, :2] = True
    policy[0, 0], policy[0, 1] = 0.75, 0.25
    return Batch(
        planes=torch.zeros(2, 20, 6, 6),
        policy=policy,
        legal=legal,
        wdl=torch.tensor([0, 2]),
        difference=torch.tensor([1.0, -1.0]),
        soft_value=torch.tensor([0.5, 0.5]),
        taught=torch.tensor([True, False]),
    )


def test_losses():
    answers = torch.zeros(2, 220), torch.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 1.0]]), torch.tensor([0.5, 0.0])
    policy, wdl, difference = losses_of(answers, small_batch()).tolist()
    # Two legal actions with equal logits, and only the first position taught.
    assert policy == pytest.approx(0.75 * np.log(0.75 / 0.5) + 0.25 * np.log(0.25 / 0.5))
    chances = np.exp(2) / (np.exp(2) + 2), np.e / (np.e + 2)
    assert wdl == pytest.approx(-np.log(chances).mean())
    assert difference == pytest.approx((0.25 + 1.0) / 2)
    assert losses_of(answers, small_batch(), soft=1.0)[2] == pytest.approx((0.0 + 0.25) / 2)


def test_parts_share_weights_and_their_gradients_are_averaged(tmp_path):
    run = run_of(tmp_path)
    while not len(run.buffer.ready()):
        run.self_play.play(160)
    learner = run.learner
    first, second = learner._parts
    assert first.stem.weight.data_ptr() == second.stem.weight.data_ptr()
    before = first.stem.weight.detach().clone()
    learner.learn(run.buffer, 1)
    gradients = [part.stem.weight.grad for part in (first, second)]
    assert gradients[1] is not None and not torch.equal(*gradients)
    assert not torch.equal(first.stem.weight, before) and torch.equal(first.stem.weight, second.stem.weight)


def test_the_average_follows_the_weights():
    network = LiuzhouNet.of_size(ResidualConfig(4, 0))
    learner = Learner(network, replace(LEARNING, average=0.9, parts=1))
    start = network.stem.weight.detach().clone()
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    learner._take_step()
    expected = torch.lerp(
        start, network.stem.weight.detach(), 10 / 11
    )  # the first step: 1 / (1 + 10) is kept
    torch.testing.assert_close(learner.averaged.stem.weight, expected)


def test_schedules_go_by_positions():
    assert LEARNING.steps_after(2400) == 37
    rates = [LEARNING.rate_at(step) for step in range(37)]
    assert rates[0] < rates[1] < rates[2] and rates[3:] == sorted(rates[3:], reverse=True)
    assert 0 < rates[-1] < 0.05 * LEARNING.lr


# the hand-over


def test_the_learner_reads_the_tensors_that_self_play_writes(tmp_path, monkeypatch):
    run = run_of(tmp_path)
    written = {name: view.data_ptr() for name, view in run.self_play.tables[0].writer._views.items()}
    read: list[dict[str, int]] = []
    sample = type(run.buffer).sample

    def spy(buffer, *how):
        read.append({name: tensor.data_ptr() for name, tensor in buffer.tensors().items()})
        return sample(buffer, *how)

    monkeypatch.setattr(type(run.buffer), "sample", spy)
    writes: list[str] = []
    monkeypatch.setattr(Store, "write", lambda self, name, data: writes.append(name))
    while not read:
        run.iterate()
    assert all(each == written for each in read) and not writes


# runs


def test_a_stopped_run_equals_one_that_was_not_to_the_last_digit(whole, tmp_path):
    folder = tmp_path / "stopped"
    iterations, stops = iter(range(1000)), []
    for resume in (False, True, True):
        try:
            how = {"resume": resume, "watch": Watch(should_stop=lambda: next(iterations) in (3, 9))}
            train(PLAY, LEARNING, folder, device="cpu", **how)
            stops.append(False)
        except KeyboardInterrupt:
            stops.append(True)
    assert stops == [True, True, False]
    assert curve_of(folder) == curve_of(whole)
    of_both = [torch.load(each / "checkpoints/last.ckpt", weights_only=True) for each in (folder, whole)]
    for part in ("learner", "buffer", "games"):
        assert equal(*(state[part] for state in of_both)), part
    weights = [(each / "model/model.safetensors").read_bytes() for each in (folder, whole)]
    assert weights[0] == weights[1]


def equal(one, other) -> bool:
    """True if two parts of a checkpoint are the same."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other


def test_the_folder_of_a_run(whole):
    points = curve_of(whole)
    assert [float(point["remaining"]) for point in points] == sorted(
        (float(point["remaining"]) for point in points), reverse=True
    )
    assert points[-1]["remaining"] == "0.0" and int(points[-1]["step"]) == 37
    assert float(points[-1]["loss"]) > 0
    assert {points[0][name] for name in ("step", "loss", *LOSSES)} == {"0", ""}  # the first are of playouts
    record = json.loads((whole / "config.json").read_text())
    assert both_settings_from(record["train"]) == (PLAY, LEARNING)
    model = load_model(str(whole / "model"), kind=LiuzhouNet)
    assert str(model.config) == "4x1" and model.card["results"]["rows"] == int(points[-1]["rows"])


def test_minutes_end_a_run_that_can_go_on(whole, tmp_path):
    result = train(PLAY, LEARNING, tmp_path / "short", device="cpu", watch=Watch(minutes=0.0))
    assert result.unfinished
    result = train(PLAY, LEARNING, tmp_path / "short", device="cpu", resume=True)
    assert not result.unfinished and curve_of(tmp_path / "short") == curve_of(whole)
    first, last = point_text(result.points[0]), point_text(result.points[-1])
    assert "no steps yet" in first and "loss" not in first and "loss " in last
    assert draw_training(result.points).startswith(b"\x89PNG")


def test_a_run_may_start_from_a_model(whole, tmp_path):
    short = replace(LEARNING, positions=480, playout_positions=160)
    result = train(PLAY, short, tmp_path / "run", device="cpu", init_from=str(whole / "model"))
    assert result.points[0]["evaluations_per_s"] > 0  # no playouts
    with pytest.raises(BadInput, match="network of size 4x1, not 8x1"):
        train(PLAY, replace(short, size="8x1"), tmp_path / "x", device="cpu", init_from=str(whole / "model"))


def test_runs_that_cannot_be(whole, tmp_path):
    with pytest.raises(BadInput, match="already contains a run"):
        train(PLAY, LEARNING, whole, device="cpu")
    with pytest.raises(BadInput, match=r"differs in train \(lr\)"):
        train(PLAY, replace(LEARNING, lr=1e-3), whole, device="cpu", resume=True)
    with pytest.raises(BadInput, match="no checkpoint to resume"):
        train(PLAY, LEARNING, tmp_path / "none", device="cpu", resume=True)
    assert set(asdict(PLAY)).isdisjoint(asdict(LEARNING))  # both stand in `train` of config.json


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": "32"}, {"positions": 0}, {"playout_positions": 2400}, {"lr": 0.0}, {"average": 1.0},
        {"precision": "foo"}, {"precision": "16-mixed"},
        {"soft": 2.0}, {"discount": 0.0}, {"parts": 0}, {"parts": 64}, {"reuse": float("nan")},
    ],
)  # fmt: skip
def test_settings_out_of_range(wrong):
    with pytest.raises(BadInput):
        replace(LEARNING, **wrong)
