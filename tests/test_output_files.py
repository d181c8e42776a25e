"""Files that verbs write: a path that cannot take a file is refused before the work, in its own words."""

from __future__ import annotations

import pytest

HAND = "6-4,5-5,4-2,3-1,2-0,1-1,0-0"
VERBS = {
    "liuzhou play": ("liuzhou", "play", "--black", "random", "--white", "random", "--out", "{}/game.txt"),
    "liuzhou match": ("liuzhou", "match", "random", "greedy", "--pairs", "2", "--picture", "{}/a.png"),
    "liuzhou evaluate": ("liuzhou", "evaluate", "reply", "--pairs", "2", "--picture", "{}/a.png"),
    "liuzhou analyse": ("liuzhou", "analyse", "start", "--sims", "2", "--picture", "{}/a.png"),
    "skull-king film": ("skull-king", "film", "--round", "1", "--worlds", "0", "--html", "{}/a.html"),
    "bid": ("bid", "--hand", HAND, "--samples", "2", "--poster", "{}/a.png"),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("s3:", "has no two slashes after s3: write s3://BUCKET/FOLDER"),
        ("/dev/null/x", "cannot write"),
    ],
    ids=["a slash too few", "below a file"],
)
def test_a_bad_path_is_refused_before_the_work(forge, verb, place, message):
    arguments = [argument.format(place) for argument in VERBS[verb]]
    status, out, err = forge(*arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert message in err and (place != "s3:" or f"{place}/" in err)


def test_a_folder_in_place_of_a_file(forge, tmp_path):
    for path in (str(tmp_path), f"{tmp_path}/"):
        status, out, err = forge("liuzhou", "play", "--black", "random", "--white", "random", "--out", path)
        assert (status, out) == (2, "") and f"{path} is a folder: add the name of a file" in err


def test_a_query_refuses_its_file_before_it_reads(tmp_path, capsys):
    from forge_assets.cli.main import main

    assert main(["query", "select 1", "--csv", str(tmp_path), "--store", str(tmp_path)]) == 2
    assert f"{tmp_path} is a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    "verb", [("eq", "--seeds", "900", "--dry-run", "--out"), ("match", "random", "random")]
)
def test_bids_as_they_are_printed(forge, tmp_path, verb):
    arguments = [*verb, str(tmp_path)] if verb[0] == "eq" else [*verb, "--deals", "2"]
    printed = [forge(*arguments, "--bid", bid) for bid in ("2 marks", "84")]
    assert [status for status, _, _ in printed] == [0, 0]
    if verb[0] == "eq":
        assert printed[0] == printed[1]
    status, _, err = forge(*arguments, "--bid", "43")
    assert status == 2 and "43" in err
