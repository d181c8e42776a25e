"""Stored rows: sampling, splits, additions, reading and refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest

from forge_core.errors import BadInput, FileCorrupt, FileForeign
from forge_core.files import Store
from forge_core.files.row_store import MANIFEST
from forge_core.learning.labelled.data import batches
from forge_core.learning.labelled.metrics import is_decision
from forge_core.learning.labelled.stored import StoredSource
from forge_core.splits import Split, split_of
from forge_core.texas42.benchmark import BENCHMARK_SEEDS
from forge_core.texas42.oracle.shards import ShardConfig, ShardKey, fill_shards, read_shard
from forge_core.texas42.state import ILLEGAL, to_mover_frame
from forge_core.texas42.tokens.encoder import encode
from forge_core.texas42.tokens.rows import LabelledStates, label, rows_of, thin
from forge_core.texas42.tokens.splits import TOKEN_ROWS, TokenConfig, TokenStore

pytestmark = pytest.mark.slow

CONFIG = TokenConfig(source="both", rows_per_shard=300)
TRAIN = [ShardKey(0, 0), ShardKey(1, 1), ShardKey(2, 8), ShardKey(1003, 9)]
VAL = [ShardKey(905, 2), ShardKey(930, 7)]
OPPONENTS = [ShardKey(4, 4, 0), ShardKey(4, 4, 1)]


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> Store:
    """A store of a few small shards, which tests do not change."""
    store = Store(str(tmp_path_factory.mktemp("shards")))
    fill(store, "standard", [*TRAIN, *VAL])
    fill(store, "marginalized", OPPONENTS)
    return store


def fill(store: Store, kind: str, keys: list[ShardKey]) -> None:
    reports = list(fill_shards(store.join(f"shards-{kind}"), keys, ShardConfig(rows=1500), "cpu", workers=1))
    assert all(report.error is None for report in reports)


@pytest.fixture
def out(tmp_path) -> Store:
    return Store(str(tmp_path / "out"))


@pytest.fixture
def own_shards(shards, tmp_path) -> Store:
    """A copy that a test may change."""
    copy = Store(str(tmp_path / "shards"))
    for folder in ("shards-standard/train", "shards-standard/val", "shards-marginalized/train"):
        for name in shards.join(folder).names():
            copy.join(folder).write(name, shards.join(folder).read(name))
    return copy


def test_rows_are_the_rows_of_a_query(shards, out):
    """A stored row equals the encoding of the same state in the shard's own hands."""
    TOKEN_ROWS.update(shards, out, Split.TRAIN, CONFIG)
    store = TokenStore(out, Split.TRAIN)
    rows = store.rows()
    assert len(rows) == len(store) == 300 * 6
    for number, file in enumerate(store.files):
        kind = "standard" if file.key.opponent is None else "marginalized"
        shard = read_shard(shards.join(f"shards-{kind}"), file.key)
        states = store.read(number).state
        place = np.searchsorted(shard.state, states)
        assert (shard.state[place] == states).all()
        asked = encode([shard.header.hands] * 300, [file.key.decl] * 300, states)
        mine = rows.take(rows.deal == number)
        assert (mine.tokens == asked.tokens).all() and (mine.mask == asked.mask).all()
        assert (mine.legal == asked.legal).all() and (mine.legal == (mine.q != ILLEGAL)).all()
        assert (mine.q == to_mover_frame(shard.q[place], states)).all()
        assert (mine.value == mine.q.max(axis=1)).all()
        assert (mine.ply == shard.ply[place]).all() and (mine.decl == file.key.decl).all()


def test_a_draw_prefers_decisions_and_keeps_every_ply(small_solution):
    generator = np.random.default_rng(0)
    sample = small_solution.sample(5000, generator)
    value, q = small_solution.query(sample.state)
    labels = label(small_solution, sample.state, value, q, sample.weight)
    drawn = thin(labels, 1200, 0.75, generator)
    rows = rows_of(drawn)
    assert len(np.unique(drawn.state)) == len(rows) == 1200
    assert is_decision(rows.q, rows.legal).mean() == 0.75
    assert set(rows.ply.tolist()) == set(range(28))
    by_kind = [
        (is_decision(part.q, part.q != ILLEGAL), part.weight.astype(np.float64)) for part in (labels, drawn)
    ]
    for kind in (True, False):
        before, after = (weight[decision == kind].sum() for decision, weight in by_kind)
        assert after == pytest.approx(before, rel=1e-5)
    assert len(thin(labels, 10**6, 0.75, generator)) == len(labels)


def test_weights_estimate_what_they_did_before(small_solution):
    generator = np.random.default_rng(1)
    sample = small_solution.sample(4000, generator)
    value, q = small_solution.query(sample.state)
    labels = label(small_solution, sample.state, value, q, sample.weight)

    def mean_value(part: LabelledStates) -> float:
        return float(np.average(part.value, weights=part.weight.astype(np.float64)))

    draws = [mean_value(thin(labels, 500, 0.75, generator)) for _ in range(40)]
    assert np.mean(draws) == pytest.approx(mean_value(labels), abs=4 * np.std(draws) / 40**0.5)


def test_new_shards_are_added_and_none_is_made_again(own_shards, out):
    first = TOKEN_ROWS.update(own_shards, out, Split.TRAIN, CONFIG)
    folder = TOKEN_ROWS.folder_of(out, Split.TRAIN)
    before = {name: folder.read(name) for name in folder.names(".npy")}
    fill(own_shards, "standard", [ShardKey(7, 7)])
    made = []
    second = TOKEN_ROWS.update(own_shards, out, Split.TRAIN, CONFIG, on_file=made.append)
    assert [file.shard for file in made] == [ShardKey(7, 7).filename]
    assert all(folder.read(name) == data for name, data in before.items())
    assert second.rows == first.rows + 300 and second.hash != first.hash
    plan = TOKEN_ROWS.plan(own_shards, out, Split.TRAIN, CONFIG)
    assert (len(plan.kept), plan.tasks, plan.dropped) == (7, (), ())


def test_what_a_shard_lost_or_changed_is_dropped(own_shards, out):
    first = TOKEN_ROWS.update(own_shards, out, Split.TRAIN, CONFIG)
    train = own_shards.join("shards-standard", "train")
    train.delete(TRAIN[0].filename)
    train.delete(TRAIN[1].filename)
    other = ShardConfig(rows=1400)
    assert all(not r.error for r in fill_shards(own_shards.join("shards-standard"), [TRAIN[1]], other, "cpu"))
    made, reader = [], TokenStore(out, Split.TRAIN)
    second = TOKEN_ROWS.update(own_shards, out, Split.TRAIN, CONFIG, on_file=made.append)
    assert [file.shard for file in made] == [TRAIN[1].filename]
    assert second.rows == first.rows - 300
    assert len(TokenStore(out, Split.TRAIN).rows()) == second.rows
    assert len(reader.rows()) == first.rows, "who reads by the manifest of before goes on"
    assert TOKEN_ROWS.update(own_shards, out, Split.TRAIN, CONFIG) == second
    assert set(TOKEN_ROWS.folder_of(out, Split.TRAIN).names(".npy")) == {file.name for file in second.files}


def test_an_interrupted_run_loses_no_finished_file(shards, out):
    class Stop(Exception):
        pass

    def stop(file) -> None:
        raise Stop

    with pytest.raises(Stop):
        TOKEN_ROWS.update(shards, out, Split.TRAIN, CONFIG, workers=1, on_file=stop)
    assert not TOKEN_ROWS.folder_of(out, Split.TRAIN).exists(MANIFEST)
    finished = TOKEN_ROWS.folder_of(out, Split.TRAIN).names(".npy")
    made = []
    manifest = TOKEN_ROWS.update(shards, out, Split.TRAIN, CONFIG, on_file=made.append)
    assert finished and not {file.name for file in made} & set(finished)
    assert len(manifest.files) == 6 and len(TokenStore(out, Split.TRAIN).rows()) == 1800


def test_the_same_configuration_gives_the_same_hash(shards, out, tmp_path):
    again = Store(str(tmp_path / "again"))
    config = TokenConfig(rows_per_shard=100)
    first = TOKEN_ROWS.update(shards, out, Split.TRAIN, config)
    assert TOKEN_ROWS.update(shards, again, Split.TRAIN, config) == first
    other = TOKEN_ROWS.update(shards, again, Split.TRAIN, TokenConfig(rows_per_shard=100, sample_seed=1))
    assert other.hash != first.hash and other.rows == first.rows


def test_val_holds_no_benchmark_and_no_other_split(shards, out):
    manifest = TOKEN_ROWS.update(shards, out, Split.VAL, CONFIG)
    seeds = [file.key.seed for file in manifest.files]
    assert seeds == [930] and not set(seeds) & set(BENCHMARK_SEEDS[Split.VAL])
    assert all(split_of(seed) is Split.VAL for seed in seeds)


@pytest.mark.parametrize("seed", [930, 955, 905])
def test_a_manifest_that_names_a_foreign_seed_is_refused(shards, out, seed):
    manifest = TOKEN_ROWS.update(shards, out, Split.TRAIN, CONFIG)
    folder = TOKEN_ROWS.folder_of(out, Split.TRAIN)
    old = manifest.files[0]
    text = folder.read(MANIFEST).replace(old.shard.encode(), ShardKey(seed, 0).filename.encode())
    folder.write(MANIFEST, text)
    with pytest.raises(BadInput, match=rf"seed {seed}, which belongs to .* and must not be used as train"):
        TokenStore(out, Split.TRAIN)


def test_a_shard_in_the_wrong_folder_is_refused(own_shards, out):
    data = own_shards.join("shards-standard", "val").read(VAL[1].filename)
    own_shards.join("shards-standard", "train").write(VAL[1].filename, data)
    with pytest.raises(BadInput, match="seed 930 belongs to val"):
        TOKEN_ROWS.update(own_shards, out, Split.TRAIN, CONFIG)


def test_a_file_of_another_deal_is_refused(shards, out):
    """It is refused even if the manifest were made to fit."""
    TOKEN_ROWS.update(shards, out, Split.TRAIN, CONFIG)
    TOKEN_ROWS.update(shards, out, Split.VAL, CONFIG)
    train, val = TOKEN_ROWS.folder_of(out, Split.TRAIN), TOKEN_ROWS.folder_of(out, Split.VAL)
    record = json.loads(train.read(MANIFEST))
    sealed = json.loads(val.read(MANIFEST))["files"][0]
    train.write(record["files"][0]["name"], val.read(sealed["name"]))
    with pytest.raises(BadInput, match="is damaged: delete it, then run forge tokenize"):
        TokenStore(out, Split.TRAIN).rows()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r["spec"].update(version="e0"), "was made for tokens with version e0, not version"),
        (lambda r: r.update(version="t0"), "has version t0, but this code reads"),
        (lambda r: r.update(files=[], rows=0), "lists no rows"),
        (lambda r: r.update(rows=7), "do not match its files"),
        (lambda r: r.update(split="val"), "is the manifest of val"),
        (lambda r: r.pop("config"), "is not a valid manifest"),
    ],
)
def test_a_wrong_manifest_is_refused_with_a_sentence(shards, out, change, message):
    from forge_core.files import fingerprint

    TOKEN_ROWS.update(shards, out, Split.TRAIN, CONFIG)
    folder = TOKEN_ROWS.folder_of(out, Split.TRAIN)
    record = json.loads(folder.read(MANIFEST))
    change(record)
    if record["rows"] != 7:
        names = [[file["name"], file["hash"]] for file in record["files"]]
        record["hash"] = fingerprint({"encoder": record["spec"]["version"], "files": names})
    folder.write(MANIFEST, json.dumps(record).encode())
    with pytest.raises(BadInput, match=message):
        TokenStore(out, Split.TRAIN)


def test_another_encoder_renews_the_manifest_and_no_file(shards, out):
    TOKEN_ROWS.update(shards, out, Split.TRAIN, CONFIG)
    folder = TOKEN_ROWS.folder_of(out, Split.TRAIN)
    folder.write(MANIFEST, folder.read(MANIFEST).replace(b'"version": "e1"', b'"version": "e0"'))
    made = []
    TOKEN_ROWS.update(shards, out, Split.TRAIN, CONFIG, on_file=made.append)
    assert not made and TokenStore(out, Split.TRAIN).manifest.spec.version == "e1"


def test_no_shards_no_manifest_no_rows(shards, out):
    with pytest.raises(BadInput, match="has no shards in"):
        TOKEN_ROWS.update(shards, out, Split.TEST, CONFIG)
    with pytest.raises(BadInput, match="does not exist: make it with forge tokenize"):
        TokenStore(out, Split.TEST)


def test_files_of_other_makers_are_kept(shards, out):
    folder = TOKEN_ROWS.folder_of(out, Split.TRAIN)
    for name in ("mine.npy", "notes.0123.npy"):
        folder.write(name, b"mine")
    folder.write("seed_00000001_decl_1.0123456789abcdef.npy", b"of an interrupted run")
    TOKEN_ROWS.update(shards, out, Split.TRAIN, CONFIG)
    assert {"mine.npy", "notes.0123.npy"} <= set(folder.names())
    assert "seed_00000001_decl_1.0123456789abcdef.npy" not in folder.names()
    before = folder.read(MANIFEST)
    for theirs in (b'{"name": "an app", "icons": []}', b"[1, 2]"):
        folder.write(MANIFEST, theirs)
        with pytest.raises(FileForeign, match="another program and is never overwritten: move it away"):
            TOKEN_ROWS.update(shards, out, Split.TRAIN, CONFIG)
        assert folder.read(MANIFEST) == theirs
    folder.write(MANIFEST, before[:100])  # of ours, and damaged
    TOKEN_ROWS.update(shards, out, Split.TRAIN, CONFIG)
    assert folder.read(MANIFEST) == before


def test_damage_is_noticed_and_mended(shards, out):
    manifest = TOKEN_ROWS.update(shards, out, Split.TRAIN, CONFIG)
    folder, name = TOKEN_ROWS.folder_of(out, Split.TRAIN), manifest.files[2].name
    whole = folder.read(name)
    folder.write(name, whole[:-3] + bytes(3))
    with pytest.raises(BadInput, match="is damaged"):
        TokenStore(out, Split.TRAIN).rows()
    folder.delete(name)
    with pytest.raises(BadInput, match="is in the manifest but does not exist"):
        TokenStore(out, Split.TRAIN).rows()
    assert TOKEN_ROWS.update(shards, out, Split.TRAIN, CONFIG).hash == manifest.hash
    assert folder.read(name) == whole


def test_a_corrupt_shard_is_named_when_the_others_are_done(own_shards, out):
    train = own_shards.join("shards-standard", "train")
    data = bytearray(train.read(TRAIN[0].filename))
    data[len(data) // 2] ^= 255  # the footer stays sound
    train.write(TRAIN[0].filename, bytes(data))
    with pytest.raises(FileCorrupt, match=TRAIN[0].filename):
        TOKEN_ROWS.update(own_shards, out, Split.TRAIN, CONFIG)
    assert len(TOKEN_ROWS.folder_of(out, Split.TRAIN).names(".npy")) == 5


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda labels: labels.q.__setitem__((0, slice(None)), ILLEGAL), "the legal slots of Q differ"),
        (lambda labels: labels.q.__setitem__(labels.q != ILLEGAL, 43), "outside -42..42"),
        (lambda labels: np.negative(labels.value, out=labels.value), "V is not the best"),
        (lambda labels: labels.weight.__setitem__(3, np.nan), "weight is not a positive number"),
        (lambda labels: labels.weight.__setitem__(3, np.inf), "weight is not a positive number"),
    ],
)
def test_rows_that_teach_nonsense_are_refused(small_solution, fault, message):
    sample = small_solution.sample(60, np.random.default_rng(2))
    labels = label(small_solution, sample.state, *small_solution.query(sample.state), sample.weight.copy())
    fault(labels)
    with pytest.raises(BadInput, match=message):
        rows_of(labels)


@pytest.fixture
def source(shards, out, monkeypatch) -> StoredSource:
    TOKEN_ROWS.update(shards, out, Split.TRAIN, CONFIG)
    monkeypatch.setattr(StoredSource, "BLOCK", 4)  # two blocks: batches straddle them
    return StoredSource(TokenStore(out, Split.TRAIN), batch_size=128, seed=5)


def identity(rows) -> list:
    """Return the columns that tell a row from all others, in order."""
    return [
        (deal, tokens.tobytes(), mask.tobytes())
        for deal, tokens, mask in zip(rows.deal.tolist(), rows.tokens, rows.mask, strict=True)
    ]


def test_an_epoch_shows_rows_once_and_the_next_in_another_order(source):
    assert len(source) == 1800 // 128
    epochs = [
        [row for k in range(e * len(source), (e + 1) * len(source)) for row in identity(source.batch(k))]
        for e in (0, 1)
    ]
    for rows in epochs:
        assert len(rows) == 128 * len(source) == len(set(rows))
    assert epochs[0] != epochs[1]
    assert all(len(np.unique(source.batch(k).deal)) >= 2 for k in range(len(source)))


def test_a_batch_is_a_function_of_its_number(source):
    import pickle

    other = pickle.loads(pickle.dumps(source))
    for k in (30, 3, 17, 0, 3):
        assert identity(other.batch(k)) == identity(source.batch(k))
    differently = StoredSource(source.store, batch_size=128, seed=6)
    assert identity(differently.batch(0)) != identity(source.batch(0))
    assert identity(next(batches(source, 9, part=1, parts=2))) == identity(other.batch(19))


def test_a_batch_larger_than_the_split_is_refused(source):
    with pytest.raises(BadInput, match=r"batch size 2,000 is not in 1\.\.1,800"):
        StoredSource(source.store, batch_size=2000)


def test_a_subset_takes_from_every_shard(source):
    rows = source.store.rows(100, seed=3)
    assert len(rows) == 100 and np.bincount(rows.deal).tolist() == [17, 17, 17, 17, 16, 16]
    total = source.store.rows().weight.sum(dtype=np.float64)
    assert rows.weight.sum(dtype=np.float64) == pytest.approx(total, rel=0.9)


def test_the_verb_draws_rows_and_says_what_it_did(shards, out, capsys):
    from forge_core.cli.main import main

    call = ["tokenize", "--input", shards.url, "--out", out.url, "--rows", "50", "--json"]
    assert main([*call, "--dry-run"]) == 0
    assert len(json.loads(capsys.readouterr().out)["splits"][0]["missing"]) == 4
    assert not TOKEN_ROWS.folder_of(out, Split.TRAIN).names()
    assert main([*call, "--split", "train"]) == 0
    (said,) = json.loads(capsys.readouterr().out)["splits"]
    assert (said["made"], said["kept"], said["rows"]) == (4, 0, 200)
    assert main(call[:-1]) == 0
    assert "200 rows from 4 shards; 0 added" in capsys.readouterr().out.replace("\n", " ")
    assert main([*call, "--split", "test"]) == 2
    assert "has no shards in shards-standard/test" in capsys.readouterr().err
    assert main([*call, "--split", "dev"]) == 2
    assert "use train, val, test or all" in capsys.readouterr().err
