"""The validator of Liuzhou: a small real run, and the rules by which criteria are judged."""

import json
from dataclasses import replace

import pytest

from forge_core.errors import BadInput
from forge_core.liuzhou.settings.validation import QUICK, ValidationSettings, read_counts
from forge_core.liuzhou.validate import CRITERIA, NOT_MEASURED, failures, validate
from forge_core.liuzhou.validate.criteria import judge_all
from forge_core.liuzhou.validate.positions import positions_of_all_phases
from forge_core.liuzhou.validate.validator import steps_of
from forge_core.meters import _parse

pytestmark = pytest.mark.slow

TINY = ValidationSettings(
    size="32x3", sims=4, games=8, positions=16, processes="1,2", threads="1,2", repeats=1, compared=14
)
NEED_A_CARD = {"speed_up_over_host_tree", "process_gain", "thread_gain", "watts", "host_syncs"}


@pytest.fixture(scope="module")
def report():
    """The report of a tiny run on the CPU, which calls on_done and on_part as it promises."""
    done, parts = [], []
    report = validate(TINY, "cpu", done.append, lambda text: parts.append((sum(done), text)))
    assert sum(done) == steps_of(TINY)
    assert [text.split()[0] for _, text in parts] == ["comparing", "measuring", "counting"]
    assert [steps for steps, _ in parts] == [0, 1, steps_of(TINY) - 2]
    return report


def test_implementations_agree_and_the_hand_over_is_in_memory(report):
    correctness, criteria = report["correctness"], report["criteria"]
    assert correctness["rule_differences"] == correctness["search_differences"] == 0
    assert correctness["policy_top4_overlap"] == correctness["winners_equal"] == 1.0
    assert (report["handoff"]["bytes_written"], report["handoff"]["copies"]) == (0, 0)
    for name in ("parity", "handoff_bytes", "handoff_copies"):
        assert criteria[name]["result"] == "pass", name


def test_criteria_that_need_a_card_are_not_measured_on_a_cpu(report):
    results = {name: record["result"] for name, record in report["criteria"].items()}
    assert list(results) == [criterion.name for criterion in CRITERIA]
    assert {name for name, result in results.items() if result == NOT_MEASURED} == NEED_A_CARD


def test_every_case_is_run_at_about_equal_evaluations(report):
    cases = {(row["mode"], row["processes"], row["threads"]) for row in report["rows"]}
    designs = ("root_only", "host_tree", "arena")
    assert cases == {("bare", 1, 1)} | {
        (mode, *counts) for mode in designs for counts in ((1, 1), (2, 1), (1, 2))
    }
    for row in report["rows"]:
        assert row["evaluations"] >= 0.4 * TINY.positions * (TINY.sims + 1), row["mode"]
        assert row["evaluations_per_s"] > 0 and row["watts"] is None
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_what_was_not_measured_never_passes_or_fails():
    judged = judge_all({"parity": 0, "share_of_bare": float("nan"), "watts": 0.9, "handoff_time": 1.2})
    assert judged["parity"] | {"meaning": ""} == {
        "meaning": "",
        "value": 0,
        "limit": "<= 0",
        "result": "pass",
    }
    assert judged["share_of_bare"]["value"] == judged["host_syncs"]["result"] == NOT_MEASURED
    assert judged["watts"]["result"] == "pass" and failures(judged) == ["handoff_time"]


def test_positions_come_from_all_phases():
    rows = positions_of_all_phases(70, 0)
    phases = (rows[:, 3] & 7).tolist()
    assert all(phases.count(phase) == 10 for phase in range(1, 8))


def test_lines_of_nvidia_smi():
    assert _parse("97, 412.55") == (0.97, 412.55)
    assert _parse("[N/A], 412.55") is None and _parse("9") is None


@pytest.mark.parametrize("text", ["", "2,4", "1,1", "4,1", "1,x"])
def test_counts_that_cannot_be_read(text):
    with pytest.raises(BadInput, match="ascending whole numbers from 1"):
        read_counts(text, "threads")
    with pytest.raises(BadInput, match="processes '2,1': use ascending"):
        ValidationSettings(processes="2,1")


def test_strict_exits_with_2_if_a_criterion_fails(forge, monkeypatch):
    asked = []

    def failed(settings, device, on_done, on_part):
        asked.append(settings)
        on_part("measuring nothing")
        config = {"network": "32x3", "dtype": "float32", "sims": 4, "games": 8, "repeats": 1}
        return {"device": "cpu", "config": config, "summary": {}, "criteria": judge_all({"parity": 3})}

    monkeypatch.setattr("forge_core.liuzhou.validate.validate", failed)
    status, out, err = forge("liuzhou", "validate", "--quick")
    assert status == 0 and "parity" in out and "fail" in out
    assert err == "measuring nothing\n" and asked == [QUICK]
    forge("liuzhou", "validate", "--quick", "--games", "256")
    assert asked[1:] == [replace(QUICK, games=256)]  # although 256 is the default of the full validator
    status, _, err = forge("liuzhou", "validate", "--quick", "--strict")
    assert status == 2 and "1 of the criteria failed: parity" in err
