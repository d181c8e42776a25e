"""`forge tokenize`, `train`, `evaluate` and `export`: answers, resumption and refusals."""

from __future__ import annotations

import csv
import json
import re
import time
from pathlib import Path

import pytest
import torch

from forge_core.files import Store
from forge_core.learning.checkpoints import load_model, save_model
from forge_core.learning.labelled.stored import StoredSource
from forge_core.learning.networks.sizes import ModelConfig
from forge_core.learning.networks.transformer import TokenTransformer
from forge_core.splits import Split
from forge_core.texas42.oracle.shards import ShardConfig, ShardKey, fill_shards
from forge_core.texas42.tokens import golden, live
from forge_core.texas42.tokens.rows import STAGE1_SPEC
from forge_core.texas42.tokens.splits import TOKEN_ROWS, TokenConfig

pytestmark = pytest.mark.slow

TRAIN, VAL = [ShardKey(6, 6), ShardKey(13, 3)], [ShardKey(926, 6)]
GOLDEN = [ShardKey(900, 0), ShardKey(901, 6)]
SIZE = ("--layers", "1", "--heads", "2", "--width", "16")
TINY = (*SIZE, "--batch-size", "64", "--steps", "24", "--evaluate-every", "8", "--threads", "1")
TIMES = ("seconds", "cpu_seconds")


@pytest.fixture
def answer(forge):
    """Run a command line with --json and return its answer."""

    def run(*arguments: str) -> dict:
        status, out, err = forge(*arguments, "--json")
        assert status == 0, err
        return json.loads(out)

    return run


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """Rows of three deals and two golden shards; never changed."""
    root = tmp_path_factory.mktemp("store")
    made = [
        *fill_shards(Store(str(root / "shards-standard")), TRAIN + VAL, ShardConfig(rows=1000), "cpu"),
        *fill_shards(Store(str(root / "shards-golden")), GOLDEN, ShardConfig(), "cpu"),
    ]
    assert not [report.error for report in made if report.error]
    for split in (Split.TRAIN, Split.VAL):
        TOKEN_ROWS.update(Store(str(root)), Store(str(root)), split, TokenConfig(rows_per_shard=300))
    return root


@pytest.fixture(scope="module")
def network(tmp_path_factory) -> str:
    """A folder with an untrained network."""
    folder = str(tmp_path_factory.mktemp("models") / "untaught")
    torch.manual_seed(0)
    model = TokenTransformer(STAGE1_SPEC, ModelConfig(width=16, layers=1, heads=2, hidden=32))
    torch.nn.init.normal_(model.head.weight)
    save_model(folder, model, {"results": {}})
    return folder


@pytest.fixture
def few_deals(monkeypatch):
    """Benchmarks of two deals, and live rows in small chunks."""
    monkeypatch.setattr(golden, "golden_keys", lambda split=Split.VAL: GOLDEN)
    monkeypatch.setattr(golden, "watched_keys", lambda: VAL)
    monkeypatch.setattr(live, "CHUNK_ROWS", 256)


def curve(run: Path) -> list[dict[str, str]]:
    with open(run / "metrics.csv") as file:
        return [{k: v for k, v in row.items() if k not in TIMES} for row in csv.DictReader(file)]


# --- tokenize ---------------------------------------------------------------------------------


def test_of_all_splits_those_are_made_that_have_shards(store, answer, forge, tmp_path):
    asked = ("tokenize", "--input", str(store), "--rows", "300", "--split")
    for extra in (("--dry-run",), ()):
        made = answer(*asked, "all", "--out", str(tmp_path), *extra)
        assert [of["split"] for of in made["splits"]] == ["train", "val"]
        assert list(made["empty"]) == ["test"] and "has no shards" in made["empty"]["test"]
    status, out, err = forge(*asked, "all", "--out", str(tmp_path))
    assert status == 0 and len(out.splitlines()) == 2
    assert err.startswith("forge: test is empty: ") and err.count("\n") == 1


def test_shards_held_out_for_the_benchmark_are_said_to_be(forge, tmp_path):
    place = Store(str(tmp_path)).join("shards-standard")
    assert all(report.made for report in fill_shards(place, GOLDEN[:1], ShardConfig(rows=280), "cpu"))
    status, out, err = forge("tokenize", "--input", str(tmp_path), "--out", str(tmp_path), "--split", "val")
    assert (status, out) == (2, "")
    assert "have seeds 900-919, held out for the benchmark" in err and "forge shards --seeds 920-949" in err


# --- train ------------------------------------------------------------------------------------


def test_a_fast_dev_run_on_live_rows_keeps_nothing(few_deals, answer, tmp_path):
    found = answer("train", "--live", "--fast-dev-run", "--runs", str(tmp_path / "runs"), *TINY)
    assert found["best"]["step"] == 1 and found["best"]["rows"] == 64
    assert "train_val_gap" not in found["best"], "live rows are new at each step"
    assert (found["folder"], found["model"], found["stopped_early"]) == ("", "", False)
    assert not list(tmp_path.iterdir())


def test_a_stopped_run_says_how_to_go_on_and_ends_as_if_it_had_not_been(
    store, forge, answer, tmp_path, monkeypatch
):
    asked = ("train", "--data", str(store), "--runs", str(tmp_path), *TINY)
    whole = answer(*asked, "--name", "whole")
    assert Path(whole["model"]) == tmp_path / "whole/model"
    assert load_model(whole["model"]).config == ModelConfig(width=16, layers=1, heads=2, hidden=32)
    assert [row["step"] for row in curve(tmp_path / "whole")] == ["8", "16", "24"]
    best = whole["best"]
    assert best["train_val_gap"] == best["decision_q_gap"] - best["train_decision_q_gap"] != 0

    def interrupted(self, k):
        if k == 19:
            raise KeyboardInterrupt
        return batch(self, k)

    batch = StoredSource.batch
    monkeypatch.setattr(StoredSource, "batch", interrupted)
    status, out, err = forge(*asked, "--name", "broken")
    assert (status, out) == (130, "")
    assert err.splitlines()[-1].endswith(
        f"continue with forge train --resume --name broken --runs {tmp_path}"
    )
    assert len(curve(tmp_path / "broken")) == 2
    monkeypatch.undo()

    monkeypatch.setattr(StoredSource, "batch", lambda self, k: interrupted(self, k + 19))
    status, out, err = forge(*asked, "--name", "hasty")
    assert (status, out) == (130, "") and "continue" not in err
    assert err.splitlines()[-1].endswith(
        "no step is kept, since a run is first saved at its first evaluation, after step 8 of 24: "
        "start again, and evaluate more often with a smaller --evaluate-every"
    )
    assert "random play loses" in err.splitlines()[0], "no line is broken where there is no terminal"
    monkeypatch.undo()
    answer(*asked, "--name", "hasty", "--steps", "1")

    status, out, err = forge(*asked, "--name", "short", "--minutes", "0", "--json")
    assert (status, json.loads(out)["unfinished"], len(curve(tmp_path / "short"))) == (0, True, 1)
    assert err.splitlines()[-1].endswith(f"continue with forge train --resume --name short --runs {tmp_path}")

    resumed = answer("train", "--resume", "--name", "broken", "--runs", str(tmp_path), "--threads", "1")
    assert {**resumed["best"], **dict.fromkeys(TIMES)} == {**whole["best"], **dict.fromkeys(TIMES)}
    assert curve(tmp_path / "broken") == curve(tmp_path / "whole")
    weights = [(tmp_path / name / "model/model.safetensors").read_bytes() for name in ("whole", "broken")]
    assert weights[0] == weights[1]


def test_a_run_starts_from_a_network_and_takes_its_size(few_deals, network, forge, tmp_path):
    live_run = ("train", "--live", "--workers", "0", "--batch-size", "64", "--steps", "1", "--lr", "1e-9")
    status, out, err = forge(*live_run, "--init-from", network, "--runs", str(tmp_path), "--threads", "1")
    assert status == 0, err
    (folder,) = tmp_path.iterdir()
    assert re.fullmatch("texas42-qvalue-w16-live-[0-9a-f]{8}", folder.name)
    assert "points lost per decision" in out and f"forge evaluate {folder}/model" in out.replace("\n", "")
    started, tuned = (load_model(path).state_dict() for path in (network, str(folder / "model")))
    for name in started:
        torch.testing.assert_close(tuned[name], started[name], atol=1e-6, rtol=1e-6)


def test_runs_of_other_settings_have_other_names(few_deals, forge, tmp_path):
    tiny = ("train", "--live", "--workers", "0", "--batch-size", "64", "--steps", "1", "--threads", "1")
    sizes = ("--layers", "1", "--heads", "1", "--width", "8", "--runs", str(tmp_path))
    for n, more in enumerate([(), ("--seed", "1"), ("--lr", "1e-3")], 1):
        status, _, err = forge(*tiny, *sizes, *more)
        assert status == 0, err
        assert len(list(tmp_path.iterdir())) == n
    status, _, err = forge(*tiny, *sizes)
    assert status == 2 and "already contains a run" in err


def test_training_that_diverges_says_what_to_change(few_deals, forge, tmp_path):
    tiny = ("--workers", "0", "--batch-size", "64", "--steps", "1", "--runs", str(tmp_path))
    status, out, err = forge("train", "--live", *tiny, "--lr", "1e30")
    assert (status, out) == (2, "")
    assert "training diverged by step 1" in err and "use a lower lr" in err


# --- evaluate and export ----------------------------------------------------------------------


def test_golden_rows_are_the_same_read_from_a_store_or_solved(store):
    read, solved = (
        list(golden.golden_rows(GOLDEN, place, rows_per_deal=500))
        for place in (Store(str(store)).join("shards-golden"), None)
    )
    for one, other in zip(read, solved, strict=True):
        assert all((a == b).all() for a, b in zip(one.columns(), other.columns(), strict=True))


def test_who_stops_waits_for_few_deals(store, monkeypatch):
    (shard,) = golden._shards(Store(str(store)).join("shards-golden"), GOLDEN[:1])
    asked = []

    def slow(place, key):
        asked.append(key)
        time.sleep(0.02)
        return shard

    monkeypatch.setattr(golden, "_shard", slow)
    rows = golden.golden_rows([ShardKey(seed, 0) for seed in range(500)], rows_per_deal=28)
    next(rows)
    time.sleep(0.2)
    rows.close()
    assert len(asked) <= golden._AHEAD + 1


def test_a_network_is_held_to_the_benchmark(few_deals, store, network, answer, forge, tmp_path):
    asked = ("evaluate", network, "--rows", "280")
    read, solved = answer(*asked, "--data", str(store)), answer(*asked)
    assert read == solved
    assert read["benchmark"]["rows_per_deal"] == 280 and read["decisions"]["rows"] == 2 * 280
    (half := tmp_path / "half/shards-golden/val").mkdir(parents=True)
    name = GOLDEN[0].filename
    (half / name).write_bytes((store / "shards-golden/val" / name).read_bytes())
    status, out, err = forge(*asked, "--data", str(tmp_path / "half"), "--json")
    assert (status, json.loads(out)) == (0, read)
    assert err == f"1 of 2 deals are not in {half.parent}; they are being solved\n"
    assert set(read["decisions"]["per_decl"]) == {"0", "6"} and len(read["decisions"]["per_ply"]) == 28
    assert read["random"]["decisions"]["decision_q_gap"] > 0

    status, out, err = forge(*asked, "--against", network, "--plots", str(tmp_path))
    assert (status, err) == (0, "")
    assert ": +0.000 (standard error" in out and "sixes" in out and "random" in out
    assert (tmp_path / "gaps.png").stat().st_size > 10_000
    (tmp_path / "taken/gaps.png").mkdir(parents=True)
    status, out, err = forge(*asked, "--plots", str(tmp_path / "taken"), "--json")
    assert (status, json.loads(out)) == (2, read) and "cannot write" in err


def test_the_final_evaluation_says_that_it_is_final(few_deals, store, network, forge):
    asked = ("evaluate", network, "--rows", "28", "--data", str(store), "--json")
    status, out, err = forge(*asked, "--final")
    assert status == 0
    assert "do not change anything" in " ".join(err.split())
    assert json.loads(out)["benchmark"]["split"] == "test"
    assert forge(*asked)[2] == ""


def test_a_network_becomes_an_onnx_file(network, answer, tmp_path):
    found = answer("export", network, "--out", str(tmp_path))
    assert Path(found["path"]) == tmp_path / "model.onnx"
    assert found["nbytes"] == (tmp_path / "model.onnx").stat().st_size
    assert max(found["action_difference"], found["value_difference"]) < 1e-3
    assert found["same_choice"] > 0.99


def test_a_place_that_takes_nothing_is_told_before_the_work(network, forge, monkeypatch):
    monkeypatch.setattr("forge_core.learning.onnx.export_onnx", lambda *_: pytest.fail("exported"))
    monkeypatch.setattr("forge_core.texas42.cli.evaluate.ask_all", lambda *_: pytest.fail("evaluated"))
    for line in (("export", network, "--out"), ("evaluate", network, "--plots")):
        status, out, err = forge(*line, f"{network}/model.json")
        assert (status, out, err.count("\n")) == (2, "", 1) and "a file is in the place of a folder" in err


# --- bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("tokenize --input {empty} --out {empty}", "has no shards in shards-standard/train"),
        ("tokenize --input {empty} --out {empty} --split all", "has no shards in shards-standard/train"),
        ("tokenize --input {store} --out {empty} --split test", "has no shards in shards-standard/test"),
        ("tokenize --input {store} --out memory://x", "gone when this command ends"),
        ("tokenize --input {store} --out {empty} --split some", "split 'some'"),
        ("tokenize --input {store} --out {empty} --source some", "source 'some'"),
        ("tokenize --input {store} --out {empty} --rows 0", "0 rows"),
        ("tokenize --input {store} --out {empty} --decision-share 2", "decision_share"),
        ("train", "pass either --data DIR or --live"),
        ("train --live --data {store}", "pass either --data DIR or --live"),
        ("train --data {empty}", "make it with forge tokenize"),
        ("train --data {store} --batch-size 100000", "100,000"),
        ("train --live --size 12k", "size '12k'"),
        ("train --live --layers 2", "layers, heads and width must be given together"),
        ("train --live --size 73k --width 16", "layers, heads and width must be given together"),
        ("train --live --layers 1 --heads 3 --width 16", "heads must divide width"),
        ("train --live --objective fame", "objective 'fame'"),
        ("train --live --epochs 2", "epochs count passes over stored rows"),
        ("train --live --epochs 0", "epochs 0: use at least 1"),
        ("train --live --steps 0", "must be positive"),
        ("train --live --lr -1", "lr -1.0: use a number above 0"),
        ("train --live --batch-size 0", "batch_size 0"),
        ("train --live --evaluate-every 0", "at least 1"),
        ("train --live --precision 8", "precision '8'"),
        ("train --live --precision 16-mixed --device cpu", "needs CUDA"),
        ("train --live --layers 0 --heads 1 --width 8", "must be positive"),
        ("train --live --layers 0 --heads 0 --width 0", "must be positive"),
        ("train --live --workers -1", "-1 workers"),
        ("train --live --threads 0", "threads 0"),
        ("train --data {store} --workers 2", "--workers needs --live and has no effect on stored rows"),
        ("train --data {empty} --share {empty}", "--share needs --live and has no effect on stored rows"),
        ("train --data {empty} --rows-per-deal 8", "--rows-per-deal needs --live"),
        ("train --data {store} --name ../x --runs {empty}", "'../x' is not a valid name in a store"),
        ("train --data {store} --name {empty}/x", "is not a valid name in a store"),
        ("train --resume --name ../x --runs {empty}", "'../x' is not a valid name in a store"),
        ("train --live --device cuda:99", "'cuda:99'"),
        ("train --resume", "add --name"),
        ("train --resume --name nothing --runs {empty}", "contains no run"),
        ("train --resume --name nothing --lr 1", "leave out --lr"),
        ("train --live --init-from {empty}", "contains no model"),
        ("train --live --init-from {network} --size 73k {tiny}", "choose its size"),
        ("train --live --init-from {network} --objective policy {tiny}", "policy"),
        ("train --live --init-from {newer} {tiny}", "version e999"),
        ("evaluate", "MODEL"),
        ("evaluate {empty}", "contains no model"),
        ("evaluate {network} --rows 0", "0 rows"),
        ("evaluate {network} --data {empty}", "holds no deals of the val benchmark"),
        ("evaluate {network} --data {network}/model.json", "omit --data to solve them on the fly"),
        ("evaluate {network} --against {empty}", "contains no model"),
        ("evaluate {newer}", "version e999"),
        ("evaluate {damaged}", "copy the folder again"),
        (
            "evaluate {bare}",
            "bare/model.json is not a valid model card (it lacks spec): copy the folder again",
        ),
        ("evaluate {odd}", "not a valid model card (it is not a JSON object)"),
        ("export {empty}", "contains no model"),
        ("export {network} --out memory://x", "gone when this command ends"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    few_deals, store, network, forge, tmp_path, monkeypatch, line, complaint
):
    places = {name: tmp_path / name for name in ("empty", "newer", "damaged", "bare", "odd")}
    places["empty"].mkdir()
    card, weights = ((Path(network) / name) for name in ("model.json", "model.safetensors"))
    for name, text in (
        ("newer", card.read_text().replace(f'"version": "{STAGE1_SPEC.version}"', '"version": "e999"')),
        ("damaged", card.read_text().replace('"weights": "', '"weights": "0')),
        ("bare", '{"schema_version": 1}'),
        ("odd", "[]"),
    ):
        places[name].mkdir()
        (places[name] / "model.json").write_text(text)
        (places[name] / "model.safetensors").write_bytes(weights.read_bytes())
    monkeypatch.chdir(places["empty"])
    tiny = "--workers 0 --batch-size 64 --steps 1"
    status, out, err = forge(*line.format(store=store, network=network, tiny=tiny, **places).split())
    assert (status, out) == (2, "")
    said = [part for part in err.splitlines() if part.startswith("forge: ")]
    assert err.splitlines()[-1:] == said
    assert complaint in said[0]
    assert not list(places["empty"].iterdir())


def test_a_folder_that_cannot_be_shared_is_refused_before_deals_are_solved(forge, tmp_path, monkeypatch):
    monkeypatch.setattr(golden, "golden_rows", lambda *_, **__: pytest.fail("deals were solved"))
    (tmp_path / "file").write_text("")
    tiny = ("--workers", "0", "--batch-size", "64", "--steps", "1", "--runs", str(tmp_path / "runs"))
    for folder, complaint in (("file", "file/.forge-writable"), ("file/rows", "file/rows/.forge-writable")):
        status, out, err = forge("train", "--live", *tiny, "--share", str(tmp_path / folder))
        assert (status, out) == (2, "")
        assert err.splitlines()[-1].startswith("forge: cannot write") and complaint in err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
