"""From tokens to an exported network: what the assets make, track and refuse."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict, replace
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
from rich.console import Console

from forge_assets.cli.main import main as forge_pipeline
from forge_assets.in_process import materialize_here
from forge_assets.quickstart import Quickstart
from forge_assets.texas42 import quickstart, versions
from forge_assets.texas42.oracle_model import LiveTeachingLaunchpad
from forge_assets.texas42.token_splits import TokenLaunchpad
from forge_assets.tracking.errors import TrackerUnusable
from forge_assets.tracking.registry import registered_name
from forge_assets.tracking.tracker import Tracker
from forge_assets.versions import PROJECT
from forge_core.files import Store
from forge_core.files.row_store import MANIFEST
from forge_core.learning.checkpoints import load_model
from forge_core.splits import Split
from forge_core.texas42.oracle.shards import ShardConfig, ShardKey, fill_shards
from forge_core.texas42.reference import REFERENCE
from forge_core.texas42.tokens import golden, splits
from forge_core.texas42.tokens.splits import TOKEN_ROWS, TokenConfig, TokenStore

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning", "ignore::DeprecationWarning"
    ),
]

TRAIN, VAL = [ShardKey(seed, 6) for seed in (6, 16, 26)], [ShardKey(926, 6), ShardKey(936, 3)]
FEW_GOLDEN = [ShardKey(900, 0), ShardKey(901, 6), ShardKey(902, 9)]
FEW_ROWS = {"rows": 300}
TINY = {"layers": 1, "heads": 2, "width": 16, "threads": 1, "batch_size": 64, "steps": 24}
TINY["evaluate_every"] = 8


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> Path:
    """A store with five solved deals; never changed."""
    root = tmp_path_factory.mktemp("shards")
    reports = fill_shards(Store(str(root / "shards-standard")), TRAIN + VAL, ShardConfig(rows=1000), "cpu")
    assert not [report.error for report in reports if report.error]
    return root


@pytest.fixture(scope="module")
def mlflow_uri(tmp_path_factory) -> str:
    """One MLflow database for the module, because creating its tables takes seconds."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


@pytest.fixture
def store(shards, tmp_path) -> Path:
    """A store for one test."""
    root = tmp_path / "store"
    for path in shards.rglob("*.parquet"):
        copy = root / path.relative_to(shards)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.hardlink_to(path)
    return root


@pytest.fixture
def materialize(instance, store, mlflow_uri, tmp_path, monkeypatch):
    """Materialize one partition of an asset in this process."""
    monkeypatch.setattr(golden, "golden_keys", lambda split=Split.VAL: FEW_GOLDEN)
    settings = {
        "token_splits": FEW_ROWS,
        "oracle_model": TINY | {"runs": str(tmp_path / "runs")},
        "oracle_model_evaluation": {"rows": 56},
    }

    def run(asset, partition, **more):
        resources = {"tracker": {"uri": mlflow_uri}}
        if asset != "oracle_model_onnx":
            resources |= {"store": {"url": str(store)}, "compute": {"device": "cpu"}}
        if asset == "token_splits":
            del resources["tracker"]
        tags = {"dagster/partition": partition}
        return materialize_here(asset, instance, tags, settings.get(asset, {}) | more, resources)

    return run


@pytest.fixture
def tokens(materialize):
    """Make the rows of train and val."""
    for split in ("train", "val"):
        assert materialize("token_splits", split).success


def metadata_of(result: dg.ExecuteInProcessResult, asset: str) -> dict:
    (event,) = result.asset_materializations_for_node(asset)
    return {name: entry.value for name, entry in event.metadata.items()}


def checks_of(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {check.check_name: check.passed for check in result.get_asset_check_evaluations()}


def reason_of(result: dg.ExecuteInProcessResult) -> str:
    failures = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    return failures[0].user_failure_data.description


def written(folder: Path) -> dict[Path, int]:
    """Return the time at which each file of rows and runs was written."""
    files = [*folder.glob("store/**/*.npy"), *folder.glob("runs/**/*.*")]
    return {path: path.stat().st_mtime_ns for path in files}


def rewrite(store: Path, split: Split, column: str, value: float) -> None:
    """Write `value` into a row of the first file of a split, and its hash into the manifest."""
    tokens = TokenStore(Store(str(store)), split)
    file = tokens.files[0]
    path = Path(tokens.folder.path(file.name))
    old = io.BytesIO(path.read_bytes())
    header, rows = np.load(old), np.load(old)
    rows[column][0] = value
    new = io.BytesIO()
    np.save(new, header)
    np.save(new, rows)
    path.write_bytes(new.getvalue())
    changed = replace(file, hash=hashlib.blake2b(new.getvalue(), digest_size=8).hexdigest())
    manifest = replace(tokens.manifest, files=(changed, *tokens.files[1:]))
    tokens.folder.write(MANIFEST, manifest.to_json())


# from one end to the other


def test_from_tokens_to_onnx_with_tags_both_ways(materialize, instance, mlflow_uri, tmp_path):
    tokens = {}
    for split, shards in (("train", TRAIN), ("val", VAL)):
        result = materialize("token_splits", split)
        assert result.success and checks_of(result) == {"seeds_of_the_split": True, "rows_read_back": True}
        tokens[split] = metadata_of(result, "token_splits")
        assert (tokens[split]["shards"], tokens[split]["rows"]) == (len(shards), 300 * len(shards))

    trained = materialize("oracle_model", "qvalue")
    assert trained.success, reason_of(trained)
    said = metadata_of(trained, "oracle_model")
    assert said["rows"] == 24 * 64 and said["trained_on"] == tokens["train"]["hash"]
    assert said["curve"].startswith("![](data:image/png;base64,")
    model = load_model(said["model"])
    assert model.config.width == 16 and model.card["data"]["version"] == tokens["train"]["hash"]

    client = Tracker(uri=mlflow_uri).client()
    run = client.get_run(said["mlflow_run_id"])
    assert run.info.status == "FINISHED" and run.info.run_id in said["mlflow_url"]
    assert run.data.tags["dagster.run_id"] == trained.run_id
    assert run.data.tags["dagster.asset"] == "oracle_model"
    assert run.data.tags["forge.data_version"] == tokens["train"]["hash"]
    assert run.data.tags["forge.code_version"] == versions.MODEL
    assert instance.get_run_by_id(trained.run_id).tags["mlflow_run_id"] == run.info.run_id
    assert run.data.params["model.width"] == "16" and run.data.params["data.kind"] == "stored"
    curve = client.get_metric_history(run.info.run_id, "val/decision_q_gap")
    gaps = client.get_metric_history(run.info.run_id, "val/train_val_gap")
    sampled = client.get_metric_history(run.info.run_id, "train/decision_q_gap")
    assert [point.value for point in curve] == pytest.approx(
        [sample.value + gap.value for sample, gap in zip(sampled, gaps, strict=True)]
    )
    assert [point.step for point in curve] == [8, 16, 24]
    assert run.data.metrics["val_best/decision_q_gap"] == min(point.value for point in curve)

    name = registered_name("qvalue")
    challenger = client.get_model_version_by_alias(name, "challenger")
    assert challenger.run_id == run.info.run_id
    registered = load_model(challenger.source)
    assert all((a == b).all() for a, b in zip(registered.parameters(), model.parameters(), strict=True))
    assert not list(Path(challenger.source).glob("*.pkl"))

    evaluated = materialize("oracle_model_evaluation", "qvalue")
    assert evaluated.success, reason_of(evaluated)  # its checks warn
    figures = metadata_of(evaluated, "oracle_model_evaluation")
    assert figures["mlflow_run_id"] == run.info.run_id and "against" not in figures
    assert figures["rows"] == "168" and "| sixes |" in figures["figures"]
    assert checks_of(evaluated)["q_gap"] is False
    measured = client.get_run(run.info.run_id).data.metrics
    assert measured["val_golden/decision_q_gap"] == pytest.approx(figures["decision_q_gap_points"], abs=1e-3)
    assert len(measured) <= 25, "few enough to find the curves"
    note = client.get_run(run.info.run_id).data.tags["mlflow.note.content"]
    assert all(word in note for word in ("random play", "the reference", "forge evaluate", evaluated.run_id))
    assert client.get_model_version(name, "1").description == note

    exported = materialize("oracle_model_onnx", "qvalue")
    assert exported.success, reason_of(exported)
    assert checks_of(exported) == {"parity": True}
    assert metadata_of(exported, "oracle_model_onnx")["largest_difference_points"] < 1e-3

    files = [artifact.path for artifact in client.list_artifacts(run.info.run_id)]
    assert {"model", "plots", "onnx", "config.json", "metrics.csv", "evaluation.json"} <= set(files)

    # once more: nothing is made that is there
    before = written(tmp_path)
    assert metadata_of(materialize("token_splits", "train"), "token_splits")["shards_added"] == 0
    again = metadata_of(materialize("oracle_model", "qvalue"), "oracle_model")
    assert again["mlflow_run_id"] == said["mlflow_run_id"] and again["model"] == said["model"]
    assert written(tmp_path) == before
    assert len(client.search_model_versions(f"name = '{name}'")) == 1

    # a champion stands beside the next one
    client.set_registered_model_alias(name, "champion", challenger.version)
    second = metadata_of(materialize("oracle_model", "qvalue", init_from="champion", seed=1), "oracle_model")
    assert second["mlflow_run_id"] != said["mlflow_run_id"] and second["parent_model"] == challenger.source
    assert client.get_model_version_by_alias(name, "challenger").version == 1, "training is no evaluation"
    beside = metadata_of(materialize("oracle_model_evaluation", "qvalue"), "oracle_model_evaluation")
    assert beside["against"] == challenger.source
    gaps = figures["decision_q_gap_points"], beside["decision_q_gap_points"]
    assert client.get_model_version_by_alias(name, "challenger").version == (1 if gaps[0] <= gaps[1] else 2)
    assert beside["other_decision_q_gap_points"] == pytest.approx(figures["decision_q_gap_points"])


def test_an_interrupted_run_goes_on_in_mlflow_too(materialize, tokens, mlflow_uri, tmp_path, monkeypatch):
    from forge_assets.tracking import training
    from forge_core.learning.runs import CHECKPOINT

    def pull_the_plug(self, point):
        if point["step"] == 16:  # of which MLflow has not heard
            raise OSError("the plug was pulled")
        real(self, point)

    real = training.FollowedTraining.point
    monkeypatch.setattr(training.FollowedTraining, "point", pull_the_plug)
    assert not materialize("oracle_model", "policy").success
    (folder,) = (tmp_path / "runs").iterdir()
    assert (folder / CHECKPOINT).exists() and not (folder / "result.json").exists()
    run_id = json.loads((folder / "tracking.json").read_text())["run_id"]
    client = Tracker(uri=mlflow_uri).client()
    assert client.get_run(run_id).info.status == "FAILED"
    monkeypatch.undo()
    monkeypatch.setattr(golden, "golden_keys", lambda split=Split.VAL: FEW_GOLDEN)
    resumed = materialize("oracle_model", "policy")
    assert resumed.success, reason_of(resumed)
    assert metadata_of(resumed, "oracle_model")["mlflow_run_id"] == run_id
    assert client.get_run(run_id).info.status == "FINISHED"
    steps = {point.step for point in client.get_metric_history(run_id, "loss")}
    assert steps == {8, 16, 24}


def test_the_quickstart_goes_on_to_learn(instance, store, mlflow_uri, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(golden, "golden_keys", lambda split=Split.VAL: FEW_GOLDEN)
    monkeypatch.setattr(quickstart, "ROWS", FEW_ROWS)
    monkeypatch.setattr(quickstart, "TEACHING", TINY | {"runs": str(tmp_path / "runs")})
    monkeypatch.setenv("FORGE_STORE", str(store))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_uri)
    quickstart.learn(Quickstart(Console(width=200), instance))
    said = capsys.readouterr().out
    assert "random play" in said and f"--init-from {REFERENCE}" in said
    compared = instance.get_latest_materialization_event(dg.AssetKey("oracle_model_evaluation"))
    figures = compared.asset_materialization.metadata
    assert figures["against"].value == str(PROJECT / REFERENCE)
    assert figures["other_decision_q_gap_points"].value < figures["decision_q_gap_points"].value


def test_the_reference_network_is_found_from_anywhere(materialize, tokens, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    size = {"layers": None, "heads": None, "width": None, "steps": 1, "evaluate_every": 1}
    result = materialize("oracle_model", "qvalue", init_from=REFERENCE, **size)
    assert result.success, reason_of(result)
    said = metadata_of(result, "oracle_model")
    assert said["parent_model"] == str(PROJECT / REFERENCE)
    assert said["parameters"] == f"{load_model(str(PROJECT / REFERENCE)).n_parameters:,}"
    refused = materialize("oracle_model", "qvalue", init_from=REFERENCE)
    assert "choose its size" in reason_of(refused)


# what is refused


def test_a_shard_of_another_split_fails_the_check(materialize, store, instance):
    shard = store / "shards-standard/train" / TRAIN[0].filename
    (store / "shards-standard/val" / shard.name).hardlink_to(shard)
    result = materialize("token_splits", "val")
    assert not result.success and checks_of(result) == {"seeds_of_the_split": False}
    assert "seed 6 belongs to train" in reason_of(result)
    assert not instance.fetch_materializations(dg.AssetKey("token_splits"), limit=1).records


def test_a_manifest_that_names_another_split_fails_the_check(materialize, tokens, store):
    folders = {split: TOKEN_ROWS.folder_of(Store(str(store)), Split(split)) for split in ("train", "val")}
    record = json.loads(folders["train"].read(MANIFEST))
    manifest = replace(splits.TOKEN_ROWS.read_manifest(folders["train"]), split=Split.VAL)
    folders["val"].write(MANIFEST, manifest.to_json())
    result = materialize("token_splits", "val")
    assert not result.success and checks_of(result) == {"seeds_of_the_split": False}
    assert record["files"][0]["name"] in reason_of(result)


@pytest.mark.parametrize(("column", "value"), [("weight", np.nan), ("value", 99)])
def test_rows_that_teach_nonsense_are_found_and_not_learnt(materialize, tokens, store, column, value):
    rewrite(store, Split.TRAIN, column, value)
    result = materialize("token_splits", "train")
    assert not result.success and checks_of(result)["rows_read_back"] is False
    assert "rows are wrong" in reason_of(result)
    refused = materialize("oracle_model", "qvalue")
    assert not refused.success and "rows are wrong" in reason_of(refused)


def test_what_is_missing_is_said(materialize, tokens):
    assert "materialize it first" in reason_of(materialize("oracle_model_onnx", "policy"))
    assert "no champion yet" in reason_of(materialize("oracle_model", "policy", init_from="champion"))
    for heads, reason in (
        (None, "layers, heads and width must be given together"),
        (0, "all sizes must be positive"),
    ):
        assert reason in reason_of(materialize("oracle_model", "policy", heads=heads))


def test_mlflow_that_cannot_be_used_is_said_before_training(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(TrackerUnusable, match="MLFLOW_TRACKING_URI"):
        Tracker(uri=f"sqlite:///{blocked}/mlflow.db").begin("x", "x", {})


# the command line


def test_the_command_line_trains_and_keeps_track(shards, mlflow_uri, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_uri)
    store = Store(str(tmp_path / "tokens"))
    for split in (Split.TRAIN, Split.VAL):
        TOKEN_ROWS.update(Store(str(shards)), store, split, TokenConfig(rows_per_shard=300))
    options = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]
    asked = ["train", "--data", store.url, "--runs", str(tmp_path), "--name", "mine", "--json", *options]
    assert forge_pipeline(asked) == 0
    assert json.loads(capsys.readouterr().out)["best"]["step"] in (8, 16, 24)
    run_id = json.loads((tmp_path / "mine/tracking.json").read_text())["run_id"]
    run = Tracker().client().get_run(run_id)
    assert run.info.run_name == "mine" and "dagster.run_id" not in run.data.tags
    assert forge_pipeline(asked) == 2
    assert "forge-pipeline: " in (said := capsys.readouterr().err) and "already contains a run" in said
    assert Tracker().client().get_run(run_id).info.status == "FINISHED"


def test_settings_are_the_options_of_the_verbs():
    assert asdict(TokenConfig.of(TokenLaunchpad().settings())) == asdict(TokenConfig())
    settings = LiveTeachingLaunchpad(steps=3).settings()
    assert (settings.batch_size, settings.steps) == (1024, 3)
