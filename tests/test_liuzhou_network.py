"""Liuzhou's network: its answers as an evaluator, by symmetry of libraries, on disk and as ONNX."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from forge_core.errors import BadInput
from forge_core.learning.checkpoints import load_model, save_model
from forge_core.learning.onnx import PARITY, export_onnx
from forge_core.liuzhou.network import LiuzhouNet, NetworkEvaluator, ResidualConfig, parse_size
from forge_core.liuzhou.state import EMPTY_SLOT, START, legal_actions, legal_mask, outcomes, planes, step_rows
from forge_core.liuzhou.state.layout import PLAYER_SHIFT
from forge_core.streams import stream


def positions(n: int = 64, plies: int = 144) -> np.ndarray:
    """Rows from all plies of n random games, finished ones among them: [n, 4]."""
    draw, rows, found = stream(0, "positions"), np.tile(START, (n, 1)), []
    for _ in range(plies):
        actions, counts = legal_actions(rows)
        slots = (draw.random(n) * counts).astype(np.int64)
        rows = step_rows(rows, np.where(counts > 0, actions[np.arange(n), slots], 0))
        found.append(rows)
    every = np.concatenate(found)
    return every[draw.permutation(len(every))[:n]]


@pytest.fixture(scope="module")
def network() -> LiuzhouNet:
    torch.manual_seed(1)
    network = LiuzhouNet.of_size(ResidualConfig(8, 2))
    for block in network.blocks:
        torch.nn.init.constant_(block.gain, 0.5)
    return network.eval()


def test_prior_and_value_follow_from_the_answers(network):
    rows = positions()
    actions, counts = legal_actions(rows)
    prior, value = NetworkEvaluator(network, beta=0.25)(rows, actions)
    with torch.inference_mode():
        policy, wdl, difference = network.answers(torch.from_numpy(planes(rows)))
    legal = torch.from_numpy(legal_mask(rows))
    expected = torch.softmax(policy.masked_fill(~legal, -torch.inf), 1).numpy()
    chances = torch.softmax(wdl, 1)
    mover = (0.75 * (chances[:, 0] - chances[:, 2]) + 0.25 * difference).numpy()
    sign = np.where(rows[:, 3] >> PLAYER_SHIFT & 1, -1, 1)
    going = outcomes(rows) == 0
    assert 0 < going.sum() < len(rows)
    np.testing.assert_allclose(value, sign * mover, atol=1e-6)
    for row in np.flatnonzero(going):
        n = counts[row]
        np.testing.assert_allclose(prior[row, :n], expected[row, actions[row, :n]], atol=1e-6)
    assert (prior[actions == EMPTY_SLOT] == 0).all()


def test_arrays_and_tensors_get_the_same_answers(network):
    rows = positions()
    actions, _ = legal_actions(rows)
    evaluator = NetworkEvaluator(network)
    of_arrays = evaluator(rows, actions)
    of_tensors = evaluator(torch.from_numpy(rows), torch.from_numpy(actions))
    for array, tensor in zip(of_arrays, of_tensors, strict=True):
        assert array.dtype == np.float32 and tensor.dtype == torch.float32
        np.testing.assert_allclose(array, tensor.numpy(), atol=1e-6)


def test_bfloat16_is_close(network):
    rows = positions()
    actions, _ = legal_actions(rows)
    exact, near = (
        NetworkEvaluator(network)(rows, actions),
        NetworkEvaluator(network, dtype="bfloat16")(rows, actions),
    )
    for expected, found in zip(exact, near, strict=True):
        np.testing.assert_allclose(expected, found, atol=0.03)


def test_an_evaluator_keeps_its_weights_until_it_is_updated():
    torch.manual_seed(2)
    network = LiuzhouNet.of_size(ResidualConfig(4, 1))
    rows = positions(8)
    actions, _ = legal_actions(rows)
    evaluator = NetworkEvaluator(network)
    before = evaluator(rows, actions)[0]
    with torch.no_grad():
        network.policy.weight.mul_(3)
    np.testing.assert_array_equal(evaluator(rows, actions)[0], before)
    evaluator.update(network)
    assert np.abs(evaluator(rows, actions)[0] - before).max() > 1e-3


def test_sizes():
    assert parse_size("32x3") == ResidualConfig(32, 3) and str(ResidualConfig(128, 10)) == "128x10"
    assert LiuzhouNet.of_size(ResidualConfig(128, 10)).n_parameters == pytest.approx(2.99e6, rel=0.01)
    for wrong in ("32", "0x3", "32x3x1", "4096x2", "x"):
        with pytest.raises(BadInput, match=r"size|network"):
            parse_size(wrong)
    with pytest.raises(BadInput, match="dtype"):
        NetworkEvaluator(LiuzhouNet.of_size(ResidualConfig(4, 0)), dtype="int8")


def test_saved_and_loaded(network, tmp_path):
    save_model(str(tmp_path), network, {"made": "by a test"})
    card = json.loads((tmp_path / "model.json").read_text())
    assert card["architecture"] == "liuzhou-residual" and card["config"] == {"width": 8, "blocks": 2}
    loaded = load_model(str(tmp_path), kind=LiuzhouNet)
    (inputs,) = network.random_inputs(5)
    for mine, theirs in zip(
        network.answers(torch.from_numpy(inputs)), loaded.answers(torch.from_numpy(inputs)), strict=True
    ):
        assert torch.equal(mine, theirs)


def test_onnx_answers_as_torch_does(network, tmp_path):
    export = export_onnx(network, str(tmp_path))
    assert set(export.differences) == {"policy", "wdl", "difference"}
    assert export.largest_difference < PARITY / 10 and export.same_choice > 0.99
