"""Stored rows of recorded games: packing, splits, additions, reading and refusals."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from random_games import record_of
from test_token_splits import identity

from forge_core.errors import BadInput, FileCorrupt
from forge_core.files import Store, fingerprint
from forge_core.files.row_store import MANIFEST
from forge_core.learning.labelled.data import check_rows
from forge_core.learning.labelled.stored import StoredSource
from forge_core.splits import Split
from forge_core.texas42.eq import splits
from forge_core.texas42.eq.files import read_game, write_game
from forge_core.texas42.eq.rows import collate
from forge_core.texas42.eq.splits import GAME_ROWS, GameRowConfig, GameRowStore
from forge_core.texas42.folders import GAMES_FOLDER
from forge_core.texas42.oracle.shards import ShardKey
from forge_core.texas42.tokens.inferences import STAGE2_SPEC

TRAIN, VAL = (3, 7, 49, 50, 1003), (905, 930, 931)


@pytest.fixture(scope="module")
def played(tmp_path_factory) -> Store:
    """A store of a few games, which tests do not change."""
    root = Store(str(tmp_path_factory.mktemp("games")))
    put(root, *TRAIN, *VAL)
    return root


@pytest.fixture
def own(played, tmp_path) -> Store:
    """A copy that a test may change."""
    root = Store(str(tmp_path / "games"))
    for split in ("train", "val"):
        folder = played.join(GAMES_FOLDER, split)
        for name in folder.names():
            root.join(GAMES_FOLDER, split).write(name, folder.read(name))
    return root


@pytest.fixture
def out(tmp_path) -> Store:
    return Store(str(tmp_path / "out"))


def put(root: Store, *seeds: int, **how) -> None:
    for seed in seeds:
        write_game(root.join(GAMES_FOLDER), record_of(seed, points=False, **how))


def keys_of(store: GameRowStore) -> list[int]:
    return [int(seed) for number in range(len(store.files)) for seed in store.read(number).games["seed"]]


def test_rows_are_those_of_the_games(played, out):
    manifest = GAME_ROWS.update(played, out, Split.TRAIN)
    assert [(file.first_seed, file.games) for file in manifest.files] == [(0, 3), (50, 1), (1000, 1)]
    assert manifest.rows == 28 * len(TRAIN)
    assert sum(sum(file.settings.values()) for file in manifest.files) == len(TRAIN)
    games = played.join(GAMES_FOLDER)
    expected = collate([read_game(games, ShardKey(seed, seed % 10)) for seed in TRAIN])
    found = GameRowStore(out, Split.TRAIN).rows()
    check_rows(found, STAGE2_SPEC, "rows")
    for name in expected.__dataclass_fields__:
        mine, theirs = getattr(found, name), getattr(expected, name)
        assert mine.dtype == theirs.dtype and np.array_equal(mine, theirs), name


def test_new_games_are_added_and_none_is_read_again(own, out, monkeypatch):
    first = GAME_ROWS.update(own, out, Split.TRAIN)
    folder = GAME_ROWS.folder_of(out, Split.TRAIN)
    before = {name: folder.read(name) for name in folder.names(".npy")}
    put(own, 20, 120)
    read = []
    monkeypatch.setattr(
        splits, "read_game", lambda games, key: read.append(key.seed) or read_game(games, key)
    )
    made = []
    second = GAME_ROWS.update(own, out, Split.TRAIN, on_file=made.append)
    assert sorted(read) == [20, 120] and {file.first_seed for file in made} == {0, 100}
    assert second.rows == first.rows + 56 and second.hash != first.hash
    assert keys_of(GameRowStore(out, Split.TRAIN)) == sorted([*TRAIN, 20, 120])
    after = {name: folder.read(name) for name in folder.names(".npy")}
    kept = {file.name for file in second.files} & before.keys()
    assert len(second.files) == 4 and len(kept) == 2
    assert all(after[name] == data for name, data in before.items()), "someone may be reading by them"
    plan = GAME_ROWS.plan(own, out, Split.TRAIN)
    assert (len(plan.kept), plan.tasks, plan.dropped) == (4, (), ())
    monkeypatch.undo()
    afresh = Store(out.url + "-afresh")  # whatever came when, the same games are the same rows
    assert GAME_ROWS.update(own, afresh, Split.TRAIN).hash == second.hash


def test_games_that_changed_or_went_are_followed(own, out):
    first = GAME_ROWS.update(own, out, Split.TRAIN)
    own.join(GAMES_FOLDER, "train").delete(ShardKey(7, 7).filename)
    write_game(own.join(GAMES_FOLDER), record_of(3, bid=42, points=False))
    second = GAME_ROWS.update(own, out, Split.TRAIN)
    assert second.rows == first.rows - 28
    assert [len(file.settings) for file in second.files] == [2, 1, 1]
    assert GAME_ROWS.update(own, out, Split.TRAIN) == second
    assert set(GAME_ROWS.folder_of(out, Split.TRAIN).names(".npy")) == {file.name for file in second.files}


def test_splits_are_kept_apart(own, out):
    manifest = GAME_ROWS.update(own, out, Split.VAL)
    assert manifest.rows == 56 and keys_of(GameRowStore(out, Split.VAL)) == [
        930,
        931,
    ]  # 905 is of the benchmark
    with pytest.raises(BadInput, match="sealed"):
        GAME_ROWS.update(own, out, Split.TEST)
    data = own.join(GAMES_FOLDER, "val").read(ShardKey(930, 0).filename)
    own.join(GAMES_FOLDER, "train").write(ShardKey(930, 0).filename, data)
    with pytest.raises(BadInput, match="seed 930 belongs to val"):
        GAME_ROWS.update(own, out, Split.TRAIN)


def test_a_manifest_or_file_of_another_split_is_refused(played, out):
    GAME_ROWS.update(played, out, Split.TRAIN)
    GAME_ROWS.update(played, out, Split.VAL)
    train, val = GAME_ROWS.folder_of(out, Split.TRAIN), GAME_ROWS.folder_of(out, Split.VAL)
    text = train.read(MANIFEST)
    train.write(MANIFEST, text.replace(b'"first_seed": 1000', b'"first_seed": 900'))
    with pytest.raises(BadInput, match=r"seed 900, which belongs to val and must not be used as train"):
        GameRowStore(out, Split.TRAIN)
    record = json.loads(text)
    sealed = json.loads(val.read(MANIFEST))["files"][0]
    record["files"][0] |= {key: sealed[key] for key in ("games", "rows", "hash", "settings")}
    record["rows"] = sum(file["rows"] for file in record["files"])
    names = [[file["name"], file["hash"]] for file in record["files"]]
    record["hash"] = fingerprint({"encoder": record["spec"]["version"], "files": names})
    train.write(MANIFEST, json.dumps(record).encode())
    train.write(record["files"][0]["name"], val.read(sealed["name"]))
    with pytest.raises(BadInput, match="its seeds are not those in its name"):
        GameRowStore(out, Split.TRAIN).rows()


def test_damage_is_noticed_and_mended(own, out):
    manifest = GAME_ROWS.update(own, out, Split.TRAIN)
    folder, name = GAME_ROWS.folder_of(out, Split.TRAIN), manifest.files[0].name
    whole = folder.read(name)
    folder.write(name, whole[:-3] + bytes(3))
    with pytest.raises(BadInput, match="is damaged: delete it, then run forge tokenize --stage 2"):
        GameRowStore(out, Split.TRAIN).rows()
    put(own, 21)  # what is damaged is not carried on
    GAME_ROWS.update(own, out, Split.TRAIN)
    assert keys_of(GameRowStore(out, Split.TRAIN)) == sorted([*TRAIN, 21])
    store = own.join(GAMES_FOLDER, "train")
    game = store.read(ShardKey(49, 9).filename)
    store.write(ShardKey(49, 9).filename, game[: len(game) // 2])
    with pytest.raises(FileCorrupt, match="seed_00000049"):
        GAME_ROWS.update(own, Store(out.url + "-again"), Split.TRAIN)


def test_no_games_no_rows(own, out):
    with pytest.raises(BadInput, match="no games to train on: make some with forge eq"):
        GAME_ROWS.update(Store(out.url), out, Split.TRAIN)
    for seed in (930, 931):
        own.join(GAMES_FOLDER, "val").delete(ShardKey(seed, seed % 10).filename)
    with pytest.raises(BadInput, match="no games to train on apart from the benchmark"):
        GAME_ROWS.update(own, out, Split.VAL)
    with pytest.raises(BadInput, match="does not exist: make it with forge tokenize --stage 2"):
        GameRowStore(out, Split.TRAIN)


def test_games_of_another_folder(played, out):
    config = GameRowConfig("eq-few-worlds")
    few = played.join(GAMES_FOLDER, "train")
    for name in few.names()[:2]:
        out.join("eq-few-worlds", "train").write(name, few.read(name))
    assert GAME_ROWS.update(out, out, Split.TRAIN, config).rows == 56


@pytest.fixture
def source(played, out, monkeypatch) -> StoredSource:
    GAME_ROWS.update(played, out, Split.TRAIN)
    monkeypatch.setattr(StoredSource, "BLOCK", 2)  # two blocks: batches straddle them
    return StoredSource(GameRowStore(out, Split.TRAIN), batch_size=32, seed=5)


def test_an_epoch_shows_rows_once_and_a_batch_is_a_function_of_its_number(source):
    assert len(source) == 140 // 32 and source.spec == STAGE2_SPEC
    rows = [source.batch(k) for k in range(len(source))]
    shown = [row for batch in rows for row in identity(batch)]
    assert len(shown) == 128 == len(set(shown))
    other = pickle.loads(pickle.dumps(source))
    for k in (9, 2, 0, 3, 2):
        assert identity(other.batch(k)) == identity(source.batch(k))
    whole = source.store.rows()
    place = {key: row for row, key in enumerate(identity(whole))}
    batch = other.batch(1)
    index = [place[key] for key in identity(batch)]
    assert np.array_equal(batch.q, whole.q[index]) and np.array_equal(batch.variance, whole.variance[index])


def test_a_subset_takes_from_every_file(source):
    rows = source.store.rows(30, seed=3)
    assert len(rows) == 30 and len(set(rows.deal.tolist())) >= 3
    assert rows.weight.sum() == pytest.approx(140)


def test_a_network_learns_from_games(source, tmp_path):
    from forge_core.learning.checkpoints import load_model
    from forge_core.learning.labelled.config import Recipe, TrainConfig
    from forge_core.learning.labelled.job import TrainingJob
    from forge_core.learning.labelled.train import train
    from forge_core.learning.networks.sizes import ModelConfig

    model = ModelConfig(16, 1, 2, 32, "eq")
    config = TrainConfig(model, Recipe(3, 1e-3), evaluate_every=3, device="cpu")
    val = source.store.rows(60)
    data = {"version": source.store.manifest.hash}
    result = train(TrainingJob(config, source, val, tmp_path / "run", data))
    assert {"decision_q_gap", "spread_mae", "value_mae"} <= set(result.best)
    assert load_model(result.model).spec == STAGE2_SPEC


def test_a_row_whose_legal_slots_are_not_those_of_the_rules_is_refused(source):
    packed = source.store.read(0)
    games = packed.games.copy()
    games["plays"][:, [0, 1]] = games["plays"][:, [1, 0]]
    with pytest.raises(BadInput, match="has wrong rows"):
        source.store.unpack(replace(packed, games=games))
