"""Training on two devices, here two processes on the CPU: `forge train --devices 2`."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from forge_core.cli.main import main
from forge_core.errors import BadInput, DeviceUnavailable
from forge_core.files import Store
from forge_core.learning.checkpoints import load_model
from forge_core.learning.labelled.config import TrainConfig
from forge_core.learning.labelled.job import TrainingJob
from forge_core.learning.labelled.rows import concatenate
from forge_core.learning.labelled.stored import StoredSource
from forge_core.learning.labelled.train import train
from forge_core.learning.ranks import check_devices, rank_of, together
from forge_core.splits import Split
from forge_core.texas42.tokens.splits import TokenStore

pytestmark = pytest.mark.slow

SIZE = ("--layers", "1", "--heads", "2", "--width", "16", "--precision", "32", "--threads", "1")
PACE = ("--batch-size", "32", "--steps", "12", "--evaluate-every", "4")
TIMES = ("seconds", "cpu_seconds")


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> str:
    """Rows of three deals; never changed."""
    root = str(tmp_path_factory.mktemp("store"))
    assert main(["shards", "--seeds", "1-2,920", "--rows", "280", "--device", "cpu", "--out", root]) == 0
    assert main(["tokenize", "--input", root, "--out", root, "--rows", "200", "--split", "all"]) == 0
    return root


def forge(*arguments: str) -> dict:
    """Run `forge train` in a process of its own, which starts the second one; return its JSON."""
    command = [str(Path(sys.executable).with_name("forge")), "train", *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # the second process prints nothing


def curve(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open() as file:
        return [{k: v for k, v in row.items() if k not in TIMES} for row in csv.DictReader(file)]


class BothHalves(StoredSource):
    """Batches that consist of those which the two processes get in the same step."""

    def batch(self, k):
        return concatenate([super().batch(2 * k), super().batch(2 * k + 1)])


class FirstHalves(StoredSource):
    """The batches of the first process alone."""

    def batch(self, k):
        return super().batch(2 * k)


def weights_of(model: str) -> torch.Tensor:
    return torch.cat([tensor.flatten() for tensor in load_model(model).state_dict().values()])


def test_two_processes_train_one_network_and_resume_it(store, tmp_path):
    asked = ("--data", store, "--device", "cpu", "--devices", "2", "--runs", str(tmp_path), *SIZE, *PACE)
    found = forge(*asked, "--name", "two")
    folder = tmp_path / "two"
    assert found["device"] == "2 x cpu" and found["best"]["rows"] in (256, 512, 768)
    assert [row["rows"] for row in curve(folder)] == ["256", "512", "768"], "4 steps of twice 32 rows"
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    model = {"model/model.json", "model/model.safetensors"}
    assert files == {"config.json", "metrics.csv", "checkpoints/last.ckpt", *model}

    record = json.loads((folder / "config.json").read_text())
    config = TrainConfig.from_dict({**record["train"], "devices": 1})
    rows, val_rows = (TokenStore(Store(store), split) for split in (Split.TRAIN, Split.VAL))
    alone, half = (
        train(TrainingJob(config, source(rows, 32), val_rows.rows(), tmp_path / source.__name__))
        for source in (BothHalves, FirstHalves)
    )
    ours = weights_of(found["model"])
    assert (ours - weights_of(alone.model)).abs().max() < 5e-4, "Adam turns rounding into small differences"
    assert (ours - weights_of(half.model)).abs().max() > 5e-3, "the second process has its share"
    for mine, its in zip(curve(folder), curve(tmp_path / "BothHalves"), strict=True):
        assert float(mine["loss"]) == pytest.approx(float(its["loss"]), abs=1e-4)

    part = forge(*asked, "--name", "parts", "--minutes", "0")
    assert part["unfinished"] and len(curve(tmp_path / "parts")) == 1
    again = forge("--resume", "--name", "parts", "--runs", str(tmp_path), "--threads", "1")
    assert not again["unfinished"]
    assert curve(tmp_path / "parts") == curve(folder)
    weights = [(tmp_path / name / "model/model.safetensors").read_bytes() for name in ("two", "parts")]
    assert weights[0] == weights[1]


def test_devices_that_are_not_there_are_refused(monkeypatch):
    check_devices("cpu", 1)
    check_devices("cuda:5", 1)  # other code resolves a single device
    with pytest.raises(BadInput, match="use at least 1"):
        check_devices("cpu", 0)
    with pytest.raises(BadInput, match="device cuda:1 names one device, but devices is 2"):
        check_devices("cuda:1", 2)
    monkeypatch.setattr("forge_core.device.core_count", lambda: 2)
    check_devices("cpu", 2)
    with pytest.raises(DeviceUnavailable, match="devices 3: this machine has 2 cores"):
        check_devices("cpu", 3)


def test_the_first_process_reports_that_another_one_has_ended(monkeypatch):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    lost = RuntimeError(
        "[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer"
    )
    with pytest.raises(BadInput, match="one of the 2 processes that train together has ended"), together(2):
        os.environ["LOCAL_RANK"] = "0"  # as Lightning does
        raise lost
    assert "LOCAL_RANK" not in os.environ
    with pytest.raises(RuntimeError, match="closed by peer"), together(1):
        raise lost
    with pytest.raises(RuntimeError, match="a mistake"), together(2):
        raise RuntimeError("a mistake")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert (rank_of(2), rank_of(1)) == (1, 0)
    with pytest.raises(SystemExit), together(2):
        raise lost
