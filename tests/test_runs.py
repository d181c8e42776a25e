"""Training runs for a game with its own network and loop."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from toy_board import ARCHITECTURE, BoardConfig, BoardNet, BoardSpec, targets
from toy_game import SPEC

from forge_core.errors import BadInput
from forge_core.learning import networks
from forge_core.learning.checkpoints import load_model, save_model
from forge_core.learning.networks.network import Network
from forge_core.learning.networks.sizes import ModelConfig
from forge_core.learning.networks.transformer import TokenTransformer
from forge_core.learning.onnx import PARITY, export_onnx
from forge_core.learning.resumption import (
    generator_states,
    read_checkpoint,
    set_generator_states,
    write_checkpoint,
)
from forge_core.learning.runs import (
    CHECKPOINT,
    MODEL,
    Progress,
    claim_folder,
    describe_run,
    read_run,
    settings_from,
    write_curve,
)

CONFIG, STEPS, EVERY = BoardConfig(width=8, blocks=2), 40, 10


def learn(folder: Path, resume: bool = False, stop_at: int = STEPS, rate: float = 0.01) -> Progress:
    """Train as self-play would: noise from torch's generator, an evaluation every ten steps."""
    torch.manual_seed(0)
    net = BoardNet(BoardSpec(), CONFIG)
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate)
    progress, first = Progress(goal="loss"), 0
    record = describe_run(
        train={"rate": rate, "steps": STEPS},
        spec=net.spec,
        data={"kind": "random boards"},
        init_from=None,
        model_version="b1",
        device="cpu",
        precision="32",
    )
    record = claim_folder(folder, record, resume)
    if resume:
        state = read_checkpoint(
            folder / CHECKPOINT, ("step", "network", "optimizer", "progress", "generators")
        )
        net.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        progress.load_state_dict(state["progress"])
        set_generator_states(state["generators"])
        first = state["step"]
    for step in range(first, stop_at):
        inputs = net.random_inputs(32 + step)
        cell, difference = targets(inputs)
        policy, _, predicted = net(*map(torch.from_numpy, inputs))
        noise = 0.01 * torch.randn(len(cell))
        loss = F.cross_entropy(policy, cell) + F.mse_loss(predicted + noise, difference)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        progress.rows += len(cell)
        if (step + 1) % EVERY == 0:
            _, is_best = progress.add(step + 1, {"loss": float(loss.detach())})
            write_curve(folder, progress.points)
            if is_best:
                save_model(str(folder / MODEL), net, record)
            state = {"step": step + 1, "network": net.state_dict(), "optimizer": optimizer.state_dict()}
            state |= {"progress": progress.state_dict(), "generators": generator_states()}
            write_checkpoint(folder / CHECKPOINT, state)
    return progress


def curve(folder: Path) -> list[dict[str, str]]:
    with open(folder / "metrics.csv") as file:
        return [{k: v for k, v in row.items() if "seconds" not in k} for row in csv.DictReader(file)]


def weights(folder: Path) -> bytes:
    return (folder / MODEL / "model.safetensors").read_bytes()


def test_a_loop_of_another_kind_keeps_its_run_and_resumes_to_the_last_digit(tmp_path):
    whole = learn(tmp_path / "whole")
    assert [point["step"] for point in whole.points] == [10, 20, 30, 40]
    assert whole.best["loss"] < 0.5 * whole.points[0]["loss"]
    learn(tmp_path / "part", stop_at=27)  # seven steps after its checkpoint
    assert len(curve(tmp_path / "part")) == 2
    learn(tmp_path / "part", resume=True)
    assert curve(tmp_path / "part") == curve(tmp_path / "whole")
    assert weights(tmp_path / "part") == weights(tmp_path / "whole")
    assert read_run(tmp_path / "part")["data"] == {"kind": "random boards"}


def test_a_folder_has_one_run(tmp_path):
    learn(tmp_path, stop_at=10)
    with pytest.raises(BadInput, match="already contains a run"):
        learn(tmp_path)
    with pytest.raises(BadInput, match=r"differs in train \(rate\)"):
        learn(tmp_path, resume=True, rate=0.1)
    with pytest.raises(BadInput, match="no checkpoint"):
        learn(tmp_path / "other", resume=True)
    record = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(record | {"model_version": "x1"}))
    with pytest.raises(BadInput, match=r"started by training of version x1, but .* start a new run from its"):
        learn(tmp_path, resume=True)
    learn(tmp_path / "short", stop_at=9)  # stopped before its first checkpoint: it is begun again
    learn(tmp_path / "short", stop_at=10)


def test_a_setting_that_this_code_does_not_know_is_refused():
    assert settings_from(BoardConfig, {"width": 8, "blocks": 2}) == CONFIG
    with pytest.raises(BadInput, match="a setting depth that this code does not know: start a new run"):
        settings_from(BoardConfig, {"width": 8, "blocks": 2, "depth": 3})


def test_a_run_stops_before_its_time_is_over(monkeypatch):
    now = 1000.0
    monkeypatch.setattr("forge_core.learning.runs.time.monotonic", lambda: now)
    progress = Progress("loss", until=1025.0)
    now = 1010.0
    assert not progress.is_time_over()  # the next evaluation takes ten seconds again
    now = 1020.0
    assert progress.is_time_over()
    assert not Progress("loss").is_time_over()


def test_a_network_of_any_architecture_is_saved_loaded_and_exported(tmp_path):
    torch.manual_seed(1)
    net = BoardNet(BoardSpec(), CONFIG)
    save_model(str(tmp_path), net, {"note": "a toy"})
    for kind in (BoardNet, Network):
        again = load_model(str(tmp_path), kind=kind)
        assert (again.spec, again.config, again.card) == (BoardSpec(), CONFIG, {"note": "a toy"})
        inputs = list(map(torch.from_numpy, net.random_inputs(5)))
        for mine, theirs in zip(again.answers(*inputs), net.answers(*inputs), strict=True):
            torch.testing.assert_close(mine, theirs, rtol=0, atol=0)
    report = export_onnx(net, str(tmp_path))
    assert set(report.differences) == {"policy", "wdl", "difference"}
    assert report.largest_difference <= PARITY and report.same_choice == 1


def test_a_network_of_another_architecture_is_refused(tmp_path):
    save_model(str(tmp_path / "board"), BoardNet(BoardSpec(), CONFIG))
    with pytest.raises(BadInput, match="architecture toy-board, but architecture token-transformer"):
        load_model(str(tmp_path / "board"))
    save_model(str(tmp_path / "tokens"), TokenTransformer(SPEC, ModelConfig(16, 1, 2, 32)))
    with pytest.raises(BadInput, match="architecture token-transformer, but architecture toy-board"):
        load_model(str(tmp_path / "tokens"), kind=BoardNet)
    with pytest.raises(
        BadInput, match="play with this one: forge match network:model=models/texas42-one-hand-6k"
    ):
        load_model("models/texas42-one-hand-6k")
    card = tmp_path / "board" / "model.json"
    record = json.loads(card.read_text())
    for name in ("of tomorrow", ["toy-board"]):
        card.write_text(json.dumps({**record, "architecture": name}))
        with pytest.raises(BadInput, match="import the game that registers it"):
            load_model(str(tmp_path / "board"), kind=Network)
    card.write_text(json.dumps({**record, "config": {"width": 10**9, "blocks": 2}}))
    with pytest.raises(BadInput, match="has at least"):
        load_model(str(tmp_path / "board"), kind=Network)


def test_a_network_without_the_name_of_an_architecture_is_a_token_transformer(tmp_path):
    save_model(str(tmp_path), TokenTransformer(SPEC, ModelConfig(16, 1, 2, 32)))
    record = json.loads((tmp_path / "model.json").read_text())
    assert record.pop("architecture") == "token-transformer"
    (tmp_path / "model.json").write_text(json.dumps(record))
    assert isinstance(load_model(str(tmp_path)), TokenTransformer)


def test_an_architecture_is_registered_once():
    known = networks.find_architecture(ARCHITECTURE)
    paths = {"network": known.network_path, "spec": known.spec_path, "config": known.config_path}
    networks.register(ARCHITECTURE, **paths)
    with pytest.raises(ValueError, match="toy-board"):
        networks.register(ARCHITECTURE, **{**paths, "network": "elsewhere:Net"})
