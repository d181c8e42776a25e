"""From a network back to its parents, rows, shards, seeds and versions; and what is unknown."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from random_games import record_of

from forge_assets.cli.main import main as forge_pipeline
from forge_assets.in_process import materialize_here
from forge_assets.lineage import lineage_text, trace
from forge_assets.texas42 import versions
from forge_assets.texas42.universe import grow_universe
from forge_assets.tracking.registry import registered_name
from forge_assets.tracking.tracker import Tracker
from forge_assets.versions import PROJECT
from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.learning.checkpoints import load_model
from forge_core.ranges import numbers_of, ranges_text
from forge_core.texas42.eq.files import write_game
from forge_core.texas42.eq.oracles import digest_of
from forge_core.texas42.eq.splits import GAME_ROWS_VERSION
from forge_core.texas42.oracle.shards import ShardConfig, ShardKey, fill_shards
from forge_core.texas42.reference import REFERENCE
from forge_core.texas42.tokens.inferences import INFERENCES_VERSION
from forge_core.texas42.tokens.transcript import TRANSCRIPT_VERSION

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning", "ignore::DeprecationWarning"
    ),
]

TRAIN, VAL = [ShardKey(seed, 6) for seed in (6, 16, 26)], [ShardKey(926, 6), ShardKey(936, 3)]
TINY = {"layers": 1, "heads": 2, "width": 16, "threads": 1, "batch_size": 64, "steps": 24}
TINY["evaluate_every"] = 8
NAME = registered_name("qvalue")


class Taught:
    """A network and one fine-tuned from it, trained by Dagster; the first is the champion."""

    def __init__(self, root: Path) -> None:
        self.root, self.store = root, root / "store"
        self.tracker = Tracker(uri=f"sqlite:///{root}/mlflow.db")
        reports = fill_shards(
            Store(str(self.store)).join("shards-standard"), TRAIN + VAL, ShardConfig(rows=1000), "cpu"
        )
        assert not [report.error for report in reports if report.error]
        with dg.DagsterInstance.ephemeral() as instance:
            grow_universe(instance)
            for split in ("train", "val"):
                assert self._run(instance, "token_splits", split, {"rows": 300}).success
            self.run_id, self.parent = self._teach(instance)
            client = self.tracker.client()
            client.set_registered_model_alias(NAME, "champion", "1")
            _, self.child = self._teach(instance, init_from="champion", seed=1)

    def _run(self, instance, asset, partition, settings):
        resources = {"store": {"url": str(self.store)}, "compute": {"device": "cpu"}}
        if asset == "oracle_model":
            resources["tracker"] = {"uri": self.tracker.uri}
        return materialize_here(asset, instance, {"dagster/partition": partition}, settings, resources)

    def _teach(self, instance, **more) -> tuple[str, str]:
        settings = TINY | {"runs": str(self.root / "runs")} | more
        result = self._run(instance, "oracle_model", "qvalue", settings)
        (event,) = result.asset_materializations_for_node("oracle_model")
        return result.run_id, event.metadata["model"].value


@pytest.fixture(scope="module")
def taught(tmp_path_factory) -> Taught:
    """The two networks; never changed."""
    return Taught(tmp_path_factory.mktemp("taught"))


def weights_of(folder: str) -> str:
    return json.loads((Path(folder) / "model.json").read_text())["weights"]


def test_numbers_are_written_as_ranges_and_read_back():
    assert ranges_text([900, 1, 0, 2, 901, 7, 7]) == "0-2,7,900-901"
    assert numbers_of("0-2,7,900-901") == [0, 1, 2, 7, 900, 901] and numbers_of("") == []


def test_a_champion_leads_back_to_seeds_and_versions(taught):
    found = trace("champion", "qvalue", taught.tracker)
    (model,) = found.generations
    assert (model.name, model.weights) == (f"{NAME}/1", weights_of(taught.parent))
    assert (model.dagster_run, model.dagster_asset) == (taught.run_id, "oracle_model")
    assert model.mlflow_run and model.mlflow_run in model.mlflow_url
    assert (model.version, model.device, model.precision) == (versions.MODEL, "cpu", model.precision)
    assert model.made and model.made.endswith("+00:00") and not model.unknown
    assert model.results["rows"] <= 24 * 64 and model.packages["torch"]
    rows = model.rows
    assert rows.versions == {"tokens": "t1", "encoder": "e1"} and rows.on_disk == "the same"
    assert rows.settings["rows_per_shard"] == 300 and rows.rows == {"train": 900, "val": 600}
    train, *val = rows.sources
    assert (train.split, train.seeds, train.files, train.declaration) == (
        "train",
        "6,16,26",
        3,
        "each under seed % 10",
    )
    assert train.made == {"rows": 1000, "sample_seed": 0, "oracle": "o1", "shards": "s1"}
    assert train.presence.unchanged == 3 and not train.presence.gone
    assert [(source.seeds, source.declaration) for source in val] == [
        ("936", "under threes"),
        ("926", "each under seed % 10"),
    ]
    assert "trained from scratch" in found.end
    assert json.loads(json.dumps(found.to_dict()))["generations"][0]["name"] == f"{NAME}/1"


def test_a_fine_tuned_network_leads_through_its_parent(taught):
    found = trace(f"{NAME}/2", "qvalue", taught.tracker)
    child, parent = found.generations
    assert (child.name, parent.name) == (f"{NAME}/2", f"{NAME}/1")
    assert parent.weights == weights_of(taught.parent)
    text = lineage_text(found)
    for said in (
        f"trained from {NAME}/1",
        f"data version {child.rows.version}",
        "seeds 6,16,26",
        "oracle o1, shards s1",
        "tokens t1, encoder e1",
        f"version {versions.MODEL}",
        f"Dagster run {taught.run_id} of oracle_model",
        "all are still in the store, unchanged",
        "trained from scratch",
    ):
        assert said in text, said


def test_a_model_is_found_by_every_name_it_has(taught):
    by_folder = trace(taught.child, tracker=taught.tracker)
    (run_id,) = {by_folder.generations[0].mlflow_run}
    names = (f"{NAME}/2", run_id, str(Path(taught.child).parent), f"{taught.child}/model.json")
    for name in names:
        found = trace(name, tracker=taught.tracker).generations
        assert [(one.name, one.weights) for one in found] == [
            (one.name, one.weights) for one in by_folder.generations
        ], name


def test_a_copy_of_a_model_is_known_by_its_weights(taught, tmp_path):
    copy = shutil.copytree(taught.child, tmp_path / "copy")
    found = trace(str(copy), tracker=taught.tracker).generations
    assert [model.name for model in found] == [f"{NAME}/2", f"{NAME}/1"]
    record = json.loads((copy / "model.json").read_text())
    record["card"]["init_from"] = str(tmp_path / "gone")
    (copy / "model.json").write_text(json.dumps(record))
    assert [model.name for model in trace(str(copy), tracker=taught.tracker).generations] == [
        f"{NAME}/2",
        f"{NAME}/1",
    ], "its parent too"


def test_where_nothing_was_tracked_the_card_says_the_rest(taught, tmp_path):
    copy = shutil.copytree(taught.parent, tmp_path / "copy")
    nobody = Tracker(uri=f"sqlite:///{tmp_path}/none.db")
    (model,) = trace(str(copy), tracker=nobody).generations
    assert not (tmp_path / "none.db").exists(), "looking makes no database"
    assert model.version == "learning m1" and model.rows.sources[0].seeds == "6,16,26"
    assert model.unknown == ("not recorded: its run",)


def test_a_shard_that_is_gone_or_changed_is_said(taught, tmp_path):
    store = Path(shutil.copytree(taught.store, tmp_path / "store"))
    (store / "shards-standard/train" / TRAIN[1].filename).unlink()
    other = ShardConfig(rows=1200)
    list(fill_shards(Store(str(store)).join("shards-standard"), [VAL[0]], other, "cpu"))
    found = trace("champion", tracker=taught.tracker, store=str(store))
    text = lineage_text(found)
    assert f"2 of 3 are still in the store, unchanged; 1 gone: {TRAIN[1].filename}" in text
    assert f"1 remade with other settings, or damaged: {VAL[0].filename}" in text
    unlooked = trace("champion", tracker=taught.tracker, store=str(store), look=False)
    assert unlooked.generations[0].rows.sources[0].presence is None


def test_rows_that_have_grown_since_are_told_and_the_old_seeds_stay_known(taught, tmp_path):
    store = Path(shutil.copytree(taught.store, tmp_path / "store"))
    copy = shutil.copytree(taught.parent, tmp_path / "model")
    record = json.loads((copy / "model.json").read_text())
    record["card"]["data"]["store"] = str(store)
    manifest = store / "tokenized/train/manifest.json"
    (copy / "model.json").write_text(json.dumps(record))
    assert trace(str(copy), tracker=taught.tracker).generations[0].rows.on_disk == "the same"
    manifest.unlink()
    rows = trace(str(copy), tracker=taught.tracker).generations[0].rows
    assert rows.on_disk.startswith("gone") and rows.sources[0].seeds == "6,16,26"
    del record["card"]["data"]["origin"]
    (copy / "model.json").write_text(json.dumps(record))
    rows = trace(str(copy), tracker=taught.tracker).generations[0].rows
    assert not rows.sources and "does not name its shards" in rows.unknown[0]


def test_an_older_card_is_read_from_the_rows_while_they_lie_there(taught, tmp_path):
    copy = shutil.copytree(taught.parent, tmp_path / "model")
    record = json.loads((copy / "model.json").read_text())
    del record["card"]["data"]["origin"]
    (copy / "model.json").write_text(json.dumps(record))
    rows = trace(str(copy), tracker=taught.tracker).generations[0].rows
    assert rows.sources[0].seeds == "6,16,26" and not rows.unknown


def test_what_cannot_be_read_is_said_and_the_rest_is_told(taught, tmp_path):
    copy = shutil.copytree(taught.child, tmp_path / "model")
    record = json.loads((copy / "model.json").read_text())
    record["card"]["data"]["store"] = "nowhere://bucket"
    (copy / "model.json").write_text(json.dumps(record))
    child, parent = trace(str(copy), tracker=taught.tracker).generations
    assert child.rows.sources[0].presence is None and child.rows.sources[0].seeds == "6,16,26"
    assert any("nowhere" in sentence for sentence in child.rows.unknown) and parent.rows.on_disk == "the same"
    record["card"]["data"] = {"kind": "stored"}
    (copy / "model.json").write_text(json.dumps(record))
    child, _ = trace(str(copy), tracker=taught.tracker).generations
    assert child.rows is None and "the description of its rows in its card cannot be read" in child.unknown[0]
    (copy / "model.json").write_text("{}")
    with pytest.raises(BadInput, match="is not a model card"):
        trace(str(copy), tracker=taught.tracker)


def test_the_reference_networks_say_what_they_know(tmp_path):
    found = trace("models/texas42-qvalue-230k", tracker=Tracker(uri=f"sqlite:///{tmp_path}/none.db"))
    young, old = found.generations
    assert young.rows.kind == old.rows.kind == "live"
    assert young.rows.versions == {"live": "l1", "oracle": "o1", "encoder": "e1"}
    assert young.rows.settings["seed"] == 1 and "version of learning" in young.unknown[0]
    assert old.folder is None and "does not say which weights it started from" in found.end
    assert "stream(1, 'live', chunk, ...)" in lineage_text(found)


def test_a_network_of_games_leads_on_through_the_network_they_asked(taught, tmp_path, monkeypatch):
    store = tmp_path / "store"
    asked = load_model(str(PROJECT / REFERENCE))
    numbers = {"weights": digest_of(asked), "parameters": asked.n_parameters, "version": versions.EQ}
    for seed in (0, 1, 2, 925):
        game = record_of(seed)
        write_game(Store(str(store)).join("eq-games"), replace(game, settings=game.settings | numbers))
    resources = {"store": {"url": str(store)}, "compute": {"device": "cpu"}}
    with dg.DagsterInstance.ephemeral() as instance:
        grow_universe(instance)
        for split in ("train", "val"):
            tags = {"dagster/partition": split}
            assert materialize_here("eq_token_splits", instance, tags, {}, resources).success
        settings = TINY | {"batch_size": 32, "steps": 8, "runs": str(tmp_path / "runs")}
        resources["tracker"] = {"uri": taught.tracker.uri}
        assert materialize_here("eq_model", instance, None, settings, resources).success
    found = trace("challenger", "eq", taught.tracker)
    rows = found.generations[0].rows
    assert (rows.kind, rows.sources[0].seeds, rows.sources[0].files) == ("games", "0-2", 3)
    assert rows.versions == {
        "rows": GAME_ROWS_VERSION,
        "transcript": TRANSCRIPT_VERSION,
        "inferences": INFERENCES_VERSION,
    }
    assert rows.sources[0].made["version"] == versions.EQ and rows.sources[0].presence.unchanged == 3
    (network,) = rows.networks
    assert network.generations[0].name == REFERENCE and network.generations[0].rows.kind == "live"
    text = lineage_text(found)
    assert f"made with the network {REFERENCE}" in text and "3 games in eq-games: seeds 0-2" in text


# the command line


@pytest.fixture
def told(taught, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", taught.tracker.uri)

    def run(*arguments: str) -> tuple[int, str, str]:
        return forge_pipeline(["lineage", *arguments]), *capsys.readouterr()

    return run


def test_the_command_line_prints_the_chain(told):
    status, said, _ = told("champion")
    assert status == 0 and "seeds 6,16,26" in said and said.startswith("lineage of champion")
    status, said, _ = told("champion", "--json", "--no-look")
    assert status == 0 and json.loads(said)["generations"][0]["rows"]["sources"][0]["seeds"] == "6,16,26"


def test_what_is_no_model_is_said_in_a_line(told):
    for arguments in (
        ["nothing-of-the-kind"],
        [f"{NAME}/99"],
        ["0" * 32],
        ["champion", "--objective", "policy"],
        ["champion", "--objective", "taste"],
    ):
        status, said, error = told(*arguments)
        assert status == 2 and not said and error.count("\n") == 1, arguments
    with pytest.raises(BadInput, match="is not a model"):
        trace("elsewhere")


def test_a_folder_asked_for_again_is_found_whatever_its_card_says_of_origins(taught, tmp_path):
    """Whatever follows from the data version is not part of the fingerprint, so an older run is found and
    resumed."""
    from forge_assets.texas42.networks import plan
    from forge_core.learning.labelled.settings import TeachingSettings
    from forge_core.learning.labelled.teaching import choose_model, configure
    from forge_core.learning.runs import CHECKPOINT, ORIGIN, claim_folder
    from forge_core.texas42.sources import choose_source, parse_source

    source = choose_source(str(taught.store), False, 64, 0)
    data = dict(source.record)
    older = {name: said for name, said in data.items() if name != ORIGIN}
    settings = TeachingSettings(size="73k", steps=10, evaluate_every=5)
    training = configure(settings, choose_model(settings, "qvalue"), source.steps_of, "auto")
    planned = [plan(settings, "stem", training, parse_source(each), None) for each in (data, older)]
    assert planned[0] == planned[1]
    assert len(json.dumps(data[ORIGIN])) < 2_000

    run = tmp_path / "run"
    asked = {"train": training.to_dict(), "spec": {}, "init_from": None, "precision": "32"}
    claim_folder(run, {**asked, "data": older}, resume=False)
    (run / CHECKPOINT).write_bytes(b"")
    assert claim_folder(run, {**asked, "data": data, "parent_weights": None}, resume=True)["data"] == data
    with pytest.raises(BadInput, match=r"differs in data \(version\)"):
        claim_folder(run, {**asked, "data": data | {"version": "other"}}, resume=True)
