"""Later code reads what earlier code stored: shards, rows, games, tables, boards, networks, runs, records.

The sample was stored by commit 970c2b0, which also recorded its own answers (golden/make_stored_sample.py).
Answers by networks of Stage 2 are left out, which read an earlier version of the tokens and are refused.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sample_questions import QUESTIONS, WRITING, ask, files_of, forge_pipeline
from stored_sample import ANSWERS, environment, unpack

from forge_assets.texas42.blocks import RENAMED

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning", "ignore::DeprecationWarning"
    ),
]

EXPECTED = json.loads(RENAMED.apply(ANSWERS.read_text()))
"""the recorded answers, with the names that partitions have today"""
TOLERANCE = 1e-5
"""relative and absolute: two CPUs may add the numbers of a network in another order"""


@pytest.fixture(scope="module")
def shared_sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The sample for all questions that do not change it."""
    root = unpack(tmp_path_factory.mktemp("sample"))
    migrate(root)
    yield root
    shutil.rmtree(root)  # pytest would keep its 20 MB


@pytest.fixture
def own_sample(tmp_path: Path) -> Iterator[Path]:
    """A copy for one question."""
    root = unpack(tmp_path / "sample")
    migrate(root)
    yield root
    shutil.rmtree(root)


def migrate(root: Path) -> None:
    """Rename the partitions in the records of the sample, as a user does once: see docs/operations.md."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in environment(root).items():
            monkeypatch.setenv(name, value)
        assert forge_pipeline("migrate")["renamed"]["texas42"] > 0


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_old_store_answers_as_it_did(
    question: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
):
    root = request.getfixturevalue("own_sample" if question in WRITING else "shared_sample")
    for name, value in environment(root).items():
        monkeypatch.setenv(name, value)
    assert list(differences(ask(question, root), EXPECTED[question])) == []


@pytest.mark.parametrize(
    "command",
    [
        "evaluate {runs}/whole-2/model --data {store} --device cpu",
        "match heuristic stage2:model={runs}/eq/model --seeds 900-905 --device cpu",
        "train --resume --name stopped-2 --runs {runs} --threads 1",
        "train --stage 2 --data {store} --runs {runs} --init-from {runs}/eq/model --steps 2",
    ],
)
def test_what_read_transcripts_of_an_earlier_version_is_refused(
    command: str, own_sample: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Since tokens t2, transcripts have more features than the networks and rows of Stage 2 in the sample."""
    from forge_core.cli.main import main

    for name, value in environment(own_sample).items():
        monkeypatch.setenv(name, value)
    arguments = command.format(runs=own_sample / "runs", store=own_sample / "store").split()
    before = files_of(own_sample)
    assert main(arguments) == 2
    assert "for tokens with version t1, not version t2: make it again" in capsys.readouterr().err
    assert files_of(own_sample) == before


def differences(answer: Any, expected: Any, path: str = "") -> Iterator[str]:
    """Yield a line for each place at which two JSON answers differ.

    Later code may add keys to a record, but not to one that was empty, such as a record of faults.
    """
    if isinstance(answer, dict) and isinstance(expected, dict):
        for name in expected if expected else answer:
            if name not in answer or name not in expected:
                yield f"{path}/{name}: {'missing' if name not in answer else 'unexpected'}"
            else:
                yield from differences(answer[name], expected[name], f"{path}/{name}")
    elif isinstance(answer, list) and isinstance(expected, list) and len(answer) == len(expected):
        for place, pair in enumerate(zip(answer, expected, strict=True)):
            yield from differences(*pair, f"{path}/{place}")
    elif isinstance(answer, float) and isinstance(expected, float):
        both_nan = math.isnan(answer) and math.isnan(expected)
        if not both_nan and not math.isclose(answer, expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            yield f"{path}: {answer}, expected {expected}"
    elif answer != expected:
        yield f"{path}: {answer!r}, expected {expected!r}"


def test_differences_are_found():
    assert list(differences({"a": [1, 0.5], "b": 1}, {"a": [1, 0.500001], "b": 1})) == []
    assert len(list(differences({"a": [1, 0.5], "b": 1}, {"a": [2, 0.6], "c": 1}))) == 3
    assert list(differences({"a": {}, "b": 1}, {"a": {}})) == []
    assert list(differences({"a": {"b": 1}}, {"a": {}})) == ["/a/b: unexpected"]
    assert list(differences([1], [1, 2])) == [": [1], expected [1, 2]"]


def test_the_sample_holds_all_that_can_be_stored():
    kinds = {f"shards-{of['kind']}" for of in EXPECTED["holdings"]["shards"]}
    kinds |= {of["folder"] for of in EXPECTED["holdings"]["holdings"]}
    assert kinds == {
        *("shards-standard", "shards-marginalized", "shards-golden", "tokenized", "tokenized-eq"),
        *("eq-games", "bidding-results", "matches"),
    }
    assert EXPECTED["holdings"]["faults"] == {} and set(EXPECTED) == set(QUESTIONS)


def test_the_recorded_answers_are_those_of_a_sound_sample():
    """Nothing is missing or made again but games by E[Q] and bidding tables, which have an earlier version,
    as do tokens of rows of games; networks lead back to seeds; resumed runs equal unbroken ones."""
    plans = [of for name, of in EXPECTED["nothing_to_make"].items() if name not in ("games", "other games")]
    assert not any(plan["missing"] for of in plans for plan in (of if isinstance(of, list) else [of]))
    again = EXPECTED["runs_again"]["assets"]
    assert {name for name, of in again.items() if of["made"]} == {"eq_games", "bidding_results"}
    renewed = {"eq_games", "eq_token_splits[train]", "eq_token_splits[val]", "bidding_results"}
    assert {name for name, of in again.items() if of["changed"]} == renewed
    assert not EXPECTED["run_settings"]["refused"]
    assert EXPECTED["values_of_a_shard"] == {"rows": 28, "unlike": 0}
    assert EXPECTED["hands"]["stored"]["30"] == pytest.approx(EXPECTED["hands"]["again"]["30"])

    champion, parent = EXPECTED["lineages"]["champion"]["generations"]
    sources = champion["rows"]["sources"]
    assert [source["seeds"] for source in sources] == ["0-49", "920-949"]
    assert all(source["presence"]["unchanged"] == source["files"] for source in sources)
    assert parent["rows"]["kind"] == "live" and parent["rows"]["settings"]["seed"] == 0
    (player,) = EXPECTED["lineages"]["eq"]["generations"]
    (network,) = player["rows"]["networks"]
    assert network["generations"][0]["weights"] == champion["weights"]

    curves = EXPECTED["resumed_runs"]["curves"]
    assert [len(curves[name]) for name in curves] == [2, 2]
    assert list(differences(curves["stopped-1"], curves["whole-1"])) == []
    flywheel = EXPECTED["flywheel"]
    assert (flywheel["status"]["iteration"], flywheel["after"]["iteration"]) == (2, 3)
    assert not flywheel["written"] and not EXPECTED["backfill"][0]["new"]
