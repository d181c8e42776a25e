"""Rows of Liuzhou: the kernels and the tensors equal the rules by sets, and each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from liuzhou_games import position, random_plies, recorded_games, searched_positions

from forge_core.errors import BadInput
from forge_core.liuzhou import rules
from forge_core.liuzhou.cli import bench_rules
from forge_core.liuzhou.rules import BLACK, CAPTURE, FORCED, MARK, N_ACTIONS, SELECT_FROM, WHITE
from forge_core.liuzhou.state import (
    BLACK_WON,
    DRAWN,
    EMPTY_SLOT,
    GOING,
    N_SYMMETRIES,
    SLOTS,
    START,
    SYMMETRIES,
    WHITE_WON,
    kernels,
    legal_actions,
    legal_mask,
    outcomes,
    pack,
    planes,
    step_rows,
    turn_actions,
    turn_planes,
    turn_policies,
    turn_rows,
    unpack,
)
from forge_core.streams import stream

LIBRARIES = {"numpy": lambda array: array, "torch": torch.tensor}
OUTCOMES = {None: GOING, BLACK: BLACK_WON, WHITE: WHITE_WON, 0: DRAWN}
N_GAMES = 900
"""games whose plies are more than 100,000"""


@pytest.mark.parametrize("library", LIBRARIES)
def test_recorded_games(library):
    convert = LIBRARIES[library]
    for game in recorded_games():
        rows = np.array([pack(position(ply)) for ply in (*game["plies"], game["final"])])
        assert (rows[0] == START).all()
        taken = np.array([ply["action"] for ply in game["plies"]])
        after = step_rows(convert(rows[:-1]), convert(taken))
        assert (np.asarray(after) == rows[1:]).all()
        actions, counts = map(np.asarray, legal_actions(convert(rows)))
        mask = np.asarray(legal_mask(convert(rows)))
        for n, legal in enumerate([*(ply["legal"] for ply in game["plies"]), []]):
            assert actions[n, : counts[n]].tolist() == np.flatnonzero(mask[n]).tolist() == legal
            assert (actions[n, counts[n] :] == EMPTY_SLOT).all()
        assert outcomes(convert(rows)).tolist() == [GOING] * len(taken) + [OUTCOMES[game["winner"]]]


@pytest.mark.parametrize("case", searched_positions(), ids=lambda case: case["name"])
def test_golden_positions_and_all_rows_after_them(case):
    row, legal = np.array(case["row"]), case["legal"]
    state = unpack(row)
    assert (pack(state) == row).all() and rules.legal(state) == legal
    expected = np.array([case["successors"][str(action)] for action in legal])
    assert [pack(rules.step(state, action)).tolist() for action in legal] == expected.tolist()
    for convert in LIBRARIES.values():
        rows = convert(np.tile(row, (len(legal), 1)))
        assert np.flatnonzero(np.asarray(legal_mask(rows[:1]))[0]).tolist() == legal
        assert (np.asarray(step_rows(rows, convert(np.array(legal)))) == expected).all()


# --- random games -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plies():
    """Rows of random games, the actions taken there, and the rows after them."""
    found = random_plies(N_GAMES)
    assert len(found[0]) > 100_000
    return found


def stones(rows):
    """The numbers of stones [N, 2] of black and white."""
    return (rows[:, :2, None] >> np.arange(36) & 1).sum(2)


def unmarked(rows):
    """The words [N] of the opponent's unmarked stones."""
    return np.where(rows[:, 3] >> 3 & 1, rows[:, 0], rows[:, 1]) & ~rows[:, 2]


def test_random_games_reach_everything(plies):
    rows, _, after = plies
    assert set(np.unique(rows[:, 3] & 7)) == {1, 2, 3, 4, 5, 6, 7}
    assert set(np.unique(outcomes(after))) == {GOING, BLACK_WON, WHITE_WON, DRAWN}


def test_kernels_equal_tensors(plies):
    rows, taken, after = plies
    tensors = torch.from_numpy(rows)
    assert torch.equal(step_rows(tensors, torch.from_numpy(taken)), torch.from_numpy(after))
    for here, there in zip(legal_actions(rows), legal_actions(tensors), strict=True):
        assert torch.equal(torch.from_numpy(here), there)
    assert torch.equal(torch.from_numpy(legal_mask(rows)), legal_mask(tensors))
    assert torch.equal(torch.from_numpy(outcomes(rows)), outcomes(tensors))
    some = slice(0, None, 7)
    observers = np.arange(len(rows[some])) % 2
    for sides in (None, observers):
        here = planes(rows[some], sides)
        there = planes(tensors[some], None if sides is None else torch.from_numpy(sides))
        assert here.dtype == np.float32 and torch.equal(torch.from_numpy(here), there)


def test_kernels_equal_the_rules_by_sets(plies):
    rows, taken, after = plies
    rare = np.flatnonzero((rows[:, 3] & 7 > 4) | (outcomes(after) != GOING) | (rows[:, 3] & 7 == MARK))
    for n in (*range(0, len(rows), 30), *rare[::6]):
        state = unpack(rows[n])
        assert (pack(state) == rows[n]).all()
        actions, count = legal_actions(rows[n : n + 1])
        assert actions[0, : count[0]].tolist() == rules.legal(state)
        assert (pack(rules.step(state, int(taken[n]))) == after[n]).all()
        for word, side in ((rows[n, 0], BLACK), (rows[n, 1], WHITE)):
            shown = kernels.protected(word & ~rows[n, 2])
            assert rules.protected(state, side) == {c for c in range(36) if shown >> c & 1}


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("k", range(N_SYMMETRIES))
def test_the_rules_commute_with_symmetries(plies, k, library):
    rows, taken, after = (LIBRARIES[library](part[::5]) for part in plies)
    turned = turn_rows(rows, k)
    assert (turn_rows(after, k) == step_rows(turned, turn_actions(taken, k))).all()
    assert (turn_policies(legal_mask(rows), k) == legal_mask(turned)).all()
    assert (turn_planes(planes(rows[::9]), k) == planes(turned[::9])).all()
    assert (turn_rows(turned, int(SYMMETRIES.inverse[k])) == rows).all()


def test_the_symmetries_are_eight_and_one_per_row_may_differ(plies):
    rows, taken, _ = (part[:800] for part in plies)
    assert len({tuple(cells) for cells in SYMMETRIES.cells}) == N_SYMMETRIES
    assert (SYMMETRIES.cells[0] == np.arange(36)).all()
    assert (np.sort(SYMMETRIES.actions) == np.arange(N_ACTIONS)).all()
    lists, _ = legal_actions(rows)
    k = np.arange(len(rows)) % N_SYMMETRIES
    for convert in LIBRARIES.values():
        each = convert(k)
        for turn, values in (
            (turn_rows, rows),
            (turn_actions, taken),
            (turn_actions, lists),
            (turn_planes, planes(rows)),
            (turn_policies, legal_mask(rows)),
        ):
            together = np.asarray(turn(convert(values), each))
            assert together.dtype == values.dtype
            for one in range(N_SYMMETRIES):
                assert (together[k == one] == turn(values[k == one], one)).all()


def test_stones_never_grow_once_placing_ended(plies):
    rows, _, after = plies
    before, later = stones(rows), stones(after)
    placing = rows[:, 3] & 7 <= MARK
    assert (later <= before).all(1)[~placing].all()
    assert (later.sum(1) - before.sum(1))[placing].max() == 1 and (later >= before)[placing].all()
    assert (stones(rows[rows[:, 3] & 7 == FORCED]) >= 17).all()


def test_protected_stones_are_taken_only_if_there_is_no_other(plies):
    rows, taken, _ = plies
    selects = (taken >= SELECT_FROM) & (taken < SELECT_FROM + 36)
    rows, cells = rows[selects], taken[selects] - SELECT_FROM
    theirs = unmarked(rows)
    shielded = np.array([kernels.protected(word) for word in theirs])
    assert (theirs >> cells & 1 == 1).all()
    assert ((theirs & ~shielded == 0) | (shielded >> cells & 1 == 0)).all()
    assert (shielded >> cells & 1 == 1).any(), "no protected stone was taken"
    assert (shielded[rows[:, 3] & 7 == FORCED] == 0).all(), "a shape on a board without marks"


def test_marks_due_never_exceed_unmarked_stones(plies):
    _, _, after = plies
    marks = after[(after[:, 3] & 7 == MARK) & (outcomes(after) == GOING)]
    due = marks[:, 3] >> 4 & 3
    counts = np.array([kernels.count_stones(word) for word in unmarked(marks)])
    assert ((due >= 1) & (due <= 2) & (due <= counts)).all()
    others = after[(after[:, 3] & 7 != MARK) & (after[:, 3] & 7 != CAPTURE)]
    assert (others[:, 3] >> 4 & 3 == 0).all()


def test_a_legal_action_exists_until_the_end_and_never_more_than_52(plies):
    rows, _, after = plies
    _, counts = legal_actions(rows)
    assert counts.min() >= 1 and counts.max() <= 52 <= SLOTS
    ended = after[outcomes(after) != GOING]
    count, quiet, result = ended[:, 3] >> 8 & 255, ended[:, 3] >> 16 & 63, outcomes(ended)
    assert ((result != DRAWN) | (count == 144) | (quiet == 36)).all(), "drawn as nothing was legal"
    fewest = stones(ended)
    assert ((fewest[:, 1] < 4) == (result == BLACK_WON)).all()
    assert ((fewest[:, 0] < 4) == (result == WHITE_WON)).all()


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_finished_row_stays(plies, library):
    after = plies[2]
    ended = LIBRARIES[library](after[outcomes(after) != GOING])
    for action in (0, 35, 36, 179, 180, 215, 216, 219):
        assert (step_rows(ended, LIBRARIES[library](np.full(len(ended), action))) == ended).all()
    assert not legal_mask(ended).any() and not legal_actions(ended)[1].any()
    assert (np.asarray(legal_actions(ended)[0]) == EMPTY_SLOT).all()


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_row_depends_on_no_other(plies, library):
    convert, order = LIBRARIES[library], stream(0, "order").permutation(len(plies[0]))[:3000]
    rows, taken, after = (convert(part[order]) for part in plies)
    assert (step_rows(rows, taken) == after).all()
    whole = [function(rows) for function in (legal_mask, outcomes, planes)] + [*legal_actions(rows)]
    for n in (0, 17, 2999):
        alone = rows[n : n + 1]
        each = [function(alone) for function in (legal_mask, outcomes, planes)] + [*legal_actions(alone)]
        assert all((one == many[n]).all() for one, many in zip(each, whole, strict=True))
        assert (step_rows(alone, taken[n : n + 1]) == after[n]).all()


def test_actions_may_have_any_integer_type_and_rows_any_strides(plies):
    rows, taken, after = (part[:2000] for part in plies)
    for dtype in (np.uint8, np.int16, np.int32):
        assert (step_rows(rows, taken.astype(dtype)) == after).all()
        assert (
            step_rows(torch.from_numpy(rows), torch.from_numpy(taken.astype(dtype))).numpy() == after
        ).all()
    assert (step_rows(np.asfortranarray(rows), taken) == after).all()
    assert (legal_mask(rows[::-1]) == legal_mask(rows)[::-1]).all()


def test_other_shapes_are_refused():
    with pytest.raises(BadInput, match=r"rows of shape \(4,\): use \[N, 4\] int64"):
        legal_mask(START)
    with pytest.raises(BadInput, match=r"actions of shape \(2,\) for 1 rows: give one per row"):
        step_rows(START[None], np.zeros(2, np.int64))
    with pytest.raises(BadInput, match=r"observers of shape \(3,\) for 1 rows"):
        planes(START[None], np.zeros(3, np.int64))
    assert legal_mask(np.empty((0, 4), np.int64)).shape == (0, N_ACTIONS)
    assert planes(torch.empty((0, 4), dtype=torch.int64)).shape == (0, 20, 6, 6)


def test_tensors_need_no_numbers_from_the_device():
    """Under fake tensors nothing has a value: shapes must follow from shapes, and nothing is read back."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        rows = torch.zeros((7, 4), dtype=torch.int64)
        lists, counts = legal_actions(rows)
        taken = lists[:, 0].long()
        found = {
            (legal_mask(rows), torch.bool, (7, N_ACTIONS)),
            (lists, torch.uint8, (7, SLOTS)),
            (counts, torch.int64, (7,)),
            (step_rows(rows, taken), torch.int64, (7, 4)),
            (outcomes(rows), torch.int64, (7,)),
            (planes(rows), torch.float32, (7, 20, 6, 6)),
            (turn_rows(rows, counts), torch.int64, (7, 4)),
            (turn_actions(lists, counts), torch.uint8, (7, SLOTS)),
            (turn_planes(planes(rows), counts), torch.float32, (7, 20, 6, 6)),
            (turn_policies(legal_mask(rows), counts), torch.bool, (7, N_ACTIONS)),
        }
    for tensor, dtype, shape in found:
        assert (tensor.dtype, tuple(tensor.shape)) == (dtype, shape)


# --- planes -----------------------------------------------------------------------------------


def test_planes_by_hand():
    state = rules.State(
        black=frozenset({0, 1, 6, 7, 20}),
        white=frozenset({10, 11, 35}),
        marked=frozenset({20, 35}),
        phase=MARK,
        player=WHITE,
        pending=2,
        forced_done=1,
        move_count=72,
        quiet=9,
    )
    found = planes(pack(state)[None])[0]
    for plane, expected in {
        0: {10, 11, 35},
        1: {0, 1, 6, 7, 20},
        2: {35},
        3: {20},
        16: set(),
        17: {0, 1, 6, 7},
    }.items():
        assert set(np.flatnonzero(found[plane])) == expected
    constant = {4 + phase: 0.0 for phase in range(7)} | {5: 1.0, 11: 0.0, 12: 1.0, 13: 1.0, 14: 0.5, 15: 0.25}
    for plane, value in (constant | {18: 1.0, 19: 1.0}).items():
        assert (found[plane] == value).all()
    other = planes(pack(state)[None], np.array([0]))[0]
    assert (other[[0, 1, 2, 3, 16, 17]] == found[[1, 0, 3, 2, 17, 16]]).all()
    assert (other[4:16] == found[4:16]).all() and not other[18:].any()


# --- speed ------------------------------------------------------------------------------------


@pytest.fixture
def few_games(monkeypatch):
    """Benchmarks of 200 games, whose counts come from the same implementation as those of 2,000."""
    monkeypatch.setattr(bench_rules, "N_REPEATS", 1)
    monkeypatch.setattr(bench_rules, "N_GAMES", 200)
    monkeypatch.setattr(bench_rules, "GOLDEN_GAMES", (8, 6, 116, 70, 25_568, 304_483))


@pytest.mark.usefixtures("few_games")
def test_the_rules_are_measured_after_they_were_compared():
    found = bench_rules.measure([3], "cpu")
    assert len(found.held) == 3 and all(figure.value > 0 for figure in found.figures)
    assert {"steps", "masks", "candidate words", "random games"} <= {figure.name for figure in found.figures}


@pytest.mark.usefixtures("few_games")
def test_no_figure_of_rules_that_are_wrong(monkeypatch):
    monkeypatch.setattr(bench_rules, "GOLDEN_GAMES", (8, 6, 116, 70, 25_568, 304_484))
    with pytest.raises(AssertionError, match="random games"):
        bench_rules.measure([3], "cpu")
    monkeypatch.setattr(
        bench_rules, "legal_actions", lambda rows: (legal_actions(rows)[0] + 1, np.ones(len(rows), int))
    )
    with pytest.raises(AssertionError, match="the legal actions differ from those of the sets"):
        bench_rules.check(*bench_rules.random_rows(3), "cpu")
