"""Training: it learns, continues exactly after a kill, and refuses rows that would teach nonsense."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_game import SPEC, ToySource, toy_config, toy_rows

from forge_core.errors import BadInput, DeviceUnavailable
from forge_core.learning.checkpoints import load_model, save_model
from forge_core.learning.labelled.answers import ask
from forge_core.learning.labelled.config import Recipe
from forge_core.learning.labelled.data import Feed, RowModule, sort_rows
from forge_core.learning.labelled.job import TrainingJob
from forge_core.learning.labelled.losses import losses
from forge_core.learning.labelled.metrics import evaluate_random
from forge_core.learning.labelled.pictures import draw_curve
from forge_core.learning.labelled.train import train
from forge_core.learning.networks.sizes import ModelConfig
from forge_core.learning.networks.transformer import Block, TokenTransformer
from forge_core.learning.runs import CHECKPOINT
from forge_core.streams import stream

pytestmark = pytest.mark.slow

TIMES = ("seconds", "cpu_seconds")
VAL = toy_rows(300, "val")


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """An uninterrupted run of 60 steps."""
    torch.set_num_threads(1)
    return train(
        TrainingJob(toy_config(patience=3), ToySource(), VAL, tmp_path_factory.mktemp("runs") / "unbroken")
    )


def curve(folder) -> list[dict[str, str]]:
    with open(Path(folder) / "metrics.csv") as file:
        return [{k: v for k, v in row.items() if k not in TIMES} for row in csv.DictReader(file)]


def weights(folder) -> bytes:
    return (Path(folder) / "model/model.safetensors").read_bytes()


def test_it_learns_and_keeps_what_it_did(unbroken):
    random = evaluate_random(VAL.q, VAL.legal)["decision_q_gap"]
    assert unbroken.best["decision_q_gap"] < 0.1 * random
    assert [point["step"] for point in unbroken.points] == [10, 20, 30, 40, 50, 60]
    assert [int(row["rows"]) for row in curve(unbroken.folder)] == [640, 1280, 1920, 2560, 3200, 3840]
    record = json.loads((Path(unbroken.folder) / "config.json").read_text())
    assert record["train"]["recipe"]["steps"] == 60
    assert record["device"] == "cpu"
    assert record["versions"]["torch"] == torch.__version__
    model = load_model(unbroken.model)
    assert model.card["results"]["decision_q_gap"] == unbroken.best["decision_q_gap"]
    assert model.spec == SPEC


def test_a_killed_run_goes_on_as_if_nothing_had_happened(unbroken, tmp_path):
    command = [sys.executable, str(Path(__file__).with_name("toy_game.py")), str(tmp_path / "run"), "25"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "hanging\n"  # five steps after the checkpoint of step 20
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert len(curve(tmp_path / "run")) == 2
    resumed = train(TrainingJob(toy_config(patience=3), ToySource(), VAL, tmp_path / "run"), resume=True)
    assert curve(resumed.folder) == curve(unbroken.folder)
    assert weights(resumed.folder) == weights(unbroken.folder)
    assert [point["step"] for point in resumed.points] == [10, 20, 30, 40, 50, 60]
    mine, theirs = (
        torch.load(Path(folder) / CHECKPOINT, weights_only=True)["state_dict"]
        for folder in (resumed.folder, unbroken.folder)
    )
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


def test_a_run_that_is_short_of_time_stops_at_an_evaluation_and_goes_on_to_the_same_end(unbroken, tmp_path):
    steps = []
    for _ in range(6):
        result = train(
            TrainingJob(toy_config(patience=3), ToySource(), VAL, tmp_path / "run"),
            resume=bool(steps),
            minutes=0,
        )
        steps.append(result.points[-1]["step"])
        assert (result.unfinished, result.stopped_early) == (steps[-1] < 60, False)
    assert steps == [10, 20, 30, 40, 50, 60]
    assert curve(result.folder) == curve(unbroken.folder)
    assert weights(result.folder) == weights(unbroken.folder)


def test_a_run_is_resumed_as_it_was_begun_or_not_at_all(unbroken, tmp_path):
    with pytest.raises(BadInput, match="already contains a run"):
        train(TrainingJob(toy_config(), ToySource(), VAL, unbroken.folder))
    with pytest.raises(BadInput, match=r"differs in train \(model\)"):
        train(
            TrainingJob(toy_config(patience=3, model={"width": 32}), ToySource(), VAL, unbroken.folder),
            resume=True,
        )
    with pytest.raises(BadInput, match="differs in data"):
        train(
            TrainingJob(toy_config(patience=3), ToySource(), VAL, unbroken.folder, data={"hash": "other"}),
            resume=True,
        )
    with pytest.raises(BadInput, match="no checkpoint"):
        train(TrainingJob(toy_config(), ToySource(), VAL, tmp_path / "nothing"), resume=True)


def test_the_last_step_is_evaluated_wherever_the_interval_ends(tmp_path):
    config = toy_config(recipe={"steps": 25})
    result = train(TrainingJob(config, ToySource(), VAL, tmp_path / "run"))
    assert [point["step"] for point in result.points] == [10, 20, 25]
    assert not result.stopped_early
    again = train(TrainingJob(config, ToySource(), VAL, tmp_path / "run"), resume=True)
    assert again.points == result.points

    class Broken(ToySource):
        def batch(self, k):
            if k == 23:
                raise OSError("the plug was pulled")
            return super().batch(k)

    with pytest.raises(OSError, match="plug"):
        train(TrainingJob(config, Broken(), VAL, tmp_path / "broken"))
    resumed = train(TrainingJob(config, ToySource(), VAL, tmp_path / "broken"), resume=True)
    assert curve(resumed.folder) == curve(result.folder)
    assert weights(resumed.folder) == weights(result.folder)


def test_training_stops_when_it_gets_no_better(tmp_path):
    config = toy_config(patience=2, recipe={"steps": 500, "learning_rate": 1e-9})
    result = train(TrainingJob(config, ToySource(), VAL, tmp_path / "run"))
    assert result.stopped_early
    assert result.points[-1]["step"] == 30


def test_the_gap_between_train_and_val_is_measured_and_changes_nothing(tmp_path):
    rows = toy_rows(64, "few")  # with points that follow no rule, so that they can only be learnt by heart
    points = np.where(rows.legal, stream(0, "luck").integers(-9, 10, size=rows.q.shape), rows.q)
    sample = replace(rows, q=points.astype(np.int8), value=points.max(axis=1).astype(np.int8))

    class FewRows(ToySource):
        def batch(self, k):
            return sample

    config = toy_config(recipe={"steps": 200}, evaluate_every=100)
    result = train(TrainingJob(config, FewRows(), VAL, tmp_path / "sampled", sample=sample))
    best = result.best
    found = ask(load_model(result.model), [sample]).measure()["decision_q_gap"]
    assert best["train_decision_q_gap"] == pytest.approx(found, abs=1e-6)
    assert best["train_val_gap"] == pytest.approx(best["decision_q_gap"] - found, abs=1e-6)
    assert best["train_val_gap"] > 1
    assert load_model(result.model).card["results"]["train_val_gap"] == best["train_val_gap"]
    plain = train(TrainingJob(config, FewRows(), VAL, tmp_path / "plain"))
    assert weights(plain.folder) == weights(result.folder) and "train_val_gap" not in plain.best
    shared = plain.points[0].keys()
    kept = [{name: row[name] for name in shared - set(TIMES)} for row in curve(result.folder)]
    assert kept == [{name: row[name] for name in shared - set(TIMES)} for row in curve(plain.folder)]
    draw_curve(result.points)
    with pytest.raises(BadInput, match="the sampled training rows contain no decisions"):
        RowModule(ToySource(), VAL, SPEC, 1, VAL.take(VAL.legal.sum(axis=1) == 1))


def test_a_fast_dev_run_writes_nothing(tmp_path):
    result = train(TrainingJob(toy_config(), ToySource(), VAL, tmp_path / "run"), fast_dev_run=True)
    assert result.points[0]["step"] == 1
    assert (result.folder, result.stopped_early, result.unfinished) == ("", False, False)
    assert not (tmp_path / "run").exists()


def test_training_starts_from_a_trained_network_of_the_same_size(unbroken, tmp_path):
    config = toy_config(recipe={"steps": 1, "learning_rate": 1e-9}, evaluate_every=1)
    tuned = train(TrainingJob(config, ToySource(), VAL, tmp_path / "tuned", init_from=unbroken.model))
    assert tuned.best["decision_q_gap"] == pytest.approx(unbroken.best["decision_q_gap"], abs=1e-6)
    with pytest.raises(BadInput, match="choose its size"):
        train(
            TrainingJob(
                toy_config(model={"width": 32}),
                ToySource(),
                VAL,
                tmp_path / "other",
                init_from=unbroken.model,
            )
        )


def test_a_compiled_run_is_a_model_like_any_other(tmp_path, monkeypatch):
    compile_block = torch.nn.Module.compile  # without the C++ compiler, which takes minutes
    monkeypatch.setattr(Block, "compile", lambda self, **how: compile_block(self, **how, backend="eager"))
    config = toy_config(compile=True, recipe={"steps": 2}, evaluate_every=2, precision="32")
    compiled = train(TrainingJob(config, ToySource(), VAL, tmp_path / "compiled"))
    plain = train(TrainingJob(replace(config, compile=False), ToySource(), VAL, tmp_path / "plain"))
    assert compiled.best["q_mae"] == pytest.approx(plain.best["q_mae"], abs=1e-3)
    assert load_model(compiled.model).state_dict().keys() == load_model(plain.model).state_dict().keys()


@pytest.mark.parametrize("objective", ["policy", "regret"])
def test_objectives_that_answer_with_logits_learn_the_best_actions(tmp_path, objective):
    result = train(
        TrainingJob(toy_config(model={"objective": objective}), ToySource(), VAL, tmp_path / "run")
    )
    assert result.best["decision_q_gap"] < 0.1 * evaluate_random(VAL.q, VAL.legal)["decision_q_gap"]
    assert "q_mae" not in result.best
    assert "value_mae" in result.best


def poisoned(name, value):
    column = np.array(getattr(VAL, name), dtype=np.float32 if name in ("q", "weight") else None)
    column[7] = value
    return replace(VAL, **{name: column})


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (VAL.take(slice(0, 0)), "the split is empty"),
        (poisoned("weight", np.nan), "weight contains NaN or infinity"),
        (poisoned("q", np.nan), "q contains NaN or infinity"),
        (poisoned("tokens", 9), "outside the vocabulary"),
        (poisoned("legal", False), "no legal action"),
        (replace(VAL, q=VAL.q[:, :2]), "make the data again"),
        (VAL.take(VAL.legal.sum(axis=1) == 1), "no decision"),
    ],
)
def test_rows_that_teach_nonsense_are_refused(rows, message):
    with pytest.raises(BadInput, match=message):
        RowModule(ToySource(), rows, SPEC, steps=1)


def test_nonsense_met_while_training_stops_it(tmp_path):
    class Spoilt(ToySource):
        def batch(self, k):
            return super().batch(k) if k < 3 else poisoned("weight", np.nan)

    with pytest.raises(BadInput, match="training rows: weight contains NaN"):
        train(TrainingJob(toy_config(), Spoilt(), VAL, tmp_path / "run"))


def test_tokens_of_another_encoder_are_refused(unbroken, tmp_path):
    class Newer(ToySource):
        spec = replace(SPEC, version="t2")

    with pytest.raises(BadInput, match="version t1"):
        train(TrainingJob(toy_config(), Newer(), VAL, tmp_path / "run", init_from=unbroken.model))
    with pytest.raises(BadInput, match="version"):
        RowModule(Newer(), VAL, SPEC, steps=1)


def test_a_checkpoint_of_another_size_is_refused(unbroken, tmp_path):
    run = tmp_path / "run"
    config = toy_config(model={"width": 32})
    train(TrainingJob(replace(config, recipe=replace(config.recipe, steps=10)), ToySource(), VAL, run))
    (run / CHECKPOINT).write_bytes((Path(unbroken.folder) / CHECKPOINT).read_bytes())
    with pytest.raises(BadInput, match="width 16"):
        train(
            TrainingJob(replace(config, recipe=replace(config.recipe, steps=10)), ToySource(), VAL, run),
            resume=True,
        )


def test_a_device_that_is_not_here_is_an_error(tmp_path):
    with pytest.raises((DeviceUnavailable, BadInput)):
        train(TrainingJob(toy_config(device="cuda:99"), ToySource(), VAL, tmp_path / "run"))
    with pytest.raises(BadInput, match="needs CUDA"):
        train(TrainingJob(toy_config(precision="16-mixed"), ToySource(), VAL, tmp_path / "run"))


def test_a_feed_begins_at_its_step_and_parts_share_the_work():
    whole = [rows.deal for rows, _ in zip(Feed(ToySource(), SPEC, 4, 9), range(2), strict=False)]
    assert torch.equal(whole[0], sort_rows(ToySource().batch(4)).to_tensors().deal)
    parts = [next(iter(Feed(ToySource(), SPEC, 3, 9, part, 2))).tokens for part in (0, 1)]
    for part, k in zip(parts, (6, 7), strict=True):
        assert torch.equal(part, sort_rows(ToySource().batch(k)).to_tensors().tokens)


def test_losses_are_what_they_say():
    rows = toy_rows(50, "loss").to_tensors()
    model, recipe = (
        ModelConfig(16, 1, 2, 32),
        Recipe(10, 1e-3, mean_weight=1, soft_weight=0, value_weight=0.5),
    )
    draws = torch.Generator().manual_seed(0)
    said, value = torch.randn(50, 3, generator=draws), torch.randn(50, generator=draws)
    found = losses(said, value, rows, recipe, model, 10.0)
    error = torch.where(rows.legal, (said - rows.q) / 10, 0)
    mse = (error**2).sum(1) / rows.legal.sum(1)
    torch.testing.assert_close(found.action, mse.mean())
    torch.testing.assert_close(found.total, mse.mean() + 0.5 * (((value - rows.value) / 10) ** 2).mean())

    weighed = losses(said, value, rows, replace(recipe, row_weights="positions"), model, 10.0)
    torch.testing.assert_close(weighed.action, (mse * rows.weight).sum() / rows.weight.sum())
    decision = rows.q.masked_fill(~rows.legal, -99).amax(1) > rows.q.masked_fill(~rows.legal, 99).amin(1)
    chosen = losses(said, value, rows, replace(recipe, forced_row_weight=0), model, 10.0)
    torch.testing.assert_close(chosen.action, mse[decision].mean())


def test_the_hard_target_is_spread_over_tied_bests():
    rows = toy_rows(2, "tie").to_tensors()
    rows = replace(
        rows,
        q=torch.tensor([[5, 5, 1], [2, -128, 2]], dtype=torch.int8),
        legal=torch.tensor([[True, True, True], [True, False, True]]),
    )
    recipe = Recipe(10, 1e-3, hard_share=1.0, value_weight=0)
    logits = torch.tensor([[1.0, 2.0, 0.5], [0.3, 9.0, -1.0]])
    found = losses(logits, torch.zeros(2), rows, recipe, ModelConfig(16, 1, 2, 32, "policy"), 10.0)
    first = -torch.log_softmax(logits[0], 0)[:2].mean()
    second = -torch.log_softmax(logits[1, [0, 2]], 0).mean()
    torch.testing.assert_close(found.action, (first + second) / 2)


def test_the_rate_rises_and_falls_to_nothing():
    recipe = Recipe(1000, 1e-3, warmup=50)
    rates = [recipe.rate(step) for step in range(1001)]
    assert rates[0] == pytest.approx(1 / 50)
    assert max(rates) == pytest.approx(1.0)
    assert rates[-1] == pytest.approx(0.0, abs=1e-9)
    assert np.argmax(rates) in (49, 50)


def test_diverged_weights_are_not_kept(tmp_path):
    model = TokenTransformer(SPEC, ModelConfig(16, 1, 2, 32))
    with torch.no_grad():
        model.head.bias[0] = float("nan")
    with pytest.raises(BadInput, match="diverged"):
        save_model(str(tmp_path), model)


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["mean_weight", "forced_row_weight"])
def test_weights_of_a_recipe_are_finite(name, weight):
    with pytest.raises(BadInput, match=r"weight .*: use a"):
        Recipe(10, 1e-3, **{name: weight})
