"""Training rows as plain arrays: every format has the same columns, and other libraries read them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from random_games import record_of
from toy_game import SPEC, estimated_rows, toy_rows

from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.learning.labelled.export import FORMATS, Part, arrays_of, columns_of, export_rows
from forge_core.learning.labelled.metrics import evaluate_q
from forge_core.learning.labelled.rows import ILLEGAL, concatenate
from forge_core.learning.spec import TokenSpec
from forge_core.texas42.eq.files import write_game
from forge_core.texas42.tokens.splits import TokenStore

SEEDS = np.arange(100, 200)


def export(folder: Path, form, rows=None, total=None, is_estimated=False) -> int:
    rows = rows or [toy_rows(30, "a"), toy_rows(20, "b")]
    part = Part("train", rows, sum(map(len, rows)) if total is None else total, SEEDS)
    return export_rows([part], SPEC, is_estimated, folder, form, "About.", "Layout.")


def read(folder: Path, form: str) -> dict[str, np.ndarray]:
    """Read an export as other programs do."""
    if form == "npy":
        return {path.stem: np.load(path) for path in (folder / "train").glob("*.npy")}
    if form == "npz":
        return dict(np.load(folder / "train.npz"))
    table = pq.read_table(folder / "train.parquet")
    shapes = {column.name: column.shape for column in columns_of(SPEC, "variance" in table.column_names)}
    return {
        name: (column.flatten() if shapes[name] else column)
        .to_numpy(zero_copy_only=False)
        .reshape(-1, *shapes[name])
        for name, column in ((name, table[name].combine_chunks()) for name in table.column_names)
    }


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("is_estimated", [False, True])
def test_every_format_has_the_same_columns(tmp_path, form, is_estimated):
    rows = [estimated_rows(30, 4, "a"), estimated_rows(20, 4, "b")] if is_estimated else None
    nbytes = export(tmp_path / "out", form, rows, is_estimated=is_estimated)
    assert nbytes == sum(path.stat().st_size for path in (tmp_path / "out").rglob("*") if path.is_file())
    found = read(tmp_path / "out", form)
    whole = concatenate(rows or [toy_rows(30, "a"), toy_rows(20, "b")])
    columns = columns_of(SPEC, is_estimated)
    assert set(found) == {column.name for column in columns}
    for column in columns:
        array = found[column.name]
        assert (array.dtype, array.shape) == (np.dtype(column.dtype), (50, *column.shape)), column.name
        assert (array == arrays_of(whole, SEEDS)[column.name]).all(), column.name
    at = np.arange(50)
    assert (found["q"][at, found["target"]] == found["value"]).all() and found["best"][
        at, found["target"]
    ].all()
    assert (found["q"][~found["legal"]] == ILLEGAL).all()
    assert (found["seed"] == SEEDS[found["deal"]]).all()
    readme = (tmp_path / "out" / "README.md").read_text()
    assert all(f"| `{column.name}` | {column.dtype} |" in readme for column in columns)
    assert TokenSpec.from_dict(json.loads((tmp_path / "out" / "spec.json").read_text())) == SPEC


@pytest.mark.parametrize("form", FORMATS)
def test_the_readme_says_how_to_read_it(tmp_path, form, monkeypatch):
    export(tmp_path / "out", form)
    monkeypatch.chdir(tmp_path / "out")
    code = re.search(r"```python\n(.*?)```", Path("README.md").read_text(), re.DOTALL)
    assert code
    scope: dict = {}
    exec("import numpy, pyarrow.parquet\n" + code[1], scope)  # noqa: S102 - what a reader would type
    assert (scope["tokens"] == concatenate([toy_rows(30, "a"), toy_rows(20, "b")]).tokens).all()


def test_nothing_is_left_of_an_export_that_failed(tmp_path):
    for total in (49, 51):
        with pytest.raises(BadInput, match="has 50 rows, not"):
            export(tmp_path / "out", "npy", total=total)
    assert not list(tmp_path.iterdir())
    export(tmp_path / "out", "npz")
    with pytest.raises(BadInput, match="exists and is not empty"):
        export(tmp_path / "out", "npz")
    with pytest.raises(BadInput, match="use npy, npz, parquet"):
        export(tmp_path / "other", "csv")


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """Rows of two deals and of three games; never changed."""
    from forge_core.cli.main import main

    root = str(tmp_path_factory.mktemp("store"))
    for seed in (3, 60, 930):
        write_game(Store(root).join("eq-games"), record_of(seed, points=False))
    assert main(["shards", "--seeds", "1-2,920", "--rows", "280", "--device", "cpu", "--out", root]) == 0
    assert main(["tokenize", "--input", root, "--out", root, "--rows", "100", "--split", "all"]) == 0
    assert main(["tokenize", "--stage", "2", "--input", root, "--out", root, "--split", "all"]) == 0
    return Path(root)


def test_rows_of_deals_are_exported(forge, store, tmp_path):
    asked = ("tokens-export", "--data", str(store), "--split", "all", "--json", "--out")
    status, out, err = forge(*asked, str(tmp_path / "all"))
    assert (status, err) == (0, "")
    found = json.loads(out)
    assert found["rows"] == {"train": 200, "val": 100}
    arrays = read(tmp_path / "all", "npy")
    rows = TokenStore(Store(str(store)), "train").rows()
    assert (arrays["tokens"] == rows.tokens).all() and (arrays["q"] == rows.q).all()
    assert set(arrays["seed"]) == {1, 2}
    perfect = evaluate_q(np.where(arrays["legal"], arrays["q"], 0), arrays["q"], arrays["legal"])
    assert perfect["q_gap"] == 0
    assert "the mover's hand" in (tmp_path / "all" / "README.md").read_text()
    status, out, _ = forge(*asked, str(tmp_path / "few"), "--rows", "30", "--format", "npz")
    assert status == 0 and json.loads(out)["rows"] == {"train": 30, "val": 30}
    assert len(np.load(tmp_path / "few" / "val.npz")["seed"]) == 30


def test_rows_of_games_are_exported(forge, store, tmp_path):
    status, out, err = forge(
        "tokens-export", "--data", str(store), "--stage", "2", "--out", str(tmp_path / "x")
    )
    assert (status, err) == (0, "") and "56 rows of train" in out
    arrays = read(tmp_path / "x", "npy")
    assert set(arrays["seed"]) == {3, 60} and arrays["variance"].shape == (56, 7)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--split", "test"), "rows of the test split are sealed"),
        (("--format", "csv"), "use npy, npz, parquet"),
        (("--stage", "3"), "use 1 or 2"),
        (("--out", "s3://bucket/x"), "written to a local folder"),
    ],
)
def test_what_cannot_be_exported_is_said(forge, store, tmp_path, more, said):
    status, _, err = forge("tokens-export", "--data", str(store), "--out", str(tmp_path / "x"), *more)
    assert status == 2 and said in err and not list(tmp_path.iterdir())
