"""Stage 2: learning points and their spread from estimates; rows from recorded games."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_game import SPEC, ToySource, estimated_rows, toy_config, toy_rows

from forge_core.errors import BadInput
from forge_core.learning import onnx
from forge_core.learning.checkpoints import load_model, save_model
from forge_core.learning.labelled.answers import ask
from forge_core.learning.labelled.config import Recipe
from forge_core.learning.labelled.data import check_rows
from forge_core.learning.labelled.job import TrainingJob
from forge_core.learning.labelled.losses import certainty, losses, spread_error
from forge_core.learning.labelled.metrics import evaluate_q, evaluate_random, is_decision
from forge_core.learning.labelled.rows import concatenate
from forge_core.learning.labelled.train import train
from forge_core.learning.networks.sizes import ModelConfig
from forge_core.learning.networks.transformer import TokenTransformer
from forge_core.learning.runs import CHECKPOINT, CONFIG

pytestmark = pytest.mark.slow

EQ = {"objective": "eq"}
CONFIG_EQ = ModelConfig(16, 1, 2, 32, "eq")
TRUTH = estimated_rows(300, None, "val")
"""rows whose E[Q] and variance are of all worlds there are"""


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    torch.set_num_threads(1)
    config = toy_config(
        model=EQ, recipe={"steps": 200, "learning_rate": 1e-2, "variance_weight": 0.1}, evaluate_every=100
    )
    return train(
        TrainingJob(config, ToySource(worlds=4), TRUTH, tmp_path_factory.mktemp("runs") / "unbroken")
    )


def test_estimates_are_rows_like_any_other():
    rows = estimated_rows(20, 3, "rows")
    some = rows.take(slice(5, 9))
    assert len(some) == 4 and some.variance.shape == (4, 3) and (some.ess == 3).all()
    both = concatenate([some, rows.take(np.arange(2))])
    assert both.variance.shape == (6, 3) and both.q.dtype == np.float32
    assert torch.equal(rows.to_tensors().variance, torch.from_numpy(rows.variance))
    exact = toy_rows(20, "rows")
    assert exact.take(slice(0, 3)).variance is None and exact.to_tensors().ess is None
    check_rows(rows, SPEC, "rows")
    for name, value in (("variance", -1), ("ess", 0.5), ("ess", np.nan), ("variance", np.nan)):
        column = getattr(rows, name).copy()
        column[3] = value
        with pytest.raises(BadInput, match="variance"):
            check_rows(replace(rows, **{name: column}), SPEC, "rows")


def test_points_and_their_spread_are_learnt_from_few_worlds(unbroken):
    random = evaluate_random(TRUTH.q, TRUTH.legal)["decision_q_gap"]
    assert unbroken.best["decision_q_gap"] < 0.1 * random
    last = unbroken.points[-1]
    assert last["spread_mae"] < 0.5 and abs(last["spread_bias"]) < 0.3  # of spreads of 1 and 3 points
    model = load_model(unbroken.model)
    asked = ask(model, [TRUTH])
    assert asked.measure()["decision_q_gap"] == pytest.approx(unbroken.best["decision_q_gap"])
    assert asked.measure()["spread_mae"] == pytest.approx(unbroken.best["spread_mae"], abs=1e-2)  # bf16 then
    tokens, mask = torch.from_numpy(TRUTH.tokens), torch.from_numpy(TRUTH.mask)
    mean, variance, value = model.estimate(tokens, mask)
    q, v = model(tokens, mask)
    assert torch.equal(mean, q) and torch.equal(value, v) and (variance > 0).all()
    dense = model.forward_dense(tokens, mask)
    for one, other in zip((mean, value, variance.sqrt()), (*dense[:2], dense[2].sqrt()), strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)


def test_a_run_goes_on_to_the_last_digit(unbroken, tmp_path):
    class Broken(ToySource):
        def batch(self, k):
            if k == 150:
                raise OSError("the plug was pulled")
            return super().batch(k)

    config = toy_config(
        model=EQ, recipe={"steps": 200, "learning_rate": 1e-2, "variance_weight": 0.1}, evaluate_every=100
    )
    with pytest.raises(OSError, match="plug"):
        train(TrainingJob(config, Broken(worlds=4), TRUTH, tmp_path / "run"))
    begun = tmp_path / "run" / CONFIG  # by an older version, which did not know of noise
    record = json.loads(begun.read_text())
    del record["train"]["recipe"]["noise"]
    begun.write_text(json.dumps(record))
    resumed = train(TrainingJob(config, ToySource(worlds=4), TRUTH, tmp_path / "run"), resume=True)
    mine, theirs = (
        torch.load(Path(folder) / CHECKPOINT, weights_only=True)["state_dict"]
        for folder in (resumed.folder, unbroken.folder)
    )
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


def test_exact_rows_hold_no_variance_to_learn(tmp_path):
    with pytest.raises(BadInput, match="use qvalue, policy or regret"):
        train(TrainingJob(toy_config(model=EQ), ToySource(), TRUTH, tmp_path / "run"))
    plain = TokenTransformer(SPEC, ModelConfig(16, 1, 2, 32))
    with pytest.raises(BadInput, match="predicts no variance"):
        plain.estimate(torch.from_numpy(TRUTH.tokens), torch.from_numpy(TRUTH.mask))
    # points of estimates may be learnt without
    result = train(TrainingJob(toy_config(recipe={"steps": 10}), ToySource(worlds=4), TRUTH, tmp_path / "q"))
    assert "spread_mae" not in result.best


def test_the_variance_that_fits_best_is_that_of_all_worlds():
    """The best fit to labels from few worlds is, on average, the variance over all worlds."""
    for worlds in (2, 3, 10):
        rows = estimated_rows(60_000, worlds, "fit").to_tensors()
        wide = rows.legal & (rows.tokens[:, :3, 2] == 1)
        rows = replace(rows, legal=wide).take(wide.any(dim=1))
        tried = torch.arange(5.0, 14.0, 0.5)
        errors = torch.stack([spread_error(v.expand(rows.q.shape), rows).mean() for v in tried])
        assert abs(tried[errors.argmin()] - 9) <= 0.5
    told = estimated_rows(50, None, "fit").to_tensors()
    assert spread_error(told.variance, told).abs().max() < 1e-5
    alone = estimated_rows(50, 1, "fit").to_tensors()  # one world says nothing of variance
    rounded = replace(alone, variance=torch.full((50, 3), 1e-7))
    for rows in (alone, rounded):
        said = torch.full((50, 3), 7.0, requires_grad=True)
        error = spread_error(said, rows).sum()
        (gradient,) = torch.autograd.grad(error, said)
        assert error == 0 and (gradient == 0).all()


def test_certainty_is_in_inverse_proportion_to_what_is_off():
    rows = estimated_rows(3, 4, "certain").to_tensors()
    rows = replace(
        rows, legal=torch.tensor([[True, True, False]] * 3), ess=torch.tensor([4.0, 1.0, torch.inf])
    )
    variance = torch.tensor([[30.0, 42.0, 999.0]] * 3)
    found = certainty(variance, rows, noise=3.0)
    torch.testing.assert_close(found, 9 / (9 + torch.tensor([36 / 4, 36.0, 0.0])))


def test_losses_of_estimates_are_what_they_say():
    rows = estimated_rows(50, 3, "loss").to_tensors()
    recipe = Recipe(10, 1e-3, mean_weight=1, soft_weight=0, value_weight=0.5, variance_weight=0.2)
    draws = torch.Generator().manual_seed(0)
    said, value = 5 * torch.randn(50, 3, generator=draws), torch.randn(50, generator=draws)
    variance = (9 * torch.rand(50, 3, generator=draws)).requires_grad_()
    found = losses(said, value, rows, recipe, CONFIG_EQ, 10.0, variance)
    sure = certainty(variance.detach(), rows, recipe.noise)
    error = torch.where(rows.legal, (said - rows.q) / 10, 0)
    mse = (error**2).sum(1) / rows.legal.sum(1)
    torch.testing.assert_close(found.action, (mse * sure).sum() / sure.sum())
    own = rows.q[range(50), said.masked_fill(~rows.legal, -99).argmax(1)]
    off = ((value - own) / 10) ** 2
    torch.testing.assert_close(found.value, (off * sure).sum() / sure.sum())
    torch.testing.assert_close(found.variance, spread_error(variance, rows).mean())
    torch.testing.assert_close(found.total, found.action + 0.5 * found.value + 0.2 * found.variance)
    (gradient,) = torch.autograd.grad(found.action + found.value + 0 * found.variance, variance)
    assert (gradient == 0).all()  # nobody gains by seeming uncertain


def test_spreads_are_measured():
    q, legal = np.array([[3.0, 1.0, -128.0]], np.float32), np.array([[True, True, False]])
    found = evaluate_q(
        [[2.0, 1.0, 0.0]], q, legal, predicted_variance=[[16.0, 4.0, 99.0]], variance=[[4.0, 9.0, 0]]
    )
    assert found["spread_mae"] == pytest.approx((2 + 1) / 2)
    assert found["spread_bias"] == pytest.approx((2 - 1) / 2)
    assert found["decision_spread_mae"] == found["spread_mae"]


def test_less_than_a_grain_is_no_decision_and_no_loss():
    q, legal = np.array([[3.0, 2.995], [3.0, 2.5]]), np.ones((2, 2), bool)
    assert is_decision(q, legal).tolist() == [False, True]
    found = evaluate_q([[0.0, 1.0], [1.0, 0.0]], q, legal)
    assert found["accuracy"] == 1 and found["q_gap"] == pytest.approx(0.0025)


def test_a_network_of_estimates_comes_back_in_torch_and_onnxruntime(unbroken, tmp_path):
    import onnxruntime

    model = load_model(unbroken.model)
    save_model(str(tmp_path / "again"), model)
    report = onnx.export_onnx(load_model(str(tmp_path / "again")), str(tmp_path))
    assert set(report.differences) == {"action", "value", "spread"}
    assert report.largest_difference <= onnx.PARITY
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    assert [output.name for output in session.get_outputs()] == ["action", "value", "variance"]
    said = session.run(["action", "variance", "value"], {"tokens": TRUTH.tokens, "mask": TRUTH.mask})
    with torch.inference_mode():
        expected = model.estimate(torch.from_numpy(TRUTH.tokens), torch.from_numpy(TRUTH.mask))
    for one, other in zip(said, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-3, rtol=1e-4)


def test_a_file_of_another_variance_is_not_written(tmp_path, monkeypatch):
    torch.manual_seed(0)
    model = TokenTransformer(SPEC, CONFIG_EQ)
    data = onnx.to_onnx(model)
    with torch.no_grad():
        model.head.bias[2] = -1.0
    monkeypatch.setattr(onnx, "to_onnx", lambda model: data)
    with pytest.raises(onnx.ParityLost, match="spread"):
        onnx.export_onnx(model, str(tmp_path))


# --- the verbs --------------------------------------------------------------------------------

SMALL = ("--layers", "1", "--heads", "2", "--width", "16", "--batch-size", "32", "--threads", "1")


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A store of games for training, validation and the final evaluation."""
    from random_games import record_of

    from forge_core.files import Store
    from forge_core.texas42.eq.files import write_game
    from forge_core.texas42.folders import GAMES_FOLDER

    root = tmp_path_factory.mktemp("store")
    for seed in (3, 7, 60, 930, 901, 902, 951):
        write_game(Store(str(root)).join(GAMES_FOLDER), record_of(seed, points=False))
    return root


def test_from_games_to_a_network_that_is_judged(root, forge, tmp_path):
    def answer(*line: str) -> dict:
        status, out, err = forge(*line, "--json")
        assert status == 0, err
        return json.loads(out)

    made = answer("tokenize", "--stage", "2", "--input", str(root), "--out", str(tmp_path), "--split", "all")
    assert made["empty"] == {}
    assert [(said["split"], said["rows"]) for said in made["splits"]] == [("train", 84), ("val", 28)]
    run = ("train", "--stage", "2", "--data", str(tmp_path), "--runs", str(tmp_path / "runs"), *SMALL)
    found = answer(*run, "--steps", "4", "--evaluate-every", "2")
    name = Path(found["model"]).parent.name
    assert name.startswith("texas42-eq-w16-games-") and "spread_mae" in found["best"]
    model = load_model(found["model"])
    assert model.config.objective == "eq" and model.card["data"]["kind"] == "games"
    again = answer("train", "--resume", "--name", name, "--runs", str(tmp_path / "runs"))
    assert again["best"] == found["best"]

    judged = answer("evaluate", found["model"], "--data", str(root), "--against", found["model"])
    assert (judged["benchmark"]["deals"], judged["decisions"]["rows"]) == (2, 56)
    assert len(judged["benchmark"]["settings"]) == 1 and judged["against"]["saved"] == 0
    status, out, err = forge("evaluate", found["model"], "--data", str(root), "--final")
    assert status == 0 and "1 test deals (sealed)" in out and "error of the spread" in out
    assert "do not change anything" in " ".join(err.split())
    assert answer("export", found["model"], "--out", str(tmp_path))["spread_difference"] < 1e-3


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("tokenize --stage 3 --input {root} --out {empty}", "stage 3: use 1 or 2"),
        (
            "tokenize --stage 2 --input {empty} --out {empty}",
            "no games to train on: make some with forge eq",
        ),
        ("tokenize --stage 2 --input {root} --out {empty} --rows 5", "--rows applies only to rows of shards"),
        ("tokenize --stage 2 --input {root} --out {empty} --split test", "sealed"),
        ("train --stage 3 --live", "stage 3: use 1 or 2"),
        ("train --stage 2", "play games with forge eq, tokenize them, and pass --data DIR"),
        ("train --stage 2 --data {empty}", "make it with forge tokenize --stage 2"),
        ("train --live --objective eq", "--objective eq needs --stage 2"),
        ("evaluate {network}", "name a store with eq-games/ as --data"),
        ("evaluate {network} --data {root} --rows 5", "which use all rows of a game"),
        ("evaluate {network} --data {empty}", "play seeds 900-919 with forge eq"),
        ("evaluate {network} --data {root} --against {seer}", "was made for tokens with"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(root, forge, tmp_path, line, complaint):
    from forge_core.texas42.tokens.inferences import STAGE2_SPEC
    from forge_core.texas42.tokens.rows import STAGE1_SPEC

    empty, network, seer = tmp_path / "empty", tmp_path / "network", tmp_path / "seer"
    empty.mkdir()
    if "{network}" in line:
        save_model(str(network), TokenTransformer(STAGE2_SPEC, CONFIG_EQ))
        save_model(str(seer), TokenTransformer(STAGE1_SPEC, ModelConfig(16, 1, 2, 32)))
    status, out, err = forge(*line.format(root=root, empty=empty, network=network, seer=seer).split())
    assert (status, out) == (2, "")
    assert complaint in err.splitlines()[-1]
    assert not list(empty.iterdir())
