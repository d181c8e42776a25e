"""`forge doctor` on training runs: damaged and half-written files are named with what to do."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest
from toy_game import ToySource, toy_config, toy_rows

from forge_core.files import Store
from forge_core.learning.inspection import inspect_runs
from forge_core.learning.labelled.job import TrainingJob
from forge_core.learning.labelled.train import train
from forge_core.learning.runs import CHECKPOINT

CONFIG = toy_config(recipe={"steps": 20})
VAL = toy_rows(300, "val")


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A run of 20 steps with two evaluations; never changed."""
    folder = tmp_path_factory.mktemp("made") / "mine"
    train(TrainingJob(CONFIG, ToySource(), VAL, folder))
    return folder


@pytest.fixture
def run(finished, tmp_path) -> Path:
    """A copy of the run, in a folder of its own."""
    return Path(shutil.copytree(finished, tmp_path / "runs" / "mine"))


def test_a_sound_run_has_no_faults(run):
    (run.parent / "registered" / "x" / "model").mkdir(parents=True)
    for whole in (False, True):
        (found,) = inspect_runs(run.parent, whole)
        assert (found.name, found.evaluations, found.step, found.faults) == ("mine", 2, 20, ())
        assert found.can_resume and not found.is_held
    with Store(str(run)).held():
        assert inspect_runs(run.parent)[0].is_held
    assert inspect_runs(run / "nowhere") == []


def cut(path: Path, share: float = 0.5) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(bytes(data))


def flip_largest(path: Path) -> None:
    """Change a bit of the largest entry of an archive."""
    with zipfile.ZipFile(path) as archive:
        inner = archive.read(max(archive.infolist(), key=lambda entry: entry.file_size))
    data = path.read_bytes()
    path.write_bytes(data.replace(inner, bytes([inner[0] ^ 1]) + inner[1:]))


def without_key(path: Path) -> None:
    record = json.loads(path.read_text())
    del record["precision"]
    path.write_text(json.dumps(record))


def with_list(path: Path) -> None:
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"train": []}))


DAMAGES = {
    "config cut": ("config.json", cut, "it is damaged (", "restore it from a copy, or start a new run"),
    "config of a list": ("config.json", lambda path: path.write_text("[]"), "not a JSON object", "restore"),
    "config with a list of settings": ("config.json", with_list, "train is not a JSON object", "restore"),
    "config lacks a key": ("config.json", without_key, "it lacks precision", "restore it from a copy"),
    "no config": ("config.json", Path.unlink, "it is missing", "from its network (--init-from "),
    "curve cut": (
        "metrics.csv",
        lambda path: cut(path, 0.8),
        "it is damaged (",
        "resume the run, which writes",
    ),
    "curve of text": ("metrics.csv", lambda path: path.write_text("x"), "no column step", "resume the run"),
    "no curve": ("metrics.csv", Path.unlink, "it is missing", "resume the run, which writes it again"),
    "checkpoint cut": (CHECKPOINT, cut, "it is truncated or not an archive", "because it cannot be resumed"),
    "empty checkpoint": (CHECKPOINT, lambda path: cut(path, 0), "not an archive", "start a new run"),
    "no card": ("model/model.json", Path.unlink, "model.json is missing, so it is half written", "resume"),
    "card cut": ("model/model.json", cut, "it is damaged (", "resume the run, which writes it again"),
    "weights cut": ("model/model.safetensors", cut, "model.safetensors is truncated", "copy model again"),
    "empty weights": ("model/model.safetensors", lambda path: cut(path, 0), "it is damaged (", "resume"),
}
SEEN_BY_CHECKSUMS = {
    "a bit of the checkpoint": (CHECKPOINT, flip_largest, "the checksum of", "because it cannot be resumed"),
    "a bit of the weights": (
        "model/model.safetensors",
        flip,
        "does not match model.json",
        "copy model again",
    ),
}


@pytest.mark.parametrize("damage", [*DAMAGES, *SEEN_BY_CHECKSUMS])
def test_each_damage_is_named_with_what_to_do(run, damage):
    name, hurt, reason, remedy = (DAMAGES | SEEN_BY_CHECKSUMS)[damage]
    hurt(run / name)
    if damage in SEEN_BY_CHECKSUMS:
        assert not inspect_runs(run.parent)[0].faults
    (found,) = inspect_runs(run.parent, whole=damage in SEEN_BY_CHECKSUMS)
    (fault,) = found.faults
    assert str(run / name).startswith(fault.path)
    assert reason in fault.reason and remedy in fault.reason


def test_a_run_that_was_stopped_before_its_first_evaluation_is_sound(run):
    (run / "metrics.csv").unlink()
    shutil.rmtree(run / "model")
    (found,) = inspect_runs(run.parent, whole=True)
    assert found.can_resume and found.evaluations == 0 and not found.faults


def test_a_curve_is_written_again_by_resuming(finished, run):
    before = (run / "metrics.csv").read_bytes()
    (run / "metrics.csv").unlink()
    train(TrainingJob(CONFIG, ToySource(), VAL, run), resume=True)
    assert (run / "metrics.csv").read_bytes() == before
    assert not inspect_runs(run.parent, whole=True)[0].faults


def test_the_doctor_lists_runs_and_their_faults(forge, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "store").mkdir()
    asked = ("doctor", "--store", str(tmp_path / "store"))
    status, out, _ = forge(*asked)
    assert status == 0 and "mine" in out and "damaged" not in out
    shutil.copytree(run, run.parent / "other")
    cut(run.parent / "other" / CHECKPOINT)
    status, out, _ = forge(*asked)
    assert status == 1
    assert f"runs/other/{CHECKPOINT}: it is damaged (it is truncated or not an archive): start a new" in out
    status, out, _ = forge(*asked, "--json", "--runs", str(run.parent))
    found = json.loads(out)["runs"]
    assert status == 1 and [of["name"] for of in found["runs"]] == ["mine", "other"]
    assert list(found["faults"]) == [str(run.parent / "other" / CHECKPOINT)]
    assert found["runs"][0]["bytes"] == sum(path.stat().st_size for path in run.rglob("*") if path.is_file())
    assert forge(*asked, "--runs", str(tmp_path / "nowhere"))[0] == 2
